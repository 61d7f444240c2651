"""One host's agent: a sample a second, an XID or a limit that was set at once, as messages complete in themselves.

Readings are only ever the latest: what could not be said is gone.  Events are kept until they have been said, and said
again for a while, so that a controller that was starting hears them; each has an id, so nobody counts it twice.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.ports.hosts import GpuSource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.message import VERSION, AgentMessage, HostEvent, HostReport, encode_message
from rack_controller.agent.keeping import Keeper
from rack_controller.run.ending import run_until_one_ends

_log = logging.getLogger(__name__)

PERIOD = Seconds(1.0)
EVENTS_KEPT = 256
SAID_AGAIN = Seconds(20.0)
SPARE = Seconds(0.05)
Say = Callable[[str, bytes], Awaitable[bool]]
"""Publishes a body on a subject; tells whether it went out."""


@dataclass(slots=True)
class _Waiting:
    event: HostEvent
    said_at: Seconds | None = None


class HostAgent:
    """Serves one host.  `say` is the bus, `boot` changes with every start, `memory` is a file that outlives it."""

    def __init__(
        self, subject: str, source: GpuSource, say: Say, clock: Clock, boot: str, memory: Path | None = None
    ) -> None:
        self._subject, self._source, self._say, self._clock, self._boot = subject, source, say, clock, boot
        self._keeper = Keeper(source, clock, boot, memory)
        self._began = clock.now()
        self._sequence = 0
        self._events: deque[_Waiting] = deque()
        self._lost = 0

    def hear(self, body: bytes) -> None:
        """Take what a controller says on `….agent.<slot>.cap`."""
        self._keeper.hear(body)

    async def run(self) -> None:
        """Keep limits, and speak once a second and as soon as there is something new, until cancelled."""
        try:
            await run_until_one_ends([self._keeper.run(), self._report()])
        finally:
            await self._source.close()

    async def _report(self) -> None:
        due = self._clock.now()
        report: HostReport | None = None
        while True:
            if report is None or self._clock.now() >= due - SPARE:
                report = await self._source.sample()
                due = Seconds(max(due + PERIOD, self._clock.now() + SPARE))
            await self.speak(report)
            await self._wait(due)

    async def speak(self, report: HostReport | None) -> None:
        """Say a report with the events that wait; silent while the host is not running."""
        self._take_events()
        if report is None:
            return
        now = self._clock.now()
        self._sequence += 1
        events = [w.event for w in self._events]
        message = AgentMessage(
            VERSION,
            self._boot,
            self._sequence,
            self._clock.unix_ns(),
            round(now - self._began, 3),
            report,
            events,
            self._lost + self._source.events_lost,
            self._keeper.held(),
        )
        self._keeper.said(self._sequence)
        if await self._say(self._subject, encode_message(message)):
            for waiting in self._events:
                waiting.said_at = now if waiting.said_at is None else waiting.said_at

    async def _wait(self, due: Seconds) -> None:
        news = [asyncio.ensure_future(event.wait()) for event in (self._source.news, self._keeper.news)]
        try:
            within = max(0.0, due - self._clock.now())
            await asyncio.wait(news, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in news:
                each.cancel()

    def _take_events(self) -> None:
        now = self._clock.now()
        while self._events and self._events[0].said_at is not None and now - self._events[0].said_at > SAID_AGAIN:
            self._events.popleft()
        for event in self._source.happened():
            _log.warning("%s %d of gpu%s", event.kind, event.number, event.gpu)
            if len(self._events) >= EVENTS_KEPT:
                self._events.popleft()
                self._lost += 1
            self._events.append(_Waiting(event))
