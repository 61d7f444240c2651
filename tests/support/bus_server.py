"""A real nats-server that a test may kill, and a scripted endpoint to collect from."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nats
from nats.aio.client import Client

from datacenter_api.cli.nats_config import BusFiles
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable
from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Reading, Series
from rack_controller.run.clock import SystemClock
from support.patience import PATIENCE

SITE = "lab1"
NATS_SERVER = Path(sys.executable).with_name("nats-server")


async def until(true: Callable[[], bool], within: float = 15.0) -> None:
    """Wait for something to become true; fail when it does not in time."""
    deadline = time.monotonic() + within * PATIENCE
    while not true():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)


@dataclass
class NatsProcess:
    """A nats-server that a test may kill and start again."""

    folder: Path
    files: BusFiles
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen([NATS_SERVER, "-c", self.files.config], stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    async def connect(self, user: str) -> Client:
        """Connect as one of the bus users, waiting for the server to come up."""
        deadline = time.monotonic() + 10 * PATIENCE
        while True:
            try:
                return await nats.connect(
                    self.files.url,
                    nkeys_seed=str(self.folder / f"{user}.nk"),
                    allow_reconnect=False,
                    reconnect_time_wait=0.02,
                    error_cb=_quiet,
                )
            except (OSError, nats.errors.Error):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.02)


async def _quiet(_err: Exception) -> None:
    """Permission violations are what some tests look for; no need to print them."""


@dataclass
class ScriptedTray:
    """An endpoint whose answers a test sets: power of the tray, and an error to raise instead."""

    place: Place
    power: float = 1000.0
    error: Exception | None = None
    located: bool = False
    discovered: int = 0
    reads: dict[ReadingClass, int] = field(default_factory=dict)
    closed: bool = False
    clock: Clock = field(default_factory=SystemClock)
    failing_class: ReadingClass | None = None
    partly: dict[str, DeviceError] = field(default_factory=dict)

    @property
    def endpoint(self) -> Place:
        return self.place

    @property
    def faults(self) -> dict[str, DeviceError]:
        return self.partly

    async def discover(self) -> Sequence[Series]:
        self.discovered += 1
        self._fail_if_told()
        tray = tray_of(self.place)
        return [
            Series(tray, Quantity.POWER_STATE, ReadingClass.SAFETY),
            Series(tray, Quantity.POWER, ReadingClass.POWER),
        ]

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        self.reads[reading_class] = self.reads.get(reading_class, 0) + 1
        self._fail_if_told()
        if reading_class is self.failing_class:
            raise EndpointUnreachable(self.place, "read", f"{reading_class} is scripted to fail")
        now, tray = self.clock.now(), tray_of(self.place)
        if reading_class is ReadingClass.SAFETY:
            return [Reading(tray, Quantity.POWER_STATE, 1.0, now)]
        if reading_class is ReadingClass.POWER:
            return [Reading(tray, Quantity.POWER, self.power, now)]
        return []

    async def report(self) -> EndpointReport:
        self._fail_if_told()
        return EndpointReport(endpoint={"place": self.place})

    async def close(self) -> None:
        self.closed = True

    async def set_locate(self, on: bool) -> None:
        self._fail_if_told()
        self.located = on

    def _fail_if_told(self) -> None:
        if self.error is not None:
            raise self.error
