"""The screen at the rack, read from three metres: one instruction, one state in shape, word and colour.  Pure.

What people type, scan and photograph is handed in by `test_floor.js` over REST, in their own name.
"""

import re

from datacenter_api.acceptance.shown import RunView
from datacenter_api.console.acceptance import RunSight, run_href
from datacenter_api.console.wording import Cells, esc, plural
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.report.written import duration

_PLACE = re.compile(r"\b(?:u\d{1,2}|feed-[a-z0-9]+|k\d+)(?:/[a-z0-9-]+)?\b")
_MOST_OUT = 4
_SIZES = ((56, "short"), (110, "long"))
"""So many letters of an instruction fit in that size; the screen never scrolls."""

TOOLS = """
<section class="tftools" aria-label="hand in">
  <form id="tf-scan" autocomplete="off"><label for="tf-code">Scan the part</label>
    <input id="tf-code" name="code" inputmode="text" autocapitalize="characters" spellcheck="false" maxlength="120"
      placeholder="scan, or type and press Enter"></form>
  <label class="tfbutton" for="tf-photo"><span aria-hidden="true">◉</span> Take a photo</label>
  <input id="tf-photo" type="file" accept="image/jpeg,image/png,image/webp" capture="environment">
  <button id="tf-done" class="tfbutton main" type="button"><span aria-hidden="true">✓</span> Done</button>
</section>
<p id="tf-said" class="tfsaid" role="status" aria-live="assertive"></p>
"""
"""What stays on the page while everything else changes: fields that are typed into must not be drawn anew."""


def draw_floor(sight: RunSight | None, run: str) -> str:
    """Return the screen but for the tools and what counts down."""
    if sight is None:
        return _screen("wait", "…", "Wait", "Reading the run.", "", "")
    if sight.view is None:
        return _screen("fault", "✗", "No run", sight.error, "", "")
    view = sight.view
    state, glyph, word = _state(view)
    return _screen(
        state, glyph, word, _instruction(view), _faults(view), _where(view), view.now.step if view.now else ""
    )


def floor_cells(sight: RunSight | None, unix_ns: int) -> Cells:
    """Return what counts down: how long is left of what is waited for."""
    now = None if sight is None or sight.view is None else sight.view.now
    left = ""
    if now is not None and now.until_unix_ns is not None:
        seconds = max((now.until_unix_ns - unix_ns) / 1e9, 0.0)
        left = f"{duration(seconds)} left"
    return {("tf-left", "text"): left}


_ENDED = {
    Outcome.FAIL: ("✗", "Fault found"),
    Outcome.ERROR: ("!", "Not measured"),
    Outcome.UNCOMPARED: ("–", "Not compared"),
}


def _state(view: RunView) -> tuple[str, str, str]:
    outcome = view.record.outcome
    if outcome is Outcome.PASS:
        return "ok", "✓", "Passed"
    if view.record.faults_too:
        return "fault", *_ENDED[Outcome.FAIL]  # the line below says that not all was measured
    if outcome is not None:
        return "fault", *_ENDED.get(outcome, ("■", "Stopped"))
    if not view.running:
        return "fault", "▮▮", "Not running"
    if view.now is not None and view.now.asks:
        return "ask", "☞", "Your turn"
    return "wait", "▶", "Running"


def _instruction(view: RunView) -> str:
    outcome, now = view.record.outcome, view.now
    if outcome is Outcome.PASS and not view.record.accepts:
        return "Nothing more to do. These were only some steps of an acceptance: nothing is accepted, nobody signs."
    if outcome is Outcome.PASS:
        return "Nothing more to do. Leave the rack as it is and fetch whoever signs."
    if outcome is Outcome.STOPPED:
        return f"Do not touch anything. Fetch the test lead. {view.record.why}"
    if outcome is not None:
        out = sorted({p for s in view.record.steps for p in s.parts_out})
        if out:
            more = f" and {len(out) - _MOST_OUT} more" if len(out) > _MOST_OUT else ""
            return f"Take out {', '.join(out[:_MOST_OUT])}{more}."
        return "Fetch the test lead: the report says what was found."
    if not view.running:
        return "The run waits to be started again. Leave everything as it is."
    if now is None:
        return "Nothing to do now."
    if now.asks:
        return now.asks[:1].upper() + now.asks[1:]
    elsewhere = sorted(b.rack.rpartition("/")[2] for b in view.beside if b.asks)
    if elsewhere:
        return f"Nothing to do here: people at {', '.join(elsewhere)} are asked."
    return f"Nothing to do. Being checked: {now.title}."


def _faults(view: RunView) -> str:
    found = [f for s in view.record.steps for f in s.findings]
    faults = sum(not f.error for f in found)
    gaps = f"! {len(found) - faults} not measured" if len(found) > faults else ""
    if not faults:
        none = "● No fault" + ("" if view.record.outcome else " so far")
        return f'<p class="tffaults none">{esc(none + f", {gaps}" * bool(gaps))}</p>'
    first = view.suspects[0].place if view.suspects else ""
    words = plural(faults, "fault") + (f", look at {first} first" if first else "") + f" · {gaps}" * bool(gaps)
    return f'<p class="tffaults">✗ {esc(words)}</p>'


def _where(view: RunView) -> str:
    steps, done = view.steps, len(view.record.steps)
    at = min(done + (view.record.outcome is None), len(steps))
    title = view.now.title if view.now else ""
    planned = view.now is None or view.now.step in {s.id for s in steps}
    count = f"{at} of {len(steps)}" if planned else str(done + 1)  # its plan is not here any more
    return f"{esc(view.record.rack)} · step {count}" + (f" · {esc(title)}" if title else "") + esc(_waits(view))


def _waits(view: RunView) -> str:
    """Return what is waited for that nobody knows the end of, and that nobody is asked for."""
    now = view.now
    open_ended = now is not None and view.running and not now.asks and now.until_unix_ns is None
    return f" · waits for {now.waits_for}" if now is not None and open_ended else ""


def _screen(state: str, glyph: str, word: str, instruction: str, faults: str, where: str, step: str = "") -> str:
    told = _PLACE.sub(lambda m: f"<b>{m.group(0)}</b>", esc(instruction))
    size = next((size for most, size in _SIZES if len(instruction) <= most), "longest")
    return (
        f'<section class="tf {state}" data-step="{esc(step)}"><div class="tfstate">'
        f'<span aria-hidden="true">{glyph}</span>{esc(word)}<i id="tf-left"></i></div><p class="tfdo {size}">{told}</p>'
        f'<div class="tfbelow">{faults}<p class="tfwhere">{where}</p></div></section>'
    )


def way_back(run: str, *, begins: bool = False) -> str:
    """Return the line that leads from the screen to the run's page, and for who may to where another is begun."""
    more = ' · <a href="/console/acceptance">Begin another run</a>' if begins else ""
    return f'<p class="tfback"><a href="{run_href(run)}">All of this run</a>{more}</p>'
