"""The page of a rack's alarms, and its card on the rack's page; asked while somebody looks."""

import msgspec
from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.alarm_card import AlarmCard
from datacenter_api.console.alarms import AlarmsState, draw_alarm_line, draw_alarms, draw_silenced
from datacenter_api.console.boards import Board, Look
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.interlocks_page import show_banner
from datacenter_api.console.sights import events_board
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.console.wording import rack_href
from datacenter_api.fleet.record import RackRecord
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.alarm import AlarmList

AGAIN_S = 1.0


def alarms_card(glance: Glance, record: RackRecord) -> Board:
    """Return the card on a rack's page."""

    def look(now: Seconds) -> Look:
        rack = glance.rack(record, now)
        drawn = draw_alarm_line(None if rack is None else rack.summary, record.alarms)
        return Look(drawn, lambda: drawn, {})

    return glance.boards.get(("alarms line", record.token), look)


def show_alarms(glance: Glance, place: str, who: Principal) -> None:
    """Show a rack's alarms with what can be done about them."""
    try:
        record = glance.services.fleet.find(place)
    except TargetUnknown as err:
        show_missing(who, str(err))
        return
    rack = str(record.place or record.token)
    viewer = Viewer(glance.services, who)
    show_top(who, ("/console/", "Hall"), (rack_href(rack), rack), ("", "Alarms"))
    show_banner(glance, viewer)
    with ui.element("main").classes("page interlocks alarms"):
        viewer.show(_board(glance, record, "alarms"), html(classes="card"))
        with ui.element("div").classes("card made"):
            AlarmCard(glance.services, who, record).show()
        viewer.show(_board(glance, record, "silenced"), html(classes="card"))
        viewer.show(events_board(glance, rack), html(classes="card"))
    viewer.start()


async def read_alarms(services: Services, rack: str) -> AlarmsState:
    """Return what the rack's controller says of its alarms; an error is part of the answer."""
    try:
        return AlarmsState(msgspec.json.decode(await services.bus.ask(rack, "alarms"), type=AlarmList))
    except (RackwrightError, msgspec.DecodeError) as err:
        return AlarmsState(None, str(err))


def _board(glance: Glance, record: RackRecord, part: str) -> Board:
    fetched = glance.alarms.get(
        record.token, lambda: read_alarms(glance.services, record.token), lambda _state: AGAIN_S
    )
    draw = {"alarms": draw_alarms, "silenced": draw_silenced}[part]

    def look(now: Seconds) -> Look:
        drawn = draw(fetched.look(now))
        return Look(drawn, lambda: drawn, {})

    return glance.boards.get(("alarms", record.token, part), look)
