"""The operations of one rack: every half second each goes as far as it may, and its steps are done side by side.

Kept in the ledger at every change that matters and taken up again after a restart.  It holds no order and no physics:
what may begin is decided in `decide/steps.py`, what became of a request in `decide/resolve.py`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    CommandRefused,
    DeviceError,
    EnvironmentUnfit,
    PreconditionFailed,
    TargetUnknown,
)
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.notice import Finding
from rack_controller.decide.steps import Course, World, advance, energising, leaving, put_step
from rack_controller.decide.usable_now import UsableNow
from rack_controller.model.effect import EffectState
from rack_controller.model.event import Severity
from rack_controller.model.lease import Direction, Lease, LeaseClass, Wish
from rack_controller.model.operation import WORDS, Operation, OperationState, Plan, PlannedPush, Step, StepState, Wait
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.ending import end
from rack_controller.run.operate.lease_book import LEASE_S, LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.obstacles import Obstacles
from rack_controller.run.operate.pusher import Pusher, PushOrder
from rack_controller.run.operate.worker import Order, Worker, settle_held

_log = logging.getLogger(__name__)

TICK = Seconds(0.5)
JOURNAL_AGAIN = Seconds(5.0)
SEEN_WITHIN = Seconds(120.0)
"""How long a step waits for its tray to be seen dry: a controller that begins anew has met nobody yet."""
_SEVERITY = {OperationState.FAILED: Severity.WARNING, OperationState.HELD: Severity.CRITICAL}
_SAID = {"approve": "approved", "pause": "paused", "resume": "resumed", "cancel": "cancelling"}


@dataclass(frozen=True, slots=True)
class StepEnd:
    """What became of a step's acts."""

    state: StepState
    why: str = ""
    act: int = 0


Doer = Callable[[Operation, Step, Callable[[str], None]], Awaitable[StepEnd]]
"""Carries a step out that is no effect: it may be done twice, and begins anew after a restart."""


@dataclass(slots=True)
class Operations:
    """Owns the open operations of a rack.  `sight` gives the newest snapshot and the versions of its endpoints;
    `doers`: who carries out steps that are no effects, by their goal; `usable`, `without`: what the power budget lets
    the rack use now, and once a shelf or supply is off, None where none covers it."""

    rack: Place
    ledger: Ledger
    leases: LeaseBook
    worker: Worker
    sight: Callable[[], tuple[Snapshot | None, dict[Place, str]]]
    clock: Clock
    tell: Callable[[Finding], None]
    obstacles: Obstacles = field(default_factory=Obstacles)
    pusher: Pusher | None = None
    doers: dict[str, Doer] = field(default_factory=dict)
    usable: Callable[[], UsableNow | None] = lambda: None
    without: Callable[[Place], UsableNow | None] = lambda _part: None
    _courses: dict[str, Course] = field(default_factory=dict)
    _tasks: dict[tuple[str, str], asyncio.Task[StepEnd]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for operation in self.ledger.open_operations():
            self._courses[operation.id] = Course(operation)

    def put(self, plan: Plan, actor: str, reason: str) -> Operation:
        """Keep a plan until somebody approves it."""
        operation = Operation(self.ledger.next_operation(), plan, actor, reason, self.clock.unix_ns())
        self._keep(Course(operation))
        return operation

    def newest(self, most: int) -> list[Operation]:
        """Return the newest operations, the newest first; open ones as they are at this moment."""
        kept = self.ledger.operations(most)
        return [self._courses[o.id].operation if o.id in self._courses else o for o in kept]

    def leaving(self) -> set[str]:
        """Return the trays that operations are to switch off still."""
        return {tray for course in self._courses.values() for tray in leaving(course.operation)}

    def under_way(self) -> list[Operation]:
        """Return the operations that were approved and have not ended."""
        opened = [course.operation for course in self._courses.values()]
        return [o for o in opened if not o.over and o.state is not OperationState.PLANNED]

    def find(self, operation_id: str) -> Operation:
        """Return one operation.  Raises TargetUnknown."""
        course = self._courses.get(operation_id)
        found = self.ledger.operation(operation_id) if course is None else course.operation
        if found is None:
            raise TargetUnknown(f"{self.rack} has no operation {operation_id!r}", advice="see `rackwright op list`")
        return found

    def say(self, operation_id: str, word: str, actor: str) -> Operation:
        """Do what a person says: approve, pause, resume or cancel.  Raises TargetUnknown or PreconditionFailed."""
        operation = self.find(operation_id)
        wanted, leads_to = WORDS[word]
        if operation.state not in wanted:
            raise PreconditionFailed(f"{operation.id} is {operation.state}: there is nothing to {word}")
        if word == "resume" and self._held_steps(operation):
            names = ", ".join(s.id for s in self._held_steps(operation))
            raise PreconditionFailed(
                f"{operation.id} is held at {names}", advice="look, then `rackwright op resolve` each of them"
            )
        changed = msgspec.structs.replace(
            operation,
            state=leads_to,
            wait=None,
            approved_by=actor if word == "approve" else operation.approved_by,
        )
        self._keep(Course(changed, self._marks(operation_id)))
        self._event(changed, _SAID[word], f"{word} by {actor}")
        return changed

    def resolve_held(self, operation_id: str, step_id: str, word: str, actor: str) -> Operation:
        """Take a person's word for a held step: `done`, `again` or `failed`.  Raises as `say` does."""
        operation = self.find(operation_id)
        step = next((s for s in self._held_steps(operation) if s.id == step_id), None)
        if step is None:
            raise PreconditionFailed(f"{operation_id} has no held step {step_id!r}", advice="see `rackwright op show`")
        for effect in self.ledger.effects_of(operation.id):
            if effect.state is EffectState.HELD and _step_of(effect.key, operation.id) == step_id:
                settle_held(self.ledger, effect, word, actor)
        state = {"done": StepState.SETTLING, "again": StepState.WAITING, "failed": StepState.FAILED}[word]
        changed = put_step(operation, step_id, state, self.clock.unix_ns(), f"{actor} says {word}")
        if not self._held_steps(changed) and changed.state is OperationState.HELD:
            changed = msgspec.structs.replace(changed, state=OperationState.RUNNING, wait=None, summary="")
        self._keep(Course(changed, self._marks(operation_id)))
        self._event(changed, "resolved", f"{actor} says that {step_id} is {word}")
        return changed

    async def run(self) -> None:
        """Serve until cancelled.  Steps that were begun before are taken up where the ledger says that they are."""
        try:
            for course in list(self._courses.values()):
                for step in course.operation.plan.steps:
                    if course.operation.progress(step.id).state is StepState.ACTING:
                        self._start(course.operation, step)
            while True:
                self._collect()
                for operation_id in sorted(self._courses, key=_number):
                    self._advance_guarded(operation_id)
                await self.clock.sleep_until(Seconds(self.clock.now() + TICK))
        finally:
            await end(self._tasks.values())

    def _advance_guarded(self, operation_id: str) -> None:
        """Move one operation.  A bug of ours costs that operation, which is held; being fenced ends this controller."""
        try:
            self._advance(operation_id)
        except PreconditionFailed:
            raise
        except Exception as err:  # noqa: BLE001 - logged whole, and this operation is held
            _log.exception("operation %s is held", operation_id)
            course = self._courses[operation_id]
            wait = Wait(f"the controller failed ({type(err).__name__}); its log says how", self.clock.unix_ns())
            held = msgspec.structs.replace(course.operation, state=OperationState.HELD, wait=wait)
            self._courses[operation_id] = Course(held, course.marks)
            self._event(held, "held", wait.reason)

    def _advance(self, operation_id: str) -> None:
        course = self._courses[operation_id]
        snapshot, versions = self.sight()
        others: dict[str, float] = {}
        for other, their in self._courses.items():
            if other != operation_id and their.operation.state is not OperationState.PLANNED:
                others |= energising(their.operation)
        now = self.clock.now()
        after = advance(course, World(snapshot, versions, others, self.usable()), now, self.clock.unix_ns())
        if _durable(after.operation) != _durable(course.operation):
            try:
                self._keep(after)
            except EnvironmentUnfit as err:
                # Nothing begins that is not written down: what was decided is decided anew at the next tick.
                wait = Wait(f"{err.what}; nothing was sent", self.clock.unix_ns())
                stopped = msgspec.structs.replace(course.operation, wait=wait)
                self._courses[operation_id] = Course(stopped, course.marks)
                return
            if after.operation.state is not course.operation.state:
                self._event(after.operation, str(after.operation.state), after.operation.summary)
        else:
            self._courses[operation_id] = after
        for step in after.operation.plan.steps:
            if step.id in after.begin:
                self._start(after.operation, step)

    def _collect(self) -> None:
        """Take the ends of steps into their operations."""
        for (operation_id, step_id), task in list(self._tasks.items()):
            if not task.done():
                continue
            ended, course = task.result(), self._courses[operation_id]
            operation = put_step(course.operation, step_id, ended.state, self.clock.unix_ns(), ended.why, ended.act)
            try:
                self._keep(Course(operation, course.marks))
            except EnvironmentUnfit:
                _log.exception("the end of %s %s is not written down yet", operation_id, step_id)
                continue  # asked again at the next tick; the effect's own end stands in the ledger
            del self._tasks[operation_id, step_id]

    def _start(self, operation: Operation, step: Step) -> None:
        task = asyncio.create_task(self._do(operation, step))
        self._tasks[operation.id, step.id] = task

    async def _do(self, operation: Operation, step: Step) -> StepEnd:
        """Do the acts of a step one after the other until one brings it there."""
        try:
            doer = self.doers.get(step.goal)
            if doer is not None:
                return await doer(operation, step, lambda text: self._told(operation.id, step.id, text))
            return await self._acts(operation, step)
        except (CommandRefused, DeviceError) as err:
            return StepEnd(StepState.FAILED, err.what)
        except EnvironmentUnfit as err:
            self._told(operation.id, step.id, f"nothing was sent: {err.what}")
            await self.clock.sleep_until(Seconds(self.clock.now() + JOURNAL_AGAIN))
            return StepEnd(StepState.WAITING, f"nothing was sent: {err.what}")
        except Exception as err:  # noqa: BLE001 - logged whole; what the device did of it is not known
            _log.exception("%s: step %s failed", operation.id, step.id)
            return StepEnd(StepState.HELD, f"the controller failed ({type(err).__name__}); its log says how")

    async def _acts(self, operation: Operation, step: Step) -> StepEnd:
        first = self._first_act(operation.id, step)
        sent = self.ledger.latest(_key(operation, step, first))
        begun = sent is not None and sent.is_open
        own_flash = begun and step.push is not None  # what the endpoint is left alone for
        rank = LeaseClass.OPERATOR if step.push is None else LeaseClass.FIRMWARE
        wish = Wish(step.endpoint, step.facet, rank, operation.id, step.direction, operation.actor)
        with ExitStack() as having:
            try:
                passed = self.obstacles.passed(
                    Place(step.endpoint), step.direction, f"operation {operation.id}", even_quiet=own_flash
                )
                having.enter_context(passed)
                await self._seen(operation, step)
                span = LEASE_S if step.push is None else step.push.within_s + LEASE_S
                lease = self.leases.take(wish, span)
            except CommandRefused:
                if not begun:
                    raise
                # What was sent before a restart is looked at to its end: under a lease that is over nothing is sent.
                lease = Lease(wish, 0, float("-inf"))
            return await self._leased(operation, step, first, lease)

    async def _seen(self, operation: Operation, step: Step) -> None:
        """Wait until it can be told whether a step may energise its tray; whether it may, the lease says."""
        until = self.clock.now() + SEEN_WITHIN
        while step.direction is Direction.ENERGISED and self.clock.now() < until:
            why = self.leases.unsure(Place(step.endpoint))
            if not why:
                return
            self._told(operation.id, step.id, why)
            await self.clock.sleep_until(Seconds(self.clock.now() + TICK))

    async def _leased(self, operation: Operation, step: Step, first: int, lease: Lease) -> StepEnd:
        why, number = "", 0
        try:
            if step.push is not None:
                return await self._pushed(operation, step, step.push, lease)
            for number in range(first, len(step.acts)):
                act = step.acts[number]
                outcome = await self.worker.perform(
                    Order(
                        _key(operation, step, number),
                        operation.id,
                        Place(step.endpoint),
                        act.action,
                        lease,
                        Seconds(act.within_s),
                        Seconds(operation.plan.request_s),
                        told=lambda text: self._told(operation.id, step.id, text),
                    )
                )
                why = outcome.why
                if outcome.reached:
                    return StepEnd(StepState.SETTLING, why, number)
                if outcome.state is EffectState.HELD:
                    return StepEnd(StepState.HELD, why, number)
        finally:
            self.leases.give_back(lease)
        return StepEnd(StepState.FAILED, why, number)

    async def _pushed(self, operation: Operation, step: Step, push: PlannedPush, lease: Lease) -> StepEnd:
        if self.pusher is None:
            return StepEnd(StepState.FAILED, "this controller keeps no firmware images")
        outcome = await self.pusher.perform(
            PushOrder(
                _key(operation, step, 0),
                operation.id,
                Place(step.endpoint),
                push,
                lease,
                Seconds(operation.plan.request_s),
                told=lambda text: self._told(operation.id, step.id, text),
            )
        )
        if outcome.reached:
            return StepEnd(StepState.SETTLING, outcome.why)
        return StepEnd(StepState.HELD if outcome.state is EffectState.HELD else StepState.FAILED, outcome.why)

    def quarantined(self, tray: Place) -> str:
        """Return why nobody knows what runs on a tray's controller, empty when somebody does."""
        for course in self._courses.values():
            for step in course.operation.plan.steps:
                held = course.operation.progress(step.id).state is StepState.HELD
                if step.push is not None and step.tray == tray and held:
                    return f"what firmware {step.endpoint} runs is not known: {course.operation.id} is held"
        return ""

    def _first_act(self, operation_id: str, step: Step) -> int:
        """Return the act at which a step stands: the last one of which the ledger knows."""
        known = [e.key for e in self.ledger.effects_of(operation_id) if _step_of(e.key, operation_id) == step.id]
        return max((int(key.rpartition(":")[2]) for key in known), default=0)

    def _told(self, operation_id: str, step_id: str, text: str) -> None:
        """Show what a step waits for.  Not kept: after a restart it is found anew."""
        course = self._courses.get(operation_id)
        if course is None:
            return
        progress = course.operation.progress(step_id)
        if progress.why != text:
            steps = {**course.operation.steps, step_id: msgspec.structs.replace(progress, why=text)}
            told = msgspec.structs.replace(course.operation, steps=steps)
            self._courses[operation_id] = Course(told, course.marks)

    def _keep(self, course: Course) -> None:
        """Write an operation down, and only then believe it."""
        self.ledger.keep(course.operation)
        if course.operation.over and not any(key[0] == course.operation.id for key in self._tasks):
            self._courses.pop(course.operation.id, None)
            self.ledger.tidy()
        else:
            self._courses[course.operation.id] = Course(course.operation, course.marks)

    def _marks(self, operation_id: str) -> dict[str, float]:
        """Return what an operation's waiting is measured from; a gate that was interrupted is judged anew."""
        course = self._courses.get(operation_id)
        kept = {} if course is None else course.marks
        return {key: at for key, at in kept.items() if key == "start" or key.startswith("settle ")}

    def _held_steps(self, operation: Operation) -> list[Step]:
        return [s for s in operation.plan.steps if operation.progress(s.id).state is StepState.HELD]

    def _event(self, operation: Operation, kind: str, text: str) -> None:
        plan = operation.plan
        said = f"{operation.id} ({plan.verb} {plan.target}): {text or kind}"
        severity = _SEVERITY.get(operation.state, Severity.OK)
        self.tell(Finding(self.rack, f"operation.{kind}", severity, said, {"operation": operation.id}))


def _key(operation: Operation, step: Step, act: int) -> str:
    """Return the name of one act's effect."""
    return f"{operation.id}:{step.id}:{act}"


def _durable(operation: Operation) -> tuple[object, ...]:
    steps = {step: (p.state, p.act) for step, p in operation.steps.items()}
    return operation.state, operation.stage, operation.phase, steps


def _step_of(key: str, operation_id: str) -> str:
    """Return the step that an effect's key names."""
    return key.removeprefix(f"{operation_id}:").rpartition(":")[0]


def _number(operation_id: str) -> int:
    return int(operation_id.rpartition("-")[2])
