"""Segments: what is written comes back through our pages, through plain pyarrow and through DuckDB alike."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.history import PLACE

from datacenter_api.history import parquet
from datacenter_api.history.parquet import MINUTES_COLUMNS, SECONDS_COLUMNS, SegmentBroken
from datacenter_api.history.sheet import Sheet
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.table import SeriesKey

FRAMES = ((7, 1), (8, 2))
# In a process of its own, as another tool would: DuckDB leaves noise behind in an interpreter that ends.
ASK_DUCKDB = """
import json, sys, duckdb
with duckdb.connect() as database:
    rows = database.execute(sys.argv[1], [sys.argv[2]]).fetchall()
print(json.dumps(rows))
"""


def keys(count: int, quantity: Quantity = Quantity.TEMPERATURE) -> tuple[SeriesKey, ...]:
    return tuple((Place(f"{PLACE}/u11/sensor_{n}"), quantity) for n in range(count))


def gauge_sheet(values: Any) -> Sheet:
    array = np.asarray(values, dtype=np.float32)
    times = 1_790_000_000_000 + 1_003 * np.arange(array.shape[1], dtype=np.int64)
    return Sheet(keys(len(array)), times, {"value": array, "quality": np.isnan(array).astype(np.uint8)})


def write(path: Path, *sheets: Sheet, columns: dict[str, str] = SECONDS_COLUMNS) -> Path:
    with path.open("wb") as sink:
        parquet.write_segment(sink, columns, sheets, {"frames": parquet.pack_frames(FRAMES)})
    return path


values = st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6, width=32))


@settings(max_examples=25, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 40))
def test_our_pages_say_what_pyarrow_says(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, series: int, times: int
) -> None:
    rows = data.draw(st.lists(st.lists(values, min_size=times, max_size=times), min_size=series, max_size=series))
    sheet = gauge_sheet(rows)
    path = write(tmp_path_factory.mktemp("segment") / "a.parquet", sheet)
    index = parquet.read_index(path)
    assert parquet.read_names(index) == list(sheet.series)
    table = pq.read_table(path)
    plain = np.array([np.nan if v is None else v for v in table["value"].to_pylist()], dtype=np.float32)
    for n in range(series):
        at, found = parquet.read_series(index, n, ["value"])
        assert np.array_equal(at, sheet.times_ms)
        assert np.array_equal(found["value"], sheet.columns["value"][n], equal_nan=True)
        assert np.array_equal(found["value"], plain[n * times : (n + 1) * times], equal_nan=True)


def test_many_pages_and_groups_with_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_ROWS_PER_GROUP", 60_000)
    noise = np.random.default_rng(1)
    array = noise.normal(900, 50, (260, 600)).astype(np.float32)
    array[noise.random(array.shape) < 0.02] = np.nan
    array[17] = np.nan
    counts = noise.integers(0, 2**62, (3, 60), dtype=np.int64)
    counts[1, 5:9] = np.iinfo(np.int64).min
    times = 10_000 * np.arange(60, dtype=np.int64)
    counter = Sheet(
        keys(3, Quantity.ENERGY), times, {"counter": counts, "quality": np.zeros(counts.shape, dtype=np.uint8)}
    )
    index = parquet.read_index(write(tmp_path / "a.parquet", gauge_sheet(array), counter))
    for n in (0, 16, 17, 99, 100, 259):
        assert np.array_equal(parquet.read_series(index, n, ["value"])[1]["value"], array[n], equal_nan=True)
    assert np.array_equal(parquet.read_range(index, 1, 0, 3, ["counter"])["counter"], counts)
    assert np.array_equal(parquet.read_range(index, 0, 90, 150, ["value"])["value"], array[90:240], equal_nan=True)
    assert index.frames.tolist() == [list(f) for f in FRAMES]


def duckdb(query: str, path: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", ASK_DUCKDB, query, str(path)], capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_duckdb_and_pyarrow_read_it_without_us(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", gauge_sheet([[1.5, float("nan"), 2.5], [4.0, 4.0, 4.0]]))
    query = "select place, avg(value), count(value), count(*) from read_parquet(?) group by place order by place"
    assert duckdb(query, path) == [[f"{PLACE}/u11/sensor_0", 2.0, 2, 3], [f"{PLACE}/u11/sensor_1", 4.0, 3, 3]]
    kind = duckdb("select distinct typeof(time) from read_parquet(?)", path)
    assert kind == [["TIMESTAMP WITH TIME ZONE"]]
    table = pq.read_table(path, filters=[("place", "==", f"{PLACE}/u11/sensor_0")])
    assert table["value"].to_pylist() == [1.5, None, 2.5]
    assert table["quality"].to_pylist() == [0, 1, 0]
    assert table["quantity"].to_pylist() == ["temperature"] * 3


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.parquet", gauge_sheet(np.ones((50, 600)))).read_bytes()
    for name, body in {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"PAR1 no PAR1" * 9}.items():
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(body)
        with pytest.raises(SegmentBroken, match=name):
            parquet.read_index(path)
    scribbled = tmp_path / "scribbled.parquet"
    index = parquet.read_index(tmp_path / "whole.parquet")
    offset, size = index.sheets[0].chunks["value"][0]
    scribbled.write_bytes(whole[:offset] + b"\xff" * size + whole[offset + size :])
    with pytest.raises(SegmentBroken, match="scribbled"):
        parquet.read_series(parquet.read_index(scribbled), 3, ["value"])
    with pytest.raises(FileNotFoundError):
        parquet.read_index(tmp_path / "gone.parquet")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_scribble_escapes_as_something_else(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("scribble")
    body = bytearray(write(folder / "a.parquet", gauge_sheet([[1.0, 2.0, 3.0]] * 4)).read_bytes())
    index = parquet.read_index(folder / "a.parquet")
    offset, size = index.sheets[0].chunks["value"][0]
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(offset, offset + size - 1))] = data.draw(st.integers(0, 255))
    (folder / "a.parquet").write_bytes(bytes(body))
    try:
        _, found = parquet.read_series(parquet.read_index(folder / "a.parquet"), 1, ["value"])
        assert found["value"].shape == (3,)
    except SegmentBroken:
        pass


def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa

    pq.write_table(pa.table({"value": [1.0]}), tmp_path / "other.parquet")
    with pytest.raises(SegmentBroken):
        parquet.read_index(tmp_path / "other.parquet")


def test_minutes_have_their_columns(tmp_path: Path) -> None:
    columns = {"mean": np.ones((2, 3)), "min": np.zeros((2, 3)), "max": np.full((2, 3), 2.0)}
    columns["count"] = np.full((2, 3), 60, dtype=np.int32)
    sheet = Sheet(keys(2), 60_000 * np.arange(3, dtype=np.int64), dict(columns))
    index = parquet.read_index(write(tmp_path / "m.parquet", sheet, columns=MINUTES_COLUMNS))
    _, found = parquet.read_series(index, 1, [*MINUTES_COLUMNS])
    assert [found[name].tolist() for name in MINUTES_COLUMNS] == [[1.0] * 3, [0.0] * 3, [2.0] * 3, [60] * 3]
