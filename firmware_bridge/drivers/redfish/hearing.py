"""What one endpoint tells by itself, by stream or push, becomes readings; what it only names is looked at at once.

Polling goes on beside it in any case: what is told can be late or lost.
"""

import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from firmware_bridge.drivers.redfish.flashing import FlashWatch
from firmware_bridge.drivers.redfish.link import URGENT, RedfishLink
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointSpared, ReplyMalformed
from firmware_bridge.vocabulary.event_path import EventPath, PathKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.vocabulary.xid import ToldXid
from firmware_bridge.wire.redfish.events import EventRecord, records_of
from firmware_bridge.wire.redfish.guard import DocumentFault
from firmware_bridge.wire.redfish.intake import Intake, Taken, origins_of
from firmware_bridge.wire.redfish.plan import Fetch, Plan
from firmware_bridge.wire.redfish.reported import Reported, metric_report_of
from firmware_bridge.wire.redfish.told_xids import told_xids

PROVE_EVERY = Seconds(60.0)
MOST_XIDS = 64
MOST_FIRST = 16
SHORTEST_RETRY, LONGEST_RETRY = Seconds(1.0), Seconds(60.0)


class Reads(Protocol):
    """What following needs of the driver whose events it follows."""

    @property
    def plan(self) -> Plan:
        """Return what is read of the endpoint now."""
        ...

    async def read_one(self, fetch: Fetch, urgency: int) -> list[Reading]:
        """Read one resource.  Raises DeviceError."""
        ...

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        """Read one class.  Raises DeviceError."""
        ...

    def take_reported(self, readings: Sequence[Reading]) -> None:
        """Take what metric reports brought: it need not be asked for."""
        ...

    async def look_awake(self) -> None:
        """Ask since when the controller is up.  Raises DeviceError."""
        ...

    def tell_leaks(self, readings: Sequence[Reading]) -> None:
        """Tell of the leaks among readings at once."""
        ...


@dataclass(slots=True)
class Way:
    """How the events of one endpoint come now, and which of its subscriptions are `own`, as far as that is known."""

    path: EventPath = field(default_factory=lambda: EventPath(PathKind.POLLING, None, "not asked yet"))
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Heard:
    """What messages came to: what a report brought, the records of events, and what those are worth."""

    reported: list[Reading]
    records: list[EventRecord]
    taken: Taken


@dataclass(slots=True)
class Hearing:
    """The messages of one endpoint.  `way` hears of one that cannot be read; `repeated` counts duplicates;
    `xids` are those that nobody has taken yet."""

    link: RedfishLink
    clock: Clock
    reads: Reads
    flash: FlashWatch
    way: Way
    repeated: int = 0
    xids: "deque[ToldXid]" = field(default_factory=lambda: deque(maxlen=MOST_XIDS))
    _intake: Intake = field(default_factory=Intake)
    _reported: Reported = field(default_factory=Reported)
    _plan: Plan | None = None
    _first: "deque[_Heard]" = field(default_factory=deque)  # taken as it came, and not gone on with yet

    async def read_a_sensor(self) -> list[Reading]:
        """Read the first safety resource: part of every proof.  Raises DeviceError."""
        fetches = self.reads.plan.fetches.get(ReadingClass.SAFETY) or ()
        return await self.reads.read_one(fetches[0], URGENT) if fetches else []

    async def taken(self, bodies: Iterable[bytes], dropped: int) -> AsyncIterator[Sequence[Reading]]:
        """Yield the readings of messages; `dropped`: so many were lost, and all safety readings are read instead."""
        heard = [*self._first, self._hear(bodies)]
        self._first.clear()
        for one in heard:
            last = one is heard[-1]
            async for readings in self._gone_on_with(one, everything=last and bool(dropped)):
                yield readings

    def take_first(self, bodies: Sequence[bytes]) -> bool:
        """Take messages the moment they come, ahead of `taken`, and tell of a leak at once; return whether there was
        room.  `taken` goes on with them."""
        if len(self._first) >= MOST_FIRST:
            return False
        heard = self._hear(bodies)
        self._first.append(heard)
        self.reads.tell_leaks(heard.taken.readings)
        return True

    def _hear(self, bodies: Iterable[bytes]) -> _Heard:
        records, reported = self._read(bodies)
        return _Heard(reported, records, self.take_records(records) if records else Taken())

    async def _gone_on_with(self, heard: _Heard, *, everything: bool) -> AsyncIterator[Sequence[Reading]]:
        if heard.reported:
            self.reads.take_reported(heard.reported)
            yield heard.reported
        if not heard.records and not everything:
            return
        if heard.taken.readings:
            yield heard.taken.readings
        await self.flash.hear(heard.records)
        async for readings in self.looked_at(heard.taken, everything=everything):
            yield readings

    def take_records(self, records: Sequence[EventRecord]) -> Taken:
        """Return what records come to under the plan of now."""
        plan = self.reads.plan
        if plan is not self._plan:
            self._plan, self._intake.origins, self._intake.supplies = plan, origins_of(plan), plan.supplies
        taken = self._intake.take(records, self.clock.now())
        self.repeated += taken.repeated
        self.xids += told_xids(taken.fresh, plan, Place(self.link.endpoint))
        return taken

    async def looked_at(self, taken: Taken, everything: bool = False) -> AsyncIterator[Sequence[Reading]]:
        """Yield what looking at the named resources gives; one that cannot be read costs only itself.

        A leak detector is looked at once even where an endpoint is left alone: water does not wait for a flash.  What
        an endpoint still gives comes before the supply that fell out: a budget waits for it.
        """
        look_at = list(taken.look_at)
        if taken.all_power:
            with contextlib.suppress(DeviceError):  # the class' own beat says so
                yield await self.reads.read(ReadingClass.POWER)
        if everything or taken.all_safety:
            try:
                yield await self.reads.read(ReadingClass.SAFETY)
            except EndpointSpared:
                look_at += taken.leaks
            except DeviceError:
                pass  # the class' own beat says so
        for fetch in look_at:
            try:
                if not fetch.tells_leaks:
                    self.link.check_spared(URGENT)
                yield await self.reads.read_one(fetch, URGENT)
            except DeviceError:
                continue

    def _read(self, bodies: Iterable[bytes]) -> tuple[list[EventRecord], list[Reading]]:
        """Return the records of events, and the readings that metric reports bring."""
        records: list[EventRecord] = []
        readings: list[Reading] = []
        most = self.link.limits.most_bytes
        for body in bodies:
            try:
                report = metric_report_of(body, most)
                if report is not None:
                    readings += self._reported.take(report, self.reads.plan.sensors, self.clock.now())
                else:
                    records += records_of(body, self.link.origin, most)
            except DocumentFault as err:
                fault = ReplyMalformed(self.link.endpoint, "events", str(err))
                self.way.path = replace(self.way.path, detail=f"ReplyMalformed: {fault.detail}")
        return records, readings


def pause_after(failures: int) -> Seconds:
    """Return how long nothing is tried after so many failures in a row."""
    return Seconds(min(LONGEST_RETRY, SHORTEST_RETRY * 2 ** min(failures - 1, 10)))


def said(err: DeviceError) -> str:
    """Return an error as the way of events tells it."""
    return f"{type(err).__name__}: {err.detail or err.verb}"
