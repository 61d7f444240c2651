"""The endpoints of one rack that are read now, each with its collector; they join and change while it runs."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from firmware_bridge.ports.telemetry import Sparing, TelemetrySource
from firmware_bridge.vocabulary.attention import FULL_ATTENTION, Attention, Pacing
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable, TargetUnknown
from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.reading import Reading, Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.run.board import Board
from rack_controller.run.collect import Collector, phases
from rack_controller.run.ending import end
from rack_controller.run.enrolment.examiner import Examiner
from rack_controller.run.enrolment.holds import Holds
from rack_controller.run.precedence import Precedence
from rack_controller.run.stock import Stock


@dataclass(frozen=True, slots=True)
class _Resting:
    """An endpoint that is left alone for a while: nothing is sent, and whoever asks hears why."""

    endpoint: Place
    why: str

    @property
    def faults(self) -> dict[str, DeviceError]:
        return {}

    async def discover(self) -> Sequence[Series]:
        raise EndpointUnreachable(self.endpoint, "discover", self.why)

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        raise EndpointUnreachable(self.endpoint, "read", self.why)

    async def report(self) -> EndpointReport:
        raise EndpointUnreachable(self.endpoint, "report", self.why)

    async def close(self) -> None:
        return


class Roster:
    """Sources and collectors by place.  `sources` is shared with whoever answers for the rack, and changed in place."""

    def __init__(
        self,
        sources: dict[Place, TelemetrySource],
        board: Board,
        stock: Stock,
        holds: Holds,
        periods: dict[ReadingClass, Seconds],
        clock: Clock,
        examiner: Examiner | None = None,
        precedence: Precedence | None = None,
    ) -> None:
        self._precedence = precedence
        self._examiner = examiner
        self._sources, self._board, self._stock, self._holds = sources, board, stock, holds
        self._periods, self._clock = periods, clock
        self.collectors: dict[Place, Collector] = {}
        for place, phase in zip(sources, phases(len(sources)), strict=True):
            self.collectors[place] = self._collector(sources[place], phase)
        self._attentions: dict[Place, Attention] = {}  # as each endpoint's last source left it
        self._joined: asyncio.Queue[Collector] = asyncio.Queue()

    @property
    def sources(self) -> Mapping[Place, TelemetrySource]:
        """Return the sources as they are now."""
        return self._sources

    async def run(self) -> None:
        """Run every collector, also those that join later, until one of them fails or this is cancelled."""
        running = [asyncio.create_task(collector.run()) for collector in self.collectors.values()]
        joining = asyncio.create_task(self._joined.get())
        try:
            while True:
                done, _ = await asyncio.wait([joining, *running], return_when=asyncio.FIRST_COMPLETED)
                for task in done - {joining}:
                    task.result()  # a collector never ends by itself: this raises
                if joining in done:
                    running.append(asyncio.create_task(joining.result().run()))
                    joining = asyncio.create_task(self._joined.get())
        finally:
            await end([joining, *running])

    async def put(self, source: TelemetrySource) -> bool:
        """Read an endpoint through another source from now on; one that is new joins.  Returns whether it is new."""
        place = source.endpoint
        before = self._sources.get(place)
        self._sources[place] = source
        self._keep_quiet(before, source)
        if before is None:
            self._board.admit(place)
            self._stock.admit(place)
            self.collectors[place] = self._collector(source, 0.0)
            self._joined.put_nowait(self.collectors[place])
            return True
        self.collectors[place].replace(source)
        self._holds.wake()
        await before.close()
        return False

    def _keep_quiet(self, before: object, source: TelemetrySource) -> None:
        """Go on leaving an endpoint alone: a flash is not over because it is read through another source now."""
        place = source.endpoint
        if isinstance(before, Sparing):
            self._attentions[place] = before.attention
        kept = self._attentions.get(place, FULL_ATTENTION)
        if kept.pacing is not Pacing.QUIET or kept.until is None or not isinstance(source, Sparing):
            return
        if (left := kept.until - self._clock.now()) > 0:
            source.be_quiet(Seconds(left), kept.reason)

    async def rest(self, place: Place, why: str) -> None:
        """Leave an endpoint alone until it is given a source again; log out of it."""
        if place not in self._sources:
            raise TargetUnknown(f"no endpoint {place!r}", advice="see `rackwright endpoint list`")
        await self.put(_Resting(place, why))

    async def close(self) -> None:
        """Log out of every endpoint."""
        await asyncio.gather(*(source.close() for source in self._sources.values()), return_exceptions=True)

    def places(self) -> Iterator[Place]:
        """Yield the places of all endpoints that are read."""
        return iter(self._sources)

    def _collector(self, source: TelemetrySource, phase: float) -> Collector:
        when = (self._periods, self._clock, phase)
        return Collector(source, self._board, *when, self._met, self._holds, self._precedence)

    def _met(self, place: Place) -> None:
        """What stands there may be another part than before."""
        self._stock.refresh(place)
        if self._examiner is not None:
            self._examiner.refresh(place)
