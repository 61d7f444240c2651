"""Decisions to buy as the console shows them: where each stands, its conditions, its days, all that was said.  Pure."""

import datetime
from collections.abc import Sequence

from datacenter_api.console.wording import UNKNOWN, esc, plural
from rack_controller.prove.conditions import ConditionOutcome, PurchaseCondition
from rack_controller.prove.option import DecisionLine, DecisionRecord, DecisionStage, Reminder

_STAGES = {
    DecisionStage.ACCEPTED: ("●", "ok"),
    DecisionStage.EXERCISED: ("●", "ok"),
    DecisionStage.REJECTED: ("◆", "critical"),
    DecisionStage.LAPSED: ("◆", "critical"),
    DecisionStage.DECLINED: ("○", ""),
}
_OUTCOMES = {
    ConditionOutcome.MET: ("●", "ok"),
    ConditionOutcome.FAILED: ("◆", "critical"),
    ConditionOutcome.OPEN: ("?", "warning"),
}


def draw_decisions(records: Sequence[DecisionRecord]) -> str:
    """Return every decision, those that end first first."""
    if not records:
        return "<h2>Decisions to buy</h2><p class=quiet>None yet: <code>rackwright option offer FILE</code></p>"
    body = "".join(_row(record) for record in records)
    heads = "".join(f"<th>{h}</th>" for h in ("Name", "Stage", "Ends", "Buyer", "Conditions", "What"))
    return f'<h2>Decisions to buy</h2><table class="lines"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def draw_reminders(reminders: Sequence[Reminder]) -> str:
    """Return the days that come soon."""
    rows = "".join(
        f'<p class="{"sev-critical" if r.days_left <= 7 else "sev-warning"}">▲ {r.on}, {_away(r.days_left)}: '
        f"{esc(r.name)}, {esc(r.what)}</p>"
        for r in reminders
    )
    return f"<h2>Days that come</h2>{rows or '<p class=quiet>None within 30 days</p>'}"


def _away(days: int) -> str:
    return f"in {plural(days, 'day')}" if days else "today is the last day"


def draw_offer(record: DecisionRecord) -> str:
    """Return what is offered to whom until when, and where the decision stands."""
    offer = record.offer
    facts = (
        ("stage", _stage(record.stage)),
        ("last day", str(offer.decide_by)),
        ("seller", f"{esc(offer.seller.firm)} ({esc(', '.join(offer.seller.users))})"),
        ("buyer", f"{esc(offer.buyer.firm)} ({esc(', '.join(offer.buyer.users))})"),
        ("racks evaluated", str(len(offer.racks))),
        ("quantity", str(offer.quantity)),
        ("delivery", str(offer.delivery or UNKNOWN)),
    )
    shown = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    racks = " · ".join(f'<a href="/console/passport/{esc(r)}">{esc(r)}</a>' for r in offer.racks[:50])
    return f'<h2>{esc(offer.title)}</h2><dl class="facts">{shown}</dl><p>{racks}</p>'


def draw_decision(record: DecisionRecord) -> str:
    """Return the conditions of a decision with what was measured, and its log, the newest first."""
    conditions = "".join(_condition(c) for c in record.conditions) or "<p class=quiet>None</p>"
    log = "".join(_line(entry) for entry in reversed(record.log))
    heads = "<th>Time (UTC)</th><th>Who</th><th>Said</th><th>Stage</th><th>Why</th>"
    return (
        f'<div class="card"><h2>Conditions</h2>{conditions}</div>'
        f'<div class="card"><h2>What was said</h2><table class="lines"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{log}</tbody></table></div>"
    )


def _row(record: DecisionRecord) -> str:
    offer = record.offer
    name = f'<a href="/console/decision/{esc(offer.name)}">{esc(offer.name)}</a>'
    cells = (name, _stage(record.stage), str(offer.decide_by), esc(offer.buyer.firm), _tally(record), esc(offer.title))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _condition(condition: PurchaseCondition) -> str:
    glyph, state = _OUTCOMES[condition.outcome]
    seen = "not known" if condition.last is None else f"{condition.last:g}"
    met = f", met on {condition.met_on}" if condition.met_on else ""
    return (
        f'<p><span class="sev-{state}">{glyph} {condition.outcome}</span> {esc(str(condition))}{met}<br>'
        f'<span class="quiet">measured: {seen}{"; " if condition.detail else ""}{esc(condition.detail)}</span></p>'
    )


def _line(entry: DecisionLine) -> str:
    at = datetime.datetime.fromtimestamp(entry.unix_ns / 1e9, datetime.UTC)
    said = esc(entry.step.replace("_", " "))
    return (
        f'<tr><td class="where">{at:%Y-%m-%d %H:%M:%S}</td><td>{esc(entry.actor)}</td><td>{said}</td>'
        f"<td>{_stage(entry.stage)}</td><td>{esc(entry.said) or UNKNOWN}</td></tr>"
    )


def _stage(stage: DecisionStage) -> str:
    glyph, state = _STAGES.get(stage, ("·", ""))
    word = stage.replace("_", " ")
    return f'<span class="sev-{state}">{glyph} {word}</span>' if state else f"{glyph} {word}"


def _tally(record: DecisionRecord) -> str:
    found = [c.outcome for c in record.conditions]
    return ", ".join(f"{found.count(o)} {o}" for o in dict.fromkeys(found)) or UNKNOWN
