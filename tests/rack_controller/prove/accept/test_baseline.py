"""A baseline that a plan says: written from what a rack runs, held against every part, and what it leaves out told."""

import pytest
from support.scripted_rack import parts

from firmware_bridge.vocabulary.errors import FileInvalid
from rack_controller.acceptance.plans import read_plan_text
from rack_controller.prove.accept.baseline import plan_text, versions_of
from rack_controller.prove.accept.evidence import Evidence, FactValue
from rack_controller.prove.accept.judge import judge_step
from rack_controller.prove.accept.verdict import Measured, Outcome

Facts = dict[str, dict[str, FactValue]]


def facts() -> Facts:
    said: Facts = {place: {"firmware": "97.00.82"} for place in parts().of("gpu")}
    said |= {f"{tray}/bmc/FW_BMC_0": {"firmware": "24.12-8"} for tray in parts().of("tray")}
    said["u01/bmc/none"] = {"firmware": None}
    return said


def signed(draft: str) -> str:
    """Return a draft that somebody read and wrote their name into."""
    return draft.replace('source: ""', "source: J. Doe")


def versions(said: Facts, text: str) -> Measured:
    plan, _ = read_plan_text(text, "plan.yaml")
    step = next(s for s in plan.steps if s.id == "firmware")
    return next(m for m in judge_step(step, plan, Evidence("k01", facts=said), parts()) if m.id == "versions")


def test_what_most_of_a_rack_runs_becomes_a_plan_that_holds_each_part_against_it() -> None:
    old = {"u13/gpu2": {"firmware": "97.00.6C"}, "u14/bmc/FW_BMC_0": {"firmware": "24.09-1"}}
    text = signed(plan_text("gb200-nvl72", "lab1/a/r01/k01", "2026-11-30", versions_of(facts() | old, parts())))
    assert versions(facts(), text).outcome is Outcome.PASS
    assert '# "nic":' in text, "what the rack does not tell and the floor does"
    found = versions(facts() | old, text)
    assert {f.place: f.text for f in found.findings} == {
        "u13/gpu2": "u13/gpu2: firmware is 97.00.6C, 97.00.82 is wanted",
        "u14/bmc/FW_BMC_0": "u14/bmc/FW_BMC_0: firmware is 24.09-1, 24.12-8 is wanted",
    }


def test_what_a_baseline_says_nothing_of_is_an_error_and_no_pass() -> None:
    text = signed(plan_text("gb200-nvl72", "k01", "2026-11-30", {"gpu": "97.00.82"}))
    found = versions(facts(), text)
    assert found.outcome is Outcome.ERROR
    assert {f.place for f in found.findings} == {f"{tray}/bmc/FW_BMC_0" for tray in parts().of("tray")}
    assert "the baseline has none" in found.findings[0].text


def test_a_draft_is_refused_until_a_person_says_who_wants_it() -> None:
    with pytest.raises(FileInvalid, match="who wants these versions") as caught:
        read_plan_text(plan_text("gb200-nvl72", "k01", "2026-11-30", {"gpu": "97.00.82"}), "plan.yaml")
    assert caught.value.field == "baseline.source"


@pytest.mark.parametrize(
    ("text", "field"),
    [("{source: ' ', firmware: {gpu: a}}", "baseline.source"), ("{source: me, firmware: {}}", "baseline.firmware")],
)
def test_a_baseline_without_versions_or_a_source_is_refused(text: str, field: str) -> None:
    with pytest.raises(FileInvalid) as caught:
        read_plan_text(f"extends: gb200-nvl72\nbaseline: {text}\n", "plan.yaml")
    assert caught.value.field == field
