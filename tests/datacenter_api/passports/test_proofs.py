"""What proves that racks have passed: sealed runs of real racks alone, while seals hold and keys are known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.as_built import RACK
from support.sealed_runs import flip, sealed_run

from datacenter_api.passports.decisions import DecisionDesk
from datacenter_api.passports.desk import PassportDesk
from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from rack_controller.acceptance.run import EVIDENCE
from rack_controller.evaluation.kept import EvaluationRecord, keep_evaluation
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.conditions import ConditionOutcome
from rack_controller.prove.evaluate.sheet import Seen, Sheet
from rack_controller.prove.keys import fingerprint
from rack_controller.prove.option import DecisionStep, Firm, Offer
from rack_controller.signing_keys import SigningKeys

OTHER = "lab1/a/r01/k02"
HOUR = 3_600 * 10**9
SEAL = f"{EVIDENCE}.dsse"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[PassportDesk]:
    made = PassportDesk(tmp_path)
    yield made
    made.close()


def offered(desk: PassportDesk, *texts: str, keys: tuple[str, ...] = ()) -> DecisionDesk:
    """Return decisions with one that is conditional: both racks, until next year."""
    decisions = DecisionDesk(desk)
    day = datetime.now(UTC).date()
    long = day + timedelta(days=300)
    offer = Offer("pilot", "P", Firm("M", ("mo",)), Firm("B", ("bea",)), (RACK, OTHER), day, long, keys=keys)
    decisions.offer(offer, "admin")
    decisions.say("pilot", DecisionStep.EVALUATE, "bea")
    decisions.say("pilot", DecisionStep.ACCEPT_IF, "bea", conditions=[f"{t} by {long}" for t in texts])
    return decisions


def measured(decisions: DecisionDesk) -> list[tuple[float | None, ConditionOutcome]]:
    return [(c.last, c.outcome) for c in decisions.show("pilot").conditions]


def test_racks_pass_by_their_newest_sealed_run_alone(desk: PassportDesk) -> None:
    decisions = offered(desk, "racks_passed:L12 >= 2", "racks_passed:L11 >= 2")
    assert measured(decisions)[0] == (0.0, ConditionOutcome.OPEN)
    sealed_run(desk.state, RACK)
    sealed_run(desk.state, OTHER, level="L11")
    assert measured(decisions) == [(1.0, ConditionOutcome.OPEN), (2.0, ConditionOutcome.MET)]
    assert "1 of 2 racks have a sealed run of L12" in decisions.show("pilot").conditions[0].detail
    sealed_run(desk.state, RACK, Outcome.FAIL, began_unix_ns=int(datetime.now(UTC).timestamp() * 1e9) - HOUR // 2)
    assert measured(decisions)[0] == (0.0, ConditionOutcome.OPEN), "the newest one failed"
    sealed_run(desk.state, OTHER, Outcome.ERROR)
    assert len(decisions.proofs(decisions.show("pilot").offer)) == 3 + 2 + 3, "what came to no verdict proves nothing"


@pytest.mark.parametrize("name", [EVIDENCE, SEAL])
@pytest.mark.parametrize("at", [3, 900, -20])
def test_a_run_whose_seal_does_not_hold_does_not_count(desk: PassportDesk, name: str, at: int) -> None:
    decisions = offered(desk, "racks_passed:L12 >= 1")
    folder = sealed_run(desk.state, RACK)
    flip(folder.path / name, at)
    assert measured(decisions) == [(0.0, ConditionOutcome.OPEN)]
    (run,) = decisions.runs("pilot")
    assert "seal does not hold" in run.fault
    flip(folder.path / name, at)
    assert measured(decisions) == [(1.0, ConditionOutcome.MET)], "put right again it counts"


def test_a_virtual_rack_a_foreign_key_and_a_missing_seal_prove_nothing(desk: PassportDesk, tmp_path: Path) -> None:
    decisions = offered(desk, "racks_passed:L12 >= 1")
    foreign = SigningKeys(tmp_path / "elsewhere")
    sealed_run(desk.state, RACK, rig="virtual")
    sealed_run(desk.state, RACK, signer=foreign.signer(), run="foreign")
    (sealed_run(desk.state, RACK, run="open").path / SEAL).unlink()
    assert measured(decisions) == [(0.0, ConditionOutcome.OPEN)]
    faults = {r.run: r.fault for r in decisions.runs("pilot")}
    assert "nobody here was told of" in faults["foreign"]
    assert "not sealed yet" in faults["open"]
    assert any("virtual" in f for f in faults.values())


def test_a_look_at_a_rack_by_some_steps_of_a_plan_accepts_nothing(desk: PassportDesk) -> None:
    decisions = offered(desk, "racks_passed:L12 >= 1")
    folder = sealed_run(desk.state, RACK, accepts=False)
    assert measured(decisions) == [(0.0, ConditionOutcome.OPEN)]
    (run,) = decisions.runs("pilot")
    assert "only some steps of an acceptance" in run.fault
    with pytest.raises(ArgumentsInvalid, match="only some steps of an acceptance"):
        decisions.hand_in((folder.path / EVIDENCE).read_bytes(), (folder.path / SEAL).read_bytes())


def test_a_plan_without_a_step_of_a_level_says_nothing_of_it(desk: PassportDesk) -> None:
    decisions = offered(desk, "racks_passed:L12 >= 1", "racks_passed:L10 >= 1")
    sealed_run(desk.state, RACK, level="L11")
    assert measured(decisions) == [(0.0, ConditionOutcome.OPEN), (1.0, ConditionOutcome.MET)]


def test_a_run_that_ended_after_the_day_of_a_condition_comes_too_late(desk: PassportDesk) -> None:
    decisions = offered(desk, "racks_passed:L12 >= 1")
    sealed_run(desk.state, RACK, began_unix_ns=int((datetime.now(UTC) + timedelta(days=400)).timestamp() * 1e9))
    assert measured(decisions) == [(0.0, ConditionOutcome.OPEN)]


def test_a_run_sealed_elsewhere_counts_where_the_offer_names_its_key(desk: PassportDesk, tmp_path: Path) -> None:
    foreign = SigningKeys(tmp_path / "elsewhere" / "signing")
    folder = sealed_run(tmp_path / "elsewhere", RACK, signer=foreign.signer())
    content, seal = ((folder.path / n).read_bytes() for n in (EVIDENCE, SEAL))
    with pytest.raises(ArgumentsInvalid, match="nobody here was told of"):
        DecisionDesk(desk).hand_in(content, seal)
    decisions = offered(desk, "racks_passed:L12 >= 1", keys=(fingerprint(foreign.signer().public),))
    assert decisions.hand_in(content, seal).rack == RACK
    assert measured(decisions) == [(1.0, ConditionOutcome.MET)]
    with pytest.raises(ArgumentsInvalid, match="seal does not hold"):
        decisions.hand_in(content.replace(b"live", b"love"), seal)
    (kept,) = (desk.state / "passports" / "evidence").glob(f"*/{EVIDENCE}")
    flip(kept)
    assert decisions.proofs(decisions.show("pilot").offer) == []


def evaluated(desk: PassportDesk, values: dict[str, float], rig: str = "live") -> Path:
    sheets = [
        Sheet(rack, "gb200-nvl72", rig, "ev-1", "ab", 1, 0.1, {"goodput-per-kw": Seen(v, under="a")})
        for rack, v in values.items()
    ]
    count = len(list((desk.state / "evaluations").glob("*")))
    record = EvaluationRecord(f"ev-{count}", "standard", "ab", "x", rig, len(sheets), len(sheets), 1, "ada", "0")
    return keep_evaluation(desk.state, record, sheets, desk.keys.signer())


def test_a_criterion_is_judged_by_the_worse_end_of_its_interval(desk: PassportDesk) -> None:
    decisions = offered(desk, "criterion:goodput-per-kw >= 90", "criterion:goodput-per-kw <= 100")
    assert measured(decisions)[0] == (None, ConditionOutcome.OPEN)
    evaluated(desk, {RACK: 100.0, "lab1/a/r01/k99": 1.0})
    evaluated(desk, {RACK: 50.0, OTHER: 50.0}, rig="virtual")
    assert measured(decisions)[0] == (None, ConditionOutcome.OPEN), "one rack has no interval, virtual ones don't count"
    folder = evaluated(desk, {OTHER: 101.0})
    (low, low_is), (high, high_is) = measured(decisions)
    assert (low, low_is) == (pytest.approx(94.1469, abs=1e-3), ConditionOutcome.MET)
    assert (high, high_is) == (pytest.approx(106.8531, abs=1e-3), ConditionOutcome.OPEN)
    flip(folder / "sheets.jsonl")
    assert measured(decisions)[1] == (None, ConditionOutcome.OPEN), "an evaluation whose seal does not hold is none"


def test_conditions_say_from_which_side_they_ask(desk: PassportDesk) -> None:
    decisions = offered(desk, "criterion:thermal-margin >= -2.5", "racks_passed:L12 <= 0")
    assert [str(c).partition(" by ")[0] for c in decisions.show("pilot").conditions] == [
        "criterion:thermal-margin >= -2.5",
        "racks_passed:L12 <= 0",
    ]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("racks_passed:L99 >= 1", "L10, L11, L12"),
        ("criterion:none >= 1", "goodput-per-kw"),
        ("origin_share:customs >= 50", "contract, buy-american"),
    ],
)
def test_a_condition_about_what_there_is_not_is_refused_with_what_there_is(
    desk: PassportDesk, text: str, known: str
) -> None:
    with pytest.raises(ArgumentsInvalid, match=f"one of: .*{known}"):
        offered(desk, text)


def test_an_offer_whose_last_day_has_passed_is_refused(desk: PassportDesk) -> None:
    day = datetime.now(UTC).date()
    gone = Offer("late", "P", Firm("M", ("mo",)), Firm("B", ("bea",)), (RACK,), day - timedelta(9), day - timedelta(2))
    with pytest.raises(ArgumentsInvalid, match="has passed"):
        DecisionDesk(desk).offer(gone, "admin")
