"""A decision to buy: every step of the table, who may say it, conditions that are measured, and the calendar."""

import re
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from rack_controller.prove.conditions import ConditionOutcome, Measured, PurchaseCondition, parse_condition
from rack_controller.prove.option import (
    ENDS,
    SAID_BY,
    TRANSITIONS,
    DecisionRecord,
    DecisionStage,
    DecisionStep,
    Firm,
    Offer,
    Party,
    StepRefused,
    offered,
    reminders,
    settle,
    step,
)

TODAY = date(2026, 11, 29)
END = date(2027, 3, 31)
RACKS = tuple(f"a/b/c/k{n}" for n in range(1, 21))
OFFER = Offer("racks-1", "Racks", Firm("Maker", ("mo",)), Firm("Buyer", ("bea", "bob")), RACKS, TODAY, END)
TEXT = "racks_passed:L12 >= 17 by 2027-03-01"


def at(stage: DecisionStage, conditions: tuple[PurchaseCondition, ...] = ()) -> DecisionRecord:
    return DecisionRecord(OFFER, stage, conditions, ())


def say(record: DecisionRecord, event: DecisionStep, actor: str = "bea", **more: object) -> DecisionRecord:
    return step(record, event, actor, 1, TODAY, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("stage", DecisionStage)
@pytest.mark.parametrize("event", DecisionStep)
def test_only_what_the_table_holds_is_taken(stage: DecisionStage, event: DecisionStep) -> None:
    actor = {Party.BUYER: "bea", Party.SELLER: "mo", Party.CALENDAR: "(calendar)"}[SAID_BY[event]]
    more = {"until": END + timedelta(days=1)} if event is DecisionStep.EXTEND else {}
    more |= {"conditions": [parse_condition(TEXT)]} if event is DecisionStep.ACCEPT_IF else {}
    if (stage, event) in TRANSITIONS:
        after = say(at(stage), event, actor, **more)
        assert after.stage is TRANSITIONS[stage, event]
        assert (after.log[-1].actor, after.log[-1].stage) == (actor, after.stage)
    else:
        with pytest.raises(StepRefused, match="does not fit"):
            say(at(stage), event, actor, **more)


def test_nobody_speaks_for_the_other_side_and_no_end_is_left() -> None:
    with pytest.raises(StepRefused, match="only the buyer"):
        say(at(DecisionStage.ACCEPTED), DecisionStep.EXERCISE, "mo")
    with pytest.raises(StepRefused, match="only the seller"):
        say(at(DecisionStage.ACCEPTED), DecisionStep.EXTEND, "bea", until=END + timedelta(days=1))
    assert not [s for s, _ in TRANSITIONS if s in ENDS]
    with pytest.raises(ValueError, match="both parties"):
        offered(Offer("x", "X", Firm("A", ("a",)), Firm("B", ("a",)), (), TODAY, END), "admin", 1)
    with pytest.raises(ValueError, match="lies before"):
        offered(Offer("x", "X", Firm("A", ("a",)), Firm("B", ("b",)), (), END, TODAY), "admin", 1)


def test_what_is_conditional_is_exercised_only_when_it_is_met() -> None:
    record = say(at(DecisionStage.IN_EVALUATION), DecisionStep.ACCEPT_IF, conditions=[parse_condition(TEXT)])
    with pytest.raises(StepRefused, match="not met: racks_passed:L12 >= 17 by 2027-03-01"):
        say(record, DecisionStep.EXERCISE)
    (asked,) = record.conditions
    sixteen = settle(record, {asked.measured: Measured(16.0, "16 of 20")}, 2, TODAY)
    assert sixteen.conditions[0].outcome is ConditionOutcome.OPEN
    assert sixteen.conditions[0].last == 16.0
    met = settle(sixteen, {asked.measured: Measured(17.0)}, 3, TODAY)
    assert met.conditions[0].met_on == TODAY
    assert "condition met" in met.log[-1].step
    later = settle(met, {asked.measured: Measured(3.0)}, 4, TODAY)
    assert later.conditions[0].outcome is ConditionOutcome.MET, "what was met in time stays met"
    assert say(later, DecisionStep.EXERCISE).stage is DecisionStage.EXERCISED


def test_an_unknown_measure_never_meets_and_fails_after_its_day() -> None:
    record = say(
        at(DecisionStage.IN_EVALUATION),
        DecisionStep.ACCEPT_IF,
        conditions=[parse_condition("parts_wrong <= 0 by 2027-01-31")],
    )
    (asked,) = record.conditions
    assert (
        settle(record, {asked.measured: Measured(None)}, 2, date(2027, 1, 31)).conditions[0].outcome
        is ConditionOutcome.OPEN
    )
    late = settle(record, {asked.measured: Measured(None)}, 2, date(2027, 2, 1))
    assert late.conditions[0].outcome is ConditionOutcome.FAILED
    # What was measured of a day in time counts, whenever somebody looks.
    in_time = settle(record, {asked.measured: Measured(0.0, on=date(2027, 1, 31))}, 2, date(2027, 2, 1))
    assert in_time.conditions[0].outcome is ConditionOutcome.MET


def test_an_option_lapses_after_its_last_day_and_an_extension_moves_it() -> None:
    accepted = at(DecisionStage.ACCEPTED)
    assert settle(accepted, {}, 1, END) == accepted
    lapsed = settle(accepted, {}, 1, END + timedelta(days=1))
    assert (lapsed.stage, lapsed.log[-1].actor) == (DecisionStage.LAPSED, "(calendar)")
    with pytest.raises(StepRefused, match="ended"):
        step(accepted, DecisionStep.EXERCISE, "bea", 1, END + timedelta(days=1))
    extended = say(accepted, DecisionStep.EXTEND, "mo", until=END + timedelta(days=30))
    assert settle(extended, {}, 1, END + timedelta(days=1)).stage is DecisionStage.ACCEPTED
    with pytest.raises(StepRefused, match="a day after"):
        say(accepted, DecisionStep.EXTEND, "mo", until=END)


def test_reminders_come_30_days_before_and_end_with_the_decision() -> None:
    record = say(at(DecisionStage.IN_EVALUATION), DecisionStep.ACCEPT_IF, conditions=[parse_condition(TEXT)])
    assert reminders(record, TODAY) == []
    soon = reminders(record, date(2027, 2, 1))
    assert [(r.days_left, r.what) for r in soon] == [(28, f"condition: {TEXT}")]
    assert len(reminders(record, date(2027, 3, 1))) == 2
    assert reminders(at(DecisionStage.DECLINED), END) == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "luck >= 1 by 2027-01-01", "racks_passed >= 1 by 2027-01-01", "parts_wrong:L1 <= 0 by 2027-01-01"),
        *("racks_passed:L12 > 1 by 2027-01-01", "racks_passed:L12 >= -1 by 2027-01-01", "racks_passed:L12 >= 1"),
        "racks_passed:L12 >= 1 by 2027-02-30",
    ],
)
def test_a_condition_that_cannot_be_measured_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|nothing after|needs"):
        parse_condition(text)


def test_a_conditions_day_lies_within_the_option() -> None:
    for text in ("parts_wrong <= 0 by 2027-04-01", "parts_wrong <= 0 by 2026-11-28"):
        with pytest.raises(StepRefused, match="its day is not between"):
            say(at(DecisionStage.IN_EVALUATION), DecisionStep.ACCEPT_IF, conditions=[parse_condition(text)])
    with pytest.raises(StepRefused, match="1 to 50"):
        say(at(DecisionStage.IN_EVALUATION), DecisionStep.ACCEPT_IF)


def test_the_docs_diagram_is_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "decisions-to-buy.md").read_text()
    drawn = set(re.findall(r"^  (\w+) --> (\w+): (.+)$", page, re.M))
    words = {DecisionStep.LAPSE: "the day has passed"}
    moves = {(a.value, b.value, words.get(e, e.value)) for (a, e), b in TRANSITIONS.items() if a is not b}
    assert drawn == moves


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"racks": ("a/b/c/k1", "a/b/c/k1")}, "offered twice"),
        ({"racks": ("k1",)}, "is no rack"),
        ({"racks": ("a/b/c/k1/u12",)}, "is no rack"),
        ({"delivery": TODAY - timedelta(days=1)}, "lies before offered"),
        ({"decide_by": TODAY - timedelta(days=1)}, "lies before offered"),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        offered(msgspec.structs.replace(OFFER, **changed), "ada", 1)


@pytest.mark.parametrize("text", ["racks_passed:L12 >= 21 by 2027-03-01", "passports_frozen >= 20.5 by 2027-03-01"])
def test_a_condition_about_more_racks_than_are_offered_is_refused(text: str) -> None:
    with pytest.raises(StepRefused, match="can never be met, the offer has 20 racks"):
        say(at(DecisionStage.IN_EVALUATION), DecisionStep.ACCEPT_IF, conditions=[parse_condition(text)])
