"""Floods are folded, and nothing that is not alike is lost in one."""

from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.fold import FOLDS, fold_floods
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity

RACK = Place("lab1/a/r01/k01")


def finding(kind: str, slot: int, severity: Severity = Severity.OK) -> Finding:
    words = {"alarm.set": "fan fault set", "endpoint.met": "answers for the first time"}
    return Finding(Place(f"{RACK}/u{slot}/bmc"), kind, severity, f"u{slot} bmc {words.get(kind, kind)}")


def test_endpoints_that_are_met_together_are_one_event_of_their_rack() -> None:
    (met,) = fold_floods([finding("endpoint.met", n) for n in range(11, 47)], RACK)
    assert (met.place, met.kind, met.severity) == (RACK, "endpoint.met", Severity.OK)
    assert met.message == "36 endpoints answer for the first time"
    assert met.details["count"] == 36
    assert str(met.details["places"]).startswith("u11/bmc, u12/bmc")
    alone = [finding("endpoint.met", 11)]
    assert fold_floods(alone, RACK) == alone


def test_a_flood_of_alarms_is_the_first_and_a_count_with_the_worst_severity() -> None:
    flood = [finding("alarm.set", n, Severity.CRITICAL if n == 9 else Severity.WARNING) for n in range(12)]
    first, rest = fold_floods(flood, RACK)
    assert first == flood[0]
    assert (rest.place, rest.severity, rest.details["count"]) == (RACK, Severity.CRITICAL, 11)
    assert rest.message.startswith("11 more alarms are set: u1 bmc fan fault, u2 bmc fan fault")
    assert rest.message.endswith("u8 bmc fan fault, …")
    few = flood[: FOLDS["alarm.set"].above]
    assert fold_floods(few, RACK) == few


def test_everything_else_stays_in_its_order() -> None:
    leaks = [finding("leak.critical", n, Severity.CRITICAL) for n in range(40)]
    mixed = [leaks[0], *(finding("alarm.set", n) for n in range(9)), *leaks[1:]]
    folded = fold_floods(mixed, RACK)
    assert [f for f in folded if f.kind == "leak.critical"] == leaks
    assert [f.kind for f in folded[:4]] == ["leak.critical", "alarm.set", "alarm.set", "leak.critical"]
