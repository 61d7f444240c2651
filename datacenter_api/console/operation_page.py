"""The page of one operation, and the card of a rack's operations; asked of its controller while somebody looks."""

import msgspec
from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.boards import Board, Look
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.interlocks_page import show_banner
from datacenter_api.console.operation_card import OperationCard
from datacenter_api.console.operations import (
    OperationSight,
    OperationsState,
    draw_operation,
    draw_operations,
    ended,
)
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.fleet.record import RackRecord
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.operation import Operation, OperationRow

SHOWN = 8
BUSY_S, QUIET_S = 1.0, 5.0


def operations_board(glance: Glance, record: RackRecord) -> Board:
    """Return the card of a rack's newest operations."""
    fetched = glance.operations.get(
        record.token,
        lambda: read_operations(glance.services, record.token),
        lambda state: QUIET_S if ended(state.rows) else BUSY_S,
    )

    def look(now: Seconds) -> Look:
        state = fetched.look(now)
        return Look(state, lambda: draw_operations(state), {})

    return glance.boards.get(("operations", record.token), look)


def operation_board(glance: Glance, record: RackRecord, name: str) -> Board:
    """Return one operation's timeline."""
    fetched = glance.operation.get(
        name,
        lambda: read_operation(glance.services, record.token, name),
        lambda sight: QUIET_S if sight.operation is None or sight.operation.over else BUSY_S,
    )

    def look(now: Seconds) -> Look:
        sight = fetched.look(now)
        return Look(fetched.version, lambda: draw_operation(name, sight), {})

    return glance.boards.get(("operation", name), look)


def show_operation(glance: Glance, name: str, who: Principal) -> None:
    """Show an operation; the rack it belongs to stands in its name."""
    try:
        record = glance.services.fleet.find(name.rpartition("-")[0])
    except TargetUnknown as err:
        show_missing(who, f"There is no operation {name!r}: {err.what}")
        return
    viewer, rack = Viewer(glance.services, who), str(record.place or record.token)
    show_top(who, ("/console/", "Hall"), (f"/console/rack/{rack}", rack), ("", name), live=True)
    show_banner(glance, viewer)
    with ui.element("main").classes("page"):
        viewer.show(operation_board(glance, record, name), html(classes="card"))
        with ui.element("div").classes("card made"):
            OperationCard(glance.services, who, record, name).show()
    viewer.start()


async def read_operations(services: Services, rack: str) -> OperationsState:
    """Return what the rack's controller says of its operations; an error is part of the answer."""
    try:
        rows = msgspec.json.decode(await services.bus.ask(rack, "operations"), type=list[OperationRow])
        return OperationsState(tuple(rows[:SHOWN]))
    except (RackwrightError, msgspec.DecodeError) as err:
        return OperationsState(error=str(err))


async def read_operation(services: Services, rack: str, name: str) -> OperationSight:
    """Return one operation as its controller tells it; an error is part of the answer."""
    try:
        return OperationSight(msgspec.json.decode(await services.bus.ask(rack, "operation", name), type=Operation))
    except (RackwrightError, msgspec.DecodeError) as err:
        return OperationSight(None, str(err))
