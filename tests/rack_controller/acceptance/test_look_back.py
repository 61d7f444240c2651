"""Raw series are complete in themselves, and what was altered since is not drawn."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.accepted import short_run

from firmware_bridge.generations.load import load_generation
from rack_controller.acceptance import look_back
from rack_controller.acceptance.look_back import exhibits_of, plan_of_run
from rack_controller.acceptance.raw import pack, unpack
from rack_controller.prove.accept.evidence import Evidence, Phase, Series

DESIGN = load_generation("gb200-nvl72")


@given(
    st.lists(st.sampled_from(["gpu.power", "tray.flow", "leak.state"]), unique=True),
    st.integers(1, 4),
    st.integers(0, 5),
)
def test_what_was_read_comes_back_with_places_units_and_phases(names: list[str], parts: int, rows: int) -> None:
    places = tuple(f"u{n:02d}" for n in range(parts))
    times = np.arange(float(rows))
    series = {n: Series(n, "W", places, times, np.full((rows, parts), 1.5)) for n in names}
    phases = (Phase("full", 0.0, 1.0, 2.0, "u01"), Phase("rest", 2.0, 3.0, 4.0))
    found = unpack("k01", pack(Evidence("k01", series, phases)))
    assert found.series.keys() == series.keys()
    assert [(p.name, p.since, p.begin, p.end, p.place) for p in found.phases] == [
        (p.name, p.since, p.begin, p.end, p.place) for p in phases
    ]
    for name, one in found.series.items():
        assert (one.unit, one.places) == ("W", places)
        np.testing.assert_array_equal(one.values, series[name].values)


def test_columns_that_do_not_fit_their_places_are_refused() -> None:
    series = {"gpu.power": Series("gpu.power", "W", ("a", "b"), np.arange(3.0), np.ones((3, 2)))}
    arrays = pack(Evidence("k01", series))
    with pytest.raises(ValueError, match="2 places"):
        unpack("k01", arrays | {"gpu.power": np.ones((3, 1))})


def test_a_step_is_drawn_by_what_came_nearest_to_its_limit_unless_its_series_were_altered(tmp_path: Path) -> None:
    folder = short_run(tmp_path)
    record = folder.read()
    plan = plan_of_run(folder, record)
    assert plan is not None
    drawn = dict(exhibits_of(folder, record, plan, DESIGN))
    assert drawn["idle"][0].caption.startswith("GPUs are cool: gpu.temperature. Nearest to its limit: u")
    assert "at most 60" in drawn["idle"][0].svg
    again = dict(exhibits_of(folder, record, plan, DESIGN))
    assert again["idle"] is drawn["idle"], "what was read and found is the same: it is not drawn anew"
    idle = next(s for s in record.steps if s.id == "idle")
    titled = [msgspec.structs.replace(m, title="Otherwise") for m in idle.measures]
    other = msgspec.structs.replace(record, steps=[msgspec.structs.replace(idle, measures=titled)])
    assert dict(exhibits_of(folder, other, plan, DESIGN))["idle"][0].caption.startswith("Otherwise")
    raw = folder.path / next(s.raw for s in record.steps if s.raw)
    raw.write_bytes(raw.read_bytes()[:-1] + b"x")
    assert dict(exhibits_of(folder, record, plan, DESIGN)) == {}


def test_series_that_are_replaced_after_they_were_looked_at_are_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = short_run(tmp_path)
    record = folder.read()
    plan = plan_of_run(folder, record)
    assert plan is not None
    (name,) = (s.raw for s in record.steps if s.raw)
    with np.load(folder.path / name) as arrays:
        np.savez_compressed(folder.path / name, **{n: arrays[n] for n in arrays.files}, more=np.ones(1))
    monkeypatch.setattr(look_back, "_as_measured", lambda *_: True)
    look_back._exhibits.cache_clear()
    assert dict(exhibits_of(folder, record, plan, DESIGN)) == {}


def test_a_part_that_is_out_of_bounds_is_drawn_by_name(tmp_path: Path) -> None:
    folder = short_run(tmp_path, planted="dry_interface", plan=BUSY)
    record = folder.read()
    plan = plan_of_run(folder, record)
    assert plan is not None
    (exhibit, *_) = dict(exhibits_of(folder, record, plan, DESIGN))["busy"]
    place = next(f.place for f in record.findings)
    assert f"Out of bounds: {place}" in exhibit.caption
    assert f">{place}</text>" in exhibit.svg


BUSY = """
schema_version: 1
name: busy
title: A short plan under load
steps:
  - id: busy
    title: Busy
    level: L10
    phases: [{name: full, load: 1.0, settle_s: 60, for_s: 60}]
    measures:
      - {id: interface, title: Thermal resistance, of: gpu.resistance, rule: peers, phase: full, within: 0.0032,
         profile: plate, unit: K/W, source: a test}
"""
