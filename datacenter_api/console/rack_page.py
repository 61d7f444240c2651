"""One rack: strips, an hour in charts, the elevation, the panel of the tray that this viewer chose, its events."""

from typing import Any

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.alarms_page import alarms_card
from datacenter_api.console.boards import Board, Look, Same
from datacenter_api.console.budget_page import budget_card
from datacenter_api.console.cells import elevation_cells
from datacenter_api.console.choices import rack_choices
from datacenter_api.console.domain import domain_line_cells, draw_domain_line
from datacenter_api.console.elevation import draw_elevation, draw_kinds
from datacenter_api.console.fetched import first_window
from datacenter_api.console.frame import show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.interlocks_page import building_card, interlocks_card, show_banner
from datacenter_api.console.operation_page import operations_board
from datacenter_api.console.panel import NOTHING_CHOSEN, draw_panel, find_tray, panel_cells
from datacenter_api.console.plan_card import RACK_OFFERS, PlanCard
from datacenter_api.console.sights import chart_board, events_board
from datacenter_api.console.strips import draw_strips, strip_cells
from datacenter_api.console.viewer import Sight, Viewer, html
from datacenter_api.console.wording import esc
from datacenter_api.fleet.record import RackRecord
from firmware_bridge.vocabulary.units import Seconds

_KEY = (
    '<div class="key"><span>state: ● on ○ off ? unknown</span><span>management: ⇄ reachable ⇢ degraded ✕ absent</span>'
    "<span>alarm: ● ok ▲ warning ◆ critical</span></div>"
)


def rack_board(glance: Glance, record: RackRecord) -> Board:
    """Return a rack's elevation, and the values of its strips."""

    def look(now: Seconds) -> Look | None:
        rack = glance.rack(record, now)
        if rack is None:
            return None
        layout = rack.layout
        kinds = {tray.kind for tray in layout.trays}
        return Look(
            Same(layout),
            lambda: f"<h2>{esc(layout.title)}</h2>{draw_elevation(layout)}{draw_kinds(kinds)}{_KEY}",
            {**strip_cells(rack.summary), **elevation_cells(layout, rack.summary, rack.view)},
        )

    return glance.boards.get(("rack", record.token), look)


def domain_line_board(glance: Glance, record: RackRecord) -> Board:
    """Return the rack's place in its NVLink domains."""

    def look(now: Seconds) -> Look:
        mine = [d for d in glance.domains(now) if any(share.rack == record.place for share in d.racks)]
        key = tuple((d.id, tuple(s.rack for s in d.racks), d.racks_missing) for d in mine)
        return Look(key, lambda: draw_domain_line(mine, record.place or ""), domain_line_cells(mine))

    return glance.boards.get(("domain line", record.token), look)


def panel_board(glance: Glance, record: RackRecord, slot: str) -> Board:
    """Return the panel of one tray."""

    def look(now: Seconds) -> Look | None:
        rack = glance.rack(record, now)
        tray = find_tray(rack.layout, slot) if rack else None
        if rack is None or tray is None:
            return Look("", lambda: NOTHING_CHOSEN, {})
        view = rack.view
        key = Same(rack.layout, view.columns if view else None)
        return Look(key, lambda: draw_panel(tray, view), panel_cells(tray, view, glance.axes(record, now)))

    return glance.boards.get(("panel", record.token, slot), look)


class RackPage:
    """One rack as one viewer sees it: only which tray is chosen is the viewer's own."""

    def __init__(self, glance: Glance, record: RackRecord, who: Principal) -> None:
        self._glance, self._record = glance, record
        self._viewer = Viewer(glance.services, who)
        self._chosen: Sight | None = None
        self._charted: object = None

    def show(self) -> None:
        """Build the page and begin to send."""
        glance, record, viewer = self._glance, self._record, self._viewer
        show_top(viewer.who, ("/console/", "Hall"), ("", str(record.place or record.token)), live=True)
        show_banner(glance, viewer)
        with ui.element("main").classes("page"):
            viewer.show(domain_line_board(glance, record), html(classes="placeline"))
            html(draw_strips())
            self._charts = ui.element("section").classes("charts")
            with ui.element("div").classes("floor"):
                viewer.show(rack_board(glance, record), html(classes="card"))
                with ui.element("div").classes("beside"):
                    self._panel = html(NOTHING_CHOSEN, "card")
                    viewer.show(interlocks_card(glance, record), html(classes="card"))
                    viewer.show(budget_card(glance, record), html(classes="card"))
                    viewer.show(alarms_card(glance, record), html(classes="card"))
                    viewer.show(building_card(glance, record), html())
                    with ui.element("div").classes("card made power"):
                        target = str(record.place or record.token)
                        PlanCard(glance.services, viewer.who, record, target, RACK_OFFERS).show()
                    viewer.show(operations_board(glance, record), html(classes="card"))
                    viewer.show(events_board(glance, record.place or record.token), html(classes="card"))
                    html(
                        f'<p class="quiet"><a href="/console/passport/{record.place or record.token}">Passport</a></p>'
                    )
        ui.on("tray", self._choose)
        viewer.start(self._show_charts)

    def _choose(self, event: Any) -> None:
        slot = str(event.args)[:64]
        if self._chosen is not None:
            self._viewer.sights.remove(self._chosen)
        self._chosen = self._viewer.show(panel_board(self._glance, self._record, slot), self._panel)
        self._viewer.send()

    def _show_charts(self) -> None:
        """Put the charts in as soon as layout and table are known; they stay while both do."""
        layout, columns = self._record.layout, self._record.columns
        if layout is None or columns is None or self._charted is columns:
            return
        self._charted = columns
        self._charts.clear()
        self._viewer.sights = [s for s in self._viewer.sights if s.tag != "chart"]
        with self._charts:
            for choice in rack_choices(layout, columns):
                board = chart_board(self._glance, self._record, choice, first_window(self._glance.services))
                self._viewer.show(board, html(classes="card"), tag="chart")
