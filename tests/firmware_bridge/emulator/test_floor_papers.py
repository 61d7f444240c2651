"""What a floor would hand in of an emulated rack: all rows are taken, healthy ones differ a little, faults show."""

import datetime
from pathlib import Path

import pytest

from firmware_bridge.emulator.floor_papers import Row, as_csv, floor_papers
from firmware_bridge.emulator.floor_places import floor_places
from firmware_bridge.generations.instruments import read_figures
from firmware_bridge.generations.load import load_generation
from rack_controller.acceptance.floor import read_checks, records_of, take_floor
from rack_controller.acceptance.live import live_parts

RACK = "lab1/a/r01/k01"
TODAY = datetime.date(2026, 12, 1)
DESIGNS = ("gb200-nvl72", "gb300-nvl72", "vera-rubin-nvl72", "orv3-hpr-nvl36x2")


def papers(design: str, wrong: int = -1) -> list[Row]:
    generation = load_generation(design)
    gpus = len(floor_places(generation)["gpu"])
    return floor_papers(RACK, generation, read_figures(), [n == wrong for n in range(gpus)], TODAY)


@pytest.mark.parametrize("design", DESIGNS)
def test_every_row_is_taken_and_every_check_has_its_places(design: str, tmp_path: Path) -> None:
    rows = papers(design)
    taken, complaints = take_floor(tmp_path, RACK, as_csv(rows).encode(), "floor.csv", "tom", design)
    assert [str(c) for c in complaints.shown] == []
    assert taken.records == len(rows)
    parts, checks = live_parts(load_generation(design)), read_checks().checks
    here = {k for k, c in checks.items() if any(parts.of(at) for at in c.at)}
    assert {r["kind"] for r in rows} == here - {"nvlink_trunks"}, "where trunks lead takes two racks"
    records = {(r.kind, r.place): r for r in records_of(tmp_path, RACK)}
    led = {place: r.texts["neighbour"] for (kind, place), r in records.items() if kind == "nvlink_cabling"}
    assert led == {p: parts.peer(p) for p in parts.of("port") if parts.peer(p)}
    decay = records["pressure_decay", "rack"].numbers
    assert decay["end_kpa"] / (decay["end_c"] + 273.15) == pytest.approx(700.0 / 294.15, rel=0.005)


def test_what_is_measured_differs_from_place_to_place_and_is_the_same_for_ever() -> None:
    rows = papers("gb200-nvl72")
    assert rows == papers("gb200-nvl72")
    torques = [float(r["nm"]) for r in rows if r["kind"] == "torque"]
    assert len(set(torques)) == len(torques) == 8
    assert all(11.2 < nm < 12.8 for nm in torques)


def test_a_gpu_that_computes_wrongly_shows_in_its_own_record() -> None:
    rows = papers("gb200-nvl72", wrong=5)
    assert [(r["place"], r["wrong_words"]) for r in rows if r.get("wrong_words")] == [("u12/gpu1", 60.0)]


def test_a_design_of_one_s_own_whose_links_nobody_wired_has_no_row_of_ports(tmp_path: Path) -> None:
    own = tmp_path / "generations" / "own-nvl72"
    own.mkdir(parents=True)
    text = "schema_version: 1\nname: own-nvl72\nextends: gb200-nvl72\ndomains: [{name: nvl0, gpus: 72, racks: 1}]\n"
    (own / "rack.yaml").write_text(text)
    rows = floor_papers(RACK, load_generation("own-nvl72", [own.parent]), read_figures(), [False] * 72, TODAY)
    taken, complaints = take_floor(tmp_path, RACK, as_csv(rows).encode(), "floor.csv", "tom", "own-nvl72")
    assert ([str(c) for c in complaints.shown], taken.records) == ([], len(rows))
    assert "nvlink_cabling" not in {r["kind"] for r in rows}
