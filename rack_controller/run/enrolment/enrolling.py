"""What keeps the endpoints of one rack read: who is held, who is ready, whose password rotates, which part is swapped.

Built together, because each needs the one before.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.notice import Finding
from rack_controller.model.command import Command
from rack_controller.run.board import Board
from rack_controller.run.desk import SiteDesk
from rack_controller.run.enrolment.enrolled import Enrolled
from rack_controller.run.enrolment.examiner import Examiner
from rack_controller.run.enrolment.holds import Holds
from rack_controller.run.enrolment.rotation import Rotation
from rack_controller.run.enrolment.swapping import Swapping
from rack_controller.run.enrolment.verbs import EnrolmentVerbs
from rack_controller.run.journal import Journal
from rack_controller.run.operate.locks import Locks
from rack_controller.run.precedence import Precedence
from rack_controller.run.roster import Roster
from rack_controller.run.stock import Stock
from rack_controller.run.turns import Turns
from rack_controller.run.view import RackView


@dataclass(frozen=True, slots=True)
class Enrolling:
    """One rack's; without a site's desk nothing is rotated and nobody swaps."""

    roster: Roster
    examiner: Examiner
    enrolled: Enrolled
    rotation: Rotation | None
    verbs: Mapping[str, Callable[[Command], Awaitable[dict[str, object]]]]


def enrolling(
    view: RackView,
    sources: dict[Place, TelemetrySource],
    periods: dict[ReadingClass, Seconds],
    board: Board,
    stock: Stock,
    journal: Journal,
    clock: Clock,
    tell: Callable[[Finding], None],
    *,
    turns: Turns,
    locks: Locks,
    desk: SiteDesk | None,
    precedence: Precedence,
) -> Enrolling:
    """Return the roster of a rack's endpoints with everybody who looks after it."""
    rack = board.rack
    holds = Holds(rack, journal, clock, tell)
    expected = {} if desk is None else desk.expectations(rack, view.layout.generation)
    examiner = Examiner(sources, expected, journal, clock, tell)
    roster = Roster(sources, board, stock, holds, periods, clock, examiner, precedence)
    if desk is None:
        return Enrolling(roster, examiner, Enrolled(holds, examiner, None, locks), None, {})
    rotation = Rotation(rack, desk, roster, turns, tell)
    examiner.add(rotation.judge)
    verbs = EnrolmentVerbs(view, desk, roster, holds, examiner, rotation, turns, tell)
    swapping = Swapping(verbs, stock, journal, clock, tell)
    enrolled = Enrolled(holds, examiner, swapping, locks)
    return Enrolling(roster, examiner, enrolled, rotation, {**verbs.verbs, "swap": swapping.swap})
