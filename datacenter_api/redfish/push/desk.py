"""The subscriptions that events are pushed for: made, changed, ended, kept over restarts.  Sends nothing itself."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from datacenter_api.auth.accounts import Accounts
from datacenter_api.redfish.figures import RedfishFigures
from datacenter_api.redfish.push.book import Book, read_book, write_book
from datacenter_api.redfish.push.courier import Courier, Rules
from datacenter_api.redfish.push.destination import read_destination
from datacenter_api.redfish.push.guard import Forbidden, Guard
from datacenter_api.redfish.push.http_post import NotDelivered, Poster
from datacenter_api.redfish.push.selection import Record
from datacenter_api.redfish.push.subscription import Subscription, check_wish
from datacenter_api.redfish.shapes import Body, time_text, type_of
from datacenter_api.services import Services
from firmware_bridge.redfish_service.messages import REGISTRY, RequestRefused
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.units import Seconds

log = logging.getLogger(__name__)

MOST, MOST_PER_USER = 64, 16
WRITE_EVERY = Seconds(5.0)
SLACK_NS = 2_000_000_000
"""After a restart events this much older than the last one sent are looked at again: racks' clocks differ."""


@dataclass
class Desk:
    """All pushed subscriptions of one service."""

    parts: Services
    guard: Guard
    poster: Poster
    rules: Rules = field(default_factory=Rules)
    couriers: dict[str, Courier] = field(default_factory=dict)
    _numbers: int = 0
    _writing: "asyncio.TimerHandle | None" = None

    def __post_init__(self) -> None:
        self._file = self.parts.state / "api" / "redfish-subscriptions.json"
        book = read_book(self._file)
        self.rules = Rules(book.attempts, Seconds(book.interval_s))
        for kept in book.subscriptions:
            self.couriers[kept.id] = self._courier(kept)
        self._since = {kept.id: kept.since_ns - SLACK_NS for kept in book.subscriptions}
        self._ids = {kept.id: frozenset(kept.sent_ids) for kept in book.subscriptions}

    @property
    def accounts(self) -> Accounts:
        """Return whose accounts decide whether a subscription still stands."""
        return self.parts.accounts

    @property
    def figures(self) -> RedfishFigures:
        """Return what is counted."""
        return self.parts.redfish

    def publish(self, record: Record, above: Sequence[str], unix_ns: int) -> None:
        """Give a record to every subscriber who wants it; `unix_ns` 0 for one that is not kept over restarts."""
        for courier in list(self.couriers.values()):
            kept = courier.kept
            if unix_ns and (unix_ns < self._since[kept.id] or record["EventId"] in self._ids.get(kept.id, ())):
                continue
            if not kept.selection.wants(record, above):
                continue
            if self.accounts.enabled(kept.user) is None:
                self.end(kept, f"account {kept.user} is gone or disabled")
                continue
            courier.put(record, unix_ns)

    async def subscribe(self, body: Mapping[str, Any], user: str, prefixes: tuple[str, ...]) -> Subscription:
        """Make a subscription.  Raises RequestRefused: what is wrong with it, or where it may not aim."""
        selection = check_wish(body, prefixes)
        await self.check_aim(body["Destination"])
        mine = sum(courier.kept.user == user for courier in self.couriers.values())
        if len(self.couriers) >= MOST or mine >= MOST_PER_USER:
            raise RequestRefused("EventSubscriptionLimitExceeded")
        made = Subscription(
            id=f"push-{secrets.token_hex(4)}",
            user=user,
            destination=body["Destination"],
            name=body.get("Name", ""),
            selection=selection,
            since_ns=time.time_ns(),
        )
        made.change(body)
        self._since[made.id] = made.since_ns
        self.couriers[made.id] = self._courier(made)
        try:
            self._write()
        except EnvironmentUnfit:
            del self.couriers[made.id]
            raise
        return made

    async def check_aim(self, destination: str) -> None:
        """Refuse a destination that may not be aimed at, or whose name nobody knows."""
        where = read_destination(destination)
        try:
            await self.guard.address_of(where)
        except Forbidden as err:
            self.figures.unfit += 1
            raise _refused_aim(destination, str(err)) from err
        except (OSError, TimeoutError) as err:
            raise _refused_aim(destination, "Its name has no address that this service knows.") from err

    def end(self, kept: Subscription, why: str) -> None:
        """End a subscription for a reason of ours and say so in the audit trail.

        A disk that takes neither is logged: whoever publishes an event must not fail for it.
        """
        try:
            self.drop(kept.id)
            self.parts.store.audit("(service)", "", "subscription.end", kept.id, "ok", f"{kept.destination}: {why}")
        except EnvironmentUnfit as err:
            log.warning("the end of subscription %s (%s) is not kept: %s", kept.id, why, err)

    def drop(self, name: str) -> None:
        """Take a subscription out and end its delivery."""
        courier = self.couriers.pop(name)
        self._since.pop(name, None)
        self._ids.pop(name, None)
        stopping = asyncio.ensure_future(courier.stop())
        stopping.add_done_callback(lambda _done: None)
        self._write()

    def changed(self) -> None:
        """Write what has been changed by a client."""
        self._write()

    async def close(self) -> None:
        """End all delivery; what has been sent is noted."""
        for courier in self.couriers.values():
            await courier.stop()
        if self._writing is not None:
            self._writing.cancel()
            with contextlib.suppress(EnvironmentUnfit):
                self._write()

    def _courier(self, kept: Subscription) -> Courier:
        return Courier(kept, self.rules, self.figures, self.parts.now, self._deliver, self._settled, self._over)

    async def _deliver(self, kept: Subscription, records: list[Record], lost: int) -> str | None:
        """Judge the destination anew, then POST once; return why it failed."""
        self._numbers += 1
        if lost:
            records = [_lost_record(self._numbers), *records]
        numbered = [{**record, "MemberId": str(n)} for n, record in enumerate(records)]
        body: Body = {
            "@odata.type": type_of("Event"),
            "Id": f"{kept.id}-{self._numbers}",
            "Name": "Events of the racks",
            "Context": kept.context,
            "Events": numbered,
        }
        try:
            where = read_destination(kept.destination)
            address = await self.guard.address_of(where)
            trusted = "".join(kept.certificates.values())
            headers = (*kept.headers, ("OData-Version", "4.0"))
            await self.poster.post(where, address, headers, orjson.dumps(body), kept.verify, trusted)
        except (Forbidden, RequestRefused) as err:
            self.figures.unfit += 1
            return f"it may not be aimed at: {err}"
        except NotDelivered as err:
            return str(err)
        except (OSError, TimeoutError) as err:
            return f"its name is not known: {type(err).__name__}"
        return None

    def _over(self, kept: Subscription, why: str) -> None:
        if kept.id in self.couriers:
            self.end(kept, why)

    def _settled(self, at_once: bool) -> None:
        try:
            if at_once:
                self._write()
            elif self._writing is None:
                self._writing = asyncio.get_running_loop().call_later(WRITE_EVERY, self._write_late)
        except EnvironmentUnfit as err:
            log.warning("subscriptions are not kept: %s", err)

    def _write_late(self) -> None:
        self._settled(True)

    def _write(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        subscriptions = [courier.kept for courier in self.couriers.values()]
        write_book(self._file, Book(self.rules.attempts, self.rules.interval, subscriptions))


def _refused_aim(destination: str, why: str) -> RequestRefused:
    shown = destination[:128]
    return RequestRefused("PropertyValueIncorrect", "Destination", shown, related=("#/Destination",), detail=why)


def _lost_record(number: int) -> Record:
    """Return the record which says that events were lost (Base registry)."""
    return {
        "EventId": f"lost-{number}",
        "EventType": "Other",
        "EventTimestamp": time_text(time.time_ns()),
        "MessageId": f"{REGISTRY}.EventBufferExceeded",
        "Message": "Events for this subscription were lost: more waited than are kept.",
        "MessageArgs": [],
        "MessageSeverity": "Warning",
    }
