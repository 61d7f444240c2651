"""A whole emulated rack that loses a feed, under the product: from the fault to limits that were read back and hold.

Everything is real but the rack: `rackwright up` with emulator, controller, bus and API in processes of their own, TLS
and Redfish between them, the product's own periods.  The clock starts before the emulator is told that half of the
supplies are gone.  Figures: `live_feed_loss_settle_s`, until the API says that no more is granted than what is left
carries, every limit read back; `live_feed_loss_below_s`, until the plant draws no more than that;
`live_feed_loss_frame_age_s`, the oldest telemetry frame that the API showed meanwhile.  The worst of ROUNDS.
"""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the product as the stories start it

from support.product import Product

RACK, FEED_A = "gb300-nvl72", ("u06", "u08", "u40")
ROUNDS = int(os.environ.get("FEED_LOSSES", "3"))
LEFT_W = 3 * 33_000 / 1.05  # three shelves, shares 5 % uneven
LOADS, LOAD_FOR_S = (0.4, 0.6, 0.8, 1.0), 6.0
WITHIN_S, READY_S, EVERY_S = 30.0, 120.0, 0.05
POLICY = "kind: power\nschema: 1\nspec: {mode: armed, after_loss: hold}\n"


@dataclass(frozen=True, slots=True)
class Settled:
    """One loss, in s from its injection."""

    settle: float
    below: float
    frame_age: float


def live_losses() -> list[Settled]:
    """Lose the feed ROUNDS times and return how each was settled."""
    with _running() as product:
        return [_lose(product) for _ in range(ROUNDS)]


def record_all(record: Callable[..., None]) -> None:
    """Measure and record."""
    losses = live_losses()
    count = len(losses)
    record(figure="live_feed_loss_settle_s", value=max(s.settle for s in losses), unit="s", n=count)
    record(figure="live_feed_loss_below_s", value=max(s.below for s in losses), unit="s", n=count)
    record(figure="live_feed_loss_frame_age_s", value=max(s.frame_age for s in losses), unit="s", n=count)


@contextlib.contextmanager
def _running() -> Iterator[Product]:
    with tempfile.TemporaryDirectory(prefix="rackwright-bench-") as folder:
        product = Product(Path(folder), options=["--racks", RACK])
        try:
            product.start()
            for share in LOADS:  # a coolant loop follows a step slowly, and an interlock would cap meanwhile
                product.control.set_demand(share)
                time.sleep(LOAD_FOR_S)
            wish = {"verb": "power_policy", "target": "k01", "arguments": {"do": "apply", "document": POLICY}}
            product.ask("POST", "/api/v1/racks/k01/commands", wish)
            _until(lambda: _ready(product), READY_S)
            yield product
        finally:
            product.stop()


def _ready(product: Product) -> bool:
    """Tell whether the rack draws all it can, and nothing holds it."""
    view = product.get("/api/v1/racks/k01/power")
    rows = view["limits"]
    if any(held["layer"].startswith("interlock ") for held in view["held"]):
        wish = {"verb": "limit", "target": "k01", "arguments": {"clear": True, "each": True}}
        with contextlib.suppress(AssertionError):  # while its cause stands a limit is not raised
            product.ask("POST", "/api/v1/racks/k01/commands", wish)
        return False
    return view["mode"] == "armed" and not view["held"] and bool(rows) and (rows[0]["drawn_w"] or 0.0) > 1.2 * LEFT_W


def _lose(product: Product) -> Settled:
    faults = [{"what": "psu_fail", "where": f"*/{shelf}"} for shelf in FEED_A]
    began, ages = time.monotonic(), list[float]()
    ids = product.control.add_faults(faults)
    below = settle = 0.0
    while not (below and settle):
        now = time.monotonic() - began
        if now > WITHIN_S:
            raise AssertionError(f"not settled within {WITHIN_S} s")
        rack = product.control.state()["racks"][0]
        below = below or (now if rack["shelf_output_w"] <= LEFT_W else 0.0)
        view = product.get("/api/v1/racks/k01/power")
        ages.append(float(product.get("/api/v1/racks/k01")["age_s"] or WITHIN_S))
        settle = settle or (time.monotonic() - began if _kept(view) else 0.0)
        time.sleep(EVERY_S)
    product.control.clear_faults(ids)
    _until(lambda: _ready(product), READY_S)
    return Settled(settle, below, max(ages))


def _kept(view: dict[str, Any]) -> bool:
    own = view["limits"][0]
    return view["usable"]["watts"] <= LEFT_W + 100.0 and own["charged_w"] <= own["limit_w"]


def _until(look: Callable[[], bool], within: float) -> None:
    deadline = time.monotonic() + within
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError("the rack is not as it must be before a loss")
        time.sleep(0.2)
