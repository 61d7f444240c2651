"""Takes stock of a rack's endpoints in the background and answers from memory.  Nobody waits for a whole crawl."""

import asyncio
import logging
from dataclasses import dataclass, field

from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, NotReadYet, TargetUnknown
from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.carry import Key, carry_over, keys_of
from rack_controller.model.report import StoredReport, stored_report
from rack_controller.run.ending import end, running

_log = logging.getLogger(__name__)

REPORT_LIFE = Seconds(600.0)  # an older one is still given, and read again meanwhile
PART_LIFE = Seconds(60.0)  # of a look that missed something; twice as long each time that it does so again
CARRIED_FOR = Seconds(3_600.0)  # what a look missed is told as it was last read, and not for ever
FIRST_WITHIN = Seconds(8.0)  # s that somebody who asks waits for a report that there is none of yet
AT_ONCE = 2  # endpoints of a rack read in the background; those that somebody asks for come on top


@dataclass(frozen=True, slots=True)
class _Look:
    """A look that succeeded."""

    report: EndpointReport
    taken_at: Seconds
    taken_unix_ns: UnixNanoseconds


@dataclass(slots=True)
class _Shelf:
    """What is known of one endpoint."""

    last: _Look | None = None
    read_at: dict[Key, Seconds] = field(default_factory=dict)
    missed: int = 0
    begun_at: float = 0.0
    error: DeviceError | None = None
    reading: "asyncio.Task[None] | None" = None
    queued: bool = False

    @property
    def life(self) -> Seconds:
        """Return how old its report may become before it is read again: less where something was missed."""
        return Seconds(min(REPORT_LIFE, PART_LIFE * 2 ** min(self.missed - 1, 8))) if self.missed else REPORT_LIFE

    def keep(self, report: EndpointReport, now: Seconds, unix_ns: UnixNanoseconds) -> None:
        """Take a report in: what it missed is told as the look before had it, for an hour."""
        self.read_at |= dict.fromkeys(keys_of(report), now)
        self.read_at = {key: at for key, at in self.read_at.items() if now - at <= CARRIED_FOR}
        self.missed = self.missed + 1 if report.unread else 0
        before = self.last.report if self.last is not None else report
        self.last, self.error = _Look(carry_over(report, before, self.read_at), now, unix_ns), None


class Stock:
    """The stock reports of one rack.  One look at an endpoint at a time, shared by everybody who asks for it."""

    def __init__(self, sources: dict[Place, TelemetrySource], clock: Clock) -> None:
        self._sources, self._clock = sources, clock
        self._shelves = {place: _Shelf() for place in sources}
        self._queue: asyncio.Queue[Place] = asyncio.Queue()

    async def run(self) -> None:
        """Read what `refresh` asks for until cancelled; end every look then."""
        try:
            async with running([self._work() for _ in range(AT_ONCE)]) as tasks:
                await asyncio.wait(tasks)
        finally:
            await end([shelf.reading for shelf in self._shelves.values() if shelf.reading is not None])

    def admit(self, place: Place) -> None:
        """Take an endpoint that joins while the rack is being read."""
        self._shelves.setdefault(place, _Shelf())

    def refresh(self, place: Place) -> None:
        """Have the endpoint read anew in the background; a look that is under way is not enough."""
        shelf = self._shelves[place]
        if not shelf.queued:
            shelf.queued = True
            self._queue.put_nowait(place)

    def known(self, place: Place) -> EndpointReport | None:
        """Return the newest report there is of an endpoint, None for none; nothing is asked for it."""
        shelf = self._shelves.get(place)
        return shelf.last.report if shelf is not None and shelf.last is not None else None

    async def report(self, place: Place, *, at_once: bool = False) -> StoredReport:
        """Return the endpoint's newest report at once; the first one is waited for, but not longer than a moment.

        `at_once`: it is begun, and not waited for, so that whoever wants many has them read side by side.

        Raises TargetUnknown, NotReadYet while the first look is under way, DeviceError when it failed.
        """
        shelf = self._shelves.get(place)
        if shelf is None:
            raise TargetUnknown(f"no endpoint {place!r}", advice="see `rackwright endpoint list`")
        if shelf.last is None:
            await asyncio.wait([self._look(place, shelf)], timeout=0.0 if at_once else FIRST_WITHIN)
        if shelf.last is None:
            raise self._why_not(place, shelf)
        look, age = shelf.last, self._clock.now() - shelf.last.taken_at
        if age > shelf.life and shelf.reading is None:
            self.refresh(place)
        again = shelf.queued or shelf.reading is not None
        return stored_report(look.report, look.taken_unix_ns, age, again, str(shelf.error or ""))

    def _why_not(self, place: Place, shelf: _Shelf) -> NotReadYet | DeviceError:
        if shelf.reading is None and shelf.error is not None:
            return shelf.error.with_traceback(None)
        since = self._clock.now() - shelf.begun_at
        return NotReadYet(f"{place} is being read for the first time, since {since:.0f} s", advice="ask again")

    async def _work(self) -> None:
        while True:
            place = await self._queue.get()
            shelf = self._shelves[place]
            if shelf.reading is not None:
                await asyncio.wait([shelf.reading])  # begun before it was asked for anew
            shelf.queued = False
            await asyncio.wait([self._look(place, shelf)])

    def _look(self, place: Place, shelf: _Shelf) -> "asyncio.Task[None]":
        """Return the look that is under way, beginning one if there is none."""
        if shelf.reading is None:
            shelf.begun_at = self._clock.now()
            shelf.reading = asyncio.create_task(self._read(place, shelf))
        return shelf.reading

    async def _read(self, place: Place, shelf: _Shelf) -> None:
        try:
            report = await self._sources[place].report()
        except DeviceError as err:
            _log.info("no stock report: %s", err)
            shelf.error = err
        except Exception as err:  # noqa: BLE001 - a bug of ours in a driver costs this report only
            _log.exception("%s: the driver failed in report", place)
            shelf.error = DeviceError(place, "report", f"driver failed: {type(err).__name__}")
        else:
            shelf.keep(report, self._clock.now(), self._clock.unix_ns())
        finally:
            shelf.reading = None
