"""Runs one seed: a rack, its controllers one after another, and what goes wrong; then a quiet time, and the verdict."""

import asyncio
import contextlib
import hashlib
import logging
import random
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerAction
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.latch import Inspection, Latch
from support.fake_power import Killed
from support.kill_story import JumpingClock, empty_journal
from support.simulation import acts
from support.simulation.devices import SimTray
from support.simulation.life import Life, Mortal
from support.simulation.rack import CRITICAL, GENERATIONS, SimRack
from support.simulation.script import FAULTS_END_S, Fault, write_script
from support.simulation.watch import Watch
from support.virtual_time import VirtualLoop

QUIET_S = 45.0
"""How long after the last fault a leaking tray may take to be off: a start that is under way (10 s) is waited for, it
is struck every 2 s, and Off takes up to 10 s; the rest is for a controller that starts."""
BRISK_S, IDLE_TICK_S = 6.0, 4.0  # ticks are a second apart; when nothing more goes wrong, fewer will do
ACTS_TAKE_S = 300.0  # the longest act of a seeded sequence (180 s), asked again after a request that was lost


@dataclass
class Run:
    """What one seed came to.  `digest`: SHA-256 of everything that happened, in order."""

    seed: int
    violations: list[str]
    digest: str
    events: list[str]


@dataclass
class World:
    """The rack, the file and the clock go on; lives come and go."""

    seed: int
    path: Path
    clock: JumpingClock = field(default_factory=JumpingClock)
    events: list[str] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)  # the newest last; those before it were succeeded

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.rack = SimRack(GENERATIONS[self.seed % len(GENERATIONS)], self.rng, self.clock, self.seed % 10 < 2)
        self.watch = Watch(self.rack, self.clock)
        self.script = write_script(self.rng, self.rack, self.seed)
        self.full, self.dark_until = False, 0.0
        self.running: set[asyncio.Task[None]] = set()

    @property
    def life(self) -> Life | None:
        return self.lives[-1] if self.lives and not self.lives[-1].mortal.dead else None

    def note(self, text: str) -> None:
        """Write an event into the trace."""
        self.events.append(f"{self.clock.now():.6f} {text}")

    def spawn(self, what: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(what)
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def play(self) -> None:
        """Play the script, a tick a second."""
        self.start()
        waiting = list(self.script)
        while self.clock.now() < FAULTS_END_S + QUIET_S or self.unsettled():
            due = self.clock.now() + (1.0 if self.clock.now() < FAULTS_END_S + BRISK_S else IDLE_TICK_S)
            while waiting and waiting[0].at < due:
                await self.clock.sleep_until(Seconds(waiting[0].at))
                self.happen(waiting.pop(0))
            await self.clock.sleep_until(Seconds(due))
            if due == FAULTS_END_S:
                acts.calm(self)
            if self.life is None:
                self.start()
            for life in list(self.lives):
                self.guarded(life, life.tick)
                self.heard(life, None)
            self.watch.look()
            if self.life is not None:
                self.watch.closed(self.life)
                self.watch.prompt(self.life)
        await self.clock.sleep_until(Seconds(self.clock.now() + 0.01))  # what the last tick ordered goes out
        if self.life is not None:
            self.watch.judge_end(self.life)
        for life in list(self.lives):
            await life.end()
        await asyncio.gather(*self.running, return_exceptions=True)

    def unsettled(self) -> bool:
        """Tell whether to wait on for operations, which may take as long as their acts."""
        late = self.clock.now() > FAULTS_END_S + ACTS_TAKE_S
        return self.life is None or (not late and self.watch.unsettled(self.life))

    def happen(self, fault: Fault) -> None:
        """Let one thing of the script happen."""
        self.note(f"{fault.what} {leaf_of(fault.tray)} {fault.span:.3f}")
        getattr(acts, fault.what)(self, fault)

    def start(self) -> None:
        """Start a controller; the one that may still live is succeeded.  A full disk starts nobody."""
        if self.full or self.dark_until > self.clock.now():
            return
        try:
            life = Life(self.rack, self.path, self.clock, self.asked, self.watch.capped, Mortal())
        except RackwrightError as err:
            self.note(f"no start: {err.what}")
            return
        if self.lives:  # who is succeeded writes nothing down any more
            self.watch.died()
        self.watch.epoch = life.ledger.epoch
        self.lives.append(life)
        self.note(f"life {life.number} begins")
        self.watch.after(life)

    def end(self, life: Life, why: str) -> None:
        """Take a life out of the world."""
        self.note(f"life {life.number} ends: {why}")
        newest = life is self.lives[-1]
        self.lives.remove(life)
        life.mortal.dead = True
        if newest:
            self.watch.died()
        self.spawn(life.end())

    def guarded(self, life: Life, act: Callable[[], object]) -> None:
        """Do something in a life; it may die of it."""
        with contextlib.suppress(Killed):
            act()
        if life.mortal.dead and life in self.lives:
            self.end(life, "killed at a point")
        elif life in self.lives:
            self.watch.after(life)

    def say(self, detector: Place, code: float | None, by_event: bool) -> None:
        """Let a detector say something, and a controller hear it at once when it comes by event."""
        self.rack.leaks[detector] = code
        self.rack.stir(detector)
        self.note(f"{detector} says {code}")
        tray = tray_of(detector)
        if code == CRITICAL:
            self.watch.leaks(tray)
        if code is not None:
            self.watch.said(detector, code > 0)
        for life in list(self.lives) if by_event and self.rack.trays[tray].answers else []:
            reading = Reading(detector, Quantity.LEAK, code, self.clock.now())
            life.words[detector] = code
            self.guarded(life, lambda life=life, reading=reading: life.board.store([reading]))  # type: ignore[misc]
            self.heard(life, detector)

    def heard(self, life: Life, detector: Place | None) -> None:
        """Note which leaks a living controller knows of by now: of one detector that it heard, or of all."""
        if life is not self.life or life.view.snapshot is None:
            return
        said = {tray_of(d) for d, code in self.rack.leaks.items() if code == CRITICAL and detector in (None, d)}
        trays = sorted(t for t in said if t in self.rack.trays and self.rack.trays[t].answers)
        self.watch.told(life, trays)
        self.watch.after(life)

    def asked(self, life: Life, device: SimTray, action: PowerAction) -> str:
        """Judge a request that goes out."""
        key = self.watch.request(life, device, action)
        self.note(f"life {life.number} asks {leaf_of(device.tray)} for {action} ({key})")
        return key

    def clear(self, latch: Latch, actor: str, record: Inspection) -> None:
        """Let a person sign for a latch."""
        life = self.life
        if life is None:
            return
        rule = next((r.clear for r in self.rack.policy.rows if r.cause == latch.cause), None)
        try:
            signed = life.guard.clear(latch.id, record, actor)
        except RackwrightError as err:
            self.note(f"{latch.id} is not cleared: {err.what}")
            return
        except Killed:
            self.note(f"killed while {latch.id} was cleared")
            self.watch.kept.pop(latch.id, None)  # on the disk or not: nobody can tell, and either is right
            self.watch.wet.pop(latch.place, None)
            self.end(life, "killed at a point")
            return
        if not signed.open:
            missing = record.missing(rule.record) if rule is not None else []
            self.watch.cleared(latch.id, latch.cause, latch.place, missing)
        self.note(f"{latch.id} signed by {actor}, open: {signed.open}")


def live(seed: int) -> Run:
    """Run one seed and return what it came to."""
    logging.disable(logging.CRITICAL)  # what goes wrong is wanted; a traceback for each costs more than the run
    loop = VirtualLoop()
    loop.set_exception_handler(lambda _loop, _context: None)  # whoever died left its tasks behind
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "journal.db"
            path.write_bytes(empty_journal())
            world = World(seed, path)
            loop.run_until_complete(world.play())
    finally:
        loop.close()
        logging.disable(logging.NOTSET)
    digest = hashlib.sha256("\n".join(world.events).encode()).hexdigest()
    return Run(seed, world.watch.violations, digest, world.events)
