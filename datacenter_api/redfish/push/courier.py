"""Brings events to one subscriber: a bounded queue, one POST at a time, retries by its policy.

A listener that is slow or dead costs its own queue and nothing else: `put` never waits.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from datacenter_api.redfish.figures import RedfishFigures
from datacenter_api.redfish.push.subscription import BACKING_OFF, FOREVER, SUSPEND, Subscription
from firmware_bridge.vocabulary.units import Seconds

log = logging.getLogger(__name__)

MOST_WAITING, MOST_AT_ONCE = 1_000, 50
RETRY_EVERY = Seconds(30.0)
LONGEST_WAIT = Seconds(3_600.0)
KEPT_IDS = 64


@dataclass(frozen=True, slots=True)
class Parcel:
    """One record on its way.  `number` is when it happened (Unix ns), 0 for what is not kept over restarts (a test);
    `put_at` is monotonic."""

    record: dict[str, Any]
    number: int
    put_at: Seconds


@dataclass
class Rules:
    """How often and at what distance delivery is tried again; one for all subscriptions (EventService)."""

    attempts: int = 3
    interval: Seconds = RETRY_EVERY


@dataclass
class Courier:
    """`deliver(subscription, records, lost)` makes one POST and returns why it failed, None when it did not.

    `settled` is told when the subscription's own state has changed (suspended, delivered), `over` when it shall end.
    """

    kept: Subscription
    rules: Rules
    figures: RedfishFigures
    now: Callable[[], Seconds]
    deliver: Callable[[Subscription, list[dict[str, Any]], int], Awaitable[str | None]]
    settled: Callable[[bool], None]
    over: Callable[[Subscription, str], None]
    waiting: deque[Parcel] = field(default_factory=deque)
    failing: str | None = None
    lost: int = 0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _resumed: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None

    def put(self, record: dict[str, Any], number: int) -> None:
        """Queue a record; where the queue is full its oldest gives way."""
        if len(self.waiting) >= MOST_WAITING:
            self.waiting.popleft()
            self.lost += 1
            self.figures.dropped += 1
        self.waiting.append(Parcel(record, number, self.now()))
        self.stir()

    def stir(self) -> None:
        """Look at the queue: something was put, or the subscription was resumed."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._wake.set()

    def resume(self, within: Seconds | None) -> None:
        """Go on after a suspension, with what waits and is not older than `within` (None: all of it)."""
        if within is not None:
            fresh = [parcel for parcel in self.waiting if self.now() - parcel.put_at <= within]
            self.figures.dropped += len(self.waiting) - len(fresh)
            self.waiting = deque(fresh)
        self.kept.suspended, self.failing = False, None
        self.settled(True)
        self._resumed.set()
        self.stir()

    def suspend(self) -> None:
        """Deliver nothing until resumed; what comes meanwhile waits as far as the queue goes."""
        self.kept.suspended = True
        self.settled(True)

    async def stop(self) -> None:
        """End delivery."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self.waiting and not self.kept.suspended:
                batch = [self.waiting.popleft() for _ in range(min(len(self.waiting), MOST_AT_ONCE))]
                if not await self._brought(batch):
                    return

    async def _brought(self, batch: list[Parcel]) -> bool:
        """Deliver one batch, however often that takes; False when the subscription is over."""
        tries = 0
        while not self.kept.suspended:
            lost = self.lost
            why = await self.deliver(self.kept, [parcel.record for parcel in batch], lost)
            if why is None:
                self.figures.delivered += len(batch)
                self.failing, self.lost = None, self.lost - lost
                self._note(batch)
                return True
            self.failing = why
            self.figures.failed += 1
            tries += 1
            log.info("subscription %s: %s", self.kept.id, why)
            if tries > self.rules.attempts and self.kept.policy not in (FOREVER, BACKING_OFF):
                if self.kept.policy == SUSPEND:
                    self.suspend()
                    break
                self.over(self.kept, why)
                return False
            await self._pause(self._distance(tries))
        self.waiting.extendleft(reversed(batch))
        while len(self.waiting) > MOST_WAITING:
            self.waiting.popleft()
            self.lost += 1
            self.figures.dropped += 1
        return True

    async def _pause(self, span: Seconds) -> None:
        """Wait until it is time to try again, or until somebody resumes the subscription."""
        self._resumed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._resumed.wait(), span)

    def _distance(self, tries: int) -> Seconds:
        if self.kept.policy != BACKING_OFF:
            return self.rules.interval
        return Seconds(min(LONGEST_WAIT, max(1.0, self.rules.interval) * 2 ** min(tries - 1, 16)))

    def _note(self, batch: list[Parcel]) -> None:
        newest = max(parcel.number for parcel in batch)
        if newest:
            ids = tuple(str(parcel.record["EventId"]) for parcel in batch if parcel.number)
            self.kept.since_ns = max(self.kept.since_ns, newest)
            self.kept.sent_ids = (*self.kept.sent_ids, *ids)[-KEPT_IDS:]
            self.settled(False)
