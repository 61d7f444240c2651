"""Records on disk by rack: whatever is asked for comes whole, and nothing beside it, wherever groups of rows end."""

from pathlib import Path

import pyarrow as pa
import pytest
from support.as_built import part, records

from datacenter_api.passports import segment
from datacenter_api.passports.segment import Segment, write_segment

RACKS = ["a/b/c/k01", "a/b/c/k01-x", "a/b/c/k010", "a/b/c/k02", "a/b/d/k01"]


def table() -> pa.Table:
    return records([part(p) for rack in RACKS for p in (rack, *(f"{rack}/u{n}" for n in range(4)), f"{rack}/u1/psu0")])


@pytest.mark.parametrize("rows", [1, 3, 7, 1_000])
def test_a_rack_a_tray_and_a_part_come_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(segment, "GROUP_ROWS", rows)
    whole = table()
    write_segment(whole, tmp_path / "x.parquet")
    kept = Segment(tmp_path / "x.parquet")
    for place in [*RACKS, "a/b/c/k01/u1", "a/b/c/k02/u3", "a/b/d/k01/u1/psu0"]:
        wanted = [r for r in whole.to_pylist() if r["place"] == place or r["place"].startswith(f"{place}/")]
        assert kept.below(place).to_pylist() == wanted, place
    for place in ("a/b/c/k00", "a/b/c/k01/u9", "z/z/z/z"):
        assert kept.below(place).num_rows == 0
