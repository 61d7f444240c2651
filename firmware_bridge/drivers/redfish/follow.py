"""Follows one endpoint's events: opens its stream or subscribes, proves every minute that it works, yields readings.

Proven means: the stream is open or something was pushed, our subscription is among the device's own, and a sensor
can be read.  A stream that is open and says nothing proves nothing.  Polling goes on beside it in any case.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from firmware_bridge.drivers.redfish.flashing import FlashWatch
from firmware_bridge.drivers.redfish.follow_push import PushFollower
from firmware_bridge.drivers.redfish.hearing import PROVE_EVERY, Hearing, Reads, Way, pause_after, said
from firmware_bridge.drivers.redfish.link import NORMAL, URGENT, RedfishLink
from firmware_bridge.drivers.redfish.pushed import PushPart, Subscription
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
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.vocabulary.xid import ToldXid
from firmware_bridge.wire.redfish.guard import Document, parse
from firmware_bridge.wire.redfish.links import link_of, member_links, tidy
from firmware_bridge.wire.redfish.sse import SseMessage

FIRST_PROOF_AFTER = Seconds(0.5)
RETRY_SPARED = Seconds(2.0)  # an endpoint that is left alone now is asked for its proof soon after
LOOK_AGAIN = Seconds(600.0)  # whether a device offers events changes with its firmware at most
_ROOT = "/redfish/v1/"


@dataclass(slots=True)
class Follower:
    """The events of one endpoint."""

    link: RedfishLink
    clock: Clock
    reads: Reads
    push: PushPart | None = None
    _way: Way = field(default_factory=Way)
    _subscriptions: str | None = None
    _last_id: str = ""
    _opened: int = 0
    _hearing: Hearing = field(init=False)
    _subscription: Subscription | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Watch for flashes of the same endpoint."""
        self._hearing = Hearing(self.link, self.clock, self.reads, FlashWatch(self.link), self._way)
        if self.push is not None:
            self._subscription = Subscription(self.link, self.clock, self.push, self._document)

    @property
    def path(self) -> EventPath:
        """Return how the events come, and when that was proven."""
        return self._way.path

    @property
    def own(self) -> frozenset[str]:
        """Return the URIs of the subscriptions that are ours, as far as that is known."""
        return self._way.own

    def take_xids(self) -> list[ToldXid]:
        """Return the XIDs that events told of since this was asked last."""
        xids = self._hearing.xids
        return [xids.popleft() for _ in range(len(xids))]

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
                    async for readings in PushFollower(self.link, self.clock, self._hearing, ours, self._way).follow(
                        service
                    ):
                        failures = 0
                        yield readings
                else:
                    self._way.path = EventPath(PathKind.POLLING, None, self._why_polling(service))
            except DeviceError as err:
                failures += 1
                pause = pause_after(failures)
                self._way.path = EventPath(PathKind.UNPROVEN, self.path.proven_at, said(err))
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
        stream.take_first = self._hearing.take_first
        self._way.own, self._opened = frozenset(), self._opened + 1
        if self._opened > 1:
            await self.reads.look_awake()  # the stream broke: perhaps because the controller started anew
        due = self.clock.now() + FIRST_PROOF_AFTER
        try:
            while True:
                messages = await self._next(stream, due - self.clock.now())
                self._last_id = stream.last_id or self._last_id
                dropped, stream.dropped = stream.dropped, 0
                async for readings in self._hearing.taken((m.data for m in messages), dropped):
                    yield readings
                if self.clock.now() >= due:
                    due = self.clock.now() + PROVE_EVERY
                    await self._hearing.flash.check()
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
        if not self._way.own and listed is not None and before is not None:
            self._way.own = listed - before
        if self._way.own and listed is not None and not self._way.own <= listed:
            raise EndpointUnreachable(self.link.endpoint, "events", "our subscription is not listed any more")
        readings = await self._hearing.read_a_sensor()
        heard = stream.heard_at is not None and asyncio.get_running_loop().time() - stream.heard_at <= PROVE_EVERY
        if not stream.is_open:
            return readings  # the next look at the stream says why
        if self._way.own or heard:
            self._way.path = EventPath(PathKind.SSE, self.clock.now())
        else:
            detail = "the stream is silent, and the device does not list it"
            self._way.path = EventPath(PathKind.UNPROVEN, self.path.proven_at, detail)
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


def _stream_uri(service: Document | None) -> str:
    uri = service.get("ServerSentEventUri") if service is not None else None
    return uri if isinstance(uri, str) else ""
