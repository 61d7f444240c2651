"""One life of a controller: the real guard, ledger, leases, locks and operations over a rack that is simulated.

It dies at a point (a commit, a request) or at a time; from then on nothing of it gets through any more.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointUnreachable,
    EnvironmentUnfit,
    PreconditionFailed,
    TargetUnknown,
)
from firmware_bridge.vocabulary.firmware import FirmwarePart, FirmwareSight, UpdatePhase, UpdateSight
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerSight
from firmware_bridge.vocabulary.set_points import Settable
from rack_controller.decide.following import back_after
from rack_controller.decide.limits import holds_caps
from rack_controller.decide.notice import Finding
from rack_controller.decide.picture import BuildingSight, Picture
from rack_controller.model.interlock import Act
from rack_controller.run.following import Following
from rack_controller.run.guard.guard import Guard
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.guard.strike import ACTIONS, Striker
from rack_controller.run.journal import Journal
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.locks import Locks
from rack_controller.run.operate.obstacles import Obstacles
from rack_controller.run.operate.operations import Operations
from rack_controller.run.operate.planning_unit import UnitPlanning
from rack_controller.run.operate.pusher import Pusher
from rack_controller.run.operate.switches import UnitAsSwitch
from rack_controller.run.operate.verbs import OperationVerbs
from rack_controller.run.operate.worker import Worker
from rack_controller.run.view import RackView
from support.fake_power import PART, Killed, read_image
from support.interlocked import RACK
from support.simulation.devices import LEAST_W, MOST_W, TASK, SimTray
from support.simulation.rack import SimRack

Asked = Callable[["Life", SimTray, PowerAction], str]
"""Looks at a request before it goes out, and returns the key of the effect that it belongs to."""


@dataclass
class Mortal:
    """Counts points; dies at the `dies_at`-th, or when it is killed.  `full`: the disk takes nothing more."""

    dies_at: int | None = None
    points: int = 0
    dead: bool = False
    full: bool = False

    def pass_by(self) -> None:
        self.points += 1
        self.dead = self.dead or self.points == self.dies_at
        if self.dead:
            raise Killed


class MortalJournal(Journal):
    """A real journal of a process that may die around each commit, on a disk that may be full."""

    def __init__(self, path: Path, mortal: Mortal) -> None:
        self._mortal = mortal
        super().__init__(path)
        self._db.execute("PRAGMA synchronous=OFF")  # the process dies here, never the machine

    def transact(self, statements: Sequence[tuple[str, tuple[object, ...]]]) -> list[int]:
        self._check()
        touched = super().transact(statements)
        self._mortal.pass_by()
        return touched

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        self._check()
        super()._write(statement, values)
        self._mortal.pass_by()

    def _check(self) -> None:
        self._mortal.pass_by()
        if self._mortal.full:
            raise EnvironmentUnfit("the journal refused a write: disk full")


@dataclass
class Line:
    """A tray as one life reaches it."""

    life: "Life"
    device: SimTray
    asked: Asked
    power_actions: frozenset[PowerAction] = frozenset(PowerAction)

    async def observe_power(self) -> PowerSight:
        self.life.mortal.pass_by()
        await asyncio.sleep(0.02 if self.device.answers else 0.5)
        if not self.device.answers:
            raise EndpointUnreachable(self.device.place, "observe_power", "no reply")
        return self.device.look()

    async def switch_power(self, action: PowerAction) -> PowerAnswer:
        self.life.mortal.pass_by()  # the intent stands, nothing was sent
        key = self.asked(self.life, self.device, action)
        answer = await self.device.take(action, key)
        self.life.mortal.pass_by()  # it has acted, and nobody wrote down that it answered
        return answer


@dataclass
class UnitLine:
    """A coolant unit as one life reaches it."""

    line: Line
    unit_actions: frozenset[PowerAction] = frozenset((PowerAction.ON, PowerAction.FORCE_OFF, PowerAction.FORCE_RESTART))

    async def observe_unit(self) -> PowerSight:
        return await self.line.observe_power()

    async def switch_unit(self, action: PowerAction) -> PowerAnswer:
        return await self.line.switch_power(action)


@dataclass
class FlashLine:
    """The firmware of a tray's controller as one life reaches it."""

    life: "Life"
    device: SimTray

    async def observe_firmware(self, part: str = "") -> FirmwareSight:
        await self._reached()
        tasks = (TASK,) if self.device.writes() else ()
        parts = (FirmwarePart("BMC", PART, self.device.version),)
        marker = f"start {self.device.starts}"
        return FirmwareSight(self.life.clock.now(), parts, True, 0, tasks, tasks, marker, remembers=True)

    async def push_image(self, image: bytes, part: str) -> str:
        self.life.mortal.pass_by()  # the intent stands, nothing was sent
        task = await self.device.take_image()
        self.life.mortal.pass_by()  # it writes, and nobody wrote down that it answered
        return task

    async def observe_update(self, task: str) -> UpdateSight:
        await self._reached()
        return UpdateSight(UpdatePhase.RUNNING if self.device.writes() else UpdatePhase.GONE)

    async def _reached(self) -> None:
        self.life.mortal.pass_by()
        await asyncio.sleep(0.02 if self.device.answers else 0.5)
        if not self.device.answers:
            raise EndpointUnreachable(self.device.place, "observe", "no reply")


@dataclass
class CapLine:
    """The limits of a tray as one life reaches them."""

    life: "Life"
    gpu: Place
    device: SimTray
    asked: Callable[["Life", Place, float], None]

    @property
    def settable(self) -> dict[Place, Settable]:
        return {self.gpu: Settable(self.gpu, LEAST_W, MOST_W)}

    async def ask_values(self, values: Mapping[Place, float]) -> dict[Place, DeviceError | None]:
        self.life.mortal.pass_by()  # it is written down, nothing was sent
        for watts in values.values():
            self.asked(self.life, self.gpu, watts)
            await self.device.keep_cap(watts)
        self.life.mortal.pass_by()
        return dict.fromkeys(values)

    async def read_values(self, places: Collection[Place]) -> dict[Place, float | None]:
        return dict.fromkeys(places, self.device.cap_w)


@dataclass
class Life:
    """Everything that a controller's process has of one rack."""

    rack: SimRack
    path: Path
    clock: Clock
    asked: Asked
    capped: Callable[["Life", Place, float], None]
    mortal: Mortal
    said: list[Finding] = field(default_factory=list)
    words: dict[Place, float | None] = field(default_factory=dict)  # what each detector said last to this life

    def __post_init__(self) -> None:
        self.journal = MortalJournal(self.path, self.mortal)
        self.board, self.view = self.rack.board(), RackView(self.rack.layout, "boot")
        self.ticks, self.began = 0, self.clock.now()
        self.outputs = {shelf: Line(self, device, self.asked) for shelf, device in self.rack.shelves.items()}
        lines = {device.place: Line(self, device, self.asked) for device in self.rack.trays.values()}
        self.lines = lines
        self.locks = Locks(self.view, self.journal, self.clock, self.said.append)
        self.ledger = Ledger(self.journal, RACK)
        self.leases = LeaseBook(self.clock, locks=self.locks.of)
        sheet = Sheet(self.ledger)
        self.striker = Striker(sheet, self.leases, self._switch_of, self.clock, self._output_of)
        self.striker.settle_old()
        self.latches = Latches(sheet, self.rack.policy, self.clock.unix_ns)
        caps: Any = {d.place: CapLine(self, gpu, d, self.capped) for gpu, d in self.rack.capped.items()}
        self.limits = Limits(self.view, caps, self.ledger, self.leases, self.clock, self.said.append)
        self.following = Following(self.limits)
        carriers = {**dict.fromkeys(ACTIONS, self.striker.carry), Act.CAP: self.following.cap}
        watching = (carriers, self._see, self.leases.starting)
        self.guard = Guard(self.view, self.rack.policy, self.latches, self.clock, self.said.append, *watching)
        self._hold_caps()
        self.board.on_leaks, self.leases.latches = self.guard.hear, self.guard.gate
        units: Any = {d.place: UnitLine(Line(self, d, self.asked)) for d in self.rack.units.values()}
        switches: Any = lines | {place: UnitAsSwitch(line) for place, line in units.items()}
        worker = Worker(self.ledger, self.leases, switches.__getitem__, self.clock)
        obstacles = Obstacles({}, maintenance=self.locks.maintenance)
        flash: Any = {place: FlashLine(self, line.device) for place, line in lines.items()}
        pusher = Pusher(self.ledger, self.leases, flash.__getitem__, read_image, self.clock)
        sight = lambda: (self.view.snapshot, {Place(f"{t.place}/nvos"): "25.02" for t in self.rack.watched})  # noqa: E731
        self.operations = Operations(
            *(RACK, self.ledger, self.leases, worker, sight, self.clock, self.said.append, obstacles),
            pusher=pusher,
        )
        self.leases.quarantined = self.operations.quarantined
        self.verbs = self._unit_verbs(units)
        self.running = asyncio.get_running_loop().create_task(self.operations.run())

    def _see(self, picture: Picture) -> None:
        self.striker.see(picture)
        with contextlib.suppress(PreconditionFailed):  # a successor has taken over
            self.following.look(picture.now)

    def _hold_caps(self) -> None:
        """Let caps go back only as `run/guard/guarding.py` has it."""
        guard, policy = self.guard, self.rack.policy
        self.limits.held = lambda tray: holds_caps(guard.standings.values(), policy, tray)
        self.following.held = lambda tray, but: (
            holds_caps(guard.standings.values(), policy, tray, but) or self.leases.keeps_off(tray)
        )
        self.following.over = lambda cause: back_after(cause, guard.standings.values(), guard.picture, policy)

    def _unit_verbs(self, units: Any) -> OperationVerbs:
        """Return the verbs as persons say them; only units are planned for here."""
        loop: list[UnitPlanning] = []
        wet = self.latches.wet
        planning = UnitPlanning(self.view, self.rack.unit_sequence, units, self.operations, wet, loop)
        loop.append(planning)
        self.leases.uncooled, self.leases.heated = planning.stands, planning.forbids
        nobody: Any = None
        return OperationVerbs(self.view, nobody, self.operations, nobody, nobody, nobody, nobody, planning)

    @property
    def number(self) -> int:
        return self.ledger.epoch

    def tick(self) -> None:
        """Hear everything once and judge it."""
        self.ticks += 1
        self.guard.building = BuildingSight(liquid_isolated=self.rack.isolated_since is not None)
        self.rack.feed(self.board)
        for tray, detectors in self.rack.by_tray.items():
            if self.rack.hears(tray):
                self.words |= {d: self.rack.leaks[d] for d in detectors}
        self.view.snapshot = self.board.snapshot(self.ticks, self.clock.now(), self.clock.unix_ns())
        self.guard.look(self.view.snapshot)
        with contextlib.suppress(PreconditionFailed):  # a successor has taken over
            self.limits.look(self.view.snapshot)

    async def end(self) -> None:
        """Let nothing of it get through any more, and forget it."""
        self.mortal.dead = True
        self.running.cancel()
        await asyncio.wait([self.running])
        await self.guard.close()
        await self.limits.close()
        self.journal.close()

    def _output_of(self, shelf: Place) -> tuple[Place, Line]:
        line = self.outputs[shelf]
        return line.device.place, line

    def _switch_of(self, tray: Place) -> tuple[Place, Line]:
        for place, line in self.lines.items():
            if tray_of(place) == tray:
                return place, line
        raise TargetUnknown(f"{tray} has no switch")
