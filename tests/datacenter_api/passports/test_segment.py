"""Records on disk by rack: whatever is asked for comes whole, and nothing beside it, wherever groups of rows end."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.as_built import part, records

from datacenter_api.passports import segment
from datacenter_api.passports.segment import PARQUET, SUFFIXES, Segment, read_columns, write_segment

RACKS = ["a/b/c/k01", "a/b/c/k01-x", "a/b/c/k010", "a/b/c/k02", "a/b/d/k01"]


def table() -> pa.Table:
    return records([part(p) for rack in RACKS for p in (rack, *(f"{rack}/u{n}" for n in range(4)), f"{rack}/u1/psu0")])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rows", [1, 3, 7, 1_000])
def test_a_rack_a_tray_and_a_part_come_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, suffix: str
) -> None:
    monkeypatch.setattr(segment, "GROUP_ROWS", rows)
    whole = table()
    path = tmp_path / f"x{suffix}"
    if suffix == PARQUET:
        pq.write_table(whole, path, row_group_size=rows)
    else:
        assert write_segment(whole, path) == dict.fromkeys(RACKS, 6)
    assert read_columns(path, ["serial", "place"]).to_pylist() == whole.select(["serial", "place"]).to_pylist()
    kept = Segment(path)
    for place in [*RACKS, "a/b/c/k01/u1", "a/b/c/k02/u3", "a/b/d/k01/u1/psu0"]:
        wanted = [r for r in whole.to_pylist() if r["place"] == place or r["place"].startswith(f"{place}/")]
        assert kept.below(place).to_pylist() == wanted, place
    for place in ("a/b/c/k00", "a/b/c/k01/u9", "z/z/z/z"):
        assert kept.below(place).num_rows == 0


def test_a_rack_of_a_long_file_has_no_values_of_others(tmp_path: Path) -> None:
    rows = [part(f"a/b/c/k{n:03d}/u{m}", lot=f"L{n}-{m}") for n in range(40) for m in range(4)]
    write_segment(records(rows), tmp_path / "x.arrow")
    (lots,) = Segment(tmp_path / "x.arrow").below("a/b/c/k007").column("lot").chunks
    assert lots.dictionary.to_pylist() == [f"L7-{m}" for m in range(4)]
