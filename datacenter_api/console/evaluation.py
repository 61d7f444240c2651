"""Racks side by side as the console shows them: values with intervals, what is real of their differences.  Pure.

What was not measured is drawn as that, never as a number; no price is ever drawn.
"""

import datetime
from collections.abc import Sequence

from datacenter_api.console.wording import UNKNOWN, esc, plural
from datacenter_api.evaluation.shown import EvaluationRow
from rack_controller.prove.evaluate.compare import Cell, Comparison, Contrast, Verdict
from rack_controller.prove.evaluate.criteria import CriterionSpec

MOST_COLUMNS = 6
_VERDICTS = {
    Verdict.REAL: ("●", "ok", "real"),
    Verdict.NOT_SHOWN: ("○", "", "not shown"),
    Verdict.NOT_COMPARABLE: ("?", "warning", "not comparable"),
    Verdict.NOT_MEASURED: ("?", "", "not measured"),
}
_CONTRAST_HEADS = ("Difference", "Criterion", "First", "Second", "By", "p corrected", "Better")
_NUMBERS = frozenset({"By", "p corrected"})
_LEAST_CHANCE = 0.001
_WAYS = (("generation", "generations"), ("rack", "racks"), ("run", "evaluations"))


def draw_comparison(found: Comparison, by: str) -> str:
    """Return the table of values: criteria down and groups across, or the other way round where groups are many."""
    ways = " · ".join(
        f"<b>{word}</b>" if way == by else f'<a href="/console/evaluation?by={way}">{word}</a>' for way, word in _WAYS
    )
    head = f'<h2>Racks side by side</h2><p class="quiet">by {ways}</p>'
    if not found.groups:
        return f"{head}<p class=quiet>Nothing yet: <code>rackwright evaluate run GENERATION …</code></p>"
    virtual = any("virtual" in g.rig for g in found.groups)
    note = (
        '<p class="quiet">Virtual racks differ as their recipe says, not as racks of a factory do.</p>'
        if virtual
        else ""
    )
    table = _down(found) if len(found.groups) <= MOST_COLUMNS else _across(found)
    return f'{head}<div class="scroll" tabindex="0" aria-label="comparison">{table}</div>{note}'


def draw_contrasts(found: Comparison) -> str:
    """Return what can be said of differences, the real ones first."""
    if not found.contrasts:
        why = "two groups are needed" if len(found.groups) < 2 else "too many groups: compare fewer of them"
        return f'<h2>Differences</h2><p class="quiet">None: {why}</p>'
    order = list(Verdict)
    rows = "".join(_contrast(c, found) for c in sorted(found.contrasts, key=lambda c: order.index(c.verdict)))
    heads = "".join(f'<th class="n">{h}</th>' if h in _NUMBERS else f"<th>{h}</th>" for h in _CONTRAST_HEADS)
    table = f'<table class="lines"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    return (
        f'<h2>Differences</h2><div class="scroll" tabindex="0" aria-label="differences">{table}</div>'
        f'<p class="quiet">{esc(found.method)} Tests: {found.tests}.</p>'
    )


def draw_evaluations(rows: Sequence[EvaluationRow]) -> str:
    """Return every evaluation that is kept, the newest first; one that does not count says why."""
    body = "".join(
        f'<tr><td class="where">{_moment(r.began_unix_ns)}</td><td><code>{esc(r.id)}</code></td><td>{esc(r.of)}</td>'
        f'<td class="n">{r.racks}</td><td>{_counts(r)}</td></tr>'
        for r in reversed(rows)
    )
    if not body:
        return "<h2>Evaluations</h2><p class=quiet>None</p>"
    heads = "<th>Began (UTC)</th><th>Evaluation</th><th>Of</th><th class=n>Racks</th><th>Counts</th>"
    return f'<h2>Evaluations</h2><table class="lines"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _down(found: Comparison) -> str:
    cells = {(c.criterion, c.group): c for c in found.cells}
    heads = "".join(
        f'<th class="n">{esc(g.name)}<br><span class="quiet">{plural(g.racks, "rack")}, {esc(g.rig)}</span></th>'
        for g in found.groups
    )
    rows = "".join(
        f"<tr><td>{_named(c)}</td>{''.join(_cell(cells[c.id, g.name]) for g in found.groups)}</tr>"
        for c in found.criteria
    )
    return f'<table class="lines"><thead><tr><th>Criterion</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _across(found: Comparison) -> str:
    cells = {(c.criterion, c.group): c for c in found.cells}
    heads = "".join(f'<th class="n" title="{esc(c.title)}">{esc(c.id)}<br>{_unit(c)}</th>' for c in found.criteria)
    rows = "".join(
        f'<tr><td class="where">{esc(g.name)}</td>{"".join(_cell(cells[c.id, g.name]) for c in found.criteria)}</tr>'
        for g in found.groups
    )
    return f'<table class="lines"><thead><tr><th>Group</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _named(criterion: CriterionSpec) -> str:
    way = "more is better" if criterion.better == "higher" else "less is better"
    # A source is prose of a file, where names stand in backticks.
    said = esc(criterion.source.replace("`", ""))
    return f'{esc(criterion.title)} {_unit(criterion)}<br><span class="quiet">{way}; {said}</span>'


def _unit(criterion: CriterionSpec) -> str:
    """Return a criterion's unit, nothing for a plain ratio or count."""
    return "" if criterion.unit == "1" else f"<i>{esc(criterion.unit)}</i>"


def _cell(cell: Cell) -> str:
    if cell.value is None:
        return f'<td class="n quiet" title="{esc(cell.why)}">not measured</td>'
    note = f' title="{esc(cell.why)}"' if cell.why else ""
    return f'<td class="n"{note}><b>{cell.value:.4g}</b>{_interval(cell.low, cell.high)}</td>'


def _interval(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return '<br><span class="quiet">no interval</span>'
    ends = f"{UNKNOWN if low is None else f'{low:.4g}'} to {'no bound' if high is None else f'{high:.4g}'}"
    return f'<br><span class="quiet">{ends}</span>'


def _contrast(contrast: Contrast, found: Comparison) -> str:
    glyph, state, word = _VERDICTS[contrast.verdict]
    title = next(c.title for c in found.criteria if c.id == contrast.criterion)
    shown = f'<span class="sev-{state}">{glyph} {word}</span>' if state else f"{glyph} {word}"
    by = (
        UNKNOWN if contrast.difference is None else f"{contrast.difference:.4g}{_interval(contrast.low, contrast.high)}"
    )
    chance = UNKNOWN if contrast.corrected is None else _chance(contrast.corrected)
    why = f'<br><span class="quiet">{esc(contrast.why)}</span>' if contrast.why else ""
    return (
        f"<tr><td>{shown}{why}</td><td>{esc(title)}</td><td>{esc(contrast.first)}</td><td>{esc(contrast.second)}</td>"
        f'<td class="n">{by}</td><td class="n">{chance}</td><td>{esc(contrast.better) or UNKNOWN}</td></tr>'
    )


def _chance(corrected: float) -> str:
    return f"< {_LEAST_CHANCE:g}" if corrected < _LEAST_CHANCE else f"{corrected:.2g}"


def _counts(row: EvaluationRow) -> str:
    return (
        f'<span class="sev-critical">◆ no: {esc(row.fault)}</span>'
        if row.fault
        else '<span class="sev-ok">● yes</span>'
    )


def _moment(unix_ns: int) -> str:
    return f"{datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC):%Y-%m-%d %H:%M}" if unix_ns else UNKNOWN
