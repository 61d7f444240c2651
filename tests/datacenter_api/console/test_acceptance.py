"""Acceptance on the console: states by shape and word, one instruction at the rack, no text that could be markup."""

from pathlib import Path

import msgspec
import pytest
from support.accepted import BEGAN, NS, RACK, finding, measured, record, step

from datacenter_api.acceptance.beside import RackBeside
from datacenter_api.acceptance.shown import PlannedStep, RunRow, RunView
from datacenter_api.console import acceptance
from datacenter_api.console.acceptance import RunSight, RunsSight, draw_run, draw_runs
from datacenter_api.console.found import draw_found, draw_heading, found_by
from datacenter_api.console.test_floor import TOOLS, draw_floor, floor_cells
from rack_controller.acceptance.pace import DECLARED
from rack_controller.acceptance.progress import Answer, Asked, Progress, Stop
from rack_controller.acceptance.record import RunRecord
from rack_controller.prove.accept.suspects import Suspect
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.report.model import Waiver

HOSTILE = '"><script>alert(1)</script>'
NOW = Progress("psu_each", "Every supply can go", "pulled", BEGAN, BEGAN + 200 * NS, "u05/psu2", 0.42, "pull u05/psu2")
STEPS = [
    PlannedStep("gpu_stress", "GPUs", "L10", True, "", Outcome.FAIL, 2),
    PlannedStep("psu_each", "Every supply can go", "L11", True, "Somebody stands at the rack."),
]


def view(**more: object) -> RunView:
    failed = step("gpu_stress", [measured([finding(0), finding(1)])])
    plain = RunView(record(failed, outcome=None), STEPS, True, None, NOW, None, [], [], [], "")
    return msgspec.structs.replace(plain, **more)


def row(**more: object) -> RunRow:
    plain = RunRow("k42-1", RACK, "gb200-nvl72", "L11", "live", BEGAN, None, True, 1, 2, 1, NOW)
    return msgspec.structs.replace(plain, **more)


def over(outcome: Outcome, **more: object) -> RunRecord:
    failed = step("gpu_stress", [measured([finding(0)])], parts_out=["u11/gpu0"])
    return record(failed, outcome=outcome, **more)


def gaps_only() -> RunRecord:
    gap = msgspec.structs.replace(finding(0), error=True)
    return record(step("gpu_stress", [measured([gap], outcome=Outcome.ERROR)]))


def test_a_run_with_faults_that_was_not_measured_in_full_says_both() -> None:
    both = draw_run(RunSight(view(record=over(Outcome.ERROR), running=False, now=None)), "k42-1")
    assert "✗ faults found, and not all was measured" in both
    bare = draw_run(RunSight(view(record=gaps_only(), running=False, now=None)), "k42-1")
    assert '<span class="pill warning">! not measured</span>' in bare
    ended = row(outcome=Outcome.ERROR, now=None, running=False)
    assert '<span class="pill warning">! not measured</span>' in draw_runs(RunsSight((ended,)))
    assert "faults found, and" in draw_runs(RunsSight((msgspec.structs.replace(ended, faults_too=True),)))
    beside = RackBeside("k43-1", "lab1/a/r01/k43", Outcome.ERROR, {"a": Outcome.FAIL, "b": Outcome.ERROR})
    assert "faults found, and" in draw_run(RunSight(view(beside=[beside])), "k42-1")


def test_runs_are_listed_with_what_they_do_and_ask() -> None:
    drawn = draw_runs(RunsSight((row(), row(outcome=Outcome.PASS, now=None, running=False))))
    assert "▶ running" in drawn
    assert "✓ pass" in drawn
    assert "☞ pull u05/psu2" in drawn
    assert "2 deviations, 1 waived" in drawn
    assert 'aria-label="42 % done"' in drawn
    assert "▮▮ not running" in draw_runs(RunsSight((row(running=False),)))
    far = msgspec.structs.replace(NOW, steps_done=9, steps=23, part="2 of 8", left_s=2880.0, left_by="3 runs of <k01>")
    told = draw_run(RunSight(view(now=far)), "k42-1").replace("\u00a0", " ")
    assert "9 of 23 steps done · about 48 min left, by 3 runs of &lt;k01&gt;" in told
    assert "pulled, part 2 of 8" in told
    declared = draw_run(RunSight(view(now=msgspec.structs.replace(far, left_by=DECLARED))), "k42-1")
    assert "at least 48 min left, by the phases that the plan declares" in declared.replace("\u00a0", " ")
    waits = msgspec.structs.replace(
        far, asks="", waits_for="inventories: 40 of 63 reports are in", until_unix_ns=None, wait_counts=False
    )
    waiting = draw_run(RunSight(view(now=waits)), "k42-1").replace("\u00a0", " ")
    assert "waits for inventories: 40 of 63 reports are in since" in waiting
    assert "at least 48 min left, by 3 runs of &lt;k01&gt;; what it waits for now is not in that" in waiting
    assert "waits for inventories: 40 of 63 reports are in" in draw_floor(RunSight(view(now=waits)), "k42-1")
    altered = draw_runs(RunsSight((row(outcome=Outcome.PASS, running=False, altered="<run.json> is not it"),)))
    assert "◆ altered since sealed" in altered
    assert "pill ok" not in altered, "what an altered record says has no colour"
    assert "&lt;run.json&gt; is not it" in altered
    unproven = draw_runs(RunsSight((row(outcome=Outcome.PASS, running=False, unproven="<no> file"),)))
    assert "? seal not known" in unproven
    assert "&lt;no&gt; file" in unproven
    assert "pill ok" not in unproven
    assert "pill critical" not in unproven
    assert "rackwright accept run" in draw_runs(RunsSight())
    assert "&lt;no&gt;" in draw_runs(RunsSight((row(unreadable="<no>"),)))


def test_the_page_of_a_run_says_that_it_was_altered_or_that_nobody_can_tell() -> None:
    passed = record(step("gpu_stress", [measured([])]))
    ended = view(record=passed, running=False, now=None)
    assert "pill ok" in draw_run(RunSight(ended), "k42-1")
    altered = draw_run(RunSight(msgspec.structs.replace(ended, altered="<run.json> is not it")), "k42-1")
    assert "◆ altered since sealed" in altered
    assert "says pass" in altered
    assert "&lt;run.json&gt; is not it: see" in altered
    assert "pill ok" not in altered
    unproven = draw_run(RunSight(msgspec.structs.replace(ended, unproven="<no> file")), "k42-1")
    assert "? seal not known" in unproven
    assert "? &lt;no&gt; file" in unproven
    assert "pill ok" not in unproven


@pytest.mark.parametrize(("there", "wanted"), [(True, "report.pdf"), (False, "rackwright[report]")])
def test_a_pdf_is_offered_where_one_can_be_made_and_else_what_to_install(
    monkeypatch: pytest.MonkeyPatch, there: bool, wanted: str
) -> None:
    monkeypatch.setattr(acceptance, "can_print", lambda: there)
    drawn = draw_run(RunSight(view()), "k42-1")
    assert wanted in drawn
    assert "report.html" in drawn
    assert ("report.pdf" in drawn) is there


def test_a_run_shows_steps_findings_what_was_handed_in_and_what_it_waits_for() -> None:
    answer = Answer(BEGAN, "tom", "psu_each", True, "A42", "Right part", "p.png", "ab" * 32)
    waiver = Waiver(BEGAN, "ada", "operator", "gpu_stress", "tail", "u11/gpu0", "Known.")
    shown = view(answers=[answer], waivers=[waiver], suspects=[Suspect("u11/gpu0", "SN0", 2.0, [], "slow")])
    drawn = draw_run(RunSight(shown), "k42-1") + draw_found(shown, found_by(shown, ""))
    for wanted in (
        "✗ fail",
        "▶ now",
        "Pull u05/psu2",
        "waits for u05/psu2",
        "until 0",
        "42% of the run",
        "waived by ada (operator), 2026-11-29 05:26: Known.",
        "/photos/p.png",
        "Somebody stands at the rack.",
        "1\u202f834\u00a0TFLOP/s",
    ):
        assert wanted in drawn, wanted
    assert drawn.count("waived by") == 1
    stopped = view(stop=Stop("eve", BEGAN, "smoke"))
    assert "eve wants it to end" in draw_run(RunSight(stopped), "k42-1")
    assert "out of memory" in draw_run(RunSight(view(running=False, now=None, trouble="out of memory")), "k42-1")
    assert "no such run" in draw_run(RunSight(None, "no such run"), "x")


@pytest.mark.parametrize(
    ("shown", "state", "word", "instruction"),
    [
        (view(), "ask", "Your turn", "Pull <b>u05/psu2</b>"),
        (view(now=msgspec.structs.replace(NOW, asks="")), "wait", "Running", "Being checked: Every supply can go."),
        (view(running=False, now=None), "fault", "Not running", "waits to be started again"),
        (view(record=over(Outcome.PASS), now=None, running=False), "ok", "Passed", "Nothing more to do."),
        (view(record=over(Outcome.FAIL), now=None, running=False), "fault", "Fault found", "Take out <b>u11/gpu0</b>."),
        (view(record=over(Outcome.ERROR), now=None, running=False), "fault", "Fault found", "Take out"),
        (view(record=gaps_only(), now=None, running=False), "fault", "Not measured", "Fetch the test lead"),
        (view(record=over(Outcome.STOPPED, why="too hot"), now=None, running=False), "fault", "Stopped", "too hot"),
    ],
)
def test_the_screen_at_the_rack_has_one_state_and_one_instruction(
    shown: RunView, state: str, word: str, instruction: str
) -> None:
    drawn = draw_floor(RunSight(shown), "k42-1")
    assert f'class="tf {state}"' in drawn
    assert f"</span>{word}<i" in drawn
    assert instruction in drawn
    assert drawn.count('class="tfdo') == 1


def test_what_counts_down_is_a_cell_and_the_step_stands_where_the_script_looks() -> None:
    sight = RunSight(view())
    assert floor_cells(sight, BEGAN + 80 * NS) == {("tf-left", "text"): "2\u00a0min left"}
    assert floor_cells(sight, BEGAN + 900 * NS) == {("tf-left", "text"): "0\u00a0s left"}
    assert floor_cells(None, BEGAN) == {("tf-left", "text"): ""}
    assert 'data-step="psu_each"' in draw_floor(sight, "k42-1")
    assert "✗ 2 faults" in draw_floor(sight, "k42-1")
    gap = msgspec.structs.replace(finding(1), error=True)
    both = view(record=record(step("gpu_stress", [measured([finding(0), gap])]), outcome=None))
    assert "✗ 1 fault · ! 1 not measured" in draw_floor(RunSight(both), "k42-1")
    assert f">{gap.place}<br>! not measured<" in draw_found(both, [0, 1])
    bare = view(record=record(step("gpu_stress", [measured([gap])]), outcome=None))
    assert "● No fault so far, ! 1 not measured" in draw_floor(RunSight(bare), "k42-1")


def test_a_pass_of_some_steps_only_sends_nobody_to_sign() -> None:
    passed = record(step("gpu_stress", [measured([], outcome=Outcome.PASS)]), outcome=Outcome.PASS)
    assert "fetch whoever signs" in draw_floor(RunSight(view(record=passed)), "k42-1")
    look = draw_floor(RunSight(view(record=msgspec.structs.replace(passed, accepts=False))), "k42-1")
    assert "nothing is accepted, nobody signs" in look
    assert "● No fault<" in look


def test_what_was_not_compared_is_named_and_no_pass() -> None:
    open_ = measured([], title="Serials: not compared", outcome=Outcome.UNCOMPARED, judged=0)
    sight = RunSight(view(record=record(step("identity", [open_]))))
    assert sight.view is not None
    assert '<p class="sev-warning">– Serials: not compared</p>' in draw_heading(sight.view)
    assert ">–</span>Not compared<" in draw_floor(sight, "k42-1")
    assert "Passed" not in draw_floor(sight, "k42-1")


def test_what_an_ended_run_has_not_done_is_not_to_come() -> None:
    planned = [PlannedStep("soak", "Soak", "L11", True, "Somebody stands by.")]
    goes_on, over = (view(steps=planned, record=record(outcome=o)) for o in (None, Outcome.STOPPED))
    assert "○ to come" in draw_run(RunSight(goes_on), "k42-1")
    drawn = draw_run(RunSight(over), "k42-1")
    assert ("○ not done" in drawn, "to come" in drawn, "Somebody stands by" in drawn) == (True, False, False)


def test_no_text_of_a_device_or_person_is_markup() -> None:
    bad = finding(0, place=HOSTILE, serial=HOSTILE, text=HOSTILE, value=HOSTILE, limit=HOSTILE)
    hostile = view(
        record=record(step("x", [measured([bad])]), rack=HOSTILE, planted=HOSTILE, plan=HOSTILE, outcome=None),
        steps=[PlannedStep("x", HOSTILE, "L10", True, HOSTILE)],
        asked=Asked(HOSTILE, BEGAN, HOSTILE, HOSTILE, "L10", "live"),
        now=msgspec.structs.replace(NOW, title=HOSTILE, phase=HOSTILE, waits_for=HOSTILE, asks=HOSTILE),
        stop=Stop(HOSTILE, BEGAN, HOSTILE),
        answers=[Answer(BEGAN, HOSTILE, HOSTILE, True, HOSTILE, HOSTILE, HOSTILE, "ab" * 32)],
        waivers=[Waiver(BEGAN, HOSTILE, HOSTILE, "x", "tail", HOSTILE, HOSTILE)],
        suspects=[Suspect(HOSTILE, HOSTILE, 1.0, [], HOSTILE)],
    )
    drawn = draw_run(RunSight(hostile), HOSTILE) + draw_floor(RunSight(hostile), HOSTILE)
    drawn += draw_runs(RunsSight((row(id=HOSTILE, rack=HOSTILE, now=hostile.now),))) + draw_floor(
        RunSight(None, HOSTILE), HOSTILE
    )
    drawn += draw_heading(hostile) + draw_found(hostile, found_by(hostile, "script"))
    assert (HOSTILE.strip('"') in drawn, "<script" in drawn) == (False, False)


def test_every_field_of_the_screen_is_wired_in_its_script() -> None:
    static = Path(__file__).parents[3] / "datacenter_api" / "console" / "static"
    script = (static / "test_floor.js").read_text()
    for name in ("tf-scan", "tf-code", "tf-photo", "tf-done", "tf-said"):
        assert f'id="{name}"' in TOOLS
        assert f'"{name}"' in script or f"#{name}" in script


def test_racks_together_are_told_with_each_other_s_verdicts_and_where_people_are_asked() -> None:
    others = [
        RackBeside("k43-1", "lab1/a/r01/k43", None, {"cluster_clock": Outcome.FAIL}, "load k43"),
        RackBeside("k44-1", "lab1/a/r01/k44", Outcome.PASS, {"cluster_clock": Outcome.PASS}),
        RackBeside("k45-1", "lab1/a/r01/k45", unreadable="<no>"),
    ]
    drawn = draw_run(RunSight(view(beside=others)), "k42-1")
    for wanted in ("/console/acceptance/k43-1", "cluster_clock ✗ fail", "☞ load k43", "✓ pass", "&lt;no&gt;"):
        assert wanted in drawn, wanted
    quiet = msgspec.structs.replace(NOW, asks="")
    assert "people at <b>k43</b> are asked" in draw_floor(RunSight(view(beside=others, now=quiet)), "k42-1")
    assert "Your turn" in draw_floor(RunSight(view(beside=others)), "k42-1"), "what is asked here comes first"
    together = {"k42-1": RACK, "k43-1": "lab1/a/r01/k43"}
    assert "with k43" in draw_runs(RunsSight((row(together=together),)))
