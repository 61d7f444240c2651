"""A controller that is late says so itself, once, and says when it is over."""

from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.lateness import ON_TIME_TICKS, Lateness

RACK = Place("lab1/a/r01/k01")


def kinds(lateness: Lateness, *ticks: float) -> list[str]:
    return [finding.kind for by in ticks for finding in lateness.look(by)]


def test_a_single_late_tick_is_nothing_to_tell_of() -> None:
    lateness = Lateness(RACK)
    for _ in range(5):
        assert kinds(lateness, 4.0, *[0.01] * 9) == []


def test_it_is_told_once_with_by_how_much_and_once_that_it_is_over() -> None:
    lateness = Lateness(RACK)
    assert kinds(lateness, 0.6, 0.1, 0.7) == []
    (first,) = [finding for by in (2.34, 0.8) for finding in lateness.look(by)]
    assert (first.kind, first.place, first.details) == ("controller.late", RACK, {"late_s": 2.34})
    assert "by up to 2.3 s" in first.message
    assert kinds(lateness, *[3.0] * 20) == []
    assert kinds(lateness, *[0.1] * (ON_TIME_TICKS - 1), 0.9, *[0.1] * (ON_TIME_TICKS - 1)) == [], "not for good"
    assert kinds(lateness, 0.1) == ["controller.on_time"]
    assert kinds(lateness, *[0.1] * 50) == []
