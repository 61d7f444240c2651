"""The page of a rack's power budget and its card on the rack's page; asked while somebody looks."""

from collections.abc import Callable

import msgspec
from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.boards import Board, Look
from datacenter_api.console.budget import (
    BudgetState,
    draw_budget_line,
    draw_claims,
    draw_head,
    draw_held,
    draw_limits_held,
)
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.interlocks_page import show_banner
from datacenter_api.console.sights import events_board
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.console.wording import budget_href, rack_href
from datacenter_api.fleet.record import RackRecord
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.power_view import PowerView

AGAIN_S = 1.0
PARTS: dict[str, Callable[[BudgetState | None], str]] = {
    "head": draw_head,
    "limits": draw_limits_held,
    "claims": draw_claims,
    "held": draw_held,
}


def show_budget(glance: Glance, place: str, who: Principal) -> None:
    """Show a rack's power budget."""
    try:
        record = glance.services.fleet.find(place)
    except TargetUnknown as err:
        show_missing(who, str(err))
        return
    rack = str(record.place or record.token)
    viewer = Viewer(glance.services, who)
    show_top(who, ("/console/", "Hall"), (rack_href(rack), rack), ("", "Power budget"))
    show_banner(glance, viewer)
    with ui.element("main").classes("page budgets"):
        with ui.element("div").classes("pair"):
            viewer.show(_board(glance, record, "head"), html(classes="card"))
            viewer.show(_board(glance, record, "limits"), html(classes="card"))
        viewer.show(_board(glance, record, "claims"), html(classes="card"))
        viewer.show(_board(glance, record, "held"), html(classes="card"))
        viewer.show(events_board(glance, rack), html(classes="card"))
    viewer.start()


def budget_card(glance: Glance, record: RackRecord) -> Board:
    """Return the card on a rack's page."""

    def look(_now: Seconds) -> Look:
        drawn = draw_budget_line(record.budget, budget_href(str(record.place or record.token)))
        return Look(drawn, lambda: drawn, {})

    return glance.boards.get(("budget line", record.token), look)


async def read_budget(services: Services, rack: str) -> BudgetState:
    """Return what the rack's controller says of its budget; an error is part of the answer."""
    try:
        return BudgetState(msgspec.json.decode(await services.bus.ask(rack, "power_budget"), type=PowerView))
    except (RackwrightError, msgspec.DecodeError) as err:
        return BudgetState(None, str(err))


def _board(glance: Glance, record: RackRecord, part: str) -> Board:
    fetched = glance.budget.get(
        record.token, lambda: read_budget(glance.services, record.token), lambda _state: AGAIN_S
    )

    def look(now: Seconds) -> Look:
        drawn = PARTS[part](fetched.look(now))
        return Look(drawn, lambda: drawn, {})

    return glance.boards.get(("budget", record.token, part), look)
