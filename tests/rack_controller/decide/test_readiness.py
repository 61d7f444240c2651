"""Settings judged: right, wrong, not said; clocks with the doubt of the look itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.identity import Identity
from firmware_bridge.vocabulary.settings import Examination, Found, Scalar, Setting, SettingKind
from rack_controller.decide.readiness import judge_settings, value_to_write
from rack_controller.model.readiness import Judgement, Ready, Verdict, blocking, ready_of

POLICY = Setting("power_restore", "Stays off", ("/redfish/v1/S#/P",), wanted=("AlwaysOff",), source="design")
CLOCK = Setting("clock", "Clock", ("/redfish/v1/Managers/*#/DateTime",), SettingKind.CLOCK, most_s=5.0)


def judge(setting: Setting, *found: Found) -> Judgement:
    (judgement,) = judge_settings([setting], Examination(Identity(None), {setting.name: found}))
    return judgement


def said(value: Scalar, doubt: float = 0.0) -> Found:
    return Found("/redfish/v1/S", "/P", value, doubt)


@pytest.mark.parametrize(
    ("values", "verdict", "found"),
    [
        (["AlwaysOff"], Verdict.OK, "AlwaysOff"),
        (["alwaysoff"], Verdict.OK, "alwaysoff"),
        (["LastState"], Verdict.DIFFERS, "LastState"),
        (["AlwaysOff", "LastState"], Verdict.DIFFERS, "LastState"),
        ([True], Verdict.DIFFERS, "yes"),
        ([], Verdict.UNKNOWN, "not said"),
    ],
)
def test_a_property_is_right_wrong_or_not_said(values: list[Scalar], verdict: Verdict, found: str) -> None:
    judgement = judge(POLICY, *map(said, values))
    assert (judgement.verdict, judgement.found, judgement.wanted) == (verdict, found, "AlwaysOff")
    assert judgement.source == "design"


def test_true_is_not_one_and_no_is_not_zero() -> None:
    off = Setting("ipmi", "IPMI", ("/redfish/v1/M#/E",), wanted=(False,))
    assert judge(off, said(False)).verdict is Verdict.OK
    assert judge(off, said(0)).verdict is Verdict.DIFFERS
    assert judge(off, said("false")).verdict is Verdict.DIFFERS


@pytest.mark.parametrize(
    ("offset", "doubt", "verdict"),
    [
        (4.9, 0.5, Verdict.OK),
        (-4.9, 30.0, Verdict.OK),
        (5.4, 0.5, Verdict.UNKNOWN),
        (-60.0, 0.5, Verdict.DIFFERS),
        (60.0, 58.0, Verdict.UNKNOWN),
        (-1.7e9, 1.0, Verdict.DIFFERS),
    ],
)
def test_a_clock_is_given_the_benefit_of_a_slow_answer(offset: float, doubt: float, verdict: Verdict) -> None:
    assert judge(CLOCK, said(offset, doubt)).verdict is verdict


def test_a_clock_is_told_with_its_sign() -> None:
    judgement = judge(CLOCK, said(0.2), Found("/redfish/v1/Managers/HMC", "/DateTime", -61.04))
    assert (judgement.found, judgement.wanted) == ("-61.0 s", "within 5 s")
    assert judgement.where == "/redfish/v1/Managers/HMC#/DateTime"


@given(st.lists(st.tuples(st.sampled_from(list(Verdict)), st.booleans()), max_size=8))
def test_ready_means_that_all_that_is_required_is_known_to_be_right(verdicts: list[tuple[Verdict, bool]]) -> None:
    judgements = [Judgement(f"j{n}", "", "", "", v, required) for n, (v, required) in enumerate(verdicts)]
    required = [v for v, needed in verdicts if needed]
    assert (ready_of(judgements) is Ready.READY) == all(v is Verdict.OK for v in required)
    assert (ready_of(judgements) is Ready.BLOCKED) == (Verdict.DIFFERS in required) == bool(blocking(judgements))


def test_what_is_written_is_the_first_wanted_value_or_our_time() -> None:
    assert value_to_write(POLICY, 0) == "AlwaysOff"
    assert value_to_write(CLOCK, 1_767_225_600_000_000_000) == "2026-01-01T00:00:00+00:00"
