"""What an acceptance run found, as the console shows it: parts to look at, findings, what was waived.  Pure."""

from collections.abc import Sequence

from datacenter_api.acceptance.shown import RunView
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.wording import UNKNOWN, esc
from rack_controller.acceptance.record import StepRecord
from rack_controller.prove.accept.verdict import Finding, Outcome
from rack_controller.prove.report.model import Waiver
from rack_controller.prove.report.written import quantity, stamp

MOST_FOUND = 60
"""How many findings a page shows."""


def draw_suspects(view: RunView) -> str:
    """Return the parts to look at first, empty where there are none, and what is not known of them."""
    if not view.suspects:
        return ""
    lacks = f'<p class="quiet">▲ No tray is named for its parts: {esc(view.lacks_design)}</p>' * bool(view.lacks_design)
    items = "".join(
        f"<li><b>{esc(s.place)}</b> <span class=quiet>{esc(s.serial) or 'no serial number'}</span><br>"
        f"{esc(s.text)}</li>"
        for s in view.suspects[:5]
    )
    return f'<h2>Look at these first</h2><ol class="suspects">{items}</ol>{lacks}'


def found_by(view: RunView, words: str) -> list[int]:
    """Return the numbers of the findings that have all of these words in part, serial number, step, measure or text;
    of all of them without words."""
    wanted = words.lower().split()
    return [
        n
        for n, (s, f) in enumerate(findings_of(view))
        if all(word in " ".join((f.place, f.serial, s.id, f.measure, f.text)).lower() for word in wanted)
    ]


def page_of(numbers: Sequence[int], page: int) -> range:
    """Return which of the findings a page shows, of the last one where there are not so many pages; none: empty."""
    last = max((len(numbers) - 1) // MOST_FOUND, 0)
    first = min(max(page, 0), last) * MOST_FOUND
    return range(first, min(first + MOST_FOUND, len(numbers)))


def draw_heading(view: RunView) -> str:
    """Return how much a run found, and what it had nothing to compare with."""
    found = len(findings_of(view))
    bare = [m.title for s in view.record.steps for m in s.measures if m.outcome is Outcome.UNCOMPARED]
    left = "".join(f'<p class="sev-warning">– {esc(title)}</p>' for title in bare)
    if not found:
        return f"<h2>Found</h2><p class=quiet>Nothing out of bounds so far.</p>{left}"
    return f"<h2>Found <b>{found}</b></h2>{left}"


def draw_found(view: RunView, numbers: Sequence[int], *, waives: bool = False) -> str:
    """Return these findings; `waives`: with a button beside each that may be waived now."""
    if not numbers:
        return ""
    waives = waives and view.record.outcome is not None
    found = findings_of(view)
    rows = "".join(_finding(view, n, *found[n], waives=waives) for n in numbers)
    heads = "".join(f"<th>{h}</th>" for h in ("Part", "Step", "What was seen"))
    heads += "".join(f'<th class="n">{h}</th>' for h in ("Value", "Limit"))
    return (
        f'<div class="sideways"><table class="lines findings" aria-label="findings"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def draw_waived(view: RunView) -> str:
    """Return every waiver: what, by whom, when and why."""
    if not view.waivers:
        return ""
    items = "".join(
        f"<p><b>{esc(w.step)} {esc(w.measure)} {esc(w.place)}</b> by {esc(w.actor)} ({esc(w.role)}), "
        f"{stamp(w.at_unix_ns)[:16]}<br>{esc(w.reason)}</p>"
        for w in view.waivers
    )
    return f"<h2>Waived</h2>{items}"


def draw_finding(view: RunView, number: int) -> str:
    """Return one finding in full: what somebody reads before they waive it."""
    step, found = findings_of(view)[number]
    title = next((m.title for m in step.measures if m.id == found.measure), found.measure)
    seen = "not measured" if found.error else quantity(found.value, found.unit)
    facts = (
        ("Rack", view.record.rack),
        ("Step", f"{step.title} ({step.id})"),
        ("Measure", f"{title} ({found.measure})"),
        ("Part", found.place or "no part: the run"),
        ("Serial number", found.serial or UNKNOWN),
        ("What was seen", found.text.removeprefix(f"{found.place}: ")),
        ("Value", seen),
        ("Limit", quantity(found.limit, found.unit)),
        ("Where the limit comes from", found.source or UNKNOWN),
    )
    shown = "".join(f"<dt>{name}</dt><dd>{esc(value)}</dd>" for name, value in facts)
    return f'<dl class="facts">{shown}</dl>'


def findings_of(view: RunView) -> list[tuple[StepRecord, Finding]]:
    """Return all that a run found, each with its step, in the order in which it is numbered on the page."""
    return [(s, f) for s in view.record.steps for f in s.findings]


def alike(view: RunView, number: int) -> int:
    """Return how many parts the measure of a finding named in its step: what a waiver of all of them covers."""
    step, found = findings_of(view)[number]
    return sum(f.measure == found.measure for f in step.findings)


def _finding(view: RunView, number: int, step: StepRecord, found: Finding, *, waives: bool) -> str:
    covering = [w for w in view.waivers if w.covers(step.id, found.measure, found.place)]
    note = _note(covering[-1]) if covering else ""
    if waives and not covering:
        named = esc(f"Waive {found.measure} of {found.place or 'the run'}")
        kind = f'class="{ButtonKind.ASK.classes}" data-waive="{number}"'
        button = f'<button type="button" {kind} aria-label="{named}">Waive …</button>'
        note = f"<div>{button}</div>"
    mark = esc(found.place) + ("<br>" if found.place else "") + "! not measured" if found.error else esc(found.place)
    colour = "warning" if found.error else "critical"
    text = found.text.removeprefix(f"{found.place}: ")
    return (
        f'<tr><td class="sev-{colour}">{mark}</td><td class="where">{esc(step.id)}</td><td>{esc(text)}{note}</td>'
        f'<td class="n">{esc(quantity(found.value, found.unit))}</td>'
        f'<td class="n">{esc(quantity(found.limit, found.unit))}</td></tr>'
    )


def _note(waiver: Waiver) -> str:
    """Return who took a finding as it is: beside the value and the limit, which stay."""
    who = f"{esc(waiver.actor)} ({esc(waiver.role)}), {stamp(waiver.at_unix_ns)[:16]}"
    return f'<div class="waivedby">● waived by {who}: {esc(waiver.reason)}</div>'
