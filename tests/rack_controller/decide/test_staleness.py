"""What a value is worth at its age."""

import numpy as np

from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.staleness import judge_ages


def judge(age: float, quality: Quality = Quality.GOOD, period: float = 1.0) -> tuple[Quality, bool]:
    judged = judge_ages(
        np.array([100.0 - age]), np.array([quality], dtype=np.uint8), np.array([period]), Seconds(100.0)
    )
    return Quality(int(judged.quality[0])), bool(judged.forget[0])


def test_a_value_is_good_for_three_periods() -> None:
    assert judge(3.0) == (Quality.GOOD, False)
    assert judge(3.01) == (Quality.STALE, False)


def test_a_slow_class_has_longer_periods() -> None:
    assert judge(29.0, period=10.0) == (Quality.GOOD, False)
    assert judge(31.0, period=10.0) == (Quality.STALE, False)


def test_nothing_lives_for_ever() -> None:
    assert judge(30.0) == (Quality.STALE, False)
    assert judge(30.1) == (Quality.MISSING, True)
    assert judge(100.1, period=10.0) == (Quality.MISSING, True)


def test_never_read_is_missing() -> None:
    assert judge(np.nan) == (Quality.MISSING, True)


def test_a_refused_value_stays_refused_while_it_is_fresh_or_stale() -> None:
    assert judge(1.0, Quality.REFUSED) == (Quality.REFUSED, False)
    assert judge(5.0, Quality.REFUSED) == (Quality.REFUSED, False)
