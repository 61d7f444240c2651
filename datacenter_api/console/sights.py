"""Boards that several pages show: charts, events, what needs a look.  Each is made once, whoever looks."""

from collections.abc import Callable
from dataclasses import replace

from datacenter_api.console.boards import Board, Look, Same
from datacenter_api.console.chart import Chart, draw_chart
from datacenter_api.console.choices import Choice, rack_choices
from datacenter_api.console.fetched import (
    HOUR_IN_MINUTES,
    Fetched,
    ReportState,
    Window,
    read_chart,
    read_limits,
    read_readiness,
    read_report,
)
from datacenter_api.console.floor import SOME, HallRack
from datacenter_api.console.glance import Glance
from datacenter_api.console.hall import attention, draw_attention, draw_hall, hall_cells
from datacenter_api.console.happened import draw_events
from datacenter_api.console.limits import AGAIN_S as LIMITS_AGAIN_S
from datacenter_api.console.limits import LimitsState
from datacenter_api.console.readiness import AGAIN_S, ReadinessState
from datacenter_api.console.wording import Cells, esc
from datacenter_api.fleet.record import RackRecord
from firmware_bridge.vocabulary.units import Seconds

EVENTS_SHOWN = 30


def hall_board(glance: Glance) -> Board:
    """Return the hall: its skeleton changes with its racks, their layouts and domains."""
    held: dict[str, Fetched[Chart]] = {}

    def look(now: Seconds) -> Look:
        racks, domains = glance.racks(now), glance.domains(now)
        key = (
            Same(*(rack.layout for rack in racks)),
            tuple((d.id, tuple(share.rack for share in d.racks), d.racks_missing) for d in domains),
        )
        cells = hall_cells(racks, domains)
        for rack in racks if len(racks) <= SOME else ():
            cells |= _spark(glance, rack, held, now)
        return Look(key, lambda: draw_hall(racks, domains), cells)

    return glance.boards.get("hall", look)


def _spark(glance: Glance, rack: HallRack, held: dict[str, Fetched[Chart]], now: Seconds) -> Cells:
    """Return the rack's shelf output over the last hour, as far as it has been fetched."""
    record = glance.services.fleet.find(rack.summary.rack)
    choices = rack_choices(rack.layout, rack.view.columns) if rack.view else []
    if not choices:
        return {}
    # Holding it keeps it: what nobody holds is forgotten, and an older choice with it.
    fetched = held[record.token] = _chart(glance, record, choices[0], HOUR_IN_MINUTES, HOUR_IN_MINUTES.step_s / 2)
    chart = fetched.look(now)
    return (
        {}
        if chart is None
        else {(f"r-{rack.summary.name}-spark", "html"): draw_chart(replace(chart, title="Output, last hour"))}
    )


def attention_board(glance: Glance) -> Board:
    """Return what needs a look in the whole hall."""

    def look(now: Seconds) -> Look:
        lines = attention(glance.racks(now), glance.domains(now))
        return Look(lines, lambda: draw_attention(lines), {})

    return glance.boards.get("attention", look)


def events_board(glance: Glance, place: str | None) -> Board:
    """Return the newest events at or below a place, of all racks when there is none."""

    def look(_now: Seconds) -> Look:
        events = glance.services.events.newest(EVENTS_SHOWN, place)
        key = events[0].id if events else ""
        head = "<h2>Events</h2>"
        return Look(
            key,
            lambda: f'{head}<div class="scroll">{draw_events(events, with_rack=place is None)}</div>',
            {},
        )

    return glance.boards.get(("events", place), look)


def chart_board(glance: Glance, record: RackRecord, choice: Choice, window: Window) -> Board:
    """Return one chart over a window that ends now, drawn anew with each of its steps."""
    fetched = _chart(glance, record, choice, window, window.step_s)

    def draw() -> str:
        if fetched.value is None:
            wait = '<span class="quiet">reading the history …</span>'
            return f'<figure class="chart empty"><figcaption><b>{esc(choice.title)}</b>{wait}</figcaption></figure>'
        return draw_chart(fetched.value)

    return glance.boards.get(("chart", record.token, choice, window), _looks_at(fetched, draw))


def _chart(glance: Glance, record: RackRecord, choice: Choice, window: Window, every_s: float) -> Fetched[Chart]:
    """Return a chart that is fetched anew every `every_s`, while somebody looks."""
    return glance.charts.get(
        (record.token, choice, window),
        lambda: read_chart(glance.services, record.token, choice, window),
        lambda _chart: every_s,
    )


def report_of(glance: Glance, record: RackRecord, endpoint: str) -> Fetched[ReportState]:
    """Return what is known of an endpoint's make-up, fetched while somebody looks."""
    return glance.reports.get(
        endpoint, lambda: read_report(glance.services, record.token, endpoint), lambda state: state.again_s
    )


def readiness_of(glance: Glance, record: RackRecord, endpoint: str) -> Fetched[ReadinessState]:
    """Return what is known of an endpoint's readiness, fetched while somebody looks."""
    return glance.readiness.get(
        endpoint, lambda: read_readiness(glance.services, record.token, endpoint), lambda _state: AGAIN_S
    )


def limits_of(glance: Glance, record: RackRecord) -> Fetched[LimitsState]:
    """Return what is known of a rack's limits and coolant targets, fetched while somebody looks."""
    return glance.limits.get(
        record.token, lambda: read_limits(glance.services, record.token), lambda _state: LIMITS_AGAIN_S
    )


def _looks_at(fetched: Fetched[Chart], draw: Callable[[], str]) -> Callable[[Seconds], Look]:
    def look(now: Seconds) -> Look:
        fetched.look(now)
        return Look(fetched.version, draw, {})

    return look
