"""Follows one endpoint's events: opens its stream, proves every minute that it works, and yields what they come to.

Proven means: the stream is open, our subscription is among the device's own, and a sensor can be read.  A stream that
is open and says nothing proves nothing.  Polling goes on beside it in any case.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from firmware_bridge.drivers.redfish.flashing import FlashWatch
from firmware_bridge.drivers.redfish.link import NORMAL, URGENT, RedfishLink
from firmware_bridge.drivers.redfish.stream import EventStream
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointSpared,
    EndpointUnreachable,
    LoginRefused,
    ReplyMalformed,
    ResourceMissing,
)
from firmware_bridge.vocabulary.event_path import EventPath, PathKind
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.events import EventRecord, records_of
from firmware_bridge.wire.redfish.guard import Document, DocumentFault, parse
from firmware_bridge.wire.redfish.intake import Intake, Taken, origins_of
from firmware_bridge.wire.redfish.links import link_of, member_links, tidy
from firmware_bridge.wire.redfish.plan import Fetch, Plan
from firmware_bridge.wire.redfish.sse import SseMessage

PROVE_EVERY = Seconds(60.0)
FIRST_PROOF_AFTER = Seconds(0.5)
RETRY_SPARED = Seconds(2.0)  # an endpoint that is left alone now is asked for its proof soon after
SHORTEST_RETRY, LONGEST_RETRY = Seconds(1.0), Seconds(60.0)
LOOK_AGAIN = Seconds(600.0)  # whether a device offers events changes with its firmware at most
_ROOT = "/redfish/v1/"


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

    async def look_awake(self) -> None:
        """Ask since when the controller is up.  Raises DeviceError."""
        ...


@dataclass(slots=True)
class Follower:
    """The events of one endpoint.  `path` says how they come and when that was proven; `repeated` counts duplicates."""

    link: RedfishLink
    clock: Clock
    reads: Reads
    path: EventPath = field(default_factory=lambda: EventPath(PathKind.POLLING, None, "not asked yet"))
    repeated: int = 0
    _intake: Intake = field(default_factory=Intake)
    _plan: Plan | None = None
    _subscriptions: str | None = None
    _own: frozenset[str] = frozenset()
    _last_id: str = ""
    _opened: int = 0
    _flash: FlashWatch = field(init=False)

    def __post_init__(self) -> None:
        """Watch for flashes of the same endpoint."""
        self._flash = FlashWatch(self.link)

    @property
    def own(self) -> frozenset[str]:
        """Return the URIs of the subscriptions that are ours, as far as that is known."""
        return self._own

    async def follow(self) -> AsyncIterator[Sequence[Reading]]:
        """Yield readings as events bring them, for as long as it is iterated.  Never raises DeviceError."""
        failures = 0
        while True:
            pause = LOOK_AGAIN
            try:
                service = await self._service()
                uri = _stream_uri(service)
                if uri:
                    async for readings in self._by_stream(uri):
                        failures = 0
                        yield readings
                else:
                    why = "no EventService" if service is None else "its EventService has no stream"
                    self.path = EventPath(PathKind.POLLING, None, why)
            except DeviceError as err:
                failures += 1
                pause = Seconds(min(LONGEST_RETRY, SHORTEST_RETRY * 2 ** min(failures - 1, 10)))
                detail = f"{type(err).__name__}: {err.detail or err.verb}"
                self.path = EventPath(PathKind.UNPROVEN, self.path.proven_at, detail)
            await self.clock.sleep_until(Seconds(self.clock.now() + pause))

    async def _service(self) -> Document | None:
        root = await self._document(_ROOT)
        uri = link_of(root, "EventService")
        try:
            service = await self._document(uri) if uri is not None else None
        except (ResourceMissing, ReplyMalformed):
            service = None  # a link that leads nowhere is as good as none
        if service is None or service.get("ServiceEnabled") is False:
            return None
        self._subscriptions = link_of(service, "Subscriptions")
        return service

    async def _document(self, uri: str) -> Document:
        limits = self.link.limits
        return await self.link.get_decoded(uri, lambda raw: parse(raw, limits.most_bytes, limits.most_depth), NORMAL)

    # The stream

    async def _by_stream(self, uri: str) -> AsyncIterator[Sequence[Reading]]:
        before = await self._listed()
        stream = await self.link.stream(uri, self._last_id)
        self._own, self._opened = frozenset(), self._opened + 1
        if self._opened > 1:
            await self.reads.look_awake()  # the stream broke: perhaps because the controller started anew
        due = self.clock.now() + FIRST_PROOF_AFTER
        try:
            while True:
                messages = await self._next(stream, due - self.clock.now())
                self._last_id = stream.last_id or self._last_id
                async for readings in self._taken(messages, stream):
                    yield readings
                if self.clock.now() >= due:
                    due = self.clock.now() + PROVE_EVERY
                    await self._flash.check()
                    try:
                        readings = await self._prove(stream, before)
                    except EndpointSpared:
                        due = self.clock.now() + RETRY_SPARED
                        continue
                    if readings:
                        yield readings
        except LoginRefused as err:
            if err.status == 401:
                await self._document(_ROOT + "SessionService")  # renews the session, once for everybody
            raise
        finally:
            self.link.end_stream(stream)

    async def _next(self, stream: EventStream, wait: float) -> list[SseMessage]:
        try:
            async with asyncio.timeout(max(wait, 0.0)):
                return await stream.batch()
        except TimeoutError:
            return []

    async def _prove(self, stream: EventStream, before: frozenset[str] | None) -> list[Reading]:
        """Prove the path or raise why it is not; return what the sensor that was read said."""
        self.link.check_spared(URGENT)
        listed = await self._listed()
        if not self._own and listed is not None and before is not None:
            self._own = listed - before
        if self._own and listed is not None and not self._own <= listed:
            raise EndpointUnreachable(self.link.endpoint, "events", "our subscription is not listed any more")
        readings = await self._read_a_sensor()
        heard = stream.heard_at is not None and asyncio.get_running_loop().time() - stream.heard_at <= PROVE_EVERY
        if not stream.is_open:
            return readings  # the next look at the stream says why
        if self._own or heard:
            self.path = EventPath(PathKind.SSE, self.clock.now())
        else:
            detail = "the stream is silent, and the device does not list it"
            self.path = EventPath(PathKind.UNPROVEN, self.path.proven_at, detail)
        return readings

    async def _listed(self) -> frozenset[str] | None:
        """Return the device's subscriptions, None when it does not show them."""
        if self._subscriptions is None:
            return None
        try:
            return frozenset(tidy(u) for u in member_links(await self._document(self._subscriptions)))
        except EndpointUnreachable:
            raise
        except DeviceError:
            return None

    async def _read_a_sensor(self) -> list[Reading]:
        fetches = self.reads.plan.fetches.get(ReadingClass.SAFETY) or ()
        return await self.reads.read_one(fetches[0], URGENT) if fetches else []

    # What the messages come to

    async def _taken(self, messages: Sequence[SseMessage], stream: EventStream) -> AsyncIterator[Sequence[Reading]]:
        if not messages and not stream.dropped:
            return
        records = self._records(messages)
        taken = self.take_records(records)
        if taken.readings:
            yield taken.readings
        await self._flash.hear(records)
        dropped, stream.dropped = stream.dropped, 0
        async for readings in self.looked_at(taken, everything=bool(dropped)):
            yield readings

    def take_records(self, records: Sequence[EventRecord]) -> Taken:
        """Return what records come to under the plan of now."""
        plan = self.reads.plan
        if plan is not self._plan:
            self._plan, self._intake.origins = plan, origins_of(plan)
        taken = self._intake.take(records, self.clock.now())
        self.repeated += taken.repeated
        return taken

    async def looked_at(self, taken: Taken, everything: bool = False) -> AsyncIterator[Sequence[Reading]]:
        """Yield what looking at the named resources gives; one that cannot be read costs only itself."""
        for fetch in taken.look_at:
            try:
                self.link.check_spared(URGENT)
                yield await self.reads.read_one(fetch, URGENT)
            except DeviceError:
                continue
        if everything or taken.all_safety:
            try:
                yield await self.reads.read(ReadingClass.SAFETY)
            except DeviceError:
                return  # the class' own beat says so

    def _records(self, messages: Sequence[SseMessage]) -> list[EventRecord]:
        records: list[EventRecord] = []
        for message in messages:
            try:
                records += records_of(message.data, self.link.origin, self.link.limits.most_bytes)
            except DocumentFault as err:
                fault = ReplyMalformed(self.link.endpoint, "events", str(err))
                self.path = EventPath(self.path.kind, self.path.proven_at, f"ReplyMalformed: {fault.detail}")
        return records


def _stream_uri(service: Document | None) -> str:
    uri = service.get("ServerSentEventUri") if service is not None else None
    return uri if isinstance(uri, str) else ""
