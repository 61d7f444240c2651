"""What the power budget costs a controller: one cycle over a whole rack, and what is told of it once a second.

Everything is the product's own but for the devices behind it, which take each limit and keep it.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import SPECS, Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from firmware_bridge.vocabulary.upstream import Upstream
from rack_controller.decide.budget.roster import roster_of
from rack_controller.model.layout import make_layout
from rack_controller.run.board import Board
from rack_controller.run.budget.book import read_power
from rack_controller.run.budget.budgeting import budgeting
from rack_controller.run.budget.station import BudgetStation
from rack_controller.run.coolant import Coolant
from rack_controller.run.journal import Journal
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.view import RackView

RACK = Place("tx1/a/r03/k07")
CYCLES, FIRST, PERIOD_S = 120, 20, 0.5
POLICY = """\
kind: power
schema: 1
spec: {mode: armed, budgets: [{name: row, racks: ["*"], limit_kw: 95}]}
"""


class _Clock:
    """Set by hand."""

    at = 1000.0

    def now(self) -> Seconds:
        return Seconds(self.at)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(int(self.at * 1e9))

    async def sleep_until(self, when: Seconds) -> None:
        raise AssertionError("nothing here waits")


@dataclass
class _Tray:
    """A tray's controller that keeps what it is told."""

    tray: Place
    keeps: dict[Place, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keeps = {join_place(self.tray, f"gpu{n}"): 1200.0 for n in range(4)}

    @property
    def settable(self) -> Mapping[Place, Settable]:
        return {place: Settable(place, 400.0, 1200.0, 1200.0) for place in self.keeps}

    async def ask_values(self, values: Mapping[Place, float]) -> Mapping[Place, DeviceError | None]:
        self.keeps |= values
        return dict.fromkeys(values)

    async def read_values(self, places: Collection[Place]) -> Mapping[Place, float | None]:
        return {place: self.keeps[place] for place in places}


def cycle_ms() -> tuple[float, float]:
    """Return the median CPU of one cycle and of one look that tells what is new, ms, for a rack of 72 GPUs."""
    return asyncio.run(_measured())


async def _measured() -> tuple[float, float]:
    generation, clock = load_generation("gb200-nvl72"), _Clock()
    endpoints = tuple(
        SiteEndpoint(join_place(RACK, slot.name, spec.name), "127.0.0.1", 1)
        for slot in generation.slots
        for spec in slot.tray.endpoints
    )
    layout = make_layout(SiteRack(RACK, generation.name, armed=True), generation, endpoints)
    trays = [join_place(RACK, slot.name) for slot in generation.slots_of(TrayKind.COMPUTE)]
    shelves = [join_place(RACK, slot.name) for slot in generation.slots_of(TrayKind.POWER_SHELF)]
    sources: dict[Place, Any] = {join_place(tray, "bmc"): _Tray(tray) for tray in trays}
    board = Board(RACK, [e.place for e in endpoints], dict.fromkeys(ReadingClass, Seconds(1)))
    gpus = [place for source in sources.values() for place in source.keeps]
    keys = [(g, q) for g in gpus for q in (Quantity.POWER, Quantity.POWER_LIMIT)]
    keys += [(shelf, Quantity.POWER) for shelf in shelves]
    board.declare(endpoints[0].place, [Series(p, q, SPECS[q].reading_class) for p, q in keys])
    view = RackView(layout, "bench")
    with tempfile.TemporaryDirectory(prefix="rackwright-bench-") as folder:
        journal = Journal(Path(folder) / "journal.db")
        roster = roster_of([(RACK, generation)])
        station = BudgetStation(roster, Upstream(), journal, clock, read_power(POLICY, "bench"))
        leases, say = LeaseBook(clock), list[Any]().append
        keeping = (view, sources, Ledger(journal, RACK), leases, clock, say)
        limits = Limits(*keeping)
        coolant = Coolant(*keeping)
        desk = budgeting(station, view, board, limits, coolant, leases, clock, say)
        cycles, looks = [], []
        for tick in range(CYCLES):
            clock.at += PERIOD_S
            readings = [(g, Quantity.POWER, 0.98 * sources[_bmc(g)].keeps[g]) for g in gpus]
            readings += [(g, Quantity.POWER_LIMIT, sources[_bmc(g)].keeps[g]) for g in gpus]
            drawn = sum(r[2] for r in readings[: len(gpus)]) * 1.3
            readings += [(shelf, Quantity.POWER, drawn / len(shelves)) for shelf in shelves]
            board.store([Reading(p, q, v, Seconds(clock.at - 0.35), Quality.GOOD) for p, q, v in readings])
            view.snapshot = board.snapshot(tick, clock.now(), clock.unix_ns())
            began = time.process_time()
            station.cycle()
            cycles.append(time.process_time() - began)
            began = time.process_time()
            desk.told.look()
            looks.append(time.process_time() - began)
            await asyncio.sleep(0)
        await desk.side.grants.close()
        journal.close()
    return 1e3 * statistics.median(cycles[FIRST:]), 1e3 * statistics.median(looks[FIRST:])


def _bmc(gpu: Place) -> Place:
    return Place(f"{gpu.rpartition('/')[0]}/bmc")


def record_all(record: Callable[..., None]) -> None:
    """Measure and record both figures."""
    cycle, look = cycle_ms()
    record(figure="live_cycle_ms", value=cycle, unit="ms", n=CYCLES - FIRST)
    record(figure="live_told_ms", value=look, unit="ms", n=CYCLES - FIRST)
