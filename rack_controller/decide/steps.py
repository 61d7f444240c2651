"""Which steps of an operation may begin now, what it waits for, and when a stage is over.  Pure.

`marks` are monotonic times of this process (since when a check holds, a stage waits, a tray settles); they are not kept
over a restart: then every time begins anew, which waits longer and never shorter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.checks import judge_check, seen_off
from rack_controller.decide.summary import summarise
from rack_controller.decide.usable_now import UsableNow
from rack_controller.model.bypass import SIGN_WITHIN_NS
from rack_controller.model.lease import Direction
from rack_controller.model.operation import (
    STEP_ENDS,
    Operation,
    OperationState,
    PlannedCheck,
    PlannedStage,
    Step,
    StepProgress,
    StepState,
    Wait,
)
from rack_controller.model.snapshot import Snapshot

ACTIVE = frozenset({StepState.ACTING, StepState.SETTLING})
Marks = Mapping[str, float]
PLAN_KEPT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class World:
    """What the rack looks like: its newest snapshot, versions by endpoint, `others`, by tray the inrush (W) of each
    that another operation is switching on, and what it may use by its power budget, None without one."""

    snapshot: Snapshot | None
    versions: Mapping[Place, str] = field(default_factory=dict)
    others: Mapping[str, float] = field(default_factory=dict)
    usable: UsableNow | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """An operation, the marks of its waiting, and the steps that begin now."""

    operation: Operation
    marks: Marks = field(default_factory=dict)
    begin: tuple[str, ...] = ()


def advance(course: Course, world: World, now: Seconds, unix_ns: int) -> Course:
    """Move an operation as far as it can go at `now`.  Steps in `begin` are `acting` in the operation returned."""
    walk = _Walk(course.operation, dict(course.marks), world, now, unix_ns)
    walk.forget_plan()
    if walk.operation.state in (OperationState.RUNNING, OperationState.PAUSED, OperationState.CANCELLING):
        walk.settle()
        walk.go()
    return Course(walk.operation, walk.marks, tuple(walk.begin))


def put_step(operation: Operation, step: str, state: StepState, unix_ns: int, why: str = "", act: int = 0) -> Operation:
    """Return the operation with one step in another state."""
    progress = StepProgress(state, act, unix_ns, why)
    return msgspec.structs.replace(operation, steps={**operation.steps, step: progress})


def load_w(plan_charges: Mapping[str, float], snapshot: Snapshot | None, energised: Mapping[str, float]) -> float:
    """Return the granted sum in W: every tray that is not seen off counts whole, and those being switched on with their
    inrush."""
    total = 0.0
    for tray, charge in plan_charges.items():
        if tray in energised:
            total += charge + energised[tray]
        elif snapshot is None or not seen_off(snapshot, Place(tray)):
            total += charge
    return total


class _Walk:
    """One call of `advance`: holds what changes while it goes."""

    def __init__(self, operation: Operation, marks: dict[str, float], world: World, now: Seconds, unix_ns: int) -> None:
        self.operation, self.marks, self.world = operation, marks, world
        self.now, self.unix_ns = now, unix_ns
        self.begin: list[str] = []

    def forget_plan(self) -> None:
        """End a plan that nobody approved in time: what it was made from is long gone."""
        aged = self.unix_ns - self.operation.made_unix_ns
        kept_s = SIGN_WITHIN_NS / 1e9 if self.operation.plan.despite else PLAN_KEPT_S
        if self.operation.state is OperationState.PLANNED and aged > kept_s * 1e9:
            self._end(OperationState.CANCELLED, f"not approved within {kept_s / 3600:g} h")

    def settle(self) -> None:
        """Steps whose settling is over are done; one that went back meanwhile has failed."""
        for step in self.operation.plan.steps:
            if self.operation.progress(step.id).state is not StepState.SETTLING:
                continue
            since = self._since(f"settle {step.id}")
            back = self._went_back(step, since)
            if back:
                self._put(step.id, StepState.FAILED, f"it was seen {step.goal}, and is {back} again")
            elif self.now - since >= step.settle_s:
                self._put(step.id, StepState.DONE)

    def go(self) -> None:
        """Go through phases until something must be waited for."""
        operation = self.operation
        active = [s for s in operation.plan.steps if operation.progress(s.id).state in ACTIVE]
        if operation.state is OperationState.CANCELLING:
            if active:
                self._wait(f"what was begun ends first: {_names(active)}")
                return
            for step in operation.plan.steps:
                if self.operation.progress(step.id).state is StepState.WAITING:
                    self._put(step.id, StepState.CANCELLED)
            self._end(OperationState.CANCELLED)
            return
        if operation.state is OperationState.PAUSED:
            self._wait(f"paused{f'; {_names(active)} still under way' if active else ''}")
            return
        while self.operation.state is OperationState.RUNNING:
            states = [self.operation.progress(s.id).state for s in operation.plan.steps]
            nothing_left = bool(states) and self._all_failed(operation.plan.steps)
            # A stage that stops says so itself; otherwise no gate is waited for on behalf of nobody.
            if self.operation.stage >= len(operation.plan.stages) or (nothing_left and self.operation.phase != "steps"):
                bad = StepState.FAILED in states
                self._end(OperationState.FAILED if bad else OperationState.DONE, self._unchecked())
                return
            stage = operation.plan.stages[self.operation.stage]
            if not self._phase(stage):
                return

    def _phase(self, stage: PlannedStage) -> bool:
        """Return whether the phase is over and the next one has begun."""
        phase = self.operation.phase
        if phase == "before" and self._checks(stage, stage.before):
            return self._next("steps")
        if phase == "steps" and self._steps(stage):
            return self._next("after")
        if phase == "after" and self._checks(stage, stage.after):
            self.operation = msgspec.structs.replace(self.operation, stage=self.operation.stage + 1)
            return self._next("before")
        return False

    def _next(self, phase: str) -> bool:
        self.operation = msgspec.structs.replace(self.operation, phase=phase, wait=None)
        return True

    def _checks(self, stage: PlannedStage, checks: list[PlannedCheck]) -> bool:
        """Return whether all hold, each for as long as it must; give the stage up when that takes too long."""
        began = self._since(f"{self.operation.stage} {self.operation.phase}")
        failed = {s.tray for s in self.operation.plan.steps if self._state(s) is StepState.FAILED}
        # A gate behind steps counts only whom it still has; what stands before steps, or guards what is left of the
        # heat, means every tray: fabric and coolant stay for a host that did not go off.
        without = failed if self.operation.phase == "after" and stage.steps else set()
        left = [c for c in checks if not c.places or any(tray_of(Place(p)) not in failed for p in c.places)]
        if self.operation.phase == "before" and len(left) < len(checks):
            gone = next(c for c in checks if c not in left)
            self._end(OperationState.FAILED, f"{stage.title}: {gone.title}: no tray is left that could meet it")
            return False
        told, until = "", began + stage.timeout_s
        for number, check in enumerate(left):
            key = f"{self.operation.stage} {self.operation.phase} {number}"
            judged = judge_check(check, self.world.snapshot, self.world.versions, without)
            if not judged.holds:
                if not without and self._only_failed(check, failed):
                    self._hold_gate(stage, judged.text)
                    return False
                self.marks.pop(key, None)
                told = told or judged.text
                continue
            steady = self._since(key) + check.steady_s
            if self.now < steady:
                until = max(until, steady)  # it holds: the time it must hold for is not the stage's to cut short
                told = told or f"{judged.text}, for {check.steady_s:g} s without a break"
        if not told:
            return True
        if self.now >= until:
            self._end(OperationState.FAILED, f"{stage.title}: {told}, after {stage.timeout_s:g} s")
            return False
        self._wait(f"{stage.title}: {told}", until)
        return False

    def _only_failed(self, check: PlannedCheck, failed: set[str]) -> bool:
        """Return whether a check would hold but for trays that failed: then no time mends it, a person does."""
        mine = any(tray_of(Place(p)) in failed for p in check.places)
        return mine and judge_check(check, self.world.snapshot, self.world.versions, failed).holds

    def _hold_gate(self, stage: PlannedStage, text: str) -> None:
        self._wait(f"{stage.title}: {text}; see to it, then resume, or cancel")
        self.operation = msgspec.structs.replace(
            self.operation, state=OperationState.HELD, summary=summarise(self.operation, f"{stage.title}: {text}")
        )

    def _unchecked(self) -> str:
        """Return which stages had nothing left to be checked, because all of their trays failed."""
        gone = [s.title for s in self.operation.plan.stages if s.after and s.steps and self._all_failed(s.steps)]
        return "; ".join(f"{title}: no tray is left to be checked" for title in gone)

    def _all_failed(self, steps: list[Step]) -> bool:
        return all(self._state(step) is StepState.FAILED for step in steps)

    def _steps(self, stage: PlannedStage) -> bool:
        """Begin what may begin; return whether every step of the stage has ended well enough to go on."""
        states = [self._state(s) for s in stage.steps]
        if StepState.FAILED in states and stage.stops:
            active = [s for s in stage.steps if self._state(s) in ACTIVE]
            if active:
                self._wait(f"{stage.title}: a tray failed; what was begun ends first: {_names(active)}")
            elif StepState.HELD not in states:
                self._end(OperationState.FAILED, f"{stage.title} was stopped")
            else:
                self._hold(stage)
            return False
        blocked = self._begin(stage)
        if all(self._state(s) in STEP_ENDS for s in stage.steps):
            if StepState.HELD in states:
                self._hold(stage)
                return False
            return True
        active = [s for s in stage.steps if self._state(s) in ACTIVE]
        self._wait(f"{stage.title}: {blocked or self._doing(active)}", self._over_by(active))
        return False

    def _over_by(self, active: list[Step]) -> float | None:
        """Return by when (monotonic) the steps that act must have ended, None where that is not known."""
        acting = [s for s in active if self._state(s) is StepState.ACTING and s.takes_s]
        begun = {s.id: self.operation.progress(s.id).since_unix_ns for s in acting}
        return max((self.now + s.takes_s - (self.unix_ns - begun[s.id]) / 1e9 for s in acting), default=None)

    def _begin(self, stage: PlannedStage) -> str:
        """Begin steps; return what keeps the next one back, empty when it is only its turn."""
        for step in stage.steps:
            if self._state(step) is not StepState.WAITING:
                continue
            needed = self.operation.progress(step.needs).state if step.needs else StepState.DONE
            if needed in STEP_ENDS - {StepState.DONE}:
                self._put(step.id, StepState.FAILED, f"{step.needs} is {needed}")
                continue
            if needed is not StepState.DONE:
                continue
            if sum(self._state(s) in ACTIVE for s in stage.steps) >= stage.width:
                return ""
            last = self.marks.get("start")
            if last is not None and self.now - last < stage.gap_s:
                return f"{leaf_of(Place(step.tray))} begins {stage.gap_s:g} s after the one before"
            short = self._short(step)
            if short:
                return short
            self._put(step.id, StepState.ACTING, act=self.operation.progress(step.id).act)
            self.marks["start"] = self.now
            self.begin.append(step.id)
        return ""

    def _short(self, step: Step) -> str:
        """Return why the rack's power does not carry one more tray, empty when it does.

        An armed budget makes room by limits, and says by the lease for what it lacks.
        """
        plan, usable = self.operation.plan, self.world.usable
        if step.direction is not Direction.ENERGISED or (usable is not None and usable.kept):
            return ""
        if usable is None:
            usable = UsableNow(plan.usable_w, plan.usable_by)
        energised = {**self.world.others, **energising(self.operation), step.tray: step.inrush_w}
        granted = load_w(plan.charges, self.world.snapshot, energised)
        if granted <= usable.watts:
            return ""
        name = leaf_of(Place(step.tray))
        return f"{name} would bring the granted sum to {power_text(granted)} of {usable.words}"

    def _hold(self, stage: PlannedStage) -> None:
        held = [s for s in stage.steps if self._state(s) is StepState.HELD]
        why = self.operation.progress(held[0].id).why
        self._wait(f"{stage.title}: a person must look at {_names(held)}: {why}")
        self.operation = msgspec.structs.replace(
            self.operation, state=OperationState.HELD, summary=summarise(self.operation)
        )

    def _doing(self, active: list[Step]) -> str:
        if active and all(self._state(s) is StepState.SETTLING for s in active):
            return f"{_names(active)} settling"
        if len(active) == 1:
            why = self.operation.progress(active[0].id).why
            return f"{leaf_of(Place(active[0].tray))} {why or 'is being switched'}"
        return f"{_names(active)} are being switched"

    def _went_back(self, step: Step, since: float) -> str:
        snapshot = self.world.snapshot
        if not step.switches:
            return ""
        reading = None if snapshot is None else snapshot.reading(Place(step.tray), Quantity.POWER_STATE)
        if snapshot is None or reading is None or reading.taken_at <= since:
            return ""
        value = snapshot.good(Place(step.tray), Quantity.POWER_STATE)
        word = {0.0: "off", 1.0: "on"}.get(value) if value is not None else None
        return word if word is not None and word != step.goal else ""

    def _state(self, step: Step) -> StepState:
        return self.operation.progress(step.id).state

    def _put(self, step: str, state: StepState, why: str = "", act: int = 0) -> None:
        self.operation = put_step(self.operation, step, state, self.unix_ns, why, act)

    def _since(self, key: str) -> float:
        return self.marks.setdefault(key, self.now)

    def _wait(self, reason: str, until: float | None = None) -> None:
        before = self.operation.wait
        ends = 0 if until is None else self.unix_ns + int((until - self.now) * 1e9)
        if before is not None and before.reason == reason:
            return
        wait = Wait(reason, self.unix_ns if before is None else before.since_unix_ns, ends)
        self.operation = msgspec.structs.replace(self.operation, wait=wait)

    def _end(self, state: OperationState, why: str = "") -> None:
        self.operation = msgspec.structs.replace(
            self.operation,
            state=state,
            wait=None,
            summary=summarise(self.operation, why),
            ended_unix_ns=self.unix_ns,
        )


def energising(operation: Operation) -> dict[str, float]:
    """Return, by tray, the inrush (W) of those that an operation switches on, and 0 for those that it has switched on
    while it runs."""
    found: dict[str, float] = {}
    for step in operation.plan.steps:
        state = operation.progress(step.id).state
        if step.direction is Direction.ENERGISED and state not in (StepState.WAITING, StepState.CANCELLED):
            found[step.tray] = step.inrush_w if state in ACTIVE else 0.0
    return found


def leaving(operation: Operation) -> set[str]:
    """Return the trays that an operation which was approved is to switch off still."""
    if operation.over or operation.state is OperationState.PLANNED:
        return set()
    off = (step for step in operation.plan.steps if step.switches and step.goal == "off")
    return {step.tray for step in off if operation.progress(step.id).state not in STEP_ENDS}


def _names(steps: list[Step]) -> str:
    names = list(dict.fromkeys(leaf_of(Place(s.tray)) for s in steps))
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
