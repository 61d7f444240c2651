"""Emulated hosts, all of them in one process: what the emulator says of their GPUs, said on by real agents.

Asks the emulator over its control socket and imports nothing of it.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.grants import HeldGpu
from firmware_bridge.wire.nvml.message import HostEvent, HostReport

_log = logging.getLogger(__name__)

SOCKET_NAME = "emulator.sock"
PERIOD = Seconds(1.0)
ANSWER_WITHIN = Seconds(5.0)
MOST_LINE = 64 * 1024 * 1024
_ASK = b'{"verb": "gpu_hosts"}\n'


class _Host(msgspec.Struct):
    place: str
    report: HostReport
    events: list[HostEvent] = []


class _Reply(msgspec.Struct):
    ok: bool
    hosts: list[_Host] = []
    gpus: list[HeldGpu] = []
    error: str = ""


@dataclass
class EmulatedHost:
    """A GpuSource fed by `EmulatedHosts`; None while its host is off.  `keep` sets limits there."""

    keep: Callable[[Mapping[int, float]], Awaitable[list[HeldGpu]]]
    news: asyncio.Event = field(default_factory=asyncio.Event)
    report: HostReport | None = None
    events: list[HostEvent] = field(default_factory=list)

    @property
    def events_lost(self) -> int:
        """Return 0: the emulator keeps every event until it is asked."""
        return 0

    async def sample(self) -> HostReport | None:
        """Return what the emulator said last."""
        return self.report

    def happened(self) -> list[HostEvent]:
        """Return the events since the last call."""
        events, self.events = self.events, []
        self.news.clear()
        return events

    async def keep_limits(self, watts: Mapping[int, float]) -> list[HeldGpu]:
        """Have the emulated driver keep these limits, W."""
        return await self.keep(watts)

    async def close(self) -> None:
        """Nothing is open."""


class EmulatedHosts:
    """Asks once a second for all hosts; an emulator that is away makes every host silent."""

    def __init__(self, state: Path, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self.hosts: dict[str, EmulatedHost] = {}
        self._setting: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None  # limits wait for no readings
        self._turn = asyncio.Lock()

    async def places(self) -> list[str]:
        """Return the hosts' places, waiting for an emulator to say them."""
        while not self.hosts:
            try:
                await asyncio.wait_for(self._follow(once=True), ANSWER_WITHIN)
            except (OSError, TimeoutError, ValueError) as err:
                _log.debug("no emulator yet: %s", err)
            if not self.hosts:
                await asyncio.sleep(PERIOD / 4)
        return sorted(self.hosts)

    async def run(self) -> None:
        """Follow the emulator until cancelled."""
        while True:
            try:
                await self._follow()
            except (OSError, TimeoutError, ValueError) as err:
                _log.warning("the emulator does not answer: %s", err or type(err).__name__)
            for host in self.hosts.values():
                host.report = None
            await asyncio.sleep(PERIOD)

    async def _follow(self, *, once: bool = False) -> None:
        reader, writer = await self._open()
        try:
            while True:
                began = self._clock.now()
                writer.write(_ASK)
                line = await asyncio.wait_for(reader.readline(), ANSWER_WITHIN)
                if not line:
                    raise ConnectionError("the emulator has ended")
                self._take(msgspec.json.decode(line, type=_Reply))
                if once:
                    return
                await self._clock.sleep_until(Seconds(began + PERIOD))
        finally:
            writer.close()

    def close(self) -> None:
        """Hang up."""
        if self._setting is not None:
            self._setting[1].close()
            self._setting = None

    async def keep(self, place: str, watts: Mapping[int, float]) -> list[HeldGpu]:
        """Set limits of one host's GPUs and return what is kept then; an emulator that is away takes none."""
        asked = {"verb": "gpu_limits", "place": place, "watts": {str(n): w for n, w in watts.items()}}
        async with self._turn:
            try:
                reply = await asyncio.wait_for(self._exchange(msgspec.json.encode(asked) + b"\n"), ANSWER_WITHIN)
            except (OSError, TimeoutError, ValueError) as err:
                self.close()
                return [HeldGpu(n, refused=f"no emulator: {err or type(err).__name__}") for n in sorted(watts)]
        if not reply.ok:
            return [HeldGpu(n, refused=reply.error) for n in sorted(watts)]
        return reply.gpus

    async def _exchange(self, line: bytes) -> _Reply:
        if self._setting is None:
            self._setting = await self._open()
        reader, writer = self._setting
        writer.write(line)
        answer = await reader.readline()
        if not answer:
            raise ConnectionError("it has ended")
        return msgspec.json.decode(answer, type=_Reply)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect by a short name: a socket's path holds 108 bytes, a state directory may lie deeper (Linux)."""
        handle = os.open(self._state, os.O_PATH | os.O_DIRECTORY)
        try:
            path = f"/proc/self/fd/{handle}/{SOCKET_NAME}"
            return await asyncio.open_unix_connection(path, limit=MOST_LINE)
        finally:
            os.close(handle)

    def _take(self, reply: _Reply) -> None:
        if not reply.ok:
            raise ValueError(reply.error or "the emulator refuses")
        told = {host.place: host for host in reply.hosts}
        for place, said in told.items():
            host = self.hosts.get(place)
            if host is None:
                host = self.hosts[place] = EmulatedHost(partial(self.keep, place))
            host.report = said.report
            if said.events:
                host.events += said.events
                host.news.set()
        for place, host in self.hosts.items():
            if place not in told:
                host.report = None
