"""What a run would do, as the console shows it before anybody begins it: steps, how long, what lacks.  Pure."""

from dataclasses import dataclass
from urllib.parse import urlencode

from datacenter_api.console.acceptance import run_href
from datacenter_api.console.wording import esc, plural
from rack_controller.acceptance.preview import CLEAR_IT, RunPreview, StepPreview
from rack_controller.prove.accept.untold import FloorNeed, in_words
from rack_controller.prove.report.written import duration


def draw_preview(found: RunPreview, rack: str, plan: str = "") -> str:
    """Return what a run of `rack`, or of several by their names, would do.

    `plan`: the name of their design's plan, empty for the whole one.
    """
    forms = [_Form(rack, found.level, plan, found.floor)]
    if found.racks:
        forms = [_Form(r.rack.rpartition("/")[2], found.level, plan, r.floor) for r in found.racks]
    heads = "".join(f"<th>{h}</th>" for h in ("", "Step", "Level", "What is done", "At least"))
    rows = "".join(_step(n, s) for n, s in enumerate(found.steps, 1))
    seconds = duration(found.seconds)
    steps = plural(len(found.steps), "step")
    return (
        f"{_taken(found)}{_left(found)}{_latched(found)}"
        f"<p><b>{esc(found.title)}</b> on {esc(rack)}, up to {esc(found.level)}: {steps}, "
        f"at least {seconds}{_waits(found)}. Boots of trays, what people do and steps that are repeated come on top. "
        f"{esc(in_earlier(found))} "
        "Its GPUs are taken to full load and back, and what the table says is switched off: no job may run on it.</p>"
        f"{_untold(found)}"
        f"{''.join(_floor(f, len(forms)) for f in forms)}"
        f'<div class="sideways"><table class="lines would"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>"
    )


def in_earlier(found: RunPreview) -> str:
    """Return what earlier runs took, or that none says so."""
    if not found.took:
        return "No earlier run that did the same is kept of it or of its design: how long it really takes is not known."
    known = sum(s.took_s is not None for s in found.steps)
    rest = "" if known == len(found.steps) else f", {known} of them as then and the others as declared"
    return f"By {found.took} its steps take about {duration(found.expected_s)}{rest}."


def _waits(found: RunPreview) -> str:
    waits = _waited(sum(s.apart_s for s in found.steps), sum(s.heard_s for s in found.steps))
    return f" ({waits})" if waits else ""


def _waited(apart_s: float, heard_s: float) -> str:
    """Return how much of a time is waited, and for what, empty for nothing."""
    told = [f"{duration(apart_s)} between switchings of the bus"] if apart_s else []
    told += [f"{duration(heard_s)} until things are read anew"] if heard_s else []
    return ", ".join(told)


def _step(number: int, step: StepPreview) -> str:
    optional = "" if step.required else ' <span class="quiet">(not required)</span>'
    people = f'<div class="quiet">☞ {esc(step.people)}</div>' if step.people else ""
    does = "; ".join(step.does) or "looks only"
    long = duration(step.seconds) if step.seconds else "at once"
    waits = _waited(step.apart_s, step.heard_s)
    long += f'<div class="quiet">{waits}</div>' if waits else ""
    long += f'<div class="quiet">took {duration(step.took_s)} before</div>' if step.took_s is not None else ""
    return (
        f'<tr><td class="n">{number}</td><td>{esc(step.title)}{optional}{people}</td><td>{esc(step.level)}</td>'
        f'<td>{esc(does)}</td><td class="n"{" data-said=least" if step.seconds else ""}>{long}</td></tr>'
    )


@dataclass(frozen=True, slots=True)
class _Form:
    """What the floor is asked for of one rack."""

    rack: str
    level: str
    plan: str
    needs: list[FloorNeed]

    @property
    def href(self) -> str:
        """Return where the form to be filled in is."""
        query = urlencode({"rack": self.rack, "level": self.level, "plan": self.plan})
        return f"/api/v1/acceptance/floor/form?{query}"


def _taken(found: RunPreview) -> str:
    """Return which run has a rack, with the way to where it is gone on with or ended."""
    how = {True: "Wait for its end, or end it on", False: "Go on with it, end it or give it up on"}
    return "".join(
        f'<p class="sev-critical">■ It cannot begin now: {esc(h.what)}. {how[h.running]} '
        f'<a href="{run_href(h.run)}">its page</a>.</p>'
        for h in found.taken
    )


def _left(found: RunPreview) -> str:
    """Return what the run before left at a rack, with the way to its page."""
    return "".join(
        f'<p class="sev-warning">▲ {esc(left.what[:1].upper() + left.what[1:])}: {esc(left.advice)}. '
        f'<a href="{run_href(left.run)}">Its page</a>.</p>'
        for left in found.left
    )


def _latched(found: RunPreview) -> str:
    return "".join(f'<p class="sev-warning">▲ {esc(latch)}: {esc(CLEAR_IT)}.</p>' for latch in found.latched)


def _untold(found: RunPreview) -> str:
    told = [in_words(found.untold)]
    if found.racks:
        told = [text for r in found.racks for text in (_of(r.rack, in_words(r.untold)), r.held)]
    return "".join(f'<p class="sev-warning">▲ {esc(said[:1].upper() + said[1:])}.</p>' for said in told if said)


def _of(rack: str, said: str) -> str:
    return f"{rack}: {said}" if said else ""


def _floor(asked: _Form, racks: int) -> str:
    needs, form = asked.needs, asked.href
    if not needs:
        return ""
    records = {n.name: n for n in needs if n.kind == "records"}
    series = dict.fromkeys(n.title for n in needs if n.kind == "readings")
    items = [
        f"<li>{'● ' if n.handed_in else '○ '}{esc(n.title)}{' (is here)' if n.handed_in else ''}</li>"
        for n in records.values()
    ]
    logged = f"<p>Instruments log while it goes on: {esc(', '.join(series))}.</p>" if series else ""
    listed = f'<ul class="handed">{"".join(items)}</ul>' if items else ""
    return (
        f"<h3>Asked of the test floor{f' at {esc(asked.rack)}' if racks > 1 else ''}</h3>"
        f'{listed}{logged}<p>To be filled in: <a href="{esc(form)}" download="floor.csv">the records</a>, '
        f'<a href="{esc(form)}&amp;logged=true" download="logged.csv">what instruments log</a>.</p>'
        "<p class=quiet>Hand it in with <code>rackwright accept floor import FILE --rack …</code>, "
        "before or while the run goes on.</p>"
    )
