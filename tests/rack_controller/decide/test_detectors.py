"""What a leak detector's words are worth."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import (
    UNSEEN,
    WET,
    Detector,
    Verdict,
    hear,
    judge,
    leaks_critically,
    says_nothing_new,
)
from rack_controller.model.interlock import DetectorRules

RULES = DetectorRules(warning_long_s=60, flap_changes=3, flap_within_s=60, silent_s=5)
DRY, WARNING, CRITICAL = 0.0, 1.0, 2.0


def told(*words: tuple[float, float | None], detector: Detector | None = None) -> Detector:
    """Return a detector that said `words`: (when, code); None is a word without a value."""
    found = detector or Detector()
    for at, code in words:
        found = hear(found, code, Quality.GOOD if code is not None else Quality.FLAGGED, Seconds(at), RULES)
    return found


def at(detector: Detector, now: float, *, blind: bool = False) -> Verdict:
    return judge(detector, Seconds(now), RULES, blind=blind)


def test_a_detector_means_what_it_says() -> None:
    assert at(told((0, DRY)), 1) is Verdict.DRY
    assert at(told((0, DRY), (1, WARNING)), 1) is Verdict.WARNING
    assert at(told((0, DRY), (1, CRITICAL)), 1) is Verdict.CRITICAL


def test_one_that_was_never_heard_is_not_dry() -> None:
    assert at(Detector(), 1) is Verdict.UNMET
    assert at(Detector(), 1, blind=True) is Verdict.BLIND


def test_only_one_that_was_dry_all_the_time_says_nothing_new_when_it_says_dry() -> None:
    assert says_nothing_new(told((0, DRY)), DRY, Quality.GOOD)
    assert not says_nothing_new(Detector(), DRY, Quality.GOOD)
    assert not says_nothing_new(told((0, DRY)), WARNING, Quality.GOOD)
    assert not says_nothing_new(told((0, DRY)), None, Quality.FLAGGED)
    assert not says_nothing_new(told((0, DRY), (1, None)), DRY, Quality.GOOD)
    assert not says_nothing_new(told((0, WARNING), (1, DRY)), DRY, Quality.GOOD), "it may be flapping"


def test_critical_stays_critical_whatever_follows() -> None:
    for later in (DRY, WARNING, None):
        assert at(told((0, CRITICAL), (1, later)), 2) is Verdict.CRITICAL
    assert at(told((0, CRITICAL)), 1_000) is Verdict.CRITICAL, "silence is no drying"


def test_a_critical_word_counts_even_when_a_later_poll_overtook_it() -> None:
    assert at(told((5, DRY), (4, CRITICAL)), 5) is Verdict.CRITICAL


def test_an_old_dry_word_does_not_undo_a_newer_warning() -> None:
    assert at(told((5, WARNING), (4, DRY)), 5) is Verdict.WARNING


def test_a_warning_that_lasts_counts_as_critical() -> None:
    detector = told((0, DRY), (1, WARNING), (59, WARNING))
    assert at(detector, 60.9) is Verdict.WARNING
    assert at(detector, 61) is Verdict.CRITICAL


def test_a_warning_that_falls_silent_stays_a_warning() -> None:
    assert at(told((0, WARNING)), 30) is Verdict.WARNING
    assert at(told((0, WARNING), (10, None)), 30) is Verdict.WARNING, "open after a warning is no drying"


def test_flapping_is_seen_while_it_is_dry_for_the_moment() -> None:
    detector = told((0, DRY), (1, WARNING), (2, DRY), (3, WARNING), (4, DRY))
    assert at(detector, 4) is Verdict.FLAPPING
    assert at(told((70, DRY), detector=detector), 70) is Verdict.DRY, "a minute of rest"


def test_faults_silence_and_blindness_are_told_apart() -> None:
    assert at(told((0, DRY), (1, None)), 1) is Verdict.FAULTY
    assert at(told((0, DRY)), 5.1) is Verdict.SILENT
    assert at(told((0, DRY), (1, None)), 1, blind=True) is Verdict.BLIND
    assert at(told((0, DRY)), 5.1, blind=True) is Verdict.BLIND


def test_a_detector_that_cannot_be_read_is_silent_and_not_faulty() -> None:
    unread = hear(told((0, DRY)), None, Quality.MISSING, Seconds(1), RULES)
    assert at(unread, 1) is Verdict.SILENT
    assert at(unread, 1, blind=True) is Verdict.BLIND
    assert at(hear(unread, None, Quality.REFUSED, Seconds(2), RULES), 2) is Verdict.FAULTY


def test_two_wet_detectors_of_any_degree_are_critical() -> None:
    assert leaks_critically([Verdict.DRY, Verdict.CRITICAL])
    assert leaks_critically([Verdict.WARNING, Verdict.FLAPPING])
    assert not leaks_critically([Verdict.WARNING, Verdict.DRY, Verdict.FAULTY])
    assert not leaks_critically([])


WORDS = st.lists(st.tuples(st.floats(0, 200), st.sampled_from([DRY, WARNING, CRITICAL, None])), max_size=12)


@given(WORDS)
def test_whatever_the_order_a_critical_word_is_never_lost(words: list[tuple[float, float | None]]) -> None:
    verdict = at(told(*words), 200)
    if any(code == CRITICAL for _, code in words):
        assert verdict is Verdict.CRITICAL


@given(WORDS)
def test_dry_is_said_only_of_a_detector_whose_newest_word_is_dry(words: list[tuple[float, float | None]]) -> None:
    verdict = at(told(*words), 200)
    assert verdict in {Verdict.DRY} | WET | UNSEEN
    if verdict is Verdict.DRY:
        newest = max(words, key=lambda w: w[0])[0]
        assert DRY in {code for moment, code in words if moment == newest}
