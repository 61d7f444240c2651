"""The report of a run: the verdict that was measured, every deviation with its limit, waivers beside it."""

import hashlib
import re

import msgspec
from support.accepted import BEGAN, NS, RACK, finding, measured, record, source, step, swept

from rack_controller.acceptance.progress import Answer
from rack_controller.prove.accept.verdict import NO_RECORDS, Outcome
from rack_controller.prove.claim import ClaimVerdict, OriginClaim
from rack_controller.prove.fit import Fit, Mismatch, PartSwap, Side
from rack_controller.prove.report.as_html import as_html
from rack_controller.prove.report.make import Source, report_of
from rack_controller.prove.report.model import Exhibit, PassportSummary, Waiver
from rack_controller.prove.rules import Measure

HOSTILE = '"><script>alert(1)</script>'
WAIVER = Waiver(BEGAN + 9 * NS, "ada", "operator", "gpu_stress", "tail", "u12/gpu1", "It is replaced before delivery.")
CLAIM = OriginClaim(
    "contract", "Share of cost", Measure.SHARE_OF_COST, ClaimVerdict.UNDECIDED, None, 41.5, 80.25, 50.0, source="§ 4"
)


def test_a_waiver_stands_beside_what_was_measured_and_changes_no_verdict() -> None:
    plain, waived = report_of(source()), report_of(source(waivers=[WAIVER]))
    assert waived.measured is plain.measured is Outcome.FAIL
    assert [s.outcome for s in waived.steps] == [s.outcome for s in plain.steps]
    rows = {d.place: d.waived for g in waived.deviations for d in g.rows}
    assert rows == {"u11/gpu0": "", "u12/gpu1": "ada (operator): It is replaced before delivery.", "u13/gpu2": ""}
    assert "3 deviations, 1 of them waived." in waived.said
    whole = report_of(source(waivers=[msgspec.structs.replace(WAIVER, place="")]))
    assert all(d.waived for g in whole.deviations for d in g.rows)
    assert ">✗ FAIL<small>as measured" in as_html(whole)


def test_a_sweep_that_found_nothing_is_one_line_and_one_that_found_something_its_own() -> None:
    quiet = report_of(source()).steps[1]
    assert [m.title for m in quiet.measures] == [
        "No slow tail",
        "Every series that was read, against its peers (40 comparisons)",
    ]
    assert quiet.measures[1].judged == "2\u202f880"
    loud = report_of(Source(record(step("idle", [swept(0), swept(1, [finding(1)])])))).steps[0]
    assert [m.outcome for m in loud.measures] == [Outcome.FAIL, Outcome.PASS]


def test_what_was_not_measured_and_what_has_not_ended_are_said() -> None:
    gap = finding(0, place="", serial="", text="nothing measures leak.state", value=None, limit=None, error=True)
    dry = measured([gap], outcome=Outcome.ERROR, judged=0, value=None, limit=None, place="")
    report = report_of(Source(record(step("leak_watch", [dry]))))
    assert (report.deviations[0].error, report.deviations[0].rows[0].place) == (True, "the run")
    assert report.steps[0].measures[0].value == "not measured"
    assert "(could not be measured in full)" in report.said
    unfinished = report_of(Source(record(outcome=None)))
    assert unfinished.measured is None
    assert "Nothing is accepted yet" in unfinished.said
    assert "OPEN" in as_html(unfinished)
    passed = report_of(Source(record(step("identity", [measured([])]))))
    assert passed.said == "The required step passed. No limit was exceeded."
    stopped = record(outcome=Outcome.STOPPED, why="stopped for safety: too hot: gpu.temperature of u11/gpu0 above 94")
    assert report_of(Source(stopped)).said == "The run was stopped: too hot: gpu.temperature of u11/gpu0 above 94."


def test_a_run_with_faults_that_was_not_measured_in_full_is_headed_by_both() -> None:
    gap = finding(0, place="", text="nothing measures leak.state", value=None, limit=None, error=True)
    dry = measured([gap], outcome=Outcome.ERROR, judged=0, value=None, limit=None, place="")
    both = report_of(Source(record(step("leak_watch", [dry]), step("gpu_stress", [measured([finding(1)])]))))
    assert both.measured is Outcome.ERROR, "the worst outcome stays"
    assert '<div class="stamp fail">✗ FAULTS FOUND<small>and not all was measured</small>' in as_html(both)
    gaps = as_html(report_of(Source(record(step("leak_watch", [dry])))))
    assert '<div class="stamp error">! NOT MEASURED<small>as measured</small>' in gaps


def test_what_was_not_compared_reads_as_no_pass_and_is_named() -> None:
    bare = measured([], title=f"Serials{NO_RECORDS}", outcome=Outcome.UNCOMPARED, judged=0, value=None, limit=None)
    report = report_of(Source(record(step("identity", [bare, measured([])]))))
    row, beside = report.steps[0].measures
    assert (row.outcome, row.judged, row.value) == (Outcome.UNCOMPARED, "–", "not compared")
    assert (beside.outcome, report.measured) == (Outcome.PASS, Outcome.PASS)
    assert report.said.endswith("Not compared, as nobody handed as-built records in: Serials.")
    assert dict(report.figures)["Not compared"] == "1"
    assert "– NOT COMPARED" in as_html(report)
    empty = report_of(Source(record(step("identity", [bare]), step("idle", [measured([])]))))
    assert empty.measured is Outcome.UNCOMPARED, "a step that compared nothing passes no run"
    assert "(not compared)" in empty.said


def test_the_passport_names_both_sides_and_the_rule_of_every_claim() -> None:
    wrong = Mismatch(Fit.SWAPPED, Side(f"{RACK}/u11", "psu", "P", "OLD"), Side(f"{RACK}/u11", "psu", "P", "NEW"))
    swap = PartSwap(f"{RACK}/u12", "T-0", "T-1", BEGAN, "swap by ada")
    passport = PassportSummary(3000, [CLAIM], {"same": 2999, "swapped": 1}, [wrong], [swap], "cd" * 32, BEGAN)
    section = report_of(source(passport=passport)).passport
    assert section.wrong == [("swapped", "u11: P, OLD", "u11: P, NEW")]
    assert (section.claims[0].claim, section.claims[0].asked, section.claims[0].source) == (
        "41.50 to 80.25 %",
        "> 50 %",
        "§ 4",
    )
    assert f"{'cd' * 32}." in section.said
    despite = msgspec.structs.replace(passport, frozen_wrong="1 swapped")
    said = report_of(source(passport=despite)).passport.said
    assert f"{'cd' * 32}, with parts that do not fit: 1 swapped." in said
    assert "T-0 became T-1" in section.swaps[0]
    assert "no origin is claimed" in report_of(source()).passport.said


def test_the_page_stands_alone_and_no_text_is_markup() -> None:
    bad = finding(0, place=HOSTILE, serial=HOSTILE, text=HOSTILE, value=HOSTILE, limit=HOSTILE, source=HOSTILE)
    hostile = record(
        step("x", [measured([bad], title=HOSTILE, place=HOSTILE, source=HOSTILE)], title=HOSTILE, why=HOSTILE),
        rack=HOSTILE,
        plan=HOSTILE,
        planted=HOSTILE,
    )
    waiver = msgspec.structs.replace(WAIVER, step="x", place=HOSTILE, reason=HOSTILE, actor=HOSTILE)
    answer = Answer(BEGAN, HOSTILE, "x", note=HOSTILE, barcode=HOSTILE, photo=HOSTILE)
    page = as_html(
        report_of(
            Source(
                hostile,
                waivers=[waiver],
                answers=[answer],
                hashes=[(HOSTILE, HOSTILE)],
                exhibits={"x": [Exhibit(HOSTILE, "<svg/>")]},
            )
        )
    )
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_the_same_run_gives_the_same_page() -> None:
    assert as_html(report_of(source(76))) == as_html(report_of(source(76)))


def test_photos_are_shown_as_they_were_handed_in_and_another_is_named() -> None:
    good, other = b"a photo", b"swapped since"
    digest = hashlib.sha256(good).hexdigest()
    answers = [
        Answer(BEGAN, "tom", "psu_each", photo="p1.png", photo_sha256=digest, note=HOSTILE),
        Answer(BEGAN, "tom", "psu_each", photo="p2.png", photo_sha256=digest),
        Answer(BEGAN, "tom", "psu_each", photo="p3.png", photo_sha256=digest),
    ]
    made = report_of(source(answers=answers, photos={"p1.png": ("image/png", good), "p2.png": ("image/png", other)}))
    assert [(p.name, p.content) for p in made.photos] == [("p1.png", good)]
    assert [text.partition(":")[0] for text in made.photos_left_out] == ["p2.png", "p3.png"]
    drawn = as_html(made)
    assert 'src="data:image/png;base64,YSBwaG90bw=="' in drawn
    assert "<script" not in drawn
    assert "<h2>Photos</h2>" not in as_html(report_of(source()))
