"""An interlock policy with a gap, a contradiction or a wish that must never be granted is refused by name."""

import copy
from typing import Any

import pytest

from firmware_bridge.wire.located_yaml import parse
from rack_controller.model.interlock import MUST_COVER, NEEDS, RACK_WIDE, Condition, parse_interlock
from tests.support.interlocked import SEEDED, seeded_policy

SPEC: dict[str, Any] = parse(SEEDED.read_text(), str(SEEDED)).value["spec"]


def changed(cause: str, /, **fields: object) -> dict[str, Any]:
    """Return the seeded spec with fields of one row changed; None takes a field away."""
    spec = copy.deepcopy(SPEC)
    (row,) = [r for r in spec["rows"] if r["cause"] == cause]
    for name, value in fields.items():
        if value is None:
            del row[name]
        else:
            row[name] = value
    return spec


def test_the_seeded_policy_covers_everything_and_each_cause_says_what_to_do() -> None:
    policy = seeded_policy()
    assert {row.when for row in policy.rows} >= MUST_COVER
    for row in policy.rows:
        assert row.consequence, row.cause
        assert row.response, row.cause
        if row.latch:
            assert row.clear.record, f"{row.cause}: a latch is cleared with a record"


def test_every_condition_belongs_to_the_rack_or_to_a_tray() -> None:
    assert set(Condition) >= RACK_WIDE
    assert set(NEEDS) <= set(Condition)


@pytest.mark.parametrize("gap", sorted(MUST_COVER))
def test_a_policy_with_a_gap_is_refused(gap: Condition) -> None:
    spec = {**SPEC, "rows": [r for r in SPEC["rows"] if r["when"] != gap]}
    with pytest.raises(ValueError, match=gap):
        parse_interlock(spec)


def test_leaks_of_switch_trays_must_be_covered_too() -> None:
    spec = {**SPEC, "rows": [r for r in SPEC["rows"] if r["cause"] != "leak.switch_tray"]}
    with pytest.raises(ValueError, match="leak_critical of switch trays"):
        parse_interlock(spec)


CAP = {"do": "cap", "to": "rack", "share": 0.5, "every_s": 10}


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (changed("leak.two_trays", count=None), "needs these numbers: count; given: none"),
        (changed("leak.critical", share=0.2), "needs these numbers: none; given: share"),
        (changed("flow.low", priority=9), "priority is 1"),
        (changed("flow.lost", outlasts_silence=True), "row flow.lost: a row that latches outlasts silence anyway"),
        (changed("flow.low", ladder=[]), "does nothing"),
        (changed("flow.low", for_s=-1), "below zero"),
        (changed("flow.low", trays=["compute"]), "`trays` must be left out"),
        (changed("flow.low", ladder=[{"do": "cap", "to": "rack"}]), "belongs to cap and raise_flow"),
        *(
            (changed(cause, ladder=[{**CAP, **more}]), said)
            for cause, more, said in (
                ("flow.low", {"follows": "flow"}, "`back_share` belongs to `follows: flow`"),
                ("flow.low", {"back_share": 0.8}, "`back_share` belongs to `follows: flow`"),
                ("flow.low", {"follows": "flow", "back_share": 1.2}, "above 0 and at most 1"),
                ("coolant.warm", {"follows": "flow", "back_share": 0.8}, "belongs to a row on flow_below"),
                ("flow.lost", {"follows": "flow", "back_share": 0.8}, "of a row that ends by itself"),
            )
        ),
        (changed("flow.low", ladder=[{"do": "raise_flow", "to": "coolant"}]), "belongs to cap and raise_flow"),
        (changed("flow.low", ladder=[{"do": "cap", "to": "rack", "share": 1.2}]), "at most 1, got 1.2"),
        (changed("flow.low", ladder=[{"do": "raise_flow", "to": "rack", "share": 1}]), "is for coolant, got rack"),
        (changed("coolant.dew_point", ladder=[{"do": "raise_supply", "to": "coolant"}]), "raise_supply, which needs"),
        (changed("flow.low", ladder=[{"do": "force_off", "to": "drip"}]), "has no tray"),
        (changed("flow.low", ladder=[{"do": "force_off", "to": "coolant"}]), "never done by an interlock"),
        (changed("flow.low", ladder=[{"do": "force_off", "to": "shelves"}]), "not for shelves"),
        (changed("flow.low", ladder=[{"do": "shelf_output_off", "to": "rack"}]), "is for shelves"),
        (changed("coolant.no_spare_pump", ladder=[{"do": "force_off", "to": "rack"}]), "which it must never"),
        (changed("controller.blind", ladder=[{"do": "graceful_off", "to": "rack"}]), "which it must never"),
        (changed("flow.low", cause="leak.rack"), "stand twice"),
        (changed("flow.low", when="smell"), "Invalid enum value"),
        (changed("flow.low", surprise=1), "surprise"),
        (changed("emergency.stop", latch=False), "latches and blocks"),
        (changed("emergency.stop", trays=["compute"]), "trays of every kind"),
        (changed("emergency.stop", ladder=[{"do": "alarm", "to": "here"}]), "begins with force_off to here"),
        (changed("emergency.stop", ladder=[{"do": "force_off", "to": "here", "after_s": 2}]), "at once"),
        (changed("gpu.warm", when="emergency_stop", margin_k=None), "one row"),
        (changed("flow.lost", clear={"not_while": ["rain"]}), "not_while names rain"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(spec: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_interlock(spec)


@pytest.mark.parametrize("seconds", [-0.1, 1.5])
def test_water_does_not_wait_for_a_job_for_long(seconds: float) -> None:
    spec = parse(SEEDED.read_text(), str(SEEDED)).value["spec"]
    with pytest.raises(ValueError, match="job_first_s is 0 to 1 s"):
        parse_interlock({**spec, "drip": {**spec["drip"], "job_first_s": seconds}})
