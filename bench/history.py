"""History: points written per CPU second, bytes a point, a day of one series; beside SQLite with a row per point."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datacenter_api.history.archive import Archive
from datacenter_api.history.lanes import lanes_of
from datacenter_api.history.ring import Ring
from datacenter_api.history.rollup import gather
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import UnixNanoseconds
from rack_controller.model.frame import Frame, decode_frame, encode_frame
from rack_controller.model.table import SeriesTable, make_table

SERIES = 5_000
WINDOW_S = 600
WINDOWS = 144
BEGIN_S = 1_790_035_200  # a midnight
ROUNDS = 5
BASELINE_SERIES = 50  # a day of all of them takes SQLite hours


def run(record: Callable[..., None]) -> None:
    """Measure `ingest_points_per_cpu_s` (bar 2 M), `bytes_per_point` (bar 1.2) and `day_query_ms` (bar 30).

    Load: one rack, 5,000 series at 1 Hz, a random walk in steps of 1/8, three in ten constant.
    """
    with tempfile.TemporaryDirectory(prefix="rackwright-history-") as folder:
        table, walk = _table(), _walk()
        archive = Archive(Path(folder) / "history")
        archive.open()
        rates = [_ingest(archive, table, walk, n) for n in range(WINDOWS)]
        size = sum(part.size for part in archive.parts("k01", "seconds"))  # type: ignore[arg-type, misc]
        sqlite_rate, sqlite_bytes, sqlite_ms = _sqlite(Path(folder) / "baseline.db", walk)
        # The first window also imports what writes segments.
        rate = statistics.median(rates[1:])
        record(
            figure="ingest_points_per_cpu_s",
            value=rate,
            unit="points/CPU-s",
            baseline=sqlite_rate,
            ratio=rate / sqlite_rate,
            n=len(rates) - 1,
        )
        each = size / (SERIES * WINDOW_S * WINDOWS)
        record(figure="bytes_per_point", value=each, unit="B", baseline=sqlite_bytes, ratio=each / sqlite_bytes)
        minutes = archive.parts("k01", "minutes")  # type: ignore[arg-type]
        record(
            figure="minute_bytes_per_point",
            value=sum(part.size for part in minutes) / (SERIES * WINDOW_S * WINDOWS),
            unit="B",
        )
        _questions(record, Archive(archive.root), table, sqlite_ms)


def _questions(record: Callable[..., None], archive: Archive, table: SeriesTable, sqlite_ms: float) -> None:
    began = time.perf_counter()
    archive.open()
    record(figure="open_ms", value=(time.perf_counter() - began) * 1000, unit="ms")
    keys = [(s.place, s.quantity) for s in table.series[:: SERIES // (ROUNDS + 1)]]
    took, spent = [], []
    for key in keys:
        began, before = time.perf_counter(), time.process_time()
        sources = archive.sources("k01", BEGIN_S, BEGIN_S + 86_400)
        day = gather(archive.read(sources, key), BEGIN_S * 1000, 60_000, 1440)
        took.append((time.perf_counter() - began) * 1000)
        spent.append((time.process_time() - before) * 1000)
        assert day.count.sum() == 86_400, "every point of the day counts"
    record(figure="day_query_first_ms", value=took[0], unit="ms")
    # The first answer reads the footers; each of the others asks another row group for the first time.
    record(figure="day_query_cpu_ms", value=statistics.median(spent[1:]), unit="ms", n=len(spent) - 1)
    value = statistics.median(took[1:])
    record(figure="day_query_ms", value=value, unit="ms", baseline=sqlite_ms, ratio=value / sqlite_ms, n=len(took) - 1)


def _ingest(archive: Archive, table: SeriesTable, walk: NDArray[np.float32], window: int) -> float:
    """Take a window's frames from their bytes to the disk; return points per CPU second."""
    bodies = [_frame(table, walk, window * WINDOW_S + n) for n in range(WINDOW_S)]
    lanes = lanes_of(table, {"power": 1.0})
    began = time.process_time()
    ring = Ring("k01", BEGIN_S + window * WINDOW_S, WINDOW_S, table, lanes)
    for body in bodies:
        ring.add(decode_frame(body))
    block = ring.block()
    archive.enter(*archive.write(block))
    return block.points / (time.process_time() - began)


def _table() -> SeriesTable:
    places = [Place(f"bench/a/r01/k01/u{n // 120:02d}/sensor_{n % 120:03d}") for n in range(SERIES)]
    return make_table(
        Place("bench/a/r01/k01"), [Series(p, Quantity.TEMPERATURE, ReadingClass.POWER, "") for p in places]
    )


def _walk() -> NDArray[np.float32]:
    """Return an hour that the day repeats forwards and backwards, so that it never jumps."""
    noise = np.random.default_rng(3)
    walk = np.cumsum(noise.integers(-1, 2, (3_600, SERIES)), axis=0) / 8 + noise.integers(160, 720, SERIES) / 8
    constant = noise.random(SERIES) < 0.3
    walk[:, constant] = walk[0, constant]
    return np.concatenate((walk, walk[::-1])).astype(np.float32)


def _frame(table: SeriesTable, walk: NDArray[np.float32], second: int) -> bytes:
    said = UnixNanoseconds((BEGIN_S + second) * 10**9 + second * 7_919 % 3_000_000)
    none = np.zeros(0, dtype=np.int64)
    ages, quality = np.zeros(SERIES, dtype=np.uint16), np.zeros(SERIES, dtype=np.uint8)
    return encode_frame(Frame(table.table_id, second, said, walk[second % len(walk)], none, ages, quality))


def _sqlite(path: Path, walk: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return points per CPU second, bytes a point and ms for a day's minutes of the plain way: a row per point."""
    database = sqlite3.connect(path)
    database.executescript(
        "pragma journal_mode=wal; pragma synchronous=normal;"
        "create table point (series integer, at integer, value real, primary key (series, at)) without rowid"
    )
    began = time.process_time()
    for second in range(30):
        database.executemany(
            "insert into point values (?, ?, ?)", [(n, second, float(v)) for n, v in enumerate(walk[second])]
        )
        database.commit()
    rate = 30 * SERIES / (time.process_time() - began)
    database.execute("delete from point")
    rows = ((n, second, float(walk[second % len(walk), n])) for n in range(BASELINE_SERIES) for second in range(86_400))
    database.executemany("insert into point values (?, ?, ?)", rows)
    database.commit()
    database.execute("pragma wal_checkpoint(truncate)")
    database.execute("vacuum")
    took = []
    for n in range(ROUNDS):
        began = time.perf_counter()
        query = "select at / 60, avg(value), min(value), max(value) from point where series = ? group by 1"
        assert len(database.execute(query, (n,)).fetchall()) == 1440
        took.append((time.perf_counter() - began) * 1000)
    database.close()
    return rate, path.stat().st_size / (BASELINE_SERIES * 86_400), statistics.median(took)
