"""Alarms as the console shows them: a rack's line, and what wants an answer and what is silenced on its page.  Pure."""

import datetime
from dataclasses import dataclass

from datacenter_api.console.wording import ALARM_GLYPHS, alarms_href, esc
from datacenter_api.fleet.summary import AlarmsInShort, RackSummary
from rack_controller.model.alarm import (
    PRIORITIES,
    SPEAKING,
    AlarmGlance,
    AlarmLine,
    AlarmList,
    AlarmState,
    AlarmView,
    spot_of,
)

_STATES = {
    AlarmState.UNACKNOWLEDGED: "◆ unacknowledged",
    AlarmState.ACKNOWLEDGED: "◇ acknowledged",
    AlarmState.RETURNED: "○ over, unacknowledged",
    AlarmState.SHELVED: "▽ shelved",
    AlarmState.OUT_OF_SERVICE: "✕ out of service",
    AlarmState.SUPPRESSED: "▾ suppressed",
}
MOST_ON_CARD, MOST_SILENCED = 5, 60
_COLUMNS = "<th>Alarm</th><th>Priority</th><th>State</th><th>Where</th><th>What and why</th>"


@dataclass(frozen=True, slots=True)
class AlarmsState:
    """A rack's alarms, or why they are not known."""

    state: AlarmList | None
    error: str = ""


def alarm_counts(said: AlarmsInShort) -> str:
    """Return how many alarms want an answer, by priority, in words; empty when none does."""
    numbers = ((said.critical, "critical"), (said.high, "high"), (said.medium, "medium"), (said.low, "low"))
    return ", ".join(f"{count} {word}" for count, word in numbers if count)


def alarms_look(summary: RackSummary) -> tuple[str, str] | None:
    """Return how a rack's alarms count among what needs a look in the hall, in words; None: all are answered."""
    said = summary.alarms
    if said is None or not said.unacknowledged:
        return None
    flood = ", a flood: work from the first cause" if said.flood else ""
    severity = "critical" if said.critical or said.high else "warning"
    return severity, f"alarms: {alarm_counts(said) or 'over by now'}; {said.unacknowledged} unacknowledged{flood}"


def draw_alarm_line(summary: RackSummary | None, glance: AlarmGlance | None) -> str:
    """Return a rack's card: what wants an answer, the most urgent first, and the way to its page."""
    head = "<h2>Alarms</h2>"
    said = None if summary is None else summary.alarms
    if summary is None or said is None or glance is None:
        return f'{head}<p class="quiet">Nothing is known of this rack’s alarms.</p>'
    way = f'<a href="{alarms_href(summary.rack)}">All, acknowledge, shelve</a>'
    silenced = f", {said.silenced} silenced" if said.silenced else ""
    if not glance.lines:
        return f"{head}<p>No alarm wants an answer{silenced}. {way}</p>"
    flood = '<span class="pill critical">◆ flood</span> ' if said.flood else ""
    rows = "".join(_look_line(line) for line in glance.lines[:MOST_ON_CARD])
    left = len(glance.lines) - MOST_ON_CARD
    more = f'<p class="quiet">and {left} more</p>' if left > 0 else ""
    counts = f"{alarm_counts(said)}{silenced}"
    return f'{head}<p>{flood}{esc(counts)}. {way}</p><ul class="attention">{rows}</ul>{more}'


def draw_alarms(shown: AlarmsState | None) -> str:
    """Return what wants an answer, folded, each with its cause, what follows and what to do."""
    head = "<h2>What wants an answer</h2>"
    if shown is None:
        return f'{head}<p class="quiet">Asking the controller …</p>'
    state = shown.state
    if state is None:
        return f'{head}<p class="sev-warning">▲ Not known: {esc(shown.error)}</p>'
    glance = state.glance
    flood = (
        f'<p class="sev-critical">◆ {glance.recent} alarms in ten minutes: a flood. Work from the first cause.</p>'
        if glance.flood
        else ""
    )
    lost = f"<p>{glance.refused} more find no room in the list.</p>" if glance.refused else ""
    if not glance.lines:
        return f'{head}{flood}<p class="quiet">Nothing.</p>{lost}'
    rows = "".join(_row(line.first, line.count) for line in glance.lines)
    columns = f'<tr>{_COLUMNS}<th class="n">Since</th><th>What to do</th></tr>'
    return f'{head}{flood}<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>{lost}'


def draw_silenced(shown: AlarmsState | None) -> str:
    """Return what is shelved, out of service or hidden behind its cause, with who did it and why."""
    if shown is None or shown.state is None:
        return ""
    head = "<h2>Shelved, out of service, suppressed</h2>"
    silenced = [view for view in shown.state.alarms if view.state not in SPEAKING]
    if not silenced:
        return f'{head}<p class="quiet">None.</p>'
    columns = f'<tr>{_COLUMNS}<th class="n">Since</th><th>By whom, why</th></tr>'
    rows = "".join(_row(view, 1, view.why) for view in silenced[:MOST_SILENCED])
    left = len(silenced) - MOST_SILENCED
    more = f'<p class="quiet">and {left} more</p>' if left > 0 else ""
    return f'{head}<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>{more}'


def _look_line(line: AlarmLine) -> str:
    alarm = line.first
    more = f" (and {line.count - 1} more)" if line.count > 1 else ""
    return (
        f'<li class="sev-{alarm.severity}"><span>{ALARM_GLYPHS[alarm.severity]}</span> {esc(alarm.id)} '
        f'<span class="why">{esc(f"{alarm.title} at {spot_of(alarm.place)}: {alarm.text}{more}")}</span></li>'
    )


def _row(alarm: AlarmView, count: int, last: str | None = None) -> str:
    more = f' <span class="pill">first of {count}</span>' if count > 1 else ""
    chain = " → ".join(alarm.chain) if len(alarm.chain) > 1 else ""
    why = f'<br><span class="quiet">{esc(chain)}</span>' if chain else ""
    answered = f" by {alarm.why}" if alarm.state is AlarmState.ACKNOWLEDGED and alarm.why else ""
    kind = f"sev-{alarm.severity}" if alarm.state is AlarmState.UNACKNOWLEDGED else ""
    to_do = alarm.response if last is None else last
    return (
        f"<tr><td>{esc(alarm.id)}</td><td>{alarm.priority} {PRIORITIES[alarm.priority]}</td>"
        f'<td class="{kind}">{_STATES[alarm.state]}{esc(answered)}</td><td>{esc(spot_of(alarm.place))}</td>'
        f"<td>{esc(f'{alarm.title}: {alarm.text}')}{more}{why}"
        f'<br><span class="quiet">{esc(alarm.consequence)}</span></td>'
        f'<td class="n">{_clock(alarm.raised_unix_ns)}</td><td>{esc(to_do)}</td></tr>'
    )


def _clock(unix_ns: int) -> str:
    return f"{datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC):%m-%d %H:%M:%S}"
