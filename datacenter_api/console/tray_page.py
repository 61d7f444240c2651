"""One tray: its state, its sensors, an hour of any of them, what it is made of and what happened to it."""

from typing import Any

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.boards import Board, Look, Same
from datacenter_api.console.choices import Choice, series_choice, tray_choices
from datacenter_api.console.fetched import HOUR, WINDOWS, first_window
from datacenter_api.console.frame import show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.groups import group_lines
from datacenter_api.console.interlocks_page import show_banner
from datacenter_api.console.limits import draw_limits
from datacenter_api.console.made_of import draw_report
from datacenter_api.console.panel import find_tray
from datacenter_api.console.plan_card import TRAY_OFFERS, PlanCard
from datacenter_api.console.power_card import PowerCard
from datacenter_api.console.readiness import draw_readiness
from datacenter_api.console.sights import chart_board, events_board, limits_of, readiness_of, report_of
from datacenter_api.console.tray import (
    TraySight,
    draw_choices,
    draw_head,
    draw_health,
    draw_sensors,
    head_cells,
    health_cells,
    sensor_cells,
)
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.console.wording import rack_href, slot_of
from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.record import RackRecord
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import TrayView

SWITCHED = (TrayKind.COMPUTE, TrayKind.SWITCH)
_PARTS = {
    "head": (draw_head, head_cells),
    "health": (draw_health, health_cells),
    "sensors": (draw_sensors, sensor_cells),
}


class TrayBoards:
    """The boards of one tray.  Its series are grouped once per series table."""

    def __init__(self, glance: Glance, record: RackRecord, slot: str) -> None:
        self._glance, self._record, self._slot = glance, record, slot
        self._grouped: tuple[Columns, TrayView, tuple[Any, ...]] | None = None

    def part(self, name: str) -> Board:
        """Return the board of one part of the page: head, health or sensors."""
        draw, cells = _PARTS[name]

        def look(now: Seconds) -> Look | None:
            sight = self._sight(now)
            if sight is None:
                return None
            columns = sight.view.columns if sight.view else None
            return Look(Same(sight.layout, columns), lambda: draw(sight), cells(sight))

        return self._glance.boards.get(("tray", self._record.token, self._slot, name), look)

    def report(self, endpoint: str) -> Board:
        """Return the board of what an endpoint is made of."""
        fetched = report_of(self._glance, self._record, endpoint)

        def look(now: Seconds) -> Look:
            state = fetched.look(now)
            return Look(state, lambda: draw_report(endpoint, state), {})

        return self._glance.boards.get(("report", endpoint), look)

    def readiness(self, endpoint: str) -> Board:
        """Return the board of whether an endpoint is as it must be."""
        fetched = readiness_of(self._glance, self._record, endpoint)

        def look(now: Seconds) -> Look:
            state = fetched.look(now)
            return Look(state, lambda: draw_readiness(endpoint, state), {})

        return self._glance.boards.get(("readiness", endpoint), look)

    def limits(self, tray: str) -> Board:
        """Return the board of what can be set of the tray."""
        fetched = limits_of(self._glance, self._record)

        def look(now: Seconds) -> Look:
            state = fetched.look(now)
            return Look(state, lambda: draw_limits(tray, state), {})

        return self._glance.boards.get(("limits", tray), look)

    def _sight(self, now: Seconds) -> TraySight | None:
        rack = self._glance.rack(self._record, now)
        tray = find_tray(rack.layout, self._slot) if rack else None
        if rack is None or tray is None:
            return None
        columns = rack.view.columns if rack.view else None
        if columns is not None and (self._grouped is None or self._grouped[:2] != (columns, tray)):
            self._grouped = (columns, tray, tuple(group_lines(tray, columns)))
        return TraySight(
            rack.layout,
            tray,
            next(t for t in rack.summary.trays if t.place == tray.place),
            rack.view,
            self._glance.axes(self._record, now),
            self._grouped[2] if columns is not None and self._grouped else (),
            rack.summary.live,
            next((d for d in self._glance.domains(now) if any(tray.place in share.trays for share in d.racks)), None),
        )


class TrayPage:
    """One tray as one viewer sees it: which series and which time are chosen is the viewer's own."""

    def __init__(self, glance: Glance, record: RackRecord, tray: TrayView, who: Principal) -> None:
        self._glance, self._record, self._tray = glance, record, tray
        self._viewer = Viewer(glance.services, who)
        self._boards = TrayBoards(glance, record, slot_of(tray.place))
        self._choice: Choice | None = None
        self._window = HOUR

    def show(self) -> None:
        """Build the page and begin to send."""
        viewer, boards, tray = self._viewer, self._boards, self._tray
        rack = str(self._record.place or self._record.token)
        show_top(viewer.who, ("/console/", "Hall"), (rack_href(rack), rack), ("", slot_of(tray.place)), live=True)
        show_banner(self._glance, viewer)
        with ui.element("main").classes("page"):
            viewer.show(boards.part("head"), html(classes="card"))
            with ui.element("div").classes("trayfloor"):
                with ui.element("div").classes("beside"):
                    with ui.element("div").classes("card over"):
                        self._buttons = html()
                        self._chart = html(classes="big")
                    viewer.show(boards.part("sensors"), html(classes="card sensors"))
                with ui.element("div").classes("beside"):
                    viewer.show(boards.part("health"), html(classes="card health"))
                    if tray.kind in SWITCHED:
                        with ui.element("div").classes("card made power"):
                            PowerCard(self._glance.services, viewer.who, self._record, tray).show()
                    if offers := TRAY_OFFERS.get(tray.kind):
                        with ui.element("div").classes("card made power"):
                            PlanCard(self._glance.services, viewer.who, self._record, tray.place, offers).show()
                    if tray.kind in (TrayKind.COMPUTE, TrayKind.COOLANT_UNIT):
                        viewer.show(boards.limits(tray.place), html(classes="card made"))
                    with ui.element("div").classes("card made ready"):
                        html("<h2>Ready</h2>")
                        for endpoint in (e for e in tray.endpoints if e.enabled):
                            viewer.show(boards.readiness(endpoint.place), html())
                    with ui.element("div").classes("card made"):
                        html("<h2>Made of</h2>")
                        for endpoint in (e for e in tray.endpoints if e.enabled):
                            viewer.show(boards.report(endpoint.place), html())
                    viewer.show(events_board(self._glance, tray.place), html(classes="card happened"))
        ui.on("series", self._choose_series)
        ui.on("window", self._choose_window)
        viewer.start(self._begin)

    def _begin(self) -> None:
        """Choose the first chart as soon as there is one."""
        columns = self._record.columns
        if self._choice is None and columns is not None:
            self._window = first_window(self._glance.services)
            choices = tray_choices(self._tray, columns)
            if choices:
                self._choice = choices[0]
                self._buttons.set_content(
                    "<h2>Over time</h2>" + draw_choices(choices, choices[0].id, [*WINDOWS], self._window.name)
                )
                self._show_chart()

    def _choose_series(self, event: Any) -> None:
        columns, wish = self._record.columns, str(event.args)[:256]
        if columns is None:
            return
        below = wish.removeprefix("series:")
        known = {choice.id: choice for choice in tray_choices(self._tray, columns)}
        choice = known.get(wish) or series_choice(self._tray, columns, below)
        if choice is not None:
            self._choice = choice
            self._show_chart()

    def _choose_window(self, event: Any) -> None:
        window = WINDOWS.get(str(event.args)[:16])
        if window is not None:
            self._window = window
            self._show_chart()

    def _show_chart(self) -> None:
        if self._choice is None:
            return
        self._viewer.sights = [s for s in self._viewer.sights if s.tag != "chart"]
        board = chart_board(self._glance, self._record, self._choice, self._window)
        self._viewer.show(board, self._chart, tag="chart")
        self._viewer.send()
