"""A run's record, its rack's passport and what people said of it become one report.  Pure; nothing is judged anew."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rack_controller.acceptance.progress import Answer, Asked
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.prove.accept.plan import MeasureSpec, Plan
from rack_controller.prove.accept.suspects import SWEPT, Suspect
from rack_controller.prove.accept.verdict import NO_RECORDS, Finding, Measured, Outcome
from rack_controller.prove.report.model import (
    Deviation,
    DeviationGroup,
    Exhibit,
    MeasureRow,
    PassportSummary,
    Picture,
    Report,
    Rows,
    StepSection,
    Waiver,
)
from rack_controller.prove.report.passport import passport_section
from rack_controller.prove.report.written import NONE, duration, limit_of, plural, quantity, stamp, unit_of

MOST_PHOTOS, MOST_PHOTO_BYTES = 40, 48 * 1024 * 1024
"""How many photos a report shows, and how large they are together."""
SIGNERS = ["For the maker", "For the buyer", "Witness"]
_WORDS = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.ERROR: "could not be measured in full",
    Outcome.STOPPED: "stopped",
    Outcome.UNCOMPARED: "not compared",
}


@dataclass(frozen=True, slots=True)
class Source:
    """What a report is made from.

    `plan` is None where the run's plan is not at hand: limits then are those that the record has.  `exhibits` by step;
    `versions`: firmware by kind of part; `hashes`: files and their SHA-256 in the order in which they are listed;
    `sealed`: by whom the evidence was signed; `photos` by name, media type and bytes, as they are now; `beside`: the
    racks that were accepted together with its rack, each with run, rack, outcome and outcomes of its steps;
    `lacks_design`: why nothing is drawn, empty where the run's design is at hand.
    """

    record: RunRecord
    plan: Plan | None = None
    asked: Asked | None = None
    passport: PassportSummary | None = None
    waivers: Sequence[Waiver] = ()
    answers: Sequence[Answer] = ()
    suspects: Sequence[Suspect] = ()
    exhibits: Mapping[str, Sequence[Exhibit]] = field(default_factory=dict)
    versions: Sequence[tuple[str, str]] = ()
    hashes: Sequence[tuple[str, str]] = ()
    sealed: str = ""
    photos: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    beside: Sequence[tuple[str, str, Outcome | None, Mapping[str, Outcome]]] = ()
    lacks_design: str = ""


def report_of(source: Source) -> Report:
    """Return the report of a run."""
    record = source.record
    groups = [g for step in record.steps for g in _deviations(step, source)]
    deviations = [d for group in groups for d in group.rows]
    photos, left_out = _photos(source)
    last = max([_ended(record), *(w.at_unix_ns for w in source.waivers)])
    return Report(
        title="Acceptance report",
        rack=record.rack,
        measured=record.outcome,
        said=_said(record, deviations),
        identity=_identity(source),
        figures=_figures(record, deviations),
        passport=passport_section(source.passport, record.rack),
        suspects=[(s.place, s.serial or NONE, s.text) for s in source.suspects],
        steps=[_section(n, step, source) for n, step in enumerate(record.steps, 1)],
        deviations=groups,
        waivers=[_waiver(w) for w in source.waivers],
        answers=[(stamp(a.at_unix_ns), a.actor, a.step, _handed(a), a.photo_sha256) for a in source.answers],
        provenance=_provenance(source),
        hashes=list(source.hashes),
        signatures=SIGNERS,
        photos=photos,
        photos_left_out=left_out,
        as_of=stamp(last),
        as_of_unix_s=last // 10**9,
        faults_too=record.faults_too,
    )


def _photos(source: Source) -> tuple[list[Picture], list[str]]:
    """Return the photos that were handed in as they were, and why others are not shown."""
    shown: list[Picture] = []
    left_out: list[str] = []
    room = MOST_PHOTO_BYTES
    for answer in {a.photo: a for a in source.answers if a.photo}.values():
        kind, content = source.photos.get(answer.photo, ("", b""))
        if hashlib.sha256(content).hexdigest() != answer.photo_sha256:
            left_out.append(f"{answer.photo}: it is not the photo that was handed in")
        elif len(shown) >= MOST_PHOTOS or len(content) > room:
            left_out.append(f"{answer.photo}: it is in the evidence, the report has no room for more")
        else:
            room -= len(content)
            said = f"{answer.step}, by {answer.actor} at {stamp(answer.at_unix_ns)}"
            note = f": {answer.note}" if answer.note else ""
            shown.append(Picture(said + note, answer.photo, kind, content))
    return shown, left_out


def _ended(record: RunRecord) -> int:
    """Return when a run ended; hours of a virtual rack are seconds of everybody else's."""
    return record.began_unix_ns + (0 if record.rig == "virtual" else int(_length(record) * 1e9))


def _length(record: RunRecord) -> float:
    return max((s.began_s + s.took_s for s in record.steps), default=0.0)


def _said(record: RunRecord, deviations: Sequence[Deviation]) -> str:
    required = [s for s in record.steps if s.required]
    bad = [s for s in required if s.outcome is not Outcome.PASS]
    if record.outcome is None:
        return f"The run has not ended: {plural(len(record.steps), 'step')} so far. Nothing is accepted yet."
    if record.outcome is Outcome.STOPPED:
        return f"The run was stopped: {record.why.removeprefix('stopped for safety: ')}."
    if not bad:
        count = "The required step" if len(required) == 1 else f"All {len(required)} required steps"
        look = "" if record.accepts else " The plan has some steps of an acceptance only: that accepts nothing."
        return f"{count} passed. No limit was exceeded.{_left_open(record)}{look}"
    waived = sum(bool(d.waived) for d in deviations)
    names = "; ".join(f"{s.title} ({_WORDS[s.outcome]})" for s in bad[:4])
    more = f"; and {len(bad) - 4} more" if len(bad) > 4 else ""
    of = f", {waived} of them waived" if waived else ""
    return (
        f"{len(bad)} of {plural(len(required), 'required step')} did not pass: {names}{more}. "
        f"{plural(len(deviations), 'deviation')}{of}."
    )


def _left_open(record: RunRecord) -> str:
    """Return a sentence that names what was not compared, empty where everything was."""
    named = [m.title.removesuffix(NO_RECORDS) for m in _uncompared(record)]
    return f" Not compared, as nobody handed as-built records in: {'; '.join(named)}." if named else ""


def _uncompared(record: RunRecord) -> list[Measured]:
    return [m for s in record.steps for m in s.measures if m.outcome is Outcome.UNCOMPARED]


def _identity(source: Source) -> Rows:
    record, asked, changed = source.record, source.asked, source.record.design_changed_after
    rig = "a virtual rack, in virtual time" if record.rig == "virtual" else "a rack that runs"
    rig = "an emulated rack: no hardware was measured" if record.emulated else rig
    return [
        ("Rack", record.rack),
        ("Generation", record.generation),
        *((f"Design after {step}", "another one than before: the product was upgraded") for step in changed),
        *([("Not drawn", f"{source.lacks_design}.")] if source.lacks_design else []),
        ("Plan", f"{record.plan}, up to {record.level}"),
        ("Run on", rig),
        ("Run", record.id),
        ("Begun", stamp(record.began_unix_ns) + (f" by {asked.actor}" if asked else "")),
        ("Took", duration(_length(record)) + (" of the rack's time" if record.rig == "virtual" else "")),
        *([("Planted fault", record.planted)] if record.planted else []),
        *([("Came before", record.before or "nothing that counts")] if record.together else []),
        *((f"Together with {rack}", _beside(run, ended, steps)) for run, rack, ended, steps in source.beside),
    ]


def _beside(run: str, ended: Outcome | None, steps: Mapping[str, Outcome]) -> str:
    """Return how the run of another rack ended, and each step of it."""
    each = ", ".join(f"{name} {_WORDS[outcome]}" for name, outcome in steps.items())
    return f"{_WORDS[ended] if ended else 'not ended'} ({each or 'no step yet'}); run {run}"


def _figures(record: RunRecord, deviations: Sequence[Deviation]) -> Rows:
    measures = [m for s in record.steps for m in s.measures]
    out = {p for s in record.steps for p in s.parts_out}
    return [
        ("Steps", str(len(record.steps))),
        ("Passed", str(sum(s.outcome is Outcome.PASS for s in record.steps))),
        ("Measures", str(len(measures))),
        ("Verdicts on parts", f"{sum(m.judged for m in measures):,}".replace(",", "\u202f")),
        *([("Not compared", str(len(_uncompared(record))))] if _uncompared(record) else []),
        ("Deviations", str(len(deviations))),
        ("Waived", str(sum(bool(d.waived) for d in deviations))),
        ("Parts to take out", str(len(out))),
    ]


def _section(number: int, step: StepRecord, source: Source) -> StepSection:
    specs = _specs(step.id, source.plan)
    own = [m for m in step.measures if not m.id.startswith(SWEPT)]
    swept = [m for m in step.measures if m.id.startswith(SWEPT)]
    loud = [m for m in swept if m.outcome is not Outcome.PASS]
    rows = [_row(m, specs.get(m.id)) for m in (*own, *loud)]
    if len(swept) > len(loud):
        rows.append(_quiet_sweep([m for m in swept if m.outcome is Outcome.PASS]))
    return StepSection(
        id=step.id,
        number=number,
        title=step.title,
        level=step.level,
        required=step.required,
        outcome=step.outcome,
        took=duration(step.took_s) if step.tries else "not run",
        tries=step.tries,
        why=step.said,
        measures=rows,
        parts_out=step.parts_out,
        not_again=[f.text for f in step.not_again],
        exhibits=list(source.exhibits.get(step.id, ())),
    )


def _row(measured: Measured, spec: MeasureSpec | None) -> MeasureRow:
    open_ = measured.outcome is Outcome.UNCOMPARED
    gap = open_ or (measured.outcome is Outcome.ERROR and not measured.judged)
    unit = unit_of(spec, measured.id, measured.judged, measured.unit)
    within = measured.outcome is Outcome.PASS
    return MeasureRow(
        title=measured.title,
        judged=NONE if gap else f"{measured.judged:,}".replace(",", "\u202f"),
        place=measured.place or NONE,
        value="not compared" if open_ else "not measured" if gap else quantity(measured.value, unit),
        limit=limit_of(spec, measured.limit, measured.value, unit, within=within),
        source=measured.source,
        outcome=measured.outcome,
    )


def _quiet_sweep(swept: Sequence[Measured]) -> MeasureRow:
    return MeasureRow(
        title=f"Every series that was read, against its peers ({plural(len(swept), 'comparison')})",
        judged=f"{sum(m.judged for m in swept):,}".replace(",", "\u202f"),
        place=NONE,
        value="all within",
        limit="of each series",
        source="the plan's tolerances, or the peers' own scatter",
        outcome=Outcome.PASS,
    )


def _specs(step: str, plan: Plan | None) -> dict[str, MeasureSpec]:
    return {} if plan is None else {m.id: m for s in plan.steps if s.id == step for m in s.measures}


def _deviations(step: StepRecord, source: Source) -> list[DeviationGroup]:
    specs = _specs(step.id, source.plan)
    return [
        DeviationGroup(
            step=step.id,
            measure=m.id,
            title=f"{step.title}: {m.title}",
            source=m.source,
            error=all(f.error for f in m.findings),
            rows=[_deviation(step.id, f, m, specs.get(m.id), source.waivers) for f in m.findings],
        )
        for m in step.measures
        if m.findings
    ]


def _deviation(
    step: str, found: Finding, measured: Measured, spec: MeasureSpec | None, waivers: Sequence[Waiver]
) -> Deviation:
    unit = unit_of(spec, measured.id, measured.judged, found.unit)
    taken = [w for w in waivers if w.covers(step, found.measure, found.place)]
    return Deviation(
        place=found.place or "the run",
        serial=found.serial,
        text=found.text.removeprefix(f"{found.place}: "),
        value=quantity(found.value, unit),
        limit=limit_of(spec, found.limit, found.value, unit, within=False),
        confidence="" if found.error else f"{min(found.confidence, 0.9999) * 100:.2f} %",
        error=found.error,
        waived=f"{taken[-1].actor} ({taken[-1].role}): {taken[-1].reason}" if taken else "",
    )


def _waiver(waiver: Waiver) -> tuple[str, str, str, str]:
    about = f"{waiver.step} / {waiver.measure}" + (f" / {waiver.place}" if waiver.place else ", all its parts")
    return stamp(waiver.at_unix_ns), f"{waiver.actor} ({waiver.role})", about, waiver.reason


def _handed(answer: Answer) -> str:
    said = [f"barcode {answer.barcode}"] if answer.barcode else []
    said += [answer.note] if answer.note else []
    said += [f"photo {answer.photo}"] if answer.photo else []
    return "; ".join([*said, *(["done"] if answer.done else [])]) or NONE


def _provenance(source: Source) -> Rows:
    record = source.record
    seeds = ", ".join(f"{name} {value}" for name, value in record.seeds.items())
    return [
        ("Software", f"Rackwright {record.software}"),
        ("Plan, SHA-256", record.plan_sha256),
        ("Seeds", seeds or "none: a rack that runs"),
        ("Record", f"schema {record.schema_version}; OCP Test & Validation 2.0"),
        ("Sealed by key", source.sealed or "not sealed yet"),
        *((f"Firmware, {kind}", versions) for kind, versions in source.versions),
    ]
