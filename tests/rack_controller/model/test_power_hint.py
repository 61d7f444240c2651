"""Hints of a job: what makes sense is kept in moments, what does not is refused with what to write."""

import pytest

from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from rack_controller.model.power_hint import UNENDED_S, parse_hint

S = 10**9
NOW = 1_000 * S
WHOLE = {"start_in_s": 30.0, "period_s": 5.0, "checkpoints": "1200/60, 600/12", "stop_in_s": 7200.0}


def test_times_count_from_now_and_checkpoints_stand_in_order() -> None:
    hint = parse_hint("train", WHOLE, NOW, "ada")
    assert (hint.start_unix_ns, hint.stop_unix_ns) == (NOW + 30 * S, NOW + 7200 * S)
    assert hint.checkpoints == [(NOW + 600 * S, 12.0), (NOW + 1200 * S, 60.0)]
    assert hint.until_unix_ns == NOW + 7260 * S
    assert [hint.runs(NOW + t * S) for t in (0, 30, 7199, 7200)] == [False, True, True, False]


def test_hints_without_an_end_last_a_day() -> None:
    hint = parse_hint("train", {"period_s": 2.0}, NOW, "ada")
    assert hint.until_unix_ns == NOW + int(UNENDED_S) * S
    assert hint.runs(NOW + S)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, "say nothing"),
        ({"period_s": 0.0}, "period_s of 0"),
        ({"period_s": 1e9}, "period_s of 1e+09"),
        ({"start_in_s": -1.0, "period_s": 1.0}, "start_in_s of -1"),
        ({"period_s": float("nan")}, "period_s of nan"),
        ({"start_in_s": 50.0, "stop_in_s": 50.0}, "stops after 50 s and starts after 50 s"),
        ({"checkpoints": "600"}, "'600' is no checkpoint"),
        ({"checkpoints": "600/0"}, "at 600 s for 0 s"),
        ({"checkpoints": "nan/5"}, "at nan s"),
        ({"checkpoints": "600/12,605/3"}, "within the one at 600 s"),
        ({"checkpoints": "10/5", "start_in_s": 30.0}, "at 10 s, the job starts after 30 s"),
        ({"checkpoints": "600/12", "stop_in_s": 605.0}, "ends at 612 s, the job stops at 605 s"),
        ({"stop_in_s": 100.0, "for_s": 50.0}, "for 50 s end before what they say"),
        ({"checkpoints": ",".join(f"{20 * n}/5" for n in range(300))}, "300 checkpoints"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_write(said: dict[str, object], reason: str) -> None:
    with pytest.raises(ArgumentsInvalid, match="hint") as refused:
        parse_hint("train", said, NOW, "ada")
    assert reason in str(refused.value)
    assert refused.value.advice
