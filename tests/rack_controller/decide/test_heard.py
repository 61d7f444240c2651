"""What is kept of detectors: the quick way, in columns, means at every tick what looking at each one would."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.vocabulary.place import Place, join_place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.detectors import Detector, Verdict, hear, judge
from rack_controller.decide.heard import Heard, hear_all
from rack_controller.model.interlock import DetectorRules
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.table import make_table

RACK = Place("tx1/a/r03/k07")
DETECTORS = [join_place(RACK, f"u{unit}/leak{n}") for unit in (11, 12) for n in (0, 1)]
RULES = DetectorRules(warning_long_s=6.0, flap_changes=3, flap_within_s=10.0, silent_s=2.5)
Word = tuple[float | None, Quality] | None  # None: nothing is heard

DRY: Word = (0.0, Quality.GOOD)
WORDS: st.SearchStrategy[Word] = st.sampled_from(
    [DRY, DRY, DRY, None, (1.0, Quality.GOOD), (2.0, Quality.GOOD), (None, Quality.MISSING), (0.0, Quality.FLAGGED)]
)


def snapshot(now: float, said: dict[Place, tuple[float, float | None, Quality]], places: list[Place]) -> Snapshot:
    """Return a snapshot in which `places` have a column; `said`: when each was heard last, and what."""
    table = make_table(RACK, [Series(p, Quantity.LEAK, ReadingClass.SAFETY, p[-5:]) for p in places])
    rows = [said.get(s.place, (np.nan, None, Quality.MISSING)) for s in table.gauges]
    return Snapshot(
        RACK,
        1,
        Seconds(now),
        UnixNanoseconds(1),
        table,
        np.array([np.nan if value is None else value for _, value, _ in rows]),
        np.array([], dtype=np.int64),
        np.array([at for at, _, _ in rows]),
        np.array([int(quality) for _, _, quality in rows], dtype=np.uint8),
        {},
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(*[WORDS] * len(DETECTORS)), min_size=1, max_size=14))
def test_the_quick_way_means_what_each_word_means(ticks: list[tuple[Word, ...]]) -> None:
    quick, slow = Heard(), dict.fromkeys(DETECTORS, Detector())
    said: dict[Place, tuple[float, float | None, Quality]] = {}
    for n, words in enumerate(ticks):
        now = 100.0 + n
        for place, word in zip(DETECTORS, words, strict=True):
            if word is not None:
                said[place] = (now - 0.3, *word)
                slow[place] = hear(slow[place], word[0], word[1], Seconds(now - 0.3), RULES)
        quick = hear_all(quick, snapshot(now, said, DETECTORS), RULES)
        wanted = {place: judge(detector, Seconds(now), RULES) for place, detector in slow.items()}
        seen = {s.place: s.verdict for sights in quick.sights(Seconds(now), RULES).values() for s in sights}
        assert seen == wanted
        assert {place: quick.verdict(place, Seconds(now), RULES) for place in DETECTORS} == wanted
        assert all(tray_of(p) in quick.doubtful for p, verdict in wanted.items() if verdict is not Verdict.DRY)


def test_while_all_are_dry_nothing_is_worked_out_anew() -> None:
    heard = hear_all(Heard(), snapshot(100.0, dict.fromkeys(DETECTORS, (99.7, *DRY)), DETECTORS), RULES)
    later = hear_all(heard, snapshot(101.0, dict.fromkeys(DETECTORS, (100.7, *DRY)), DETECTORS), RULES)
    assert later.detectors is heard.detectors
    assert later.sights(Seconds(101.0), RULES) is not None
    assert not later.doubtful
    after = hear_all(later, snapshot(102.0, dict.fromkeys(DETECTORS, (101.7, *DRY)), DETECTORS), RULES)
    assert after.sights(Seconds(102.0), RULES) is later.sights(Seconds(101.0), RULES)


def test_one_that_loses_its_column_falls_silent_and_not_at_once() -> None:
    said = dict.fromkeys(DETECTORS, (99.7, *DRY))
    heard = hear_all(Heard(), snapshot(100.0, said, DETECTORS), RULES)
    lost = DETECTORS[0]
    for now in (101.0, 102.0):
        heard = hear_all(heard, snapshot(now, dict.fromkeys(DETECTORS, (now - 0.3, *DRY)), DETECTORS[1:]), RULES)
        assert heard.verdict(lost, Seconds(now), RULES) is Verdict.DRY
    heard = hear_all(heard, snapshot(103.0, dict.fromkeys(DETECTORS, (102.7, *DRY)), DETECTORS[1:]), RULES)
    assert heard.verdict(lost, Seconds(103.0), RULES) is Verdict.SILENT


def test_a_word_between_two_ticks_is_judged_by_itself() -> None:
    heard = hear_all(Heard(), snapshot(100.0, dict.fromkeys(DETECTORS, (99.7, *DRY)), DETECTORS), RULES)
    wet = hear(heard.detectors[DETECTORS[0]], 2.0, Quality.GOOD, Seconds(100.4), RULES)
    told = heard.told({DETECTORS[0]: wet})
    assert told.verdict(DETECTORS[0], Seconds(100.4), RULES) is Verdict.CRITICAL
    assert told.verdict(DETECTORS[1], Seconds(100.4), RULES) is Verdict.DRY
    assert set(told.doubtful) == {tray_of(DETECTORS[0])}
    assert heard.told({}) is heard
    assert heard.without(()) is heard
