"""Small racks for history's tests: a table with every lane, frames whose values tell when they were said."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from datacenter_api.history.archive import Archive
from datacenter_api.history.intake import Intake
from datacenter_api.history.ledger import Mark
from datacenter_api.history.settings import HistorySettings
from datacenter_api.history.tables import Tables
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.model.frame import Frame
from rack_controller.model.table import SeriesTable, make_table

RACK = "k01"
PLACE = Place("lab1/a/r01/k01")
BEGIN_S = 1_790_000_400 // 600 * 600
PERIODS = {"safety": 1.0, "power": 1.0, "slow": 10.0, "static": 600.0}
POWER = (Place(f"{PLACE}/u11"), Quantity.POWER)
TEMPERATURE = (Place(f"{PLACE}/u11/gpu0"), Quantity.TEMPERATURE)
ENERGY = (Place(f"{PLACE}/u11/gpu0"), Quantity.ENERGY)
LIMIT = (Place(f"{PLACE}/u11"), Quantity.POWER_LIMIT)


def small_table(*more: str) -> SeriesTable:
    """One series of each lane, and a slow temperature for each of `more`."""
    series = [
        Series(*POWER, ReadingClass.POWER),
        Series(*TEMPERATURE, ReadingClass.SLOW),
        Series(*ENERGY, ReadingClass.SLOW),
        Series(*LIMIT, ReadingClass.STATIC),
    ]
    series += [Series(Place(f"{PLACE}/{name}"), Quantity.TEMPERATURE, ReadingClass.SLOW) for name in more]
    return make_table(PLACE, series)


def frame_at(second: int, table: SeriesTable, *, late_ms: int = 3, unknown: Iterable[int] = ()) -> Frame:
    """The frame said `second` s after BEGIN_S: power is the second, all else constant; `unknown` lines are missing."""
    gauges = np.full(len(table.gauges), 40.5, dtype=np.float32)
    gauges[table.gauge_index[POWER]] = second
    counters = np.full(len(table.counters), 2**53 + 1 + second, dtype=np.int64)
    quality = np.zeros(len(table.series), dtype=np.uint8)
    for line in unknown:
        quality[line] = Quality.STALE
    ages = np.zeros(len(table.series), dtype=np.uint16)
    said = UnixNanoseconds((BEGIN_S + second) * 10**9 + late_ms * 10**6)
    return Frame(table.table_id, second, said, gauges, counters, ages, quality)


@dataclass
class Desk:
    """History's inside on a folder, with clocks that a test turns."""

    root: Path
    settings: HistorySettings = field(default_factory=lambda: HistorySettings(window_s=60, grace_s=5.0))
    now_s: float = 0.0
    tables: dict[int, SeriesTable] = field(default_factory=dict)
    told: SeriesTable | None = None

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Come up again on what is on disk, as after a kill."""
        self.archive = Archive(self.root)
        self.archive.open()
        self.intake = self.make_intake(self.archive)

    def make_intake(self, store: Any) -> Intake:
        told: Callable[[str], Any] = lambda _rack: (self.told, PERIODS) if self.told else None  # noqa: E731
        clock: Callable[[], Seconds] = lambda: Seconds(self.now_s)  # noqa: E731
        wall: Callable[[], float] = lambda: BEGIN_S + self.now_s  # noqa: E731
        return Intake(RACK, self.root, store, Tables(self.root, told), self.settings, clock, wall)

    def take(self, frame: Frame) -> Mark:
        mark = Mark("")
        self.intake.take(frame, mark)
        return mark

    def rows(self, kind: str = "seconds") -> list[dict[str, Any]]:
        """Every row on disk, read with nothing but pyarrow."""
        files = sorted(self.root.glob(f"{RACK}/{kind}/**/*.parquet"))
        return [row for file in files for row in pq.read_table(file).to_pylist()]

    def powers(self) -> list[float]:
        """The values of power on disk, in order."""
        return sorted(r["value"] for r in self.rows() if (r["place"], r["quantity"]) == POWER)
