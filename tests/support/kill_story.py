"""A controller that is killed at any point of an operation's life and started again: what the devices had in the end.

The world (trays, file, clock) goes on; everything of the controller is made anew, as a new process would.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from firmware_bridge.vocabulary.place import Place, join_place, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerDepth, PowerState
from firmware_bridge.vocabulary.sequence import Act
from firmware_bridge.vocabulary.units import UnixNanoseconds
from rack_controller.model.lease import Direction, Facet
from rack_controller.model.operation import (
    Manner,
    Operation,
    OperationState,
    Plan,
    PlannedLimit,
    PlannedPush,
    PlannedStage,
    Step,
    StepState,
    Verb,
)
from rack_controller.run.journal import Journal
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.limiting import Limiting
from rack_controller.run.operate.looking import Looking
from rack_controller.run.operate.operations import Operations
from rack_controller.run.operate.pusher import Pusher
from rack_controller.run.operate.worker import Worker
from support.fake_power import (
    CARRIED,
    PART,
    WANTED_W,
    WAS,
    Death,
    DyingJournal,
    FakeFlash,
    FakeTray,
    Fate,
    Killed,
    read_image,
)
from support.kill_weather import Weather
from support.virtual_time import VirtualClock, run_virtually

RACK = Place("tx1/a/r03/k07")
U11, U12 = Place(f"{RACK}/u11/bmc"), Place(f"{RACK}/u12/bmc")
WITHIN = 20.0
PATIENCE_S = 2_000.0
A = PowerAction

VERBS = {
    ("on",): Verb.ON,
    ("off",): Verb.OFF,
    ("off", "on"): Verb.CYCLE,
    ("restart",): Verb.CYCLE,
    ("shelf_on",): Verb.SHELF_ON,
    ("shelf_off",): Verb.SHELF_OFF,
    ("psu_on",): Verb.PSU_ON,
    ("psu_off",): Verb.PSU_OFF,
    ("coolant_stop",): Verb.COOLANT_STOP,
    ("coolant_start",): Verb.COOLANT_START,
    ("coolant_cycle",): Verb.COOLANT_CYCLE,
    ("firmware",): Verb.PUSH,
    ("limited",): Verb.LIMIT,
    ("looked",): Verb.RESCAN,
}
ACTS = {
    "on": [Act(A.ON, WITHIN)],
    "off": [Act(A.GRACEFUL_OFF, WITHIN), Act(A.FORCE_OFF, WITHIN)],
    "restart": [Act(A.FORCE_RESTART, WITHIN)],
    "shelf_on": [Act(A.ON, WITHIN)],
    "shelf_off": [Act(A.FORCE_OFF, WITHIN)],
    "psu_on": [Act(A.ON, WITHIN)],
    "psu_off": [Act(A.FORCE_OFF, WITHIN)],
    "coolant_stop": [Act(A.FORCE_OFF, WITHIN)],
    "coolant_start": [Act(A.ON, WITHIN)],
    "coolant_cycle": [Act(A.FORCE_RESTART, WITHIN)],
}
RUNS = {"coolant_stop": "stopped", "coolant_start": "running", "coolant_cycle": "running"}


DIRECTIONS = {
    "off": Direction.SAFE,
    "shelf_off": Direction.NEUTRAL,
    "psu_off": Direction.NEUTRAL,
    **dict.fromkeys(RUNS, Direction.NEUTRAL),
}  # all others energise


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of operation in a world: `fates` of the first requests to each tray."""

    name: str
    goals: tuple[str, ...]
    starts_in: PowerState
    ends_in: PowerState
    fates: tuple[Fate, ...] = ()
    tells_starts: bool = True
    deaf_to_grace: bool = False
    forgets: bool = False

    @property
    def pushes(self) -> bool:
        return self.goals == ("firmware",)

    @property
    def sets(self) -> bool:
        """Return whether it may be done twice: limits, looks."""
        return self.goals in (("limited",), ("looked",))


POWER_KINDS = tuple(
    Kind(f"{name}{'' if told else ' markless'} {'+'.join(fates) or 'plain'}", goals, before, after, fates, told, deaf)
    for name, goals, before, after, deaf in (
        ("on", ("on",), PowerState.OFF, PowerState.ON, False),
        ("off", ("off",), PowerState.ON, PowerState.OFF, False),
        ("deaf off", ("off",), PowerState.ON, PowerState.OFF, True),
        ("cycle", ("off", "on"), PowerState.ON, PowerState.ON, False),
        ("restart", ("restart",), PowerState.ON, PowerState.ON, False),
        ("shelf on", ("shelf_on",), PowerState.OFF, PowerState.ON, False),
        ("shelf off", ("shelf_off",), PowerState.ON, PowerState.OFF, False),
        ("psu on", ("psu_on",), PowerState.OFF, PowerState.ON, False),
        ("psu off", ("psu_off",), PowerState.ON, PowerState.OFF, False),
        ("coolant stop", ("coolant_stop",), PowerState.ON, PowerState.OFF, False),
        ("coolant start", ("coolant_start",), PowerState.OFF, PowerState.ON, False),
        ("coolant cycle", ("coolant_cycle",), PowerState.ON, PowerState.ON, False),
    )
    for told in (True, False)
    for fates in (
        (),
        (Fate.ANSWER_LOST,),
        (Fate.LOST,),
        (Fate.UNREACHABLE,),
        (Fate.LOST, Fate.ANSWER_LOST),
    )
)

ON = PowerState.ON
PUSH_KINDS = tuple(
    Kind(f"push{says} {'+'.join(fates) or 'plain'}", ("firmware",), ON, ON, fates, told, forgets=forgets)
    for says, told, forgets in (("", True, False), (" markless", False, False), (" forgetful", True, True))
    for fates in ((), (Fate.ANSWER_LOST,), (Fate.LOST,), (Fate.UNREACHABLE,), (Fate.REFUSED,))
)
SET_KINDS = tuple(
    Kind(f"{goal} {'+'.join(fates) or 'plain'}", (goal,), ON, ON, fates)
    for goal, several in (
        ("limited", ((), (Fate.ANSWER_LOST,), (Fate.LOST,), (Fate.UNREACHABLE,), (Fate.REFUSED,))),
        ("looked", ((),)),
    )
    for fates in several
)
KINDS = (*POWER_KINDS, *PUSH_KINDS, *SET_KINDS)


@dataclass
class Life:
    """What one history of kills came to."""

    operation: Operation
    trays: list[FakeFlash]
    points: int
    deaths: int
    doubts: list[str] = field(default_factory=list)

    @property
    def held(self) -> int:
        return sum(p.state is StepState.HELD for p in self.operation.steps.values())


def push_of(place: Place) -> Step:
    """Return a step that pushes one image."""
    push = PlannedPush("0" * 64, 5, "BMC", PART, WAS, [CARRIED], 600.0, 120.0)
    tray = place.rpartition("/")[0]
    return Step(
        f"firmware/{tray[-3:]}", tray, place, "firmware", [], Direction.NEUTRAL, facet=Facet.FIRMWARE, push=push
    )


def set_of(place: Place, goal: str) -> Step:
    """Return a step that limits a tray's GPU, or looks at its endpoint."""
    tray = tray_of(place)
    direction = Direction.SAFE if goal == "limited" else Direction.NEUTRAL
    facet = Facet.POWER_LIMIT if goal == "limited" else Facet.CONFIG
    limits = {join_place(tray, "gpu0"): WANTED_W} if goal == "limited" else {}
    again = (60.0, 5.0)  # s: tried so long, so far apart
    step = Step(f"{goal}/{tray[-3:]}", tray, place, goal, [], direction, facet=facet, limits=limits)
    return msgspec.structs.replace(step, within_s=again[0], every_s=again[1])


def plan_of(kind: Kind) -> Plan:
    if kind.sets:
        (goal,) = kind.goals
        stages = [PlannedStage(goal, goal, [set_of(place, goal) for place in (U11, U12)], width=2, stops=False)]
        limit = PlannedLimit(WANTED_W) if goal == "limited" else None
        said = (RACK, "t", VERBS[kind.goals], RACK, PowerDepth.NONE, Manner.FORCE, stages, [], {}, 1e6, 5.0)
        return Plan(*said, limit=limit)
    if kind.pushes:
        stages = [PlannedStage("firmware", "Firmware", [push_of(place) for place in (U11, U12)], width=2, stops=False)]
        return Plan(RACK, "t", Verb.PUSH, U11, PowerDepth.NONE, Manner.FORCE, stages, [], {}, 1e6, 5.0)
    stages = [
        PlannedStage(
            f"stage{n}",
            goal,
            [
                Step(
                    id=f"stage{n}/{place.split('/')[-2]}/{goal}",
                    tray=place.rpartition("/")[0],
                    endpoint=place,
                    goal=RUNS.get(goal, "off" if goal.endswith("off") else "on"),
                    acts=ACTS[goal],
                    direction=DIRECTIONS.get(goal, Direction.ENERGISED),
                    facet=Facet.COOLING if goal in RUNS else Facet.POWER_STATE,
                    settle_s=2.0,
                )
                for place in (U11, U12)
            ],
            width=2,
            stops=False,
        )
        for n, goal in enumerate(kind.goals)
    ]
    return Plan(
        RACK, "test", VERBS[kind.goals], RACK, PowerDepth.HOST_OFF, Manner.GRACEFUL_THEN_FORCE, stages, [], {}, 1e6, 5.0
    )


class JumpingClock(VirtualClock):
    """Virtual time whose wall clock is `ahead_s` off; what is measured is not."""

    ahead_s = 0.0

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(int((self.now() + 1e6 + self.ahead_s) * 1e9))


def live(kind: Kind, deaths: tuple[int | None, ...], weather: Weather | None = None) -> Life:
    """Run one operation; the controller dies at the given points of its lives, and lives on in the last one.

    `weather`: what else goes wrong.
    """
    lives: list[Life] = []

    async def story() -> None:
        lives.append(await _live(kind, deaths, path, weather or Weather()))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        path.write_bytes(empty_journal())
        run_virtually(story())
    return lives[0]


@cache
def empty_journal() -> bytes:
    """Return the file of a journal in which nothing stands yet: laying out its tables is what takes longest."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        Journal(path).close()
        return path.read_bytes()


async def _live(kind: Kind, deaths: tuple[int | None, ...], path: Path, weather: Weather) -> Life:
    clock, death = JumpingClock(), Death()
    trays = {
        place: FakeFlash(
            place,
            clock,
            kind.starts_in,
            tells_starts=kind.tells_starts,
            deaf_to_grace=kind.deaf_to_grace,
            fates=list(kind.fates),
            death=death,
            forgets=kind.forgets,
        )
        for place in (U11, U12)
    }
    journal = DyingJournal(path, Death())
    operations = controller(journal, trays, clock)
    operation = operations.put(plan_of(kind), "ada", "")
    operations.say(operation.id, "approve", "ada")
    journal.close()
    died, points = 0, 0
    for at in (*deaths, None):
        death.at, death.points = at, 0
        mortal = weather.journal(path, death)
        try:
            operations = controller(mortal, trays, clock)
            running = asyncio.create_task(operations.run())
            until = clock.now() + PATIENCE_S
            while not _ended(operations.find(operation.id)) and not running.done() and clock.now() < until:
                await clock.sleep_until(clock.now() + 1.0)  # type: ignore[arg-type]
            if running.done():
                running.result()
            running.cancel()
            await asyncio.wait([running])
        except Killed:
            died += 1
            clock.ahead_s += weather.jumps_s
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0)
        finally:
            mortal.close()
        if at is not None:
            weather.pass_over(path)
        points = death.points if at is None else points
        await clock.sleep_until(clock.now() + 1.0)  # type: ignore[arg-type]
    last = DyingJournal(path, Death())
    ledger = Ledger(last, RACK)
    (ended,) = ledger.operations()
    doubts = [e.id for e in ledger.unresolved() if e.is_open]
    last.close()
    return Life(ended, list(trays.values()), points, died, doubts)


def controller(journal: Journal, trays: Mapping[Place, FakeTray], clock: VirtualClock) -> Operations:
    """Return a controller of the trays as a new process makes it."""
    ledger, leases = Ledger(journal, RACK), LeaseBook(clock)
    worker = Worker(ledger, leases, trays.__getitem__, clock)
    targets: Mapping[Place, Any] = trays
    pusher = Pusher(ledger, leases, targets.__getitem__, read_image, clock)
    view: Any = SimpleNamespace(snapshot=None)
    limits = Limits(view, targets, ledger, leases, clock, lambda _finding: None)
    stock: Any = SimpleNamespace(refresh=lambda _place: None)
    looking = Looking(lambda: view.layout, targets, stock, clock)
    doers = {"limited": Limiting(limits).carry, "looked": looking.carry}
    said = (RACK, ledger, leases, worker, lambda: (None, {}), clock, lambda _finding: None)
    return Operations(*said, pusher=pusher, doers=doers)


def _ended(operation: Operation) -> bool:
    return operation.over or operation.state is OperationState.HELD


def repeated(life: Life, kind: Kind) -> int:
    """Return how many effects a tray had more often than its operation asked for."""
    if kind.pushes:
        return sum(max(0, tray.pushed - 1) for tray in life.trays)
    if kind.sets:
        return 0
    allowed = Counter(act.action for goal in kind.goals for act in ACTS[goal])
    return sum(max(0, n - allowed[action]) for tray in life.trays for action, n in Counter(tray.acted).items())


def lost(life: Life, kind: Kind) -> int:
    """Return how many trays are not as wanted although nobody was told: neither failed nor held."""
    if life.doubts or not _ended(life.operation):
        return len(life.trays)
    told = {
        step.endpoint
        for step in life.operation.plan.steps
        if life.operation.progress(step.id).state is not StepState.DONE
    }
    if kind.pushes:
        return sum(t.place not in told and (t.written(), t.pushed) != (CARRIED, 1) for t in life.trays)
    if kind.goals == ("limited",):
        return sum(t.place not in told and t.limit_w != WANTED_W for t in life.trays)
    if kind.goals == ("looked",):
        return sum(t.place not in told and not t.looks for t in life.trays)
    wrong = [tray for tray in life.trays if tray.place not in told and tray.settle() is not kind.ends_in]
    return len(wrong) + sum(not t.acted for t in life.trays if t.place not in told)


def every_death(kind: Kind, twice: bool) -> Iterator[tuple[int, ...]]:
    """Yield every point at which a controller can die, then each followed by a second death early in the next life."""
    for first in range(1, live(kind, ()).points + 1):
        yield (first,)
        if twice:
            for second in range(1, live(kind, (first,)).points + 1):
                yield first, second
