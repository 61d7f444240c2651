"""A rack's budget as its controller says it, for tests of what shows it."""

from rack_controller.model.power_hint import JobHint
from rack_controller.model.power_layer import LayerKind, LayerWish
from rack_controller.model.power_view import (
    BreakerView,
    BudgetGlance,
    ClaimView,
    HeldView,
    InBandView,
    JobView,
    LimitView,
    PauseView,
    PowerCap,
    PowerView,
    RampView,
    ShedState,
    ShedView,
    UsableView,
)

S = 10**9


def budget_view(rack: str, mode: str = "armed", short: float = 0.0) -> PowerView:
    """Return a rack that a budget above it holds, one GPU of it held by an interlock."""
    own = LimitView("k01", "rack", "branch b of u07", 130_000.0, 118_000.0, 110_000.0, 12_000.0, binds=False)
    row = LimitView(
        *("row-<r1>", "budget", "row-<r1>", 120_000.0, 118_000.0, 110_000.0, 2_000.0),
        binds=True,
        shortfall_w=short,
        shed=[f"{rack}/u37"] if short else [],
    )
    held = [
        HeldView(f"{rack}/u12/gpu0", 600.0, "interlock flow.low", 5 * S, "its cause is over", 1200.0, 600.0, 590.0),
        HeldView(
            *(f"{rack}/u13/gpu1", 900.0, "budget: row", 5 * S, "a larger budget", 1200.0, 900.0, None, 900.0),
            layers=[("budget: row", 900.0), ("its own default", 1200.0)],
            road="in band",
            until_unix_ns=65 * S,
            standing_w=700.0,
        ),
    ]
    return PowerView(
        rack=rack,
        mode=mode,
        policy="applied",
        by="ada",
        why="" if mode == "armed" else "shadow: nothing is written",
        period_s=0.5,
        step_ms=1.2,
        usable=UsableView(
            *(125_000.0, 250_000.0, 220_000.0, 125_000.0, "n+n", "branch b of u07", "feed a", ["feed b"]),
            [("supplies", 264_000.0, 250_000.0)],
        ),
        limits=[own, row],
        claims=[ClaimView("train", "job", 5, 72, 86_000.0, 80_000.0, 79_000.0, 0.9, "row-<r1>", True)],
        held=held,
        jobs=[JobView("train", ["k01"], 5, True, 1 * S, "ada", 3.6e6, 3.6e5)],
        caps=[PowerCap("cap-1", "k01", 100_000.0, 1 * S, 3_601 * S, 30.0, "ada", "grid <1>")],
        stranded_w=4_000.0,
        stranded_by="row-<r1>",
        writes=12,
        age_s=0.2,
        in_band=[
            InBandView(f"{rack}/u12/host", "refused", 0, "gpu0: no <permission>"),
            InBandView(f"{rack}/u13/host", "kept", 65 * S),
        ],
        batteries_w=3_300.0,
        layers=[LayerWish(LayerKind.PROFILE, f"{rack}/u12", profile="max-<q>", by="ada", since_unix_ns=1 * S)],
        breakers=[BreakerView("feed a phase <2>", 60_000.0, 48_000.0, 62_000.0, 0.7, 0.4, 95.0, 12.0)],
        ramps=[
            RampView(
                *("row-<r>", "armed", 10_000.0, 5_000.0, 110_000.0, 119_000.0),
                rose_w_s=12_000.0,
                fell_w_s=3_000.0,
                storage_kj=50.0,
                storage_from="capacitors <1>",
                rest_w=22_000.0,
                pauses=[PauseView("train", 42.0, 12.0)],
            )
        ],
        hints=[JobHint("train", 7_200 * S, "ada", 1 * S, period_s=5.0, checkpoints=[(600 * S, 12.0)])],
        shed=[ShedView(f"{rack}/u37", ShedState.OFF, "row-<r1>", 3_000.0, 5 * S, "op-7", "row-<r1> lacks 2.0 kW")],
    )


def budget_glance() -> BudgetGlance:
    """Return the same in short."""
    limits = [("k01", "rack", 130_000.0, 118_000.0), ('row "1"', "budget", 120_000.0, 118_000.0)]
    return BudgetGlance(
        True,
        125_000.0,
        250_000.0,
        4_000.0,
        0.0,
        2,
        12,
        0.0012,
        limits,
        in_band={"kept": 1, "refused": 1},
        shed=1,
        breakers=[("feed a", 0.7, 0.4)],
        jobs=[("train", 3.6e6, 3.6e5)],
        ramps=[("row", 119_000.0, 12_000.0, None)],
    )
