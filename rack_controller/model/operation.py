"""Durable work on a rack: an immutable plan, and how far it has come.  A newer controller can finish an older plan."""

from enum import StrEnum
from typing import Literal

import msgspec

from firmware_bridge.vocabulary.power import PowerDepth
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.sequence import Act
from rack_controller.model.lease import Direction, Facet

PLAN_SCHEMA = 1


class Verb(StrEnum):
    """What a plan does: to the power of its target, to its firmware (`push` one image), to a shelf's output, to one
    supply of a shelf, to a coolant unit (`coolant_cycle`: to its power), to power limits; `rescan` only looks at
    endpoints anew."""

    ON = "on"
    OFF = "off"
    CYCLE = "cycle"
    PUSH = "push"
    SHELF_ON = "shelf_on"
    SHELF_OFF = "shelf_off"
    PSU_ON = "psu_on"
    PSU_OFF = "psu_off"
    COOLANT_STOP = "coolant_stop"
    COOLANT_START = "coolant_start"
    COOLANT_CYCLE = "coolant_cycle"
    RESCAN = "rescan"
    LIMIT = "limit"


SHELF_VERBS = frozenset({Verb.SHELF_ON, Verb.SHELF_OFF})
SUPPLY_VERBS = frozenset({Verb.PSU_ON, Verb.PSU_OFF})
BUS_VERBS = SHELF_VERBS | SUPPLY_VERBS
"""What switches a source of the bus: one at a time, whichever it is."""
UNIT_VERBS = frozenset({Verb.COOLANT_STOP, Verb.COOLANT_START, Verb.COOLANT_CYCLE})
STILLS = frozenset({Verb.COOLANT_STOP, Verb.COOLANT_CYCLE})
"""What makes coolant stand."""


class Manner(StrEnum):
    """How a host is switched off: asked first and forced when that takes too long, only asked, or forced at once."""

    GRACEFUL_THEN_FORCE = "graceful_then_force"
    GRACEFUL = "graceful"
    FORCE = "force"


class PlannedCheck(msgspec.Struct, frozen=True, omit_defaults=True):
    """A check bound to the places it looks at; fields as in the vocabulary's Check.

    `share_least`: W, the least that a distance from the mean is held against.
    `per`: by place, the parts that give its value: what is compared is the value by those of them that are well.
    `supplies`: the coolant units whose supply counts, every one of them; `supply`: the only one, in older plans.
    """

    name: str
    title: str
    places: list[str]
    quantity: Quantity | None = None
    wanted: str | None = None
    least: float | None = None
    most: float | None = None
    over_supply_k: float | None = None
    at_least: int | None = None
    share_error: float | None = None
    steady_s: float = 0.0
    versions: bool = False
    dark_when_off: bool = False
    supply: str = ""
    supplies: list[str] = []
    share_least: float = 0.0
    per: dict[str, list[str]] = {}


class PlannedPush(msgspec.Struct, frozen=True, omit_defaults=True):
    """One image for one part of an endpoint's firmware.

    `image`: SHA-256 of its `size` bytes; `part` as the inventory names it, at `uri`; it ran `was` when this was planned
    and runs one of `versions` afterwards.  `within_s`: how long that may take; `back_s`: how long after the end of the
    device's task its controller may take to start anew.
    """

    image: str
    size: int
    part: str
    uri: str
    was: str
    versions: list[str]
    within_s: float
    back_s: float


class PlannedLimit(msgspec.Struct, frozen=True):
    """Which power limits are wanted: `watts` each, None: as the devices had them; of `each` part below the target."""

    watts: float | None
    each: bool = False


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tray brought to one power state, one endpoint to one firmware (`push`) or to power `limits` (W, by place), a
    coolant unit stopped or made to run, or an endpoint looked at.

    `charge_w`: what it may draw once it is on; `settle_s` after it is seen; `needs`: the step that must be done before.
    `within_s`, `every_s`: how long a step without acts is tried, and how far apart.
    """

    id: str
    tray: str
    endpoint: str
    goal: Literal["on", "off", "firmware", "limited", "looked", "stopped", "running"]
    acts: list[Act]
    direction: Direction
    depth: PowerDepth = PowerDepth.HOST_OFF
    facet: Facet = Facet.POWER_STATE
    charge_w: float = 0.0
    inrush_w: float = 0.0
    settle_s: float = 0.0
    needs: str = ""
    push: PlannedPush | None = None
    limits: dict[str, float] = {}
    within_s: float = 0.0
    every_s: float = 5.0

    @property
    def takes_s(self) -> float:
        """Return how long it may take, in s: all of its acts one after the other, or its tries."""
        return sum(act.within_s for act in self.acts) or self.within_s or (self.push.within_s if self.push else 0.0)

    @property
    def switches(self) -> bool:
        """Return whether it brings a tray to a power state, which can be seen."""
        return self.goal in ("on", "off")


class PlannedStage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Steps that belong together, with what must hold before and after them."""

    name: str
    title: str
    steps: list[Step] = []
    before: list[PlannedCheck] = []
    after: list[PlannedCheck] = []
    width: int = 1
    gap_s: float = 0.0
    timeout_s: float = 120.0
    stops: bool = True


class Plan(msgspec.Struct, frozen=True):
    """What will be done, whole and unchangeable.  It holds all that its execution needs; powers in W.

    `already`: trays that are as wanted now, and are left alone; `unswitched`: those that nothing can switch;
    `left_out`: those that must stay off, and why.
    `charges`: what each tray of the rack may draw when it is on; their sum stays below `usable_w`, or what the power
    budget says by then, `usable_by` which constraint (empty: the design's figure).
    `limit`: what limits were asked for, of a plan that sets some.
    `despite`: by tray, what would have refused the plan and was overruled: then another person than who made it must
    approve it, within an hour.
    """

    rack: str
    generation: str
    verb: Verb
    target: str
    depth: PowerDepth
    manner: Manner
    stages: list[PlannedStage]
    already: list[str]
    charges: dict[str, float]
    usable_w: float
    request_s: float
    unswitched: list[str] = []
    left_out: dict[str, str] = {}
    schema: int = PLAN_SCHEMA
    limit: PlannedLimit | None = None
    usable_by: str = ""
    despite: dict[str, str] = {}

    @property
    def steps(self) -> list[Step]:
        """Return every step in order."""
        return [step for stage in self.stages for step in stage.steps]


class OperationState(StrEnum):
    """`planned` until a person approves; ends are `done`, `failed`, `cancelled`; `held` waits for a person."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    HELD = "held"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDS = frozenset({OperationState.DONE, OperationState.FAILED, OperationState.CANCELLED})
# Which state a person's word leads to, and from where.
WORDS: dict[str, tuple[frozenset[OperationState], OperationState]] = {
    "approve": (frozenset({OperationState.PLANNED}), OperationState.RUNNING),
    "pause": (frozenset({OperationState.RUNNING}), OperationState.PAUSED),
    "resume": (frozenset({OperationState.PAUSED, OperationState.HELD}), OperationState.RUNNING),
    "cancel": (
        frozenset({OperationState.PLANNED, OperationState.RUNNING, OperationState.PAUSED, OperationState.HELD}),
        OperationState.CANCELLING,
    ),
}


class StepState(StrEnum):
    """`waiting` for its turn, `acting` (asked for, or looked at), `settling`; then one of the ends."""

    WAITING = "waiting"
    ACTING = "acting"
    SETTLING = "settling"
    DONE = "done"
    FAILED = "failed"
    HELD = "held"
    CANCELLED = "cancelled"


STEP_ENDS = frozenset({StepState.DONE, StepState.FAILED, StepState.HELD, StepState.CANCELLED})


class StepProgress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a step is: which of its acts, since when, and why it is as it is."""

    state: StepState = StepState.WAITING
    act: int = 0
    since_unix_ns: int = 0
    why: str = ""


class Wait(msgspec.Struct, frozen=True):
    """What an operation waits for, since when and until when (0: until a person says so)."""

    reason: str
    since_unix_ns: int
    until_unix_ns: int = 0


Phase = Literal["before", "steps", "after"]


class Operation(msgspec.Struct, frozen=True):
    """A plan and how far it has come.  Times are Unix ns; `ended_unix_ns` is 0 until it ends."""

    id: str
    plan: Plan
    actor: str
    reason: str
    made_unix_ns: int
    state: OperationState = OperationState.PLANNED
    stage: int = 0
    phase: Phase = "before"
    steps: dict[str, StepProgress] = {}
    wait: Wait | None = None
    summary: str = ""
    approved_by: str = ""
    ended_unix_ns: int = 0

    @property
    def over(self) -> bool:
        """Return whether nothing more comes."""
        return self.state in ENDS

    def progress(self, step: str) -> StepProgress:
        """Return how far a step is."""
        return self.steps.get(step, StepProgress())


class OperationRow(msgspec.Struct, frozen=True):
    """An operation in one line: `done` of `steps`."""

    id: str
    verb: Verb
    target: str
    state: OperationState
    done: int
    steps: int
    actor: str
    reason: str
    approved_by: str
    made_unix_ns: int
    ended_unix_ns: int
    wait: Wait | None
    summary: str


def row_of(operation: Operation) -> OperationRow:
    """Return an operation in one line."""
    steps = operation.plan.steps
    return OperationRow(
        operation.id,
        operation.plan.verb,
        operation.plan.target,
        operation.state,
        sum(operation.progress(s.id).state is StepState.DONE for s in steps),
        len(steps),
        operation.actor,
        operation.reason,
        operation.approved_by,
        operation.made_unix_ns,
        operation.ended_unix_ns,
        operation.wait,
        operation.summary,
    )


def diff_plans(before: Plan, after: Plan) -> list[str]:
    """Return in words what is different in `after`; nothing when both say the same."""
    said = [
        f"{name}: {getattr(before, name)} -> {getattr(after, name)}"
        for name in ("generation", "verb", "target", "depth", "manner", "usable_w", "usable_by", "request_s")
        if getattr(before, name) != getattr(after, name)
    ]
    old, new = {s.id: s for s in before.steps}, {s.id: s for s in after.steps}
    if before.unswitched != after.unswitched:
        said.append("which trays can be switched is different")
    said += [f"no longer {step}" for step in old if step not in new]
    said += [f"also {step}" for step in new if step not in old]
    said += [f"{step} is done differently" for step in old if step in new and old[step] != new[step]]
    said += [f"{tray.rsplit('/', 1)[-1]} is as wanted by now" for tray in after.already if tray not in before.already]
    said += [
        f"{tray.rsplit('/', 1)[-1]} is left out now: {why}"
        for tray, why in after.left_out.items()
        if tray not in before.left_out
    ]
    said += [
        f"{tray.rsplit('/', 1)[-1]} too: {why}" for tray, why in after.despite.items() if tray not in before.despite
    ]
    if before.charges != after.charges:
        said.append("what trays are charged for is different")
    if not said and before.stages != after.stages:
        said.append("stages or checks are different")
    return said
