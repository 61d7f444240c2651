"""A rack's guard with everything that it acts by: strikes, caps, coolant, the building, latches and bypasses."""

from collections.abc import Callable, Mapping
from functools import partial

from firmware_bridge.ports.power import PowerSwitch
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.claims import REST_PRIORITY
from rack_controller.decide.coolant import holds_coolant
from rack_controller.decide.following import back_after
from rack_controller.decide.limits import holds_caps
from rack_controller.decide.notice import Finding
from rack_controller.decide.picture import Picture
from rack_controller.model.interlock import TURNS_UP, Act, InterlockPolicy
from rack_controller.run.board import Board
from rack_controller.run.building.desk import BuildingDesk
from rack_controller.run.coolant import Coolant
from rack_controller.run.find import find_source
from rack_controller.run.following import Following
from rack_controller.run.guard.bypasses import Bypasses
from rack_controller.run.guard.carrying import Carry
from rack_controller.run.guard.desk import InterlockDesk
from rack_controller.run.guard.drill import Driller
from rack_controller.run.guard.guard import Guard
from rack_controller.run.guard.jobs import JobTeller, Publish
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.shedding import Shedding
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.guard.strike import ACTIONS, Striker
from rack_controller.run.journal import Journal
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.switches import output_of
from rack_controller.run.precedence import Precedence
from rack_controller.run.view import RackView


def guarding(
    policy: InterlockPolicy,
    view: RackView,
    sources: Mapping[Place, TelemetrySource],
    board: Board,
    journal: Journal,
    clock: Clock,
    tell: Callable[[Finding], None],
    *,
    ledger: Ledger,
    leases: LeaseBook,
    limits: Limits,
    coolant: Coolant,
    building: BuildingDesk,
    precedence: Precedence,
    priority: Callable[[Place], int] = lambda _tray: REST_PRIORITY,
    publish: Publish | None = None,
) -> InterlockDesk:
    """Return the guard of a rack at its desk; from now on it hears of leaks, and its latches keep trays off.

    `priority` of a tray: the smaller one is shed later; `publish`: where events go at once.
    """
    sheet = Sheet(ledger)
    switch_of = partial(find_source, sources, port=PowerSwitch)
    jobs = JobTeller(tell, publish)
    striker = Striker(sheet, leases, switch_of, clock, partial(output_of, sources), jobs.pending)
    striker.settle_old()
    latches = Latches(sheet, policy, clock.unix_ns)
    following = Following(limits)
    carriers: dict[Act, Carry] = dict.fromkeys(ACTIONS, precedence.before(striker.carry))
    carriers |= {Act.CAP: following.cap, Act.HOLD_CAPS: limits.hold}
    carriers[Act.SHED] = Shedding(view, striker.carry, priority).carry
    carriers |= dict.fromkeys(TURNS_UP, coolant.turn_up)
    carriers |= building.carriers
    bypasses = Bypasses(journal, board.rack, policy, clock.unix_ns, tell)

    def see(picture: Picture) -> None:
        striker.see(picture)
        following.look(picture.now)

    watching = (carriers, building.beside(see), leases.starting, bypasses.in_force, jobs)
    guard = Guard(view, policy, latches, clock, tell, *watching)
    board.on_leaks, leases.latches = guard.hear, guard.gate
    limits.held = lambda tray: holds_caps(guard.standings.values(), policy, tray)
    following.held = lambda tray, but: holds_caps(guard.standings.values(), policy, tray, but) or leases.keeps_off(tray)
    following.over = lambda cause: back_after(cause, guard.standings.values(), guard.picture, policy)
    coolant.held = lambda quantity: holds_coolant(guard.standings.values(), policy, quantity)
    coolant.need = lambda: guard.flow_needed
    count = (lambda: len(ledger.unresolved()), building.agreed)
    driller = Driller(guard, sources, sheet, policy, clock)
    return InterlockDesk(board.rack, guard, latches, policy, clock, bypasses, *count, driller)
