"""Which leak detectors are gone: those without a column of which nothing is heard by event either."""

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import Detector
from rack_controller.run.guard.absent import Absent
from tests.support.interlocked import RACK

DRY, WET, NEVER = (Place(f"{RACK}/u12/leak{n}") for n in range(3))


def heard(at: float) -> dict[Place, Detector]:
    now = Seconds(at)
    return {
        DRY: Detector("", 0.0, now, Quality.GOOD),
        WET: Detector("", 1.0, now, Quality.GOOD, wet_since=now),
        NEVER: Detector(),
    }


def test_the_dry_go_after_a_minute_and_the_wet_stay() -> None:
    absent, detectors = Absent(), heard(0.0)
    assert absent.forgotten(detectors, frozenset(), Seconds(10.0)) == frozenset()
    assert absent.gone(detectors, Seconds(69.9)) == frozenset()
    assert absent.forgotten(detectors, frozenset(), Seconds(70.0)) == {DRY, NEVER}
    assert absent.gone({WET: detectors[WET]}, Seconds(70.0)) == {WET}


def test_one_that_has_a_column_again_or_speaks_by_event_is_there() -> None:
    absent, detectors = Absent(), heard(0.0)
    absent.forgotten(detectors, frozenset(), Seconds(10.0))
    assert absent.forgotten(detectors, frozenset(detectors), Seconds(60.0)) == frozenset()
    absent.forgotten(detectors, frozenset(), Seconds(61.0))
    assert absent.gone(detectors, Seconds(100.0)) == frozenset(), "the minute begins anew"
    assert DRY not in absent.gone(heard(120.0), Seconds(130.0))
