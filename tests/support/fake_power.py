"""Trays with a power switch in virtual time, and controllers that die at a point: for tests of the ledger."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointRefused, EndpointUnreachable, OutcomeUnknown
from firmware_bridge.vocabulary.firmware import FirmwarePart, FirmwareSight, UpdatePhase, UpdateSight
from firmware_bridge.vocabulary.place import Place, join_place, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerDepth, PowerSight, PowerState
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.run.journal import Journal

_A, _P = PowerAction, PowerState


class Killed(BaseException):
    """The controller died here."""


class Fate(StrEnum):
    """What becomes of one request: done and answered, done and the answer lost, lost on the way, refused, not sent."""

    ANSWERED = "answered"
    ANSWER_LOST = "answer_lost"
    LOST = "lost"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass
class Death:
    """Kills at the n-th point that is passed.  `points` counts all of them."""

    at: int | None = None
    points: int = 0

    def pass_by(self) -> None:
        self.points += 1
        if self.points == self.at:
            raise Killed


@dataclass
class FakeTray:
    """A host that takes `slow_s` to do anything.  `fates` are those of its first requests, then all are answered.

    `acted` are the effects that it has really had, by action.
    """

    place: Place
    clock: Clock
    state: PowerState = _P.OFF
    slow_s: float = 3.0
    tells_starts: bool = True
    deaf_to_grace: bool = False
    fates: list[Fate] = field(default_factory=list)
    acted: list[PowerAction] = field(default_factory=list)
    asked: list[PowerAction] = field(default_factory=list)
    death: Death = field(default_factory=Death)
    silent_until: float = 0.0
    starts: int = 1
    _goes_to: PowerState | None = None
    _at: float = 0.0

    @property
    def power_actions(self) -> frozenset[PowerAction]:
        return frozenset(PowerAction)

    def settle(self) -> PowerState:
        if self._goes_to is not None and self.clock.now() >= self._at:
            self.state, self._goes_to = self._goes_to, None
        return self.state

    async def observe_power(self) -> PowerSight:
        if self.clock.now() < self.silent_until:
            raise EndpointUnreachable(self.place, "observe_power", "no reply")
        state = self.settle()
        depth = PowerDepth.HOST_OFF if state is _P.OFF else PowerDepth.NONE
        marker = f"start {self.starts}" if self.tells_starts else ""
        return PowerSight(state, depth, self.clock.now(), marker, frozenset(PowerAction), "1")

    async def switch_power(self, action: PowerAction) -> PowerAnswer:
        self.death.pass_by()  # the intent stands, nothing was sent
        fate = self.fates.pop(0) if self.fates else Fate.ANSWERED
        if fate is Fate.UNREACHABLE:
            raise EndpointUnreachable(self.place, "switch_power", "no connection")
        self.asked.append(action)
        if fate is Fate.REFUSED:
            raise EndpointRefused(self.place, "switch_power", "not now", status=409)
        if fate is not Fate.LOST:
            self._act(action)
        self.death.pass_by()  # sent, and nothing answered yet
        if fate is not Fate.ANSWERED:
            raise OutcomeUnknown(self.place, "switch_power", "the connection broke")
        return PowerAnswer(True, 204, "", str(action))

    def _act(self, action: PowerAction) -> None:
        self.acted.append(action)
        state = self.settle()
        if action is _A.GRACEFUL_OFF and self.deaf_to_grace:
            return
        if action is _A.ON and state is _P.OFF:
            self.starts += 1
            self.state, self._goes_to = _P.POWERING_ON, _P.ON
        elif action in (_A.GRACEFUL_OFF, _A.FORCE_OFF) and state is not _P.OFF:
            self.state, self._goes_to = _P.POWERING_OFF, _P.OFF
        elif action in (_A.GRACEFUL_RESTART, _A.FORCE_RESTART):
            self.starts += 1
            self.state, self._goes_to = _P.POWERING_ON, _P.ON
        self._at = self.clock.now() + self.slow_s


PART = "/fw/BMC"
WAS, CARRIED = "24.12", "25.10"
MOST_W, WANTED_W = 1200.0, 600.0


@dataclass
class FakeFlash(FakeTray):
    """The same tray where firmware is written: it takes `flash_s`, and its controller is away `away_s` afterwards.

    `forgets`: it keeps no list of its tasks.  `pushed` are the images that it has really begun to write.
    """

    flash_s: float = 60.0
    away_s: float = 20.0
    forgets: bool = False
    version: str = WAS
    pushed: int = 0
    limit_w: float = MOST_W
    limits_taken: int = 0
    looked: tuple[Seconds, str] | None = None
    looks: int = 0
    _tasks: dict[str, float] = field(default_factory=dict)  # when each ends

    def written(self) -> str:
        if self._tasks and self.clock.now() >= max(self._tasks.values()):
            self.silent_until = max(self._tasks.values()) + self.away_s
            self.version, self.starts = CARRIED, self.starts + 1
            self._tasks.clear()
        return self.version

    async def observe_firmware(self, part: str = "") -> FirmwareSight:
        self.written()
        self._answer()
        known = () if self.forgets else tuple(self._tasks)
        marker = f"start {self.starts}" if self.tells_starts else ""
        parts = (FirmwarePart("BMC", PART, self.version),)
        return FirmwareSight(self.clock.now(), parts, True, 0, known, known, marker, remembers=not self.forgets)

    async def push_image(self, image: bytes, part: str) -> str:
        self.death.pass_by()  # the intent stands, nothing was sent
        fate = self.fates.pop(0) if self.fates else Fate.ANSWERED
        if fate is Fate.UNREACHABLE:
            raise EndpointUnreachable(self.place, "push_image", "no connection")
        if fate is Fate.REFUSED:
            raise EndpointRefused(self.place, "push_image", "not now", status=409)
        task = f"/tasks/{self.pushed + 1}"
        if fate is not Fate.LOST:
            self.pushed += 1
            self._tasks[task] = self.clock.now() + self.flash_s
        self.death.pass_by()  # sent, and nothing answered yet
        if fate is not Fate.ANSWERED:
            raise OutcomeUnknown(self.place, "push_image", "the connection broke")
        return task

    async def observe_update(self, task: str) -> UpdateSight:
        self.written()
        self._answer()
        return UpdateSight(UpdatePhase.RUNNING if task in self._tasks else UpdatePhase.GONE)

    @property
    def settable(self) -> dict[Place, Settable]:
        gpu = join_place(tray_of(self.place), "gpu0")
        return {gpu: Settable(gpu, 200.0, MOST_W)}

    async def ask_values(self, values: Mapping[Place, float]) -> dict[Place, DeviceError | None]:
        self.death.pass_by()  # it is written down, nothing was sent
        fate = self.fates.pop(0) if self.fates else Fate.ANSWERED
        if fate is Fate.UNREACHABLE:
            raise EndpointUnreachable(self.place, "ask_values", "no connection")
        if fate is Fate.REFUSED:
            raise EndpointRefused(self.place, "ask_values", "not now", status=409)
        if fate is not Fate.LOST:
            (self.limit_w,) = values.values()
            self.limits_taken += 1
        self.death.pass_by()  # sent, and nothing answered yet
        if fate is not Fate.ANSWERED:
            raise OutcomeUnknown(self.place, "ask_values", "the connection broke")
        return dict.fromkeys(values)

    async def read_values(self, places: Collection[Place]) -> dict[Place, float | None]:
        return dict.fromkeys(places, self.limit_w)

    def rescan(self) -> None:
        """Meet it anew, as a collector does: the next moment somebody looks it was met."""
        self.death.pass_by()
        self.looked, self.looks = (self.clock.now(), ""), self.looks + 1

    def _answer(self) -> None:
        if self.clock.now() < self.silent_until:
            raise EndpointUnreachable(self.place, "observe", "no reply")


class DyingJournal(Journal):
    """A journal in which the process dies just before, or just after, a commit."""

    def __init__(self, path: Path, death: Death) -> None:
        super().__init__(path)
        self._db.execute("PRAGMA synchronous=OFF")  # the process dies here, never the machine
        self._death = death

    def transact(self, statements: Sequence[tuple[str, tuple[object, ...]]]) -> list[int]:
        self._death.pass_by()
        touched = super().transact(statements)
        self._death.pass_by()
        return touched


async def read_image(_digest: str) -> bytes:
    """Return an image at once: a thread would let virtual time run ahead."""
    return b"image"
