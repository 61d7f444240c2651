"""The console's pages on NiceGUI: a skeleton per page, and a timer that sends each viewer what changed for it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nicegui import ui
from starlette.requests import Request

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.auth.gate import PRINCIPAL
from datacenter_api.console.cells import elevation_cells
from datacenter_api.console.elevation import draw_elevation
from datacenter_api.console.hall import draw_hall, hall_cells
from datacenter_api.console.panel import NOTHING_CHOSEN, draw_events, draw_panel, find_tray, panel_cells
from datacenter_api.console.strips import draw_strips, strip_cells
from datacenter_api.console.wording import Cells, changes, esc
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.summary import RackSummary, summarise
from datacenter_api.fleet.trays import axes_of
from datacenter_api.fleet.view import view_of
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import TargetUnknown
from rack_controller.model.layout import Layout

PERIOD_S = 1.0
EVENTS_SHOWN = 30
_HEAD = (
    '<link rel="stylesheet" href="/assets/console.css"><script src="/assets/console.js" defer></script>'
    '<meta name="color-scheme" content="light dark">'
)
_KEY = (
    '<div class="key"><span>state: ● on ○ off ? unknown</span><span>management: ⇄ reachable ⇢ degraded ✕ absent</span>'
    '<span>alarm: ● ok ▲ warning ◆ critical</span><span>GPU 35 °C<i class="ramp"></i>90 °C</span>'
    '<span><i class="hatched"></i>no current reading</span></div>'
)


@dataclass
class Viewer:
    """One open page: what it shows already, so that only changes are sent."""

    services: Services
    who: Principal
    shown: Cells = field(default_factory=dict)

    def send(self, cells: Cells) -> None:
        """Send what differs from what the page shows; an empty message still says that the server lives."""
        if not self.services.doorkeeper.still_welcome(self.who):
            ui.run_javascript("location.assign('/login')")
            return
        news = changes(self.shown, cells)
        self.shown = {**self.shown, **cells}
        ui.run_javascript(f"rackwright.apply({_for_script(news)})")

    def forget(self, *prefixes: str) -> None:
        """Forget what stood in a part of the page that was drawn anew."""
        self.shown = {at: value for at, value in self.shown.items() if not at[0].startswith(prefixes)}


def add_pages(services: Services) -> None:
    """Register the hall and the rack page."""

    @ui.page("/", title="Hall · Rackwright", dark=None)
    def hall(request: Request) -> None:
        show_hall(services, request.scope[PRINCIPAL])

    @ui.page("/rack/{rack:path}", title="Rack · Rackwright", dark=None)
    def rack_page(rack: str, request: Request) -> None:
        try:
            record = services.fleet.find(rack)
        except TargetUnknown as err:
            _top(request.scope[PRINCIPAL], "")
            _html(
                f'<main class="page"><div class="card">{esc(str(err))}. <a href="/console/">All racks</a></div></main>'
            )
            return
        RackPage(services, record, Viewer(services, request.scope[PRINCIPAL])).show()


def show_hall(services: Services, who: Principal) -> None:
    """Show every rack as a card."""
    viewer = Viewer(services, who)
    _top(who, "")
    cards = _html("", "page")
    names: list[str] = []

    def tick() -> None:
        now = services.now()
        racks: list[RackSummary] = [s for record in services.fleet if (s := summarise(record, now)) is not None]
        if not cards.content or names != [rack.rack for rack in racks]:
            names[:] = [rack.rack for rack in racks]
            cards.set_content(draw_hall(racks))
            viewer.forget("r-")
        viewer.send(hall_cells(racks))

    _every_second(tick)


class RackPage:
    """One rack as one viewer sees it."""

    def __init__(self, services: Services, record: RackRecord, viewer: Viewer) -> None:
        self._services, self._record, self._viewer = services, record, viewer
        self._drawn: Layout | None = None
        self._slot = ""
        self._panel_of: tuple[str, int] | None = None
        self._newest = "none"

    def show(self) -> None:
        """Build the page and begin to send."""
        _top(self._viewer.who, str(self._record.place or self._record.token))
        with ui.element("main").classes("page"):
            _html(draw_strips())
            with ui.element("div").classes("floor"):
                self._rack = _html("", "card")
                with ui.element("div").classes("beside"):
                    self._panel = _html(NOTHING_CHOSEN, "card")
                    self._events = _html("", "card")
        ui.on("tray", self._choose)
        _every_second(self._tick)

    def _choose(self, event: Any) -> None:
        self._slot = str(event.args)[:64]
        self._tick()

    def _tick(self) -> None:
        layout, now = self._record.layout, self._services.now()
        summary = summarise(self._record, now)
        if layout is None or summary is None:
            self._viewer.send({})
            return
        view = view_of(self._record, now)
        if self._drawn is not layout:
            self._drawn = layout
            self._rack.set_content(f"<h2>{esc(layout.title)}</h2>{draw_elevation(layout)}{_KEY}")
            self._viewer.forget("t-", "c-")
        cells = {**strip_cells(summary), **elevation_cells(layout, summary, view)}
        tray = find_tray(layout, self._slot)
        if tray is not None:
            table = self._record.columns.table.table_id if self._record.columns else 0
            if self._panel_of != (self._slot, table):
                self._panel_of = (self._slot, table)
                self._panel.set_content(draw_panel(tray, view))
                self._viewer.forget("p", "e")
            cells |= panel_cells(tray, view, axes_of(self._record, now))
        self._show_events()
        self._viewer.send(cells)

    def _show_events(self) -> None:
        events = self._services.events.newest(EVENTS_SHOWN, self._record.place)
        newest = events[0].id if events else ""
        if newest != self._newest:
            self._newest = newest
            self._events.set_content(f'<h2>Events</h2><div class="scroll">{draw_events(events)}</div>')


def _top(who: Principal, place: str) -> None:
    ui.add_head_html(_HEAD)
    crumb = f'<span class="crumb"><a href="/console/">Hall</a> / {esc(place)}</span>' if place else ""
    pill = '<span id="live" class="pill">? connecting</span>' if place else ""
    _html(
        '<header class="top"><h1><img src="/assets/mark.svg" alt="" width="22" height="22">Rackwright</h1>'
        f'{crumb}{pill}<span class="space"></span><span class="crumb">{esc(who.user)} ({esc(who.role)})</span>'
        '<form method="post" action="/logout"><button type="submit">Log out</button></form></header>'
        '<div id="silence" role="alert"></div>'
    )


def _html(content: str, classes: str = "") -> ui.html:
    # Everything that comes from a device passes `esc` or arrives as text; DOMPurify would strip the SVG's ids.
    return ui.html(content, sanitize=False).classes(classes)


def _every_second(tick: Callable[[], None]) -> None:
    ui.timer(PERIOD_S, tick)


def _for_script(news: list[tuple[str, str, str]]) -> str:
    return json.dumps(news, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", " ").replace("\u2029", " ")
