"""Operations as the console shows them: a rack's list, and one as a timeline, with what they wait for.  Pure."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datacenter_api.console.wording import esc, slot_of
from rack_controller.model.operation import (
    Operation,
    OperationRow,
    OperationState,
    Plan,
    PlannedStage,
    Step,
    StepState,
    Wait,
)

_S, _T = OperationState, StepState
STATES = {
    _S.PLANNED: ("", "○ planned"),
    _S.RUNNING: ("ok", "▶ running"),
    _S.PAUSED: ("warning", "⏸ paused"),
    _S.CANCELLING: ("warning", "▲ cancelling"),
    _S.HELD: ("critical", "◆ held"),
    _S.DONE: ("ok", "● done"),
    _S.FAILED: ("critical", "◆ failed"),
    _S.CANCELLED: ("", "✕ cancelled"),
}
STEPS = {
    _T.WAITING: "○ waiting",
    _T.ACTING: "▶ acting",
    _T.SETTLING: "◐ settling",
    _T.DONE: "● done",
    _T.FAILED: "◆ failed",
    _T.HELD: "◆ held",
    _T.CANCELLED: "✕ cancelled",
}
_BAD = {_T.FAILED, _T.HELD}


@dataclass(frozen=True, slots=True)
class OperationsState:
    """A rack's operations, or why they are not known."""

    rows: tuple[OperationRow, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class OperationSight:
    """One operation, or why it is not known."""

    operation: Operation | None
    error: str = ""


def draw_operations(state: OperationsState | None) -> str:
    """Return a rack's newest operations with what each waits for."""
    head = "<h2>Operations</h2>"
    if state is None:
        return f'{head}<p class="quiet">Asking the controller …</p>'
    if state.error:
        return f'{head}<p class="sev-warning">▲ Not known: {esc(state.error)}</p>'
    if not state.rows:
        return f'{head}<p class="quiet">None yet.</p>'
    columns = "<tr><th>Operation</th><th>State</th><th>Does</th><th>Waits for, or how it ended</th></tr>"
    rows = "".join(_row(row) for row in state.rows)
    return f'{head}<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'


def draw_operation(name: str, sight: OperationSight | None) -> str:
    """Return an operation as a timeline: its stages in order, their checks, their steps and how far each is."""
    if sight is None:
        return f'<h2>{esc(name)}</h2><p class="quiet">Asking the controller …</p>'
    operation = sight.operation
    if operation is None:
        return f'<h2>{esc(name)}</h2><p class="sev-warning">▲ Not known: {esc(sight.error)}</p>'
    plan = operation.plan
    unapproved = ", another person must approve it within an hour" if plan.despite else ", not approved yet"
    approved = f", approved by {esc(operation.approved_by)}" if operation.approved_by else unapproved
    ended = f", ended {_clock(operation.ended_unix_ns)}" if operation.ended_unix_ns else ""
    reason = f"<br>{esc(operation.reason)}" if operation.reason else ""
    stages = "".join(_stage(operation, number, stage) for number, stage in enumerate(plan.stages))
    return (
        f"<h2>{esc(operation.id)}: {esc(plan.verb)} {esc(plan.target)} {_pill(operation.state)}</h2>"
        f'<p class="quiet">Planned by {esc(operation.actor)} {_clock(operation.made_unix_ns)}{approved}{ended}{reason}'
        f"</p>{_now(operation)}{stages}{_beside(plan)}"
    )


def draw_plan(plan: Plan) -> str:
    """Return what a plan would do: its stages in order, with trays, acts and checks, and what it leaves as it is."""
    stages = "".join(_planned(stage) for stage in plan.stages)
    listed = f"<ol>{stages}</ol>" if stages else "<p>● Nothing to do.</p>"
    return f"{listed}{_beside(plan)}"


def operation_link(name: str) -> str:
    """Return a link to an operation's page."""
    return f'<a href="/console/operation/{esc(name)}">{esc(name)}</a>'


def waits_for(wait: Wait | None, summary: str) -> str:
    """Return what is waited for, since when and until when; how it ended where nothing is."""
    if wait is None:
        return esc(summary)
    until = f", until {_clock(wait.until_unix_ns)}" if wait.until_unix_ns else ""
    return f"{esc(wait.reason)} <span class=quiet>since {_clock(wait.since_unix_ns)}{until}</span>"


def _row(row: OperationRow) -> str:
    return (
        f"<tr><td>{operation_link(row.id)}</td><td>{_pill(row.state)}</td>"
        f"<td>{esc(row.verb)} {esc(slot_of(row.target))}, {row.done} of {row.steps}</td>"
        f"<td>{waits_for(row.wait, row.summary)}</td></tr>"
    )


def _pill(state: OperationState) -> str:
    kind, text = STATES[state]
    return f'<span class="pill {kind}">{text}</span>'


def _now(operation: Operation) -> str:
    told = waits_for(operation.wait, operation.summary)
    kind = "sev-critical" if operation.state in (_S.HELD, _S.FAILED) else ""
    return f'<p class="{kind}">{told}</p>' if told else ""


def _beside(plan: Plan) -> str:
    """Return what a plan leaves as it is, cannot switch, or overrules."""
    already = ", ".join(esc(slot_of(p)) for p in plan.already)
    left = f'<p class="quiet">As wanted before: {already}</p>' if already else ""
    lacking = ", ".join(esc(slot_of(p)) for p in plan.unswitched)
    left += f'<p class="sev-warning">▲ Nothing can switch: {lacking}</p>' if lacking else ""
    left += "".join(
        f'<p class="sev-critical">◆ Although {esc(names)} {esc(why)}</p>' for names, why in _by_reason(plan.despite)
    )
    return left + "".join(
        f'<p class="sev-warning">▲ {esc(names)} is left out: {esc(why)}</p>' for names, why in _by_reason(plan.left_out)
    )


def _by_reason(said: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the trays of which the same is said, named together, and what that is."""
    by: dict[str, list[str]] = {}
    for place, why in said.items():
        by.setdefault(why, []).append(slot_of(place))
    return [(", ".join(names), why) for why, names in by.items()]


def _planned(stage: PlannedStage) -> str:
    trays = list(dict.fromkeys(slot_of(step.tray) for step in stage.steps))
    width = f", {min(stage.width, len(trays))} at a time" if len(trays) > 1 else ""
    ways = "; or ".join(dict.fromkeys(_acts(step) for step in stage.steps))
    told = f": {esc(', '.join(trays))}{width} – {esc(ways)}" if trays else ""
    checks = "".join(
        f"<li>{when}: {esc(check.title)}</li>"
        for when, found in (("before", stage.before), ("after", stage.after))
        for check in found
    )
    return f"<li><b>{esc(stage.title)}</b>{told}{f'<ul>{checks}</ul>' if checks else ''}</li>"


def _acts(step: Step) -> str:
    if step.push is not None:
        return f"push {step.push.image[:12]} to {step.push.part}"
    return ", then ".join(str(a.action).replace("_", " ") for a in step.acts)


def _stage(operation: Operation, number: int, stage: PlannedStage) -> str:
    over = operation.over or operation.stage > number
    here = not over and operation.stage == number
    mark = "●" if operation.stage > number else "▶" if here and operation.state is not _S.PLANNED else "○"
    steps = "".join(_step(operation, step) for step in stage.steps)
    checks = [(when, c.title) for when, cs in (("before", stage.before), ("after", stage.after)) for c in cs]
    told = "".join(f"<li>{when}: {esc(title)}</li>" for when, title in checks)
    listed = f"<ul>{told}</ul>" if told else ""
    table = f'<table class="lines"><tbody>{steps}</tbody></table>' if steps else ""
    return f"<h3>{mark} {number + 1}. {esc(stage.title)}</h3>{listed}{table}"


def _step(operation: Operation, step: Step) -> str:
    progress = operation.progress(step.id)
    since = _clock(progress.since_unix_ns) if progress.since_unix_ns else ""
    kind = "sev-critical" if progress.state in _BAD else ""
    return (
        f'<tr class="{kind}"><td>{esc(slot_of(step.tray))}</td><td>{STEPS[progress.state]}</td>'
        f'<td>{esc(_acts(step))}</td><td>{esc(progress.why)}</td><td class="n">{since}</td></tr>'
    )


def _clock(unix_ns: int) -> str:
    return f"{datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC):%H:%M:%S}"


def ended(rows: Sequence[OperationRow]) -> bool:
    """Return whether nothing is under way."""
    return all(row.state in (_S.DONE, _S.FAILED, _S.CANCELLED, _S.PLANNED) for row in rows)
