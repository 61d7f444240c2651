"""What the racks' endpoints are made of, kept for Redfish clients: parts, serial numbers, firmware.

A report costs its device hundreds of requests, so nothing is asked before a client looks at a rack's inventory, and
then the endpoints of a rack side by side.  What was not read yet is simply not there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from datacenter_api.fleet.record import RackRecord
from firmware_bridge.vocabulary.errors import NotReadYet, RackwrightError
from firmware_bridge.vocabulary.facts import AspectKind, FactValue
from firmware_bridge.vocabulary.units import Seconds

log = logging.getLogger(__name__)

FRESH_FOR = Seconds(600.0)
"""A report older than this is asked for again, when somebody looks."""
STATE_HOLDS = Seconds(2 * FRESH_FOR)
"""The state of a part that only its report tells is not shown any longer than this after the look."""
AGAIN_AFTER = Seconds(30.0)
"""An endpoint that gave no report, or one with something missing, is asked again no sooner."""
WHILE_READ = Seconds(2.0)
"""Between two questions about a report that is being made."""
MOST_TRIES = 60
AT_ONCE = 8
"""Endpoints of a rack that are read side by side.  Each is a device of its own, whose link keeps to its rate; but all
answers go through the rack's one controller, which reads leaks and power meanwhile: few lanes leave it room."""
LOOK_EVERY = Seconds(1.0)
"""Whoever looks at many resources of a rack has its reports looked through no more often."""


class StockItem(msgspec.Struct, frozen=True):
    """One part as its endpoint reports it."""

    kind: str
    id: str
    name: str = ""
    part_number: str | None = None
    serial_number: str | None = None
    firmware: str | None = None
    facts: dict[str, FactValue] = {}


class StockFirmware(msgspec.Struct, frozen=True):
    """One member of an endpoint's firmware inventory."""

    id: str
    version: str | None
    facts: dict[str, FactValue] = {}


class StockAspect(msgspec.Struct, frozen=True):
    """What an endpoint has besides parts; `of` is its owner's path on that endpoint."""

    kind: str
    id: str
    of: str = ""
    rank: int = 0
    facts: dict[str, FactValue] = {}


class StockLeak(msgspec.Struct, frozen=True):
    """One leak detector as its endpoint reports it; whether it is wet is on the bus."""

    id: str
    facts: dict[str, FactValue] = {}


class StockReport(msgspec.Struct, frozen=True):
    """The part of an endpoint's report that Redfish clients see; readings are on the bus anyway."""

    endpoint: dict[str, str | int | None]
    inventory: tuple[StockItem, ...]
    firmware: tuple[StockFirmware, ...]
    leak_detectors: tuple[StockLeak, ...] = ()
    aspects: tuple[StockAspect, ...] = ()
    age_s: float = 0.0

    @property
    def place(self) -> str:
        """Return the place of the endpoint that gave this report."""
        return str(self.endpoint.get("place", ""))

    def named(self, what: str) -> str | None:
        """Return the id that the endpoint gives its `enclosure`, `system` or `controller`."""
        found = self.endpoint.get(what)
        return found if isinstance(found, str) else None

    def aspects_of(self, kind: str, of: str | None = None) -> list[StockAspect]:
        """Return the aspects of one kind, those of one owner if it is named."""
        return [a for a in self.aspects if a.kind == kind and (of is None or a.of == of)]


@dataclass(slots=True)
class _Shelf:
    report: StockReport | None = None
    limits: dict[str, dict[str, FactValue]] = field(default_factory=dict)
    asked_at: float = float("-inf")
    taken_at: float = float("-inf")


@dataclass
class StockRoom:
    """Reports by endpoint.  `ask(rack, want, place)` is the bus link's, `now` in monotonic seconds."""

    ask: Callable[[str, str, str], Awaitable[bytes]]
    now: Callable[[], Seconds]
    changes: int = 0
    _shelves: dict[str, _Shelf] = field(default_factory=dict)
    _looked: dict[str, Seconds] = field(default_factory=dict)
    _busy: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    def report(self, place: str) -> StockReport | None:
        """Return what is known of an endpoint, None while nothing is."""
        shelf = self._shelves.get(place)
        return None if shelf is None else shelf.report

    def limits(self, place: str, reading: str) -> dict[str, FactValue]:
        """Return the limits that an endpoint states for one of its tray's readings (`gpu0.temperature`)."""
        shelf = self._shelves.get(place)
        return {} if shelf is None else shelf.limits.get(reading, {})

    def is_fresh(self, place: str) -> bool:
        """Tell whether the endpoint was looked at so lately that a state in its report can be shown as one of now."""
        shelf = self._shelves.get(place)
        return shelf is not None and self.now() - shelf.taken_at <= STATE_HOLDS

    def want(self, record: RackRecord) -> None:
        """Somebody looks at this rack's inventory: read in the background what is missing or old."""
        now = self.now()
        if now - self._looked.get(record.token, float("-inf")) < LOOK_EVERY:
            return
        self._looked[record.token] = now
        busy = self._busy.get(record.token)
        if record.layout is None or (busy is not None and not busy.done()):
            return
        asked = [e.place for tray in record.layout.trays for e in tray.endpoints if e.enabled]
        due = [place for place in asked if self._due(place)]
        if due:
            self._busy[record.token] = asyncio.get_running_loop().create_task(self._read(record.token, due))

    async def settle(self, rack: str, within: Seconds) -> None:
        """Wait until the reports of a rack that are being read have come, `within` seconds at most."""
        busy = self._busy.get(rack)
        if busy is not None:
            await asyncio.wait([busy], timeout=within)

    def close(self) -> None:
        """Stop reading."""
        for task in self._busy.values():
            task.cancel()

    def _due(self, place: str) -> bool:
        shelf = self._shelves.get(place)
        if shelf is None:
            return True
        whole = shelf.report is not None and shelf.report.named("seen") != "part"
        return self.now() - shelf.asked_at > (FRESH_FOR if whole else AGAIN_AFTER)

    async def _read(self, rack: str, places: Iterable[str]) -> None:
        left = iter(places)

        async def lane() -> None:
            for place in left:
                await self._read_one(rack, place)

        async with asyncio.TaskGroup() as lanes:
            for _ in range(AT_ONCE):
                lanes.create_task(lane())

    async def _read_one(self, rack: str, place: str) -> None:
        shelf = self._shelves.setdefault(place, _Shelf())
        shelf.asked_at = self.now()
        try:
            body = await self._patiently(rack, place)
            shelf.report = msgspec.json.decode(body, type=StockReport)
            shelf.limits = {a.id: a.facts for a in shelf.report.aspects_of(AspectKind.LIMITS)}
            shelf.taken_at = self.now() - shelf.report.age_s
            self.changes += 1
        except RackwrightError as err:
            log.info("no stock report of %s: %s", place, err)
        except msgspec.MsgspecError as err:
            log.warning("the stock report of %s does not read: %s", place, err)

    async def _patiently(self, rack: str, place: str) -> bytes:
        """Ask until the report is made, at most two minutes long."""
        for _ in range(MOST_TRIES):
            try:
                return await self.ask(rack, "report", place)
            except NotReadYet:
                await asyncio.sleep(WHILE_READ)
        return await self.ask(rack, "report", place)
