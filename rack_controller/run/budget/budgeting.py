"""One rack's part of the site's power budget, put together: its side, its grants, its desk."""

from collections.abc import Callable

from firmware_bridge.vocabulary.clock import Clock
from rack_controller.decide.notice import Finding
from rack_controller.run.board import Board
from rack_controller.run.budget.cooling import CoolingSide
from rack_controller.run.budget.desk import PowerBudgetDesk
from rack_controller.run.budget.grants import Grants
from rack_controller.run.budget.in_band import HostGrants
from rack_controller.run.budget.side import RackSide
from rack_controller.run.budget.station import BudgetStation
from rack_controller.run.coolant import Coolant
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.view import RackView


def budgeting(
    station: BudgetStation,
    view: RackView,
    board: Board,
    limits: Limits,
    coolant: Coolant,
    leases: LeaseBook,
    clock: Clock,
    tell: Callable[[Finding], None],
) -> PowerBudgetDesk:
    """Return a rack's desk; from now on the station decides over the rack too."""
    rack = board.rack
    wiring = station.roster.racks[station.index_of(rack)].wiring
    grants = Grants(limits, leases, clock)
    places = station.places_of(rack)
    in_band = HostGrants(places, limits.sources, leases, clock, limits.ledger.epoch)
    side = RackSide(rack, wiring, places, view, board, grants, in_band, clock, tell)
    station.join(side)
    station.cooling.sides[rack] = CoolingSide(rack, view, board, coolant, clock)
    return PowerBudgetDesk(station, side)
