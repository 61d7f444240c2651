"""What the interlocks cost a rack each second: every leak detector heard once, then one look at the whole rack.

Figures: `ms_per_tick` (bar 1 ms) of CPU with all that a GB200 NVL72 rack tells, 250 of it words of leak detectors, and
`ms_heard` of it as readings come in.  Nothing leaks: so it is for years, and then milliseconds do not matter.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import SPECS, Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from firmware_bridge.wire.located_yaml import parse
from rack_controller.model.interlock import parse_interlock
from rack_controller.model.layout import Layout, make_layout
from rack_controller.run.board import Board
from rack_controller.run.guard.guard import Guard
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.journal import Journal
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.view import RackView

RACK = Place("tx1/a/r03/k07")
READINGS, DETECTORS = 11_000, 250
TICKS, FIRST = 120, 20


class _Clock:
    """Set by hand."""

    at = 1000.0

    def now(self) -> Seconds:
        return Seconds(self.at)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(int(self.at * 1e9))

    async def sleep_until(self, when: Seconds) -> None:
        raise AssertionError("nothing here waits")


def run(record: Callable[..., None]) -> None:
    """Measure and record both figures."""
    clock, layout = _Clock(), _layout()
    values = dict(_values(layout))
    view = RackView(layout, "bench")
    board = Board(
        RACK, [Place(e.place) for t in layout.trays for e in t.endpoints], dict.fromkeys(ReadingClass, Seconds(1))
    )
    board.declare(next(iter(board.contacts)), [Series(p, q, SPECS[q].reading_class) for p, q in values])
    file = seeds_folder() / "policies" / "interlock.yaml"
    policy = parse_interlock(parse(file.read_text(), str(file)).value["spec"])
    with tempfile.TemporaryDirectory(prefix="rackwright-bench-") as folder:
        journal = Journal(Path(folder) / "journal.db")
        latches = Latches(Sheet(Ledger(journal, RACK)), policy, clock.unix_ns)
        guard = Guard(view, policy, latches, clock, lambda _: None, {})
        heard, looked = [], []
        for tick in range(TICKS):
            clock.at += 1.0
            readings = [Reading(p, q, v, Seconds(clock.at - 0.3), Quality.GOOD) for (p, q), v in values.items()]
            began = time.process_time()
            guard.hear(readings[:DETECTORS])
            heard.append(time.process_time() - began)
            board.store(readings)
            view.snapshot = board.snapshot(tick, clock.now(), clock.unix_ns())
            began = time.process_time()
            guard.look(view.snapshot)
            looked.append(time.process_time() - began)
        journal.close()
    hearing, both = (
        1e3 * statistics.median(t[FIRST:]) for t in (heard, [h + n for h, n in zip(heard, looked, strict=True)])
    )
    record(figure="ms_per_tick", value=both, unit="ms", n=len(values))
    record(figure="ms_heard", value=hearing, unit="ms", n=DETECTORS)


def _layout() -> Layout:
    plan = load_generation("gb200-nvl72")
    endpoints = [
        SiteEndpoint(join_place(RACK, slot.name, spec.name), "127.0.0.1", 1)
        for slot in plan.slots
        for spec in slot.tray.endpoints
    ]
    return make_layout(SiteRack(RACK, "gb200-nvl72", armed=True), plan, tuple(endpoints))


def _values(layout: Layout) -> Iterator[tuple[tuple[Place, Quantity], float]]:
    """Yield the rack's readings, all well: its detectors first, then what interlocks look at, then the rest."""
    trays = [t for t in layout.trays if t.kind in (TrayKind.COMPUTE, TrayKind.SWITCH, TrayKind.COOLANT_UNIT)]
    for n in range(DETECTORS):  # more than any tray is planned to have: none of them is missed
        yield (join_place(Place(trays[n % len(trays)].place), f"leak{n // len(trays)}"), Quantity.LEAK), 0.0
    told = DETECTORS
    for tray in layout.trays:
        place = Place(tray.place)
        well = {
            Quantity.POWER_STATE: 1.0,
            Quantity.POWER: 10_000.0,
            Quantity.FLOW: layout.coolant_flow_rated_lpm,
            Quantity.TEMPERATURE_SUPPLY: layout.coolant_supply_nominal_c,
            Quantity.PRESSURE_SUPPLY: 250.0,
        }
        told += len(well)
        yield from (((place, quantity), value) for quantity, value in well.items())
        for part in tray.components:
            for n in range(part.count):
                told += 1 + (part.name == "gpu")
                yield (join_place(place, f"{part.name}{n}"), Quantity.HEALTH), 0.0
                if part.name == "gpu":
                    yield (join_place(place, f"{part.name}{n}"), Quantity.TEMPERATURE_MARGIN), 30.0
    for n in range(READINGS - told):
        yield (join_place(Place(layout.trays[n % len(layout.trays)].place), f"sensor{n}"), Quantity.TEMPERATURE), 40.0
