"""The one-screen status of `rackwright up`: racks, processes and the last events, from the same memory the API has."""

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from datacenter_api.cli.supervise import Supervisor
from datacenter_api.events.log import EventLog
from datacenter_api.fleet.bus import BusLink
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.state import FleetState, Storing
from datacenter_api.fleet.summary import SMALL_SHARE, Figure, RackSummary, summarise
from datacenter_api.fleet.usable import BY_BUDGET, USABLE_BY
from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.place import Place, rack_name
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.frame import OLDEST_AGE
from rack_controller.model.snapshot import ManagementAxis

REFRESH_SECONDS = 1.0
LINES_OF_EVENTS = 6
_QUICK = {ReadingClass.SAFETY, ReadingClass.POWER}


class FleetWatch:
    """Listens to the bus with the API's own reading rights."""

    def __init__(self, state: Path) -> None:
        self.fleet, self.events = FleetState(), EventLog()
        self._link = BusLink(state, self.fleet, self.events, keeps_memory=False)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start listening."""
        self._task = asyncio.create_task(self._link.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def summaries(self) -> list[RackSummary]:
        """Return every rack that has told its layout."""
        now = Seconds(time.monotonic())
        return [s for s in (summarise(record, now) for record in self.fleet) if s is not None]

    def storing(self) -> Storing:
        """Return how what racks say gets into the bus's streams."""
        return self.fleet.storing(Seconds(time.monotonic()))

    async def until_live(self, expected: dict[str, int], *, reachable: bool) -> None:
        """Return once every expected rack is heard, with all its endpoints reachable if asked for."""
        # Three sources (frame, table, states) make a rack live, in any order: looking is simpler than an event.
        while not all(  # noqa: ASYNC110
            self._is_live(rack, count if reachable else 0) for rack, count in expected.items()
        ):
            await asyncio.sleep(0.05)

    def _is_live(self, rack: str, count: int) -> bool:
        record = self.fleet.record(rack_name(Place(rack)))
        if not record.live(Seconds(time.monotonic())):
            return False
        reachable = sum(e.management == ManagementAxis.REACHABLE for e in record.endpoints)
        return reachable >= count and (not count or _quick_classes_read(record))


def _quick_classes_read(record: RackRecord) -> bool:
    """Return whether every safety and power series has been read at least once."""
    if record.columns is None or record.frame is None:
        return False
    quick = [s.reading_class in _QUICK for s in record.columns.table.series]
    return bool((record.frame.ages[quick] < OLDEST_AGE).all())


async def show(watch: FleetWatch, supervisor: Supervisor, url: str, notes: list[str]) -> None:
    """Redraw until cancelled.  Without a terminal nothing is drawn: notes are printed as they come."""
    if not sys.stdout.isatty():
        await asyncio.Event().wait()
    with Live(console=Console(), refresh_per_second=2, screen=False) as live:
        while True:
            live.update(render(watch, supervisor, url, notes))
            await asyncio.sleep(REFRESH_SECONDS)


def render(watch: FleetWatch, supervisor: Supervisor, url: str, notes: list[str]) -> RenderableType:
    """Return one screen."""
    parts: list[RenderableType] = [_racks(watch.summaries()), _processes(supervisor)]
    if refusal := watch.storing().refusal:
        parts.append(Text(f"the bus stores nothing: {refusal}", style="bold red"))
    parts += [Text(f"· {note}", style="dim") for note in notes[-2:]]
    parts += _events(watch)
    parts.append(Text(f"{url}/console   ·   Ctrl-C stops everything", style="bold"))
    return Group(*parts)


def _racks(summaries: list[RackSummary]) -> RenderableType:
    if not summaries:
        return Text("waiting for the first frames …")
    table = Table(title="racks", title_justify="left", expand=False)
    for heading in (
        "rack",
        "generation",
        "age",
        "shelf output",
        "headroom",
        "GPUs",
        "supply",
        "return",
        "flow",
        "leaks",
        "endpoints",
    ):
        table.add_column(heading, justify="left" if heading in {"rack", "generation"} else "right", no_wrap=True)
    for s in summaries:
        table.add_row(
            rack_name(Place(s.rack)),
            s.generation + ("" if s.armed else " (observing)"),
            "-" if s.age_s is None else f"{s.age_s:.1f} s",
            _kilowatts(s.shelf_output_w.value),
            _headroom(s),
            f"{s.gpus} · {_kilowatts(s.gpu_power_w.value)}",
            _figure(s.supply_c, 1),
            _figure(s.return_c, 1),
            _figure(s.flow_lpm, 0),
            _leaks(s),
            f"{s.endpoints_reachable}/{s.endpoints_total}",
        )
    return table


def _processes(supervisor: Supervisor) -> Text:
    running = "  ".join(f"{name} {pid}" for name, pid in supervisor.pids.items())
    return Text(f"processes  {running}", style="dim")


def _events(watch: FleetWatch) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for event in watch.events.newest(LINES_OF_EVENTS):
        at = time.strftime("%H:%M:%S", time.localtime(event.unix_ns / 1e9))
        style = {"critical": "bold red", "warning": "yellow"}.get(event.severity, "")
        lines.append(Text(f"{at}  {event.severity:<8}  {event.message}", style=style))
    return lines


def _leaks(s: RackSummary) -> Text:
    wet = len(s.leaks) - s.leaks_unknown
    unknown = f"{s.leaks_unknown} unknown" if s.leaks_unknown else ""
    if wet:
        return Text(f"{wet} LEAK" + (f", {unknown}" if unknown else ""), style="bold red")
    if not s.leak_points:
        return Text("–")
    return Text(unknown, style="yellow") if unknown else Text("dry")


def _headroom(s: RackSummary) -> Text:
    battery = s.battery_output_w.value
    if battery is not None and s.usable_limit_w and battery > s.usable_limit_w * SMALL_SHARE:
        return Text(f"on battery, {_kilowatts(battery)}", style="bold red")
    if s.headroom_w is None:
        return Text(_kilowatts(None))
    of = f"{_kilowatts(s.headroom_w).removesuffix(' kW')} of {_kilowatts(s.usable_limit_w)}"
    return Text(of if s.usable_by == BY_BUDGET else f"{of} {USABLE_BY[s.usable_by]}")


def _kilowatts(watts: float | None) -> str:
    return power_text(watts, "unknown")


def _figure(figure: Figure, digits: int) -> str:
    return "unknown" if figure.value is None else f"{figure.value:.{digits}f} {figure.unit}"
