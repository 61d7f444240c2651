"""Interlocks as the console shows them: the banner of every page, a rack's line, and its page.  Pure."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from datacenter_api.cli.status import bypass_words
from datacenter_api.console.building import isolation_lines
from datacenter_api.console.wording import ALARM_GLYPHS, esc, interlocks_href, roughly, slot_of
from datacenter_api.fleet.summary import RackSummary
from rack_controller.model.event import Severity
from rack_controller.model.interlock_view import InterlockState, StandingView, TrippedView
from rack_controller.model.latch import Latch

MOST_IN_BANNER = 4
CLEARED_SHOWN = 10
MOST_PLACES = 4


@dataclass(frozen=True, slots=True)
class InterlocksState:
    """A rack's interlocks, or why they are not known."""

    state: InterlockState | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class BannerLine:
    """One line: how bad, whose, what.  `shadow`: the rack is not armed, nothing was done."""

    severity: str
    rack: str
    name: str
    text: str
    shadow: bool


def banner_lines(summaries: Sequence[RackSummary]) -> tuple[BannerLine, ...]:
    """Return what every page says on top: each tripped cause that is latched or critical, first cause of a rack first.

    What an armed rack did stands before what another would have done; every isolation and bypass is told.
    """
    lines = [
        BannerLine(trip.severity, s.rack, s.name, trip.chain, shadow=not s.interlocks.armed)
        for s in summaries
        if s.interlocks is not None
        for trip in s.interlocks.tripped
        if trip.latch or trip.severity is Severity.CRITICAL
    ]
    lines += [BannerLine(*said, shadow=False) for said in isolation_lines(summaries)]
    lines += [
        BannerLine(Severity.WARNING, s.rack, s.name, bypass_words(msgspec.to_builtins(bypass)), shadow=False)
        for s in summaries
        if s.interlocks is not None
        for bypass in s.interlocks.bypasses
    ]
    return tuple(sorted(lines, key=lambda line: line.shadow))


def draw_banner(lines: Sequence[BannerLine]) -> str:
    """Return the banner; empty when nothing is tripped."""
    if not lines:
        return ""
    rows = "".join(
        f'<li class="{"shadow" if line.shadow else line.severity}">{ALARM_GLYPHS[line.severity]} '
        f'<a href="{interlocks_href(line.rack)}">{esc(line.name)}</a> {esc(line.text)}'
        f"{' <b>not armed</b>' if line.shadow else ''}</li>"
        for line in lines[:MOST_IN_BANNER]
    )
    more = len(lines) - MOST_IN_BANNER
    left = f'<li class="shadow">and {more} more</li>' if more > 0 else ""
    return f'<ul class="banner" role="alert">{rows}{left}</ul>'


def alarm_of(trip: TrippedView, *, armed: bool) -> tuple[str, str]:
    """Return how a tripped cause counts in the hall's list of what needs a look, and its words."""
    return (trip.severity, trip.chain) if armed else ("warning", f"not armed: {trip.chain}")


def draw_line(summary: RackSummary | None) -> str:
    """Return a rack's card: whether it is armed, what has tripped, and the way to its page."""
    head = "<h2>Interlocks</h2>"
    said = None if summary is None else summary.interlocks
    if summary is None or said is None:
        return f'{head}<p class="quiet">Nothing is known of this rack’s interlocks.</p>'
    way = f'<a href="{interlocks_href(summary.rack)}">{"All, latches, emergency off" if said.armed else "All"}</a>'
    mode = _armed(said.armed)
    if not said.tripped:
        return f"{head}<p>{mode} nothing has tripped. {way}</p>"
    rows = "".join(
        f'<li class="sev-{t.severity}"><span>{ALARM_GLYPHS[t.severity]}</span> '
        f'<span class="why">{esc(t.chain)}</span></li>'
        for t in said.tripped
    )
    return f'{head}<p>{mode} {way}</p><ul class="attention">{rows}</ul>'


def draw_standings(shown: InterlocksState | None) -> str:
    """Return what holds, what has tripped and what followed."""
    head = "<h2>What holds and what tripped</h2>"
    if shown is None:
        return f'{head}<p class="quiet">Asking the controller …</p>'
    state = shown.state
    if state is None:
        return f'{head}<p class="sev-warning">▲ Not known: {esc(shown.error)}</p>'
    mode = f"<p>{_armed(state.armed)} {state.rows} rows are in force.</p>"
    if not state.standings:
        return f'{head}{mode}<p class="quiet">Nothing holds.</p>{_unseen(state)}'
    tripped = {(t.cause, t.place): t for t in state.tripped}
    rows = "".join(_standing(s, tripped.get((s.cause, s.place)), armed=state.armed) for s in state.standings)
    columns = '<tr><th>State</th><th>Where</th><th>What and why</th><th class="n">Since</th><th>What to do</th></tr>'
    return f'{head}{mode}<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>{_unseen(state)}'


def _unseen(state: InterlockState) -> str:
    """Return what is not watched: rows that lack what they look at, and detectors that no row looks at."""
    said = [f"{esc(u.title)} ({esc(u.cause)}): {esc(u.why)}{_at(u.places)}" for u in state.unjudged]
    said += [f"{esc('/'.join(at.split('/')[4:]))}: no row looks at this leak detector" for at in state.uncovered]
    if not said:
        return ""
    rows = "".join(f"<li>◌ {text}</li>" for text in said)
    return f'<h3>Can’t be judged here</h3><ul class="quiet">{rows}</ul>'


def _at(places: Sequence[str]) -> str:
    slots = [slot_of(place) for place in places]
    return f" at {len(slots)} trays" if len(slots) > MOST_PLACES else f" at {esc(', '.join(slots))}"


def draw_latches(shown: InterlocksState | None) -> str:
    """Return the latches that stand with what clears them, and those that were cleared last."""
    if shown is None or shown.state is None:
        return ""
    state = shown.state
    standing = [n for n in state.latches if n.open]
    cleared = [n for n in reversed(state.latches) if not n.open][:CLEARED_SHOWN]
    if not standing and not cleared:
        return '<h2>Latches</h2><p class="quiet">None.</p>'
    rows = "".join(_latch(n, state) for n in [*standing, *cleared])
    columns = (
        '<tr><th>Latch</th><th>Where</th><th>Seen</th><th class="n">Tripped</th><th>Signed</th><th>Clears it</th></tr>'
    )
    return f'<h2>Latches</h2><table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'


def _armed(armed: bool) -> str:
    if armed:
        return '<span class="pill ok">● armed</span>'
    return '<span class="pill">○ not armed</span> It only says what it would do;'


def _standing(standing: StandingView, trip: TrippedView | None, *, armed: bool) -> str:
    word = "◐ confirming" if standing.tripped_s is None else "◆ latched" if trip and trip.latch else "▲ tripped"
    kind = "" if trip is None else f"sev-{trip.severity}"
    since = roughly(standing.held_s if standing.tripped_s is None else standing.tripped_s)
    what = trip.chain if trip is not None else f"{standing.title}: {standing.evidence}"
    still = f"(still: {esc(standing.still)})" if standing.still else "(over by now)"
    still = "" if standing.tripped_s is None else f' <span class="quiet">{still}</span>'
    blocks = " No power-on meanwhile." if standing.blocks and armed else ""
    return (
        f'<tr><td class="{kind}">{word}</td><td>{esc(slot_of(standing.place))}</td><td>{esc(what)}{still}'
        f'<br><span class="quiet">{esc(standing.consequence)}</span></td><td class="n">{since}</td>'
        f"<td>{esc(standing.response)}.{blocks}</td></tr>"
    )


def _latch(latch: Latch, state: InterlockState) -> str:
    seen = latch.evidence[0].text if latch.evidence else ""
    signed = ", ".join(latch.signed) or "–"
    if latch.cleared_ns is not None:
        record = latch.inspection
        said = "" if record is None else "; ".join(t for t in (record.found, record.done, record.pressure_check) if t)
        clears = f"cleared {_clock(latch.cleared_ns)}{esc(f': {said}') if said else ''}"
    else:
        clears = esc(what_clears(latch, state))
    word = "○" if latch.cleared_ns is not None else "◇ would latch:" if latch.shadow else "◆"
    return (
        f"<tr><td>{word} {esc(latch.id)}</td><td>{esc(slot_of(latch.place))}</td><td>{esc(latch.title)}: {esc(seen)}"
        f'</td><td class="n">{_clock(latch.tripped_ns)}</td><td>{esc(signed)}</td><td>{clears}</td></tr>'
    )


def what_clears(latch: Latch, state: InterlockState) -> str:
    """Return who must sign for an open latch, and with which fields of the record."""
    rule = state.clearing.get(latch.cause)
    if latch.shadow or rule is None:
        return "nothing to clear: it keeps nothing off"
    left = rule.persons - len(latch.signed)
    who = f"{left} persons" if left > 1 else "another person" if latch.signed else "one person"
    return f"{who} with the safety role: {', '.join(name.replace('_', ' ') for name in rule.record)}"


def _clock(unix_ns: int) -> str:
    return f"{datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC):%m-%d %H:%M:%S}"
