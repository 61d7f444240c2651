"""The page of a rack's interlocks, its card on the rack's page, and the banner; asked while somebody looks."""

import msgspec
from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.boards import Board, Look
from datacenter_api.console.building import BuildingShown, draw_building, draw_building_line
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.interlocks import (
    InterlocksState,
    banner_lines,
    draw_banner,
    draw_latches,
    draw_line,
    draw_standings,
)
from datacenter_api.console.safety_cards import ClearCard, EmergencyCard
from datacenter_api.console.sights import events_board
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.console.wording import rack_href
from datacenter_api.fleet.record import RackRecord
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.building_view import BuildingState
from rack_controller.model.interlock_view import InterlockState

AGAIN_S = 1.0


def show_banner(glance: Glance, viewer: Viewer) -> None:
    """Show what has tripped anywhere, on top of a page."""
    viewer.show(banner_board(glance), html())


def banner_board(glance: Glance) -> Board:
    """Return the banner that all pages share."""

    def look(now: Seconds) -> Look:
        lines = banner_lines([rack.summary for rack in glance.racks(now)])
        return Look(lines, lambda: draw_banner(lines), {})

    return glance.boards.get("banner", look)


def interlocks_card(glance: Glance, record: RackRecord) -> Board:
    """Return the card on a rack's page."""

    def look(now: Seconds) -> Look:
        rack = glance.rack(record, now)
        drawn = draw_line(None if rack is None else rack.summary)
        return Look(drawn, lambda: drawn, {})

    return glance.boards.get(("interlocks line", record.token), look)


def show_interlocks(glance: Glance, place: str, who: Principal) -> None:
    """Show a rack's interlocks with what can be done about them."""
    try:
        record = glance.services.fleet.find(place)
    except TargetUnknown as err:
        show_missing(who, str(err))
        return
    rack = str(record.place or record.token)
    viewer = Viewer(glance.services, who)
    show_top(who, ("/console/", "Hall"), (rack_href(rack), rack), ("", "Interlocks"))
    show_banner(glance, viewer)
    with ui.element("main").classes("page interlocks"):
        viewer.show(_board(glance, record, "standings"), html(classes="card"))
        viewer.show(_board(glance, record, "latches"), html(classes="card"))
        viewer.show(_building_board(glance, record), html(classes="card"))
        with ui.element("div").classes("acts"):
            with ui.element("div").classes("card made"):
                ClearCard(glance.services, who, record).show()
            with ui.element("div").classes("card made"):
                EmergencyCard(glance.services, who, record).show()
        viewer.show(events_board(glance, rack), html(classes="card"))
    viewer.start()


async def read_interlocks(services: Services, rack: str) -> InterlocksState:
    """Return what the rack's controller says of its interlocks; an error is part of the answer."""
    try:
        return InterlocksState(msgspec.json.decode(await services.bus.ask(rack, "interlocks"), type=InterlockState))
    except (RackwrightError, msgspec.DecodeError) as err:
        return InterlocksState(None, str(err))


async def read_building(services: Services, rack: str) -> BuildingShown:
    """Return what the rack's controller says of its building; an error is part of the answer."""
    try:
        return BuildingShown(msgspec.json.decode(await services.bus.ask(rack, "building"), type=BuildingState))
    except (RackwrightError, msgspec.DecodeError) as err:
        return BuildingShown(None, str(err))


def building_card(glance: Glance, record: RackRecord) -> Board:
    """Return the building's card on a rack's page."""

    def look(now: Seconds) -> Look:
        rack = glance.rack(record, now)
        drawn = draw_building_line(None if rack is None else rack.summary)
        return Look(drawn, lambda: drawn, {})

    return glance.boards.get(("building line", record.token), look)


def _building_board(glance: Glance, record: RackRecord) -> Board:
    fetched = glance.building.get(
        record.token, lambda: read_building(glance.services, record.token), lambda _state: AGAIN_S
    )

    def look(now: Seconds) -> Look:
        drawn = draw_building(fetched.look(now))
        return Look(drawn, lambda: drawn, {})

    return glance.boards.get(("building", record.token), look)


def _board(glance: Glance, record: RackRecord, part: str) -> Board:
    fetched = glance.interlocks.get(
        record.token, lambda: read_interlocks(glance.services, record.token), lambda _state: AGAIN_S
    )
    draw = {"standings": draw_standings, "latches": draw_latches}[part]

    def look(now: Seconds) -> Look:
        drawn = draw(fetched.look(now))
        return Look(drawn, lambda: drawn, {})

    return glance.boards.get(("interlocks", record.token, part), look)
