"""History as the API holds it: an intake per rack, the archive, answers that join disk and memory without a seam."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nats.aio.client import Client

from datacenter_api.history.archive import Archive
from datacenter_api.history.files import Kind
from datacenter_api.history.follow import follow_rack
from datacenter_api.history.intake import Intake
from datacenter_api.history.question import Span
from datacenter_api.history.rollup import gather
from datacenter_api.history.settings import HistorySettings
from datacenter_api.history.sheet import Stretch
from datacenter_api.history.tables import Tables, Told
from datacenter_api.history.tidy import forget_tables, tidy
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.table import SeriesKey, SeriesTable

log = logging.getLogger(__name__)

_LOOK_FOR_RACKS_S = 1.0
_CANCEL_AGAIN_S = 0.2
_ASK_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class HistoryFigures:
    """How history stands.  Points, repeats and discarded count from the start of this process; sizes are bytes."""

    trouble: str
    points: int
    repeats: int
    discarded: int
    unexplained: int
    broken: int
    seconds_bytes: int
    minutes_bytes: int
    budget_bytes: int
    tables_bytes: int = 0


@dataclass
class Chronicle:
    """`told(rack)` gives a rack's series table and class periods; `racks()` which racks there are.

    `ask_table(rack, id)` asks a rack's controller for a table of before.
    """

    root: Path
    racks: Callable[[], Iterable[str]]
    told: Callable[[str], Told | None]
    settings: HistorySettings = field(default_factory=HistorySettings)
    now: Callable[[], Seconds] = lambda: Seconds(time.monotonic())
    wall_s: Callable[[], float] = time.time
    trouble: str = ""
    ask_table: Callable[[str, int], Awaitable[SeriesTable | None]] | None = None

    def __post_init__(self) -> None:
        self.archive = Archive(self.root)
        self.tables = Tables(self.root, self.told)
        self.intakes: dict[str, Intake] = {}
        self._opened = False

    async def run(self, client: Client, site: str) -> None:
        """Follow every rack's telemetry and keep house until cancelled."""
        await self._open()
        following: dict[str, asyncio.Task[None]] = {}
        housework = {asyncio.create_task(self._keep_tidy()), asyncio.create_task(self._keep_explaining())}
        try:
            while True:
                for rack in self.racks():
                    task = following.get(rack)
                    if task is None or task.done():
                        if task is not None and not task.cancelled() and (err := task.exception()) is not None:
                            log.error("history of %s failed and begins again", rack, exc_info=err)
                        following[rack] = asyncio.create_task(follow_rack(client, site, self.intake(rack)))
                await asyncio.sleep(_LOOK_FOR_RACKS_S)
        finally:
            await _end({*housework, *following.values()})

    def intake(self, rack: str) -> Intake:
        """Return a rack's intake; its windows outlive a bus that goes and comes."""
        known = self.intakes.get(rack)
        if known is None:
            known = Intake(rack, self.root, self.archive, self.tables, self.settings, self.now, self.wall_s)
            self.intakes[rack] = known
        return known

    def knows(self, rack: str, key: SeriesKey) -> bool:
        """Return whether anything was ever kept of a series.  Reads the disk when memory does not know it."""
        intake = self.intakes.get(rack)
        if intake is not None and any(ring.stretch(key) is not None for ring in intake.rings):
            return True
        return self.archive.knows(rack, key)

    async def read(self, rack: str, keys: Sequence[SeriesKey], span: Span) -> list[Stretch]:
        """Return each series in the span's buckets: mean, least, most, count; NaN where nothing good was read."""
        intake = self.intakes.get(rack)
        rings = [] if intake is None else intake.rings
        # In one step of the loop: a window that is written meanwhile stands in `running` and not in `sources`.
        running = [[s for ring in rings if (s := ring.stretch(key)) is not None] for key in keys]
        sources = self.archive.sources(rack, span.from_s, span.to_s)

        def answer() -> list[Stretch]:
            return [
                gather([*self.archive.read(sources, key), *now], span.from_s * 1_000, span.step_s * 1_000, span.buckets)
                for key, now in zip(keys, running, strict=True)
            ]

        return await asyncio.to_thread(answer)

    def figures(self) -> HistoryFigures:
        """Return how history stands now."""
        intakes = list(self.intakes.values())
        return HistoryFigures(
            trouble=self.trouble or next((i.trouble for i in intakes if i.trouble), ""),
            points=sum(i.points for i in intakes),
            repeats=sum(i.repeats for i in intakes),
            discarded=sum(i.discarded for i in intakes),
            unexplained=sum(i.unexplained for i in intakes),
            broken=len(self.archive.broken),
            seconds_bytes=self.archive.size(Kind.SECONDS),
            minutes_bytes=self.archive.size(Kind.MINUTES),
            budget_bytes=self.settings.budget_bytes,
            tables_bytes=self.archive.table_bytes,
        )

    def _tables_needed(self) -> dict[str, set[int]]:
        """Return the tables of today and of frames that wait, of every rack that says its table now."""
        said = {rack: told[0].table_id for rack in self.intakes if (told := self.told(rack))}
        return {rack: {table_id, *self.intakes[rack].tables_waiting()} for rack, table_id in said.items()}

    async def _open(self) -> None:
        while not self._opened:
            try:
                await asyncio.to_thread(self.archive.open)
                self._opened, self.trouble = True, ""
            except OSError as err:
                if (why := f"{err.strerror or err}") != self.trouble:
                    log.error("history cannot be opened, the stream holds what comes: %s: %s", self.root, why)
                self.trouble = why
                await asyncio.sleep(self.settings.retry_s)

    async def _keep_explaining(self) -> None:
        """Ask for the tables of frames that wait; a controller that is away is asked again."""
        while True:
            for intake in list(self.intakes.values()):
                await self._explain(intake, intake.tables_unknown())
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _explain(self, intake: Intake, table_ids: set[int]) -> None:
        for table_id in sorted(table_ids):
            table = await self.ask_table(intake.rack, table_id) if self.ask_table is not None else None
            if table is not None:
                await asyncio.to_thread(self.tables.learn, intake.rack, table)

    async def _keep_tidy(self) -> None:
        while True:
            try:
                await asyncio.to_thread(forget_tables, self.archive, self._tables_needed(), self.wall_s())
                await asyncio.to_thread(tidy, self.archive, self.settings, self.wall_s())
                for intake in list(self.intakes.values()):
                    await self._explain(intake, intake.tables_unknown_on_disk())
                    for taken in intake.take_back():
                        log.info("%d frames of %s set aside earlier are explained now", taken, intake.rack)
                        with contextlib.suppress(OSError):
                            await intake.turn(all_of_it=True)
            except OSError as err:
                log.warning("history is not tidied: %s", err.strerror or err)
            except Exception:
                log.exception("history is not tidied, and tried again")
            await asyncio.sleep(self.settings.tidy_every_s)


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: nats-py turns a cancellation during a fetch into an error of a closed connection."""
    while tasks:
        for task in tasks:
            task.cancel()
        _done, tasks = await asyncio.wait(tasks, timeout=_CANCEL_AGAIN_S)
