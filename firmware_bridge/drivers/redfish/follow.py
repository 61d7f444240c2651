"""Follows one endpoint's events: opens its stream or subscribes, proves every minute that it works, yields readings.

Proven means: the stream is open or something was pushed, our subscription is among the device's own, and a sensor
can be read.  A stream that is open and says nothing proves nothing.  Polling goes on beside it in any case.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from firmware_bridge.drivers.redfish.flashing import FlashWatch
from firmware_bridge.drivers.redfish.link import NORMAL, URGENT, RedfishLink
from firmware_bridge.drivers.redfish.listener import Inbox
from firmware_bridge.drivers.redfish.pushed import PushPart, Subscription, refused
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
LOOK_UP = Seconds(1.0)  # whether the session was renewed meanwhile
DOUBT_AGAIN = Seconds(10.0)  # whether a test event has come after all
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
    push: PushPart | None = None
    path: EventPath = field(default_factory=lambda: EventPath(PathKind.POLLING, None, "not asked yet"))
    repeated: int = 0
    _intake: Intake = field(default_factory=Intake)
    _plan: Plan | None = None
    _subscriptions: str | None = None
    _own: frozenset[str] = frozenset()
    _last_id: str = ""
    _opened: int = 0
    _flash: FlashWatch = field(init=False)
    _subscription: Subscription | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Watch for flashes of the same endpoint."""
        self._flash = FlashWatch(self.link)
        if self.push is not None:
            self._subscription = Subscription(self.link, self.clock, self.push, self._document)

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
                elif service is not None and (ours := self._subscription) and not ours.obstacle(service):
                    async for readings in self._by_push(service, ours):
                        failures = 0
                        yield readings
                else:
                    self.path = EventPath(PathKind.POLLING, None, self._why_polling(service))
            except DeviceError as err:
                failures += 1
                pause = _pause(failures)
                self.path = EventPath(PathKind.UNPROVEN, self.path.proven_at, _said(err))
            await self.clock.sleep_until(Seconds(self.clock.now() + pause))

    async def end(self) -> None:
        """Take back what was written to the device.  Never raises."""
        if self._subscription is not None:
            await self._subscription.end()

    def _why_polling(self, service: Document | None) -> str:
        if service is None:
            return "no EventService"
        obstacle = "" if self._subscription is None else self._subscription.obstacle(service)
        return obstacle or "its EventService has no stream"

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
                dropped, stream.dropped = stream.dropped, 0
                async for readings in self._taken((m.data for m in messages), dropped):
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

    # What is pushed

    async def _by_push(self, service: Document, ours: Subscription) -> AsyncIterator[Sequence[Reading]]:
        inbox: Inbox | None = None
        due, failures, logins = self.clock.now(), 0, 0
        while True:
            if self.clock.now() >= due or self.link.logins != logins:  # a new login: perhaps it started anew
                readings: list[Reading] = []
                try:
                    inbox, readings = await self._prove_push(service, ours)
                    in_doubt = self.path.kind is PathKind.UNPROVEN
                    due, failures = Seconds(self.clock.now() + (DOUBT_AGAIN if in_doubt else PROVE_EVERY)), 0
                except DeviceError as err:
                    if inbox is None:
                        raise
                    failures += 1
                    due = Seconds(self.clock.now() + _pause(failures))
                    if not isinstance(err, EndpointSpared):
                        self.path = EventPath(PathKind.UNPROVEN, self.path.proven_at, _said(err))
                logins = self.link.logins
                if readings:
                    yield readings
            if inbox is None:
                return  # it does not want to be subscribed to
            bodies = await inbox.batch(min(due - self.clock.now(), LOOK_UP))
            dropped, inbox.dropped = inbox.dropped, 0
            async for told in self._taken(bodies, dropped):
                yield told

    async def _prove_push(self, service: Document, ours: Subscription) -> tuple[Inbox | None, list[Reading]]:
        """Make, renew or prove the subscription; None when the device does not want it.  Raises DeviceError."""
        self.link.check_spared(URGENT)
        made = ours.made
        try:
            inbox = await ours.keep(service)
        except DeviceError as err:
            if not refused(err):
                raise
            self.path = EventPath(PathKind.POLLING, None, f"does not let us subscribe: {_said(err)}")
            return None, []
        self._own = frozenset((tidy(ours.uri),))
        if 0 < made < ours.made:
            await self.reads.look_awake()  # it was forgotten: perhaps because the controller started anew
        readings = await self._read_a_sensor()
        await self._flash.check()
        doubt = await ours.prove(service)
        proven_at = self.path.proven_at if doubt else self.clock.now()
        self.path = EventPath(PathKind.UNPROVEN if doubt else PathKind.PUSH, proven_at, doubt)
        return inbox, readings

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

    async def _taken(self, bodies: Iterable[bytes], dropped: int) -> AsyncIterator[Sequence[Reading]]:
        records = self._records(bodies)
        if not records and not dropped:
            return
        taken = self.take_records(records)
        if taken.readings:
            yield taken.readings
        await self._flash.hear(records)
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

    def _records(self, bodies: Iterable[bytes]) -> list[EventRecord]:
        records: list[EventRecord] = []
        for body in bodies:
            try:
                records += records_of(body, self.link.origin, self.link.limits.most_bytes)
            except DocumentFault as err:
                fault = ReplyMalformed(self.link.endpoint, "events", str(err))
                self.path = EventPath(self.path.kind, self.path.proven_at, f"ReplyMalformed: {fault.detail}")
        return records


def _pause(failures: int) -> Seconds:
    return Seconds(min(LONGEST_RETRY, SHORTEST_RETRY * 2 ** min(failures - 1, 10)))


def _said(err: DeviceError) -> str:
    return f"{type(err).__name__}: {err.detail or err.verb}"


def _stream_uri(service: Document | None) -> str:
    uri = service.get("ServerSentEventUri") if service is not None else None
    return uri if isinstance(uri, str) else ""
