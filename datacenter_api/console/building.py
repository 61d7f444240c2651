"""A rack's building as the console shows it: its line in the banner, its card, and every point with what was asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from datacenter_api.console.wording import esc, interlocks_href, roughly, slot_of
from datacenter_api.fleet.summary import RackSummary
from rack_controller.model.building_view import (
    BuildingGlance,
    BuildingPointView,
    BuildingState,
    Isolation,
    IsolationView,
)

MOST_REFUSED = 8
_STANDS = {
    Isolation.NONE: "not asked for",
    Isolation.UNKNOWN: "not asked for, its state is not known",
    Isolation.ASKED: "asked for, the building does not have it yet",
    Isolation.REQUESTED: "requested, not confirmed yet",
    Isolation.CONFIRMED: "requested and confirmed",
    Isolation.BY_BUILDING: "done by the building, we did not ask",
}
_OPEN = (Isolation.ASKED, Isolation.REQUESTED)
_TOLD = (*_OPEN, Isolation.CONFIRMED, Isolation.BY_BUILDING)


@dataclass(frozen=True, slots=True)
class BuildingShown:
    """A rack's building, or why it is not known."""

    state: BuildingState | None
    error: str = ""


def isolation_lines(summaries: Sequence[RackSummary]) -> list[tuple[str, str, str, str]]:
    """Return what the banner says of isolations: severity, rack, its name, the words."""
    found = []
    for s in summaries:
        said = s.building
        words = [] if said is None else _words(said)
        if said is not None and words:
            late = ", overdue: call the building" if said.overdue else ""
            found.append(("critical", s.rack, s.name, f"Isolation: {'; '.join(words)}{late}"))
    return found


def draw_building_line(summary: RackSummary | None) -> str:
    """Return the card on a rack's page; empty where no building is agreed with."""
    said = None if summary is None else summary.building
    if summary is None or said is None:
        return ""
    heard = '<span class="pill ok">● heard</span>' if not said.silent else '<span class="pill">▲ silent</span>'
    words = _words(said) or ["no isolation is asked for"]
    leak = {True: "▲ it reports a leak here", False: "no leak", None: "leak unknown"}[said.leak]
    late = ' <span class="sev-critical">▲ overdue</span>' if said.overdue else ""
    good = f"{said.points - said.points_not_good} of {said.points} points good"
    refused = f", {said.refused} messages refused" if said.refused else ""
    return (
        f'<section class="card"><h2>Building</h2><p>{heard} {esc("; ".join(words))}{late} '
        f'<a href="{interlocks_href(summary.rack)}">All</a></p>'
        f'<p class="quiet">{esc(said.silent) if said.silent else leak}, {good}{refused}.</p></section>'
    )


def draw_building(shown: BuildingShown | None) -> str:
    """Return everything of a rack's building: link, isolations, points, and what could not be believed."""
    head = "<h2>Building</h2>"
    if shown is None:
        return f'{head}<p class="quiet">Asking the controller …</p>'
    state = shown.state
    if state is None:
        return f'{head}<p class="sev-warning">▲ Not known: {esc(shown.error)}</p>'
    if not state.agreed or state.link is None:
        return f'{head}<p class="quiet">The site agrees on no building for this rack; interlocks go without it.</p>'
    return head + _link(state) + _isolations(state.isolation) + _points(state.points) + _refused(state)


def _words(said: BuildingGlance) -> list[str]:
    return [
        f"{kind} {_STANDS[s]}" for kind, s in (("liquid", said.liquid), ("electrical", said.electrical)) if s in _TOLD
    ]


def _link(state: BuildingState) -> str:
    link = state.link
    if link is None:
        return ""
    heard = "never" if state.heartbeat_age_s is None else f"{roughly(state.heartbeat_age_s)} ago"
    doubts = [text for text in (state.silent, state.sensor_fault, link.error) if text]
    told = "".join(f'<p class="sev-warning">▲ {esc(text)}</p>' for text in doubts)
    return (
        f"<p>{esc(state.identity)} at {esc(link.broker)} as {esc(link.integration)}; heartbeat {heard}; "
        f"{link.taken} of {link.published} messages taken, {link.refused} refused.</p>{told}"
    )


def _isolations(isolations: Sequence[IsolationView]) -> str:
    rows = "".join(_isolation(one) for one in isolations)
    columns = "<tr><th>Isolation</th><th>How it stands</th><th>The building says</th><th>Since</th></tr>"
    return f'<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'


def _isolation(one: IsolationView) -> str:
    since = "–" if one.requested_s is None else f"asked {roughly(one.requested_s)} ago"
    if one.confirmed_s is not None:
        since += f", confirmed {roughly(one.confirmed_s)} ago"
    elif one.overdue:
        since += ', <span class="sev-critical">▲ overdue</span>'
    elif one.deadline_s is not None:
        since += f", {one.deadline_s:.0f} s left"
    why = f'<br><span class="sev-warning">▲ {esc(one.why)}</span>' if one.why else ""
    stands = _STANDS[one.state]
    return f"<tr><td>{esc(one.kind)}</td><td>{stands}{why}</td><td>{esc(one.status)}</td><td>{since}</td></tr>"


def _points(points: Sequence[BuildingPointView]) -> str:
    rows = "".join(_point(p) for p in points)
    heads = ("Point", "Said by", "Value", "Quality", "Age", "Why")
    cells = "".join(f'<th class="n">{h}</th>' if h in ("Value", "Age") else f"<th>{h}</th>" for h in heads)
    columns = f"<tr>{cells}</tr>"
    return f'<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'


def _point(point: BuildingPointView) -> str:
    value = "–" if point.value is None else point.state or f"{point.value:.6g} {point.unit}".strip()
    kind = "" if point.quality == "good" else "sev-warning"
    age = "–" if point.age_s is None else roughly(point.age_s)
    at = f' <span class="quiet">{esc(slot_of(point.place))}</span>' if point.place else ""
    return (
        f'<tr><td>{esc(point.point)}{at}</td><td>{esc(point.said_by)}</td><td class="n">{esc(value)}</td>'
        f'<td class="{kind}">{esc(point.quality)}</td><td class="n">{age}</td><td>{esc(point.why)}</td></tr>'
    )


def _refused(state: BuildingState) -> str:
    if not state.refused:
        return ""
    rows = "".join(f"<li>{r.count}× {esc(r.topic)}: {esc(r.why)}</li>" for r in state.refused[:MOST_REFUSED])
    more = len(state.refused) - MOST_REFUSED
    left = f'<li class="quiet">and {more} topics more</li>' if more > 0 else ""
    return f"<h2>Not believed</h2><ul>{rows}{left}</ul>"
