"""Coolant that follows what is granted, on an emulated pumping unit: in shadow, up before power, down after it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.cooled_rack import UNIT, Cooled, cooled
from support.real_rack import RACK, eventually

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.decide.cooling import CoolingPolicy
from rack_controller.model.power_policy import Mode
from rack_controller.model.roles import Role
from rack_controller.run.budget.cooling import BY, Cooling
from rack_controller.run.budget.station import BudgetStation

LPM_PER_W = 60.0 / (3870.0 * 10.0)
POLICY = "kind: power\nschema: 1\nspec: {mode: MODE, cooling: armed}\n"


def station_of(it: Cooled) -> BudgetStation:
    assert it.rack.controlled._budget is not None
    return it.rack.controlled._budget.station


class Follower:
    """Our own cooling over the rack's side, asked as often as the test looks."""

    def __init__(self, it: Cooled) -> None:
        station = station_of(it)
        self.bench, self.roster, self.side = it.bench, station.roster, station.cooling.sides[RACK]
        self.cooling = Cooling({RACK: self.side}, CoolingPolicy(hold_s=0.5, ahead_w=15_000.0))
        self.rows: list[Row] = []

    def ask(self, granted: float, mode: Mode = Mode.ARMED) -> None:
        self.rows = self.cooling.cycle(mode, self.roster, {RACK: granted}, self.side.clock.now())

    async def until_flow(self, granted: float, lpm: float) -> None:
        async def there() -> bool:
            self.ask(granted)
            flow, _ = self.side.measured()
            return abs(float(self.bench.flow_target[0]) - lpm) < 3.0 and abs(flow - lpm) < 4.0

        await eventually(there)


async def test_in_shadow_nothing_is_asked_and_nobody_held(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        follower = Follower(it)
        follower.ask(30_000.0, Mode.SHADOW)
        view = follower.cooling.view(RACK)
        assert view is not None
        assert (view.mode, view.target_lpm) == ("shadow", pytest.approx(45_000.0 * LPM_PER_W))
        assert follower.rows == []
        assert np.isnan(it.bench.flow_target[0])


async def test_flow_comes_down_after_power_and_rises_before_it(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        follower = Follower(it)
        await follower.until_flow(30_000.0, 45_000.0 * LPM_PER_W)
        (row,) = follower.rows
        carried = row.watts
        assert row.kind is RowKind.COOLING
        assert 40_000 < carried < 52_000

        follower.ask(45_000.0)
        (row,) = follower.rows
        assert row.watts < carried * 1.05  # asked for more, not measured yet
        await follower.until_flow(45_000.0, 60_000.0 * LPM_PER_W)
        (row,) = follower.rows
        assert row.watts > 55_000


async def test_what_a_person_set_is_left_alone_until_it_is_cleared(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        follower = Follower(it)
        assert (await it.rack.do("coolant", UNIT, Role.SAFETY, what="flow", value=100)).accepted

        async def carried() -> bool:
            follower.ask(20_000.0)
            return bool(follower.rows) and abs(follower.rows[0].watts * LPM_PER_W * 0.95 - 100.0) < 2.0

        await eventually(carried)
        assert it.bench.flow_target[0] == 100.0
        assert (await it.rack.do("coolant", UNIT, Role.SAFETY, what="flow", clear=True)).accepted
        await follower.until_flow(20_000.0, 35_000.0 * LPM_PER_W)


async def test_letting_go_asks_for_all_flow_there_is(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        follower = Follower(it)
        await follower.until_flow(20_000.0, 35_000.0 * LPM_PER_W)
        follower.ask(20_000.0, Mode.SHADOW)

        async def all_of_it() -> bool:
            return bool(it.bench.flow_target[0] == 110.0)

        await eventually(all_of_it)
        assert {p.by for p in follower.side.coolant.wanted.values()} == {BY}


async def test_a_policy_arms_it_and_while_nobody_knows_what_racks_draw_all_flow_is_asked_for(tmp_path: Path) -> None:
    policies = tmp_path / "own" / "policies"
    policies.mkdir(parents=True)
    (policies / "power.yaml").write_text(POLICY.replace("MODE", "armed"))
    async with cooled(tmp_path) as it:

        async def asked() -> bool:
            return bool(it.bench.flow_target[0] == 110.0)

        await eventually(asked)
        view = station_of(it).cooling.view(RACK)
        assert view is not None
        assert view.mode == "armed"


class Unit:
    """A coolant unit of a rack: `reach` of its flow, what it measures, what it was asked for."""

    def __init__(
        self,
        name: str,
        reach: tuple[float, float],
        flow: float,
        dew_point: float,
        armed: bool = True,
        nominal: float = 30.0,
        supply: float = np.nan,
    ) -> None:
        self.place, self.reach, self.has_units = Place(f"lab1/a/r01/{name}"), reach, reach[1] > 0.0
        layout = SimpleNamespace(armed=armed, coolant_supply_nominal_c=nominal, coolant_heat_capacity_j_per_l_k=3870.0)
        self.view, self.flow, self.dew = SimpleNamespace(layout=layout), flow, dew_point
        self.supply, self.asked = supply, list[tuple[float, float]]()

    def supply_set(self) -> float:
        return self.supply

    def measured(self) -> tuple[float, float]:
        return self.flow, 0.0

    def dew_point(self) -> float:
        return self.dew

    def ask(self, flow: float, supply: float) -> None:
        self.asked.append((round(flow, 1), round(supply, 2)))


def test_racks_on_one_loop_have_one_owner_the_neediest_decides_and_units_share_by_what_they_can() -> None:
    big, small, none = (
        Unit("k01", (60.0, 300.0), 220.0, 15.0),
        Unit("k02", (20.0, 100.0), 75.0, 28.0),
        Unit("k03", (0.0, 0.0), 0.0, np.nan),
    )
    units: list[Any] = [big, small, none]
    roster = roster_of([(unit.place, load_generation("gb200-nvl72")) for unit in units])
    places = tuple(unit.place for unit in units)
    cooling = Cooling({unit.place: unit for unit in units}, CoolingPolicy(hold_s=0.0), (places,))
    rows = cooling.cycle(Mode.ARMED, roster, dict(zip(places, (30_000.0, 60_000.0, 20_000.0), strict=True)), 0.0)
    flow = 3 * 75_000.0 * LPM_PER_W
    assert big.asked == [(pytest.approx(flow * 0.75, abs=0.1), 31.0)], "3 K above the dew point that its neighbour says"
    assert small.asked == [(pytest.approx(flow * 0.25, abs=0.1), 31.0)]
    assert none.asked == [], "a rack without a unit only demands"
    assert {float(row.watts) for row in rows} == {rows[0].watts}, "of one flow each may have the same"
    view = cooling.view(none.place)
    assert view is not None
    assert (view.flow_lpm, view.shared) == (295.0, ["k01", "k02"])


def test_a_unit_of_a_rack_that_is_only_observed_is_not_asked() -> None:
    unit = Unit("k01", (60.0, 300.0), 290.0, 15.0, armed=False)
    sides: Any = {unit.place: unit}
    cooling = Cooling(sides, CoolingPolicy(hold_s=0.0))
    cooling.cycle(Mode.ARMED, roster_of([(unit.place, load_generation("gb200-nvl72"))]), {unit.place: 10_000.0}, 0.0)
    assert unit.asked == []


def test_of_racks_on_one_loop_the_coolest_supply_wins_slowly_and_it_is_let_go_where_it_is() -> None:
    warm = Unit("k01", (60.0, 300.0), 290.0, 15.0, nominal=45.0, supply=40.0)
    cool = Unit("k02", (0.0, 0.0), 0.0, 15.0, nominal=30.0)
    units: list[Any] = [warm, cool]
    roster = roster_of([(unit.place, load_generation("gb200-nvl72")) for unit in units])
    places = tuple(unit.place for unit in units)
    cooling = Cooling({unit.place: unit for unit in units}, CoolingPolicy(hold_s=0.0), (places,))
    granted = dict.fromkeys(places, 30_000.0)
    for now in range(0, 301, 60):
        cooling.cycle(Mode.ARMED, roster, granted, float(now))
    assert [supply for _, supply in warm.asked] == [40.0, 39.0, 38.0, 37.0, 36.0, 35.0], "a kelvin a minute"
    cooling.cycle(Mode.SHADOW, roster, granted, 360.0)
    assert warm.asked[-1] == (np.inf, 35.0), "all flow, and no jump of the supply"


def test_letting_go_leaves_the_supply_above_the_dew_point() -> None:
    unit = Unit("k01", (60.0, 300.0), 290.0, 29.0)
    sides: Any = {unit.place: unit}
    cooling, roster = Cooling(sides, CoolingPolicy()), roster_of([(unit.place, load_generation("gb200-nvl72"))])
    cooling.cycle(Mode.ARMED, roster, {unit.place: 10_000.0}, 0.0)
    cooling.cycle(None, roster, {}, 1.0)
    assert unit.asked[-1] == (np.inf, 32.0)


def test_a_unit_is_warned_of_load_that_somebody_switches_off() -> None:
    unit = Unit("k01", (60.0, 300.0), 290.0, 15.0)
    sides: Any = {unit.place: unit}
    cooling, roster = Cooling(sides, CoolingPolicy()), roster_of([(unit.place, load_generation("gb200-nvl72"))])
    for now in (0.0, 60.0):
        cooling.cycle(Mode.ARMED, roster, {unit.place: 80_000.0}, now, going={unit.place: 80_000.0})
    view = cooling.view(unit.place)
    assert view is not None
    assert view.why.endswith("; warned that 80.0 kW go off")
    assert unit.asked[-1][1] == 31.0, "its valve begins to close, a kelvin a minute"
