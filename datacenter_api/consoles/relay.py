"""Between the bus and whoever watches consoles: keeps controllers saying live bytes, and each watcher at its place.

A watcher is a position and an event.  One that is slow is served from the controller's log, so that it costs neither
memory here nor anybody else's speed.
"""

import asyncio
import contextlib
import logging
import secrets
from dataclasses import dataclass, field

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.consoles.feed import Feed
from datacenter_api.fleet.bus import BusLink
from firmware_bridge.vocabulary.errors import BusUnavailable, RackwrightError
from firmware_bridge.vocabulary.place import Place, rack_name
from rack_controller.model.console import MOST_PAGE, ConsolePage, ConsoleRequest, ConsoleStatus, Verb, decode_chunk
from rack_controller.model.roles import Role
from rack_controller.model.subjects import ROOT, subjects_of

log = logging.getLogger(__name__)

RENEW_S = 5.0
MOST_WATCHERS = 256
PIECE = 32 * 1024
"""Bytes that a watcher is given at once."""
API = "api"


@dataclass(eq=False)
class Watcher:
    """One who watches.  `missed` counts bytes that were gone before they could be shown.

    `writes` since `granted` (loop time in s): only what was asked later can tell that somebody else writes.
    """

    place: Place
    position: int
    feed: Feed
    session: str = field(default_factory=lambda: secrets.token_hex(8))
    writes: bool = False
    granted: float = 0.0
    missed: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class ConsoleRelay:
    """All watched consoles of one API.  `run` goes with the bus link."""

    def __init__(self, bus: BusLink) -> None:
        self._bus = bus
        self._feeds: dict[str, Feed] = {}  # by the subject of their live bytes
        self._watchers: set[Watcher] = set()
        self._renew = asyncio.Event()
        self._asked: dict[Place, float] = {}  # when what `status` says was asked for
        self.status: dict[Place, ConsoleStatus] = {}

    @property
    def full(self) -> bool:
        """Tell whether no further watcher is taken."""
        return len(self._watchers) >= MOST_WATCHERS

    async def run(self, client: Client, site: str) -> None:
        """Hear live bytes, and ask for them as long as somebody watches; with the bus link."""
        await client.subscribe(f"{ROOT}.{site}.*.console.*.*", cb=self._hear)
        while True:
            self._renew.clear()
            await self._ask_for_all()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._renew.wait(), RENEW_S)
            await asyncio.sleep(0.05)  # several changes at once are one question

    async def ask(self, place: Place, who: Principal, verb: Verb, **more: object) -> bytes:
        """Ask a console's controller in somebody's name.  Raises what `BusLink.console` raises."""
        request = ConsoleRequest(verb, who.user, who.role, place, **more)  # type: ignore[arg-type]
        return await self._bus.console(rack_name(place), request)

    async def page(
        self, place: Place, position: int | None, *, backwards: bool = False, most: int = PIECE
    ) -> ConsolePage:
        """Return a piece of a console's log.  Raises what `BusLink.console` raises."""
        request = ConsoleRequest(
            Verb.READ,
            API,
            Role.ADMIN,  # the gate has let the asker in; what is read here is handed to nobody else
            place,
            position=position,
            backwards=backwards,
            most=most,
        )
        return msgspec.json.decode(await self._bus.console(rack_name(place), request), type=ConsolePage)

    async def tail(self, place: Place, end: int, lines: int) -> int:
        """Return where the last lines before `end` begin, as far as one page of the log goes; `end` without a log."""
        if not lines:
            return end
        try:
            page = await self.page(place, end, backwards=True, most=MOST_PAGE)
        except RackwrightError:
            return end  # what comes is shown all the same
        at = len(page.data)
        for _ in range(lines + 1):
            at = page.data.rfind(b"\n", 0, at)
            if at < 0:
                return page.start
        return page.start + at + 1

    async def watch(self, place: Place) -> Watcher:
        """Begin to watch from now on.  Raises BusUnavailable when nobody can tell where `now` is."""
        if self.full:
            raise BusUnavailable("too many consoles are watched", advice="close some")
        subject = subjects_of(place).console_live(place)
        feed = self._feeds.get(subject)
        if feed is None:
            status = await self._ask_watch(place)
            feed = self._feeds.setdefault(subject, Feed(status.end))
        watcher = Watcher(place, feed.end, feed)
        feed.wakes.add(watcher.wake)
        self._watchers.add(watcher)
        self._renew.set()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Stop watching; a feed that nobody watches is forgotten."""
        self._watchers.discard(watcher)
        watcher.feed.wakes.discard(watcher.wake)
        if not watcher.feed.wakes:
            self._feeds.pop(subjects_of(watcher.place).console_live(watcher.place), None)
            self.status.pop(watcher.place, None)
            self._asked.pop(watcher.place, None)

    async def take(self, watcher: Watcher) -> bytes:
        """Return what comes next for a watcher, empty when there is nothing now.  Raises as `page` does."""
        feed, at = watcher.feed, watcher.position
        watcher.wake.clear()
        data = feed.since(at)
        if data is None and at < feed.end:
            page = await self.page(watcher.place, at)
            watcher.missed += max(0, page.start - at)
            at, data = page.start, page.data
        elif data is None:  # its log was begun anew
            at, data = feed.start, feed.since(feed.start)
        data = (data or b"")[:PIECE]
        watcher.position = at + len(data)
        if watcher.position < feed.end:
            watcher.wake.set()
        return data

    def granted(self, watcher: Watcher, status: ConsoleStatus) -> None:
        """Note that a watcher writes from now on, and what the controller said with it."""
        watcher.writes, watcher.granted = True, _now()
        self._learn([status], watcher.granted)

    def put_out(self, watcher: Watcher) -> bool:
        """Tell, once, whether a watcher that wrote was put out meanwhile."""
        status, asked = self.status.get(watcher.place), self._asked.get(watcher.place, 0.0)
        if not watcher.writes or status is None or asked <= watcher.granted:
            return False
        watcher.writes = status.writer_session == watcher.session
        return not watcher.writes

    def close(self) -> None:
        """Wake everybody: the server is going down."""
        for watcher in self._watchers:
            watcher.wake.set()

    async def _hear(self, message: Msg) -> None:
        feed = self._feeds.get(message.subject)
        if feed is None:
            return
        try:
            chunk = decode_chunk(message.data)
        except ValueError as err:
            log.warning("%s: %s", message.subject, err)
            return
        feed.hear(chunk)
        if chunk.said:
            self._renew.set()  # a mark: who writes, or whether it is heard, may have changed

    async def _ask_watch(self, place: Place) -> ConsoleStatus:
        request, asked = ConsoleRequest(Verb.WATCH, API, Role.ADMIN, watched=[place]), _now()
        rows = msgspec.json.decode(await self._bus.console(rack_name(place), request), type=list[ConsoleStatus])
        if not rows:
            raise BusUnavailable(f"{place} is not listened to", advice="add it under `consoles` of the site file")
        self.status[place], self._asked[place] = rows[0], asked
        return rows[0]

    async def _ask_for_all(self) -> None:
        racks: dict[str, set[Watcher]] = {}
        for watcher in self._watchers:
            racks.setdefault(rack_name(watcher.place), set()).add(watcher)
        # Side by side: a rack that does not answer must not hold up the others' watchers.
        await asyncio.gather(*(self._ask_rack(rack, watchers) for rack, watchers in racks.items()))

    async def _ask_rack(self, rack: str, watchers: set[Watcher]) -> None:
        places: list[str] = sorted({w.place for w in watchers})
        sessions = [w.session for w in watchers if w.writes]
        request, asked = ConsoleRequest(Verb.WATCH, API, Role.ADMIN, watched=places, sessions=sessions), _now()
        try:
            rows = msgspec.json.decode(await self._bus.console(rack, request), type=list[ConsoleStatus])
            self._learn(rows, asked)
        except (RackwrightError, msgspec.MsgspecError) as err:
            log.info("consoles of %s: %s", rack, err)

    def _learn(self, rows: list[ConsoleStatus], asked: float) -> None:
        for row in rows:
            place = Place(row.place)
            feed = self._feeds.get(subjects_of(place).console_live(place))
            if feed is None or asked < self._asked.get(place, 0.0):
                continue  # nobody watches, or something newer is known
            changed = self.status.get(place) != row
            self.status[place], self._asked[place] = row, asked
            if row.end < feed.end and row.end < feed.start:
                feed.begin(row.end)  # its log was begun anew
            elif row.end > feed.end:
                feed.begin(row.end)  # said while nothing reached us: watchers find it in the log
            if changed:
                feed.wake()


def _now() -> float:
    return asyncio.get_running_loop().time()
