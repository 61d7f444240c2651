"""Commands that plan, approve and steer operations of one rack.  Every answer says which operation, and what next."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import msgspec

from firmware_bridge.ports.firmware import FirmwareTarget
from firmware_bridge.ports.telemetry import TelemetrySource, Versioned
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, RoleInsufficient
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerDepth
from firmware_bridge.vocabulary.sequence import LIMITS, Sequence
from firmware_bridge.vocabulary.text import scrub
from rack_controller.decide.limits import wish_of
from rack_controller.decide.notice import Finding
from rack_controller.decide.plan_power import PowerWish, parse_target
from rack_controller.decide.plan_unit import why_not_approved
from rack_controller.images import Images
from rack_controller.model.command import Command
from rack_controller.model.lease import Direction
from rack_controller.model.operation import BUS_VERBS, UNIT_VERBS, Manner, Operation, Plan, Verb, diff_plans
from rack_controller.model.roles import Privilege, may, may_not, whom_to_ask
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.find import find_source
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.limiting import Limiting
from rack_controller.run.operate.looking import Looking
from rack_controller.run.operate.obstacles import Obstacles
from rack_controller.run.operate.operations import Operations
from rack_controller.run.operate.planning_power import PowerPlanning
from rack_controller.run.operate.planning_push import PushPlanning
from rack_controller.run.operate.planning_shelf import ShelfPlanning
from rack_controller.run.operate.planning_unit import UnitPlanning
from rack_controller.run.operate.pusher import Pusher
from rack_controller.run.operate.switches import switch_at
from rack_controller.run.operate.worker import Worker
from rack_controller.run.view import RackView

T = TypeVar("T", bound=StrEnum)
Answers = Callable[[Command], Awaitable[dict[str, object]]]
MOST_REASON = 200
WORDS_FOR_HELD = ("done", "again", "failed")


@dataclass(frozen=True, slots=True)
class OperationVerbs:
    """The verbs of one rack."""

    view: RackView
    powers: PowerPlanning
    operations: Operations
    pushes: PushPlanning
    shelves: ShelfPlanning
    looking: Looking
    limiting: Limiting
    units: UnitPlanning

    @property
    def verbs(self) -> Mapping[str, Answers]:
        """Return what answers each verb."""
        return {
            "plan": self.plan,
            "approve": self.approve,
            "pause": self.steer,
            "resume": self.steer,
            "cancel": self.steer,
            "resolve": self.resolve,
        }

    async def plan(self, command: Command) -> dict[str, object]:
        """Make a plan and keep it until somebody approves it; with `dry_run` only show it."""
        plan = await self._planned(command)
        if command.arguments.get("dry_run", False):
            return {"operation": "", "plan": msgspec.to_builtins(plan)}
        reason = scrub(command.arguments.get("reason"), MOST_REASON)
        operation = self.operations.put(plan, command.actor, reason)
        return {"operation": operation.id, "plan": msgspec.to_builtins(plan)}

    async def approve(self, command: Command) -> dict[str, object]:
        """Let a plan run, if it would be made the same way now.  Raises PreconditionFailed with what is different."""
        operation = self.operations.find(_operation(command))
        if operation.plan.verb is not Verb.RESCAN:  # looking changes nothing
            self.view.check_armed()
        _check_role(command, operation)
        plan = operation.plan
        if plan.despite and (why := why_not_approved(operation, command.actor, self.operations.clock.unix_ns())):
            raise PreconditionFailed(why[0], advice=why[1])
        now = await self._again(plan)
        changed = diff_plans(plan, now)
        if changed:
            raise PreconditionFailed(
                f"{self.view.layout.rack} has changed since {operation.id} was planned: {'; '.join(changed[:5])}",
                advice="plan again",
            )
        return _shown(self.operations.say(operation.id, "approve", command.actor))

    async def steer(self, command: Command) -> dict[str, object]:
        """Pause, resume or cancel an operation: the command's verb is the word.  Only going on may need more rights."""
        if command.verb == "resume":
            _check_role(command, self.operations.find(_operation(command)))
        return _shown(self.operations.say(_operation(command), command.verb, command.actor))

    async def resolve(self, command: Command) -> dict[str, object]:
        """Take a person's word for a step that is held."""
        word = str(command.arguments.get("word", ""))
        if word not in WORDS_FOR_HELD:
            raise ArgumentsInvalid(f"resolve: there is no word {word!r}", advice=", ".join(WORDS_FOR_HELD))
        step = str(command.arguments.get("step", ""))
        _check_role(command, self.operations.find(_operation(command)))
        return _shown(self.operations.resolve_held(_operation(command), step, word, command.actor))

    async def _again(self, plan: Plan) -> Plan:
        """Return what a plan would be if it was made now."""
        if plan.verb is Verb.PUSH:
            return await self.pushes.again(plan)
        if plan.verb in BUS_VERBS:
            return self.shelves.plan(plan.verb, Place(plan.target))
        if plan.verb in UNIT_VERBS:
            return self.units.plan(plan.verb, Place(plan.target), despite=bool(plan.despite))
        if plan.verb is Verb.RESCAN:
            return self.looking.plan(Place(plan.target))
        if plan.verb is Verb.LIMIT:
            return await self.limiting.again(plan)
        return self.powers.plan(_wish_of(plan))

    async def _planned(self, command: Command) -> Plan:
        said = command.arguments
        if said.get("do") in BUS_VERBS:
            return self.shelves.plan(Verb(str(said["do"])), Place(command.target))
        if said.get("do") in UNIT_VERBS:
            return self._unit_planned(command)
        if said.get("do") == Verb.PUSH:
            return await self.pushes.plan(Place(command.target), str(said.get("image", "")), str(said.get("part", "")))
        if said.get("do") == Verb.RESCAN:
            return self.looking.plan(Place(command.target))
        if said.get("do") == Verb.LIMIT:
            return await self.limiting.plan(wish_of(Place(command.target), said))
        return self.powers.plan(_wish(command))

    def _unit_planned(self, command: Command) -> Plan:
        """Plan a switch of a coolant unit.  Who overrules heat has the rights of who clears latches, and says why."""
        said = command.arguments
        despite = bool(said.get("despite", False))
        if despite and not may(command.role, Privilege.INTERLOCK):
            raise RoleInsufficient(
                may_not(command.role, Privilege.INTERLOCK, "plan"), advice=whom_to_ask(Privilege.INTERLOCK)
            )
        if despite and not scrub(said.get("reason"), MOST_REASON):
            raise ArgumentsInvalid("coolant is not stopped under heat without a reason", advice="--reason TEXT")
        return self.units.plan(Verb(str(said["do"])), Place(command.target), despite=despite)


def _check_role(command: Command, operation: Operation) -> None:
    """Raise RoleInsufficient when this role may not do what the plan does: off needs less than on, one tray less than
    several."""
    steps = operation.plan.steps
    energises = any(step.direction is Direction.ENERGISED for step in steps)
    needed = Privilege.POWER if energises else Privilege.SHUT
    if operation.plan.verb is Verb.PUSH:
        needed = Privilege.FIRMWARE
    elif operation.plan.verb in BUS_VERBS or operation.plan.depth is PowerDepth.ISOLATED:
        needed = Privilege.SHELF
    elif operation.plan.verb in UNIT_VERBS:
        needed = Privilege.INTERLOCK if operation.plan.despite else Privilege.COOLANT
    elif operation.plan.verb is Verb.RESCAN:
        needed = Privilege.SERVICE
    elif operation.plan.verb is Verb.LIMIT:
        needed = Privilege.LIMIT
    elif len({step.tray for step in steps}) > 1:
        needed = Privilege.POWER_MANY
    if not may(command.role, needed):
        raise RoleInsufficient(may_not(command.role, needed, operation.id), advice="let somebody approve it who may")


def _wish(command: Command) -> PowerWish:
    said = command.arguments
    kind = said.get("kind")
    return PowerWish(
        _one_of(Verb, said.get("do"), "do", None),
        Place(command.target),
        None if kind is None else _one_of(TrayKind, kind, "kind", None),
        _one_of(PowerDepth, said.get("depth"), "depth", PowerDepth.HOST_OFF),
        _one_of(Manner, said.get("manner"), "manner", Manner.GRACEFUL_THEN_FORCE),
        _slots(said.get("slots")),
    )


def _slots(said: object) -> tuple[str, ...]:
    """Return slots as they are named, each once, in an order that is always the same."""
    named = {slot.strip() for slot in str(said or "").split(",")}
    return tuple(sorted(named - {""}))


def _wish_of(plan: Plan) -> PowerWish:
    """Return what a plan was made from."""
    target, kind, slots = parse_target(plan.target)
    return PowerWish(plan.verb, target, kind, plan.depth, plan.manner, slots)


def _one_of(kind: type[T], said: object, name: str, usual: T | None) -> T:
    if said is None and usual is not None:
        return usual
    try:
        return kind(str(said))
    except ValueError:
        raise ArgumentsInvalid(f"{name}: {said!r}", advice=f"one of {', '.join(kind)}") from None


def _operation(command: Command) -> str:
    said = command.arguments.get("operation")
    if not isinstance(said, str) or not said:
        raise ArgumentsInvalid(f"{command.verb} which operation?", advice="see `rackwright op list`")
    return said


def _shown(operation: Operation) -> dict[str, object]:
    return {"operation": operation.id, "state": str(operation.state), "summary": operation.summary}


@dataclass(frozen=True, slots=True)
class Means:
    """What the operations of a rack work with: the rack's only ledger and leases, and all that reaches its devices.

    Who else acts on it (an interlock) is given the same ledger and leases.
    """

    view: RackView
    sequence: Sequence | None
    sources: Mapping[Place, TelemetrySource]
    ledger: Ledger
    leases: LeaseBook
    clock: Clock
    tell: Callable[[Finding], None]
    obstacles: Obstacles
    looking: Looking
    limits: Limits
    images: Images | None = None
    wet: Callable[[], str] = lambda: ""
    loop: list[UnitPlanning] = field(default_factory=list)


def operating(means: Means) -> tuple[Operations, Mapping[str, Answers]]:
    """Return the operations of a rack and the verbs that steer them."""
    view, sources, leases, ledger, clock = means.view, means.sources, means.leases, means.ledger, means.clock
    worker = Worker(ledger, leases, lambda place: switch_at(sources, place), clock)

    def sight() -> tuple[Snapshot | None, dict[Place, str]]:
        return view.snapshot, {p: s.version for p, s in sources.items() if isinstance(s, Versioned)}

    limiting = Limiting(means.limits, LIMITS if means.sequence is None else means.sequence.limits)
    operations = Operations(
        *(Place(view.layout.rack), ledger, leases, worker, sight, clock, means.tell, means.obstacles),
        pusher=_pusher(means),
        doers={"looked": means.looking.carry, "limited": limiting.carry},
    )
    leases.quarantined = operations.quarantined
    shelves = ShelfPlanning(view, means.sequence, sources, operations)
    pushes = PushPlanning(view, means.sequence, sources, operations, means.images)
    units = UnitPlanning(view, means.sequence, sources, operations, means.wet, means.loop)
    means.loop.append(units)
    leases.uncooled, leases.heated = units.stands, units.forbids
    planning = (pushes, shelves, means.looking, limiting, units)
    powers = PowerPlanning(view, means.sequence, sources, operations)
    return operations, OperationVerbs(view, powers, operations, *planning).verbs


def _pusher(means: Means) -> Pusher | None:
    if means.images is None:
        return None
    return Pusher(
        means.ledger,
        means.leases,
        lambda place: find_source(means.sources, place, FirmwareTarget)[1],
        means.images.fetch,
        means.clock,
        means.obstacles.spare,
    )
