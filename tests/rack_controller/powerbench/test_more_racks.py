"""More racks on the plant: peaks of sums, every single loss, heat, the same answer every time, and what is no load."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.plant.trace import LoadTrace
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, ConfigurationError
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Watts
from firmware_bridge.vocabulary.upstream import SupplyNode, Upstream
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.decide.supply.whatif import hall_with
from rack_controller.model.power_policy import PowerPolicy
from rack_controller.model.power_view import PlayedRacks
from rack_controller.powerbench.hall import full_load
from rack_controller.powerbench.more_racks import Play, play
from rack_controller.powerbench.play_racks import load_of
from rack_controller.run.budget.played import PlayedWhatIf

GB200 = load_generation("gb200-nvl72")
FULL_W = full_load(design_of(GB200))
SHORT = Play(seconds=30.0, seeds=2)


def row(watts: float, *share: float) -> Row:
    return Row("row", RowKind.GRAPH, watts, np.array(share))


def calm(watts: float, minutes: int = 30) -> LoadTrace:
    return LoadTrace(np.arange(minutes * 60.0), np.full((minutes * 60, 8), watts))


def limit_of(played: PlayedRacks, name: str) -> float:
    return next(limit.high_w for limit in played.limits if limit.name == name)


def test_racks_that_train_in_step_peak_together() -> None:
    played = play([GB200] * 3, [row(3.05 * FULL_W, 1, 1, 1)], 0, SHORT)
    assert limit_of(played, "row") == pytest.approx(3 * FULL_W, rel=0.01)
    assert played.fits
    assert not play([GB200] * 3, [row(2.95 * FULL_W, 1, 1, 1)], 0, SHORT).fits


def test_a_recorded_load_below_the_ratings_lets_more_racks_in() -> None:
    how = dataclasses.replace(SHORT, trace=calm(4_000.0))
    played = play([GB200] * 3, [row(2.5 * FULL_W, 1, 1, 1), row(FULL_W, 0, 0, 1)], 0, how)
    assert played.fits
    assert limit_of(played, "row") < 2.2 * FULL_W
    assert played.load == "recorded node power"


def test_a_racks_own_supplies_and_phases_are_tried_under_every_single_loss() -> None:
    played = play([GB200], [], 0, SHORT)
    feeds = {f.name for f in GB200.feeds}
    names = {limit.name for limit in played.limits}
    assert {f"busiest supply after feed {f} is lost" for f in feeds} <= names
    assert sum(name.startswith("busiest supply after shelf") for name in names) == 1
    lost, kept = sorted(feeds)[:2]
    alone = limit_of(played, f"busiest phase of feed {kept} after feed {lost} is lost")
    assert alone == pytest.approx(2 * limit_of(played, f"busiest phase of feed {kept}"), rel=0.06)


def test_seeds_give_an_interval_and_the_same_one_every_time() -> None:
    watts = np.random.default_rng(3).uniform(2_000.0, 7_000.0, (600, 8))
    how = Play(20.0, 4, LoadTrace(np.arange(600.0), watts))
    first, again = (play([GB200, GB200], [row(3e5, 1, 1)], 0, how) for _ in range(2))
    assert first == again
    found = next(limit for limit in first.limits if limit.name == "row")
    assert found.low_w < found.peak_w < found.high_w


def test_heat_is_told_and_counts() -> None:
    warm = dataclasses.replace(GB200, coolant=dataclasses.replace(GB200.coolant, supply_nominal=66.0))
    played = play([warm], [], 0, Play(60.0, 1))
    assert played.margin_k < 0.0
    assert not played.fits
    assert play([GB200], [], 0, SHORT).margin_k > 5.0


def test_loads_are_named_and_what_is_none_is_refused_with_line_and_reason(tmp_path: Path) -> None:
    assert load_of("step") is None
    assert load_of("synthetic") is not None
    for name in ("../passwords", "nothing", ""):
        with pytest.raises(ConfigurationError, match="expected step or one of"):
            load_of(name)
    (tmp_path / "holes.csv").write_text("t_s,node1_W\n0,1000\n1,nan\n2,1000\n")
    with pytest.raises(ConfigurationError, match=r"holes.csv, line 3: expected finite powers"):
        load_of("holes", tmp_path)


async def test_the_controller_asks_a_process_of_its_own_and_hears_why_not() -> None:
    place = Place("s/h/r1/k01")
    upstream = Upstream((SupplyNode("way", Watts(4e5)),), {place: {"a": "way", "b": "way"}})
    hall = hall_with(roster_of([(place, GB200)], {place: {"a": "way", "b": "way"}}), upstream, PowerPolicy(), place, 2)
    desk = PlayedWhatIf()
    played = await desk.play(hall, "step")
    assert limit_of(played, "way") == pytest.approx(3 * FULL_W, rel=0.06)
    with pytest.raises(ArgumentsInvalid, match="expected step or one of"):
        await desk.play(hall, "nothing")


async def test_a_rack_of_a_design_of_one_s_own_is_played_too(tmp_path: Path) -> None:
    (tmp_path / "own-nvl72").mkdir()
    (tmp_path / "own-nvl72" / "rack.yaml").write_text("schema_version: 1\nname: own-nvl72\nextends: gb200-nvl72\n")
    place, own = Place("s/h/r1/k01"), load_generation("own-nvl72", [tmp_path])
    upstream = Upstream((SupplyNode("way", Watts(4e5)),), {place: {"a": "way", "b": "way"}})
    hall = hall_with(roster_of([(place, own)], {place: {"a": "way", "b": "way"}}), upstream, PowerPolicy(), place, 2)
    with pytest.raises(ArgumentsInvalid, match="unknown generation 'own-nvl72'"):
        await PlayedWhatIf().play(hall, "step")
    played = await PlayedWhatIf([tmp_path]).play(hall, "step")
    assert limit_of(played, "way") == pytest.approx(3 * FULL_W, rel=0.06)
