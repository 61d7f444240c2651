"""Our subscription at one endpoint whose EventService has no stream: made, proven, renewed and deleted again.

It is a write to the device, so it exists on armed racks only.  What an earlier life of the controller left behind is
found by its Context and deleted first; what is not ours is never touched.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from firmware_bridge.drivers.redfish.link import RedfishLink
from firmware_bridge.drivers.redfish.listener import EventListener, Inbox
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    ConfigurationError,
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    LoginRefused,
    ReplyMalformed,
    ResourceMissing,
)
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of, member_links, tidy

TEST_AGAIN = Seconds(600.0)  # other subscribers get a test event too: not more often than this
_MOST_LISTED = 64
_MOST_BODY = 1 << 20
_GOODBYE = 2.0
_ACTION = "#EventService.SubmitTestEvent"
_TEST = {
    "MessageId": "Base.1.8.Success",
    "Severity": "OK",
    "Message": "Rackwright asks whether events arrive.",
}


@dataclass(frozen=True, slots=True)
class PushPart:
    """What pushed events need besides: the process's listener, the site's name, whether the rack may be written to."""

    listener: EventListener
    site: str
    may_write: bool = False


@dataclass(slots=True)
class Subscription:
    """Our subscription at one endpoint.  `uri` is its own, empty while there is none."""

    link: RedfishLink
    clock: Clock
    part: PushPart
    get: Callable[[str], Awaitable[Document]]
    uri: str = ""
    inbox: Inbox | None = None
    made: int = 0
    _ended: bool = False
    _tested_at: Seconds | None = None
    _untestable: bool = False
    _context: str = ""

    def obstacle(self, service: Document) -> str:
        """Return why nothing is subscribed, nothing when it can be."""
        if link_of(service, "Subscriptions") is None:
            return "its EventService has no stream and takes no subscriptions"
        if not self.part.may_write:
            return "not armed: nothing is subscribed"
        return self.part.listener.obstacle(self.link.address)

    async def keep(self, service: Document) -> Inbox:
        """Make the subscription unless the device still has it; return where its events come in.  Raises DeviceError.

        A refusal is EndpointRefused or LoginRefused.
        """
        if self.inbox is None:
            self.inbox = await self._open()
        if not await self._is_held():
            collection = link_of(service, "Subscriptions") or ""
            await self._clear(collection)
            await self._make(collection, self.inbox)
        return self.inbox

    async def prove(self, service: Document) -> str:
        """Have the device send a test event where it can and nothing has come yet; return what is still in doubt."""
        assert self.inbox is not None
        if self.inbox.heard_at is not None:
            return ""
        target = _target(service)
        if not target or self._untestable:
            return ""  # that it lists the subscription is all the proof there is
        now = self.clock.now()
        if self._tested_at is None or now - self._tested_at >= TEST_AGAIN:
            self._tested_at = now
            try:
                await self.link.change("POST", target, _TEST)
            except DeviceError as err:
                if not refused(err):
                    raise
                self._untestable = True
                return ""
        return (
            "" if await self._heard() else "its test event has not arrived: is the way from it to events.listen open?"
        )

    async def end(self) -> None:
        """Delete the subscription and take nothing any more.  Never raises, and takes at most two seconds."""
        self._ended = True
        inbox, self.inbox = self.inbox, None
        if inbox is None:
            return
        try:
            async with asyncio.timeout(_GOODBYE):
                if await self._is_held(inbox):
                    await self.link.change("DELETE", self.uri)
        except (DeviceError, TimeoutError):
            pass  # the next start finds it by its Context
        finally:
            self.uri = ""
            inbox.close()

    async def _open(self) -> Inbox:
        if self._ended:
            raise EndpointUnreachable(self.link.endpoint, "events", "the link was closed")
        most = min(self.link.limits.most_bytes, _MOST_BODY)
        try:
            return await self.part.listener.open(self.link.address, most)
        except ConfigurationError as err:
            raise EndpointUnreachable(self.link.endpoint, "events", str(err)) from err

    async def _is_held(self, inbox: Inbox | None = None) -> bool:
        """Tell whether the device still has it: a number that was given anew after a reset is somebody else's."""
        inbox = inbox or self.inbox
        if not self.uri or inbox is None:
            return False
        try:
            shown = await self.get(self.uri)
        except ResourceMissing:
            return False
        return shown.get("Destination") == inbox.url or shown.get("Context") == self._context

    async def _clear(self, collection: str) -> None:
        """Delete what is ours from before: left by another life of the controller, or by a lost answer."""
        prefix = f"rackwright-{self.part.site}:"
        for uri in member_links(await self.get(collection))[:_MOST_LISTED]:
            try:
                if str((await self.get(uri)).get("Context", "")).startswith(prefix):
                    await self.link.change("DELETE", uri)
            except ResourceMissing:
                continue

    async def _make(self, collection: str, inbox: Inbox) -> None:
        self._context = f"rackwright-{self.part.site}:{secrets.token_urlsafe(12)}"
        wanted = {
            "Destination": inbox.url,
            "Protocol": "Redfish",
            "Context": self._context,
            "EventFormatType": "Event",
            "SubscriptionType": "RedfishEvent",
        }
        self.uri = ""
        inbox.heard_at, self._tested_at = None, None
        answer = await self.link.change("POST", collection, wanted)
        uri = answer.location or answer.body.get("@odata.id")
        if not isinstance(uri, str) or not tidy(uri).startswith(tidy(collection) + "/"):
            raise ReplyMalformed(self.link.endpoint, f"POST {collection}", "does not say which subscription it made")
        self.uri, self.made = uri, self.made + 1

    async def _heard(self) -> bool:
        """Tell whether something has come, once it has had time to."""
        assert self.inbox is not None
        until = self.clock.now() + _GOODBYE
        while self.inbox.heard_at is None and self.clock.now() < until:
            await self.clock.sleep_until(Seconds(min(until, self.clock.now() + 0.05)))
        return self.inbox.heard_at is not None


def _target(service: Document) -> str:
    actions = service.get("Actions")
    action = actions.get(_ACTION) if isinstance(actions, dict) else None
    target = action.get("target") if isinstance(action, dict) else None
    return target if isinstance(target, str) else ""


def refused(err: DeviceError) -> bool:
    """Tell whether a device does not want to be subscribed to, rather than being unable to answer."""
    if isinstance(err, LoginRefused):
        return err.status == 403
    if isinstance(err, EndpointRefused):
        return 400 <= err.status < 429 or err.status == 501
    return isinstance(err, ResourceMissing)
