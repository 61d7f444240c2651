"""Flow before power: raised and proven first, lowered last; a loss of flow lowers limits in the same cycle."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rack_controller.decide.cooling import (
    CoolingDecision,
    CoolingDesign,
    CoolingPolicy,
    CoolingSeen,
    CoolingState,
    step_cooling,
)

DESIGN = CoolingDesign(
    unit=np.array([0, 0, 1]),
    flow_max=np.array([400.0, 200.0]),
    flow_min=np.array([120.0, 60.0]),
    lpm_per_w=1.5e-3,
    least=np.full(3, 30_000.0),
    supply=np.full(2, 30.0),
)
POLICY = CoolingPolicy()
SEEN = CoolingSeen(0.0, np.array([390.0, 195.0]), 0.0, np.full(3, 60_000.0), np.full(2, 15.0), np.zeros(3))


def cycle(state: CoolingState, now: float, **changes: object) -> tuple[CoolingState, CoolingDecision]:
    seen = replace(SEEN, **({"now": now, "flow_at": now} | changes))  # type: ignore[arg-type]
    return step_cooling(state, DESIGN, POLICY, seen)


def settled(granted: float) -> CoolingState:
    state = CoolingState.new(DESIGN)
    for now in np.arange(0.0, 200.0, 10.0):
        state, _ = cycle(state, float(now), granted=np.full(3, granted))
    return state


def test_flow_rises_first_and_limits_when_it_is_measured() -> None:
    low = settled(40_000.0)
    assert low.target == pytest.approx([165.0, 82.5])
    state, asked = cycle(low, 200.0, granted=np.full(3, 80_000.0), flow=np.array([165.0, 82.5]))
    assert asked.flow == pytest.approx([285.0, 142.5])
    assert (asked.ceiling < 60_000).all()  # what 82.5 L/min carry in a rack
    _, proven = cycle(state, 205.0, granted=np.full(3, 80_000.0), flow=np.array([285.0, 142.5]))
    assert (proven.ceiling > 80_000).all()
    assert "limits rise when it is measured" in asked.why[0]


def test_flow_goes_down_long_after_power_has() -> None:
    high = settled(90_000.0)
    state, at_once = cycle(high, 200.0, granted=np.full(3, 40_000.0))
    assert at_once.flow == pytest.approx(high.target)
    _, later = cycle(state, 200.0 + POLICY.hold_s, granted=np.full(3, 40_000.0))
    assert later.flow == pytest.approx([165.0, 82.5])


def test_of_two_racks_on_one_unit_the_neediest_decides_for_both() -> None:
    _, decision = cycle(settled(40_000.0), 200.0, granted=np.array([40_000.0, 90_000.0, 40_000.0]))
    assert decision.flow[0] == pytest.approx(2 * 105_000 * 1.5e-3)
    assert decision.flow[1] == pytest.approx(82.5)


def test_a_loss_of_flow_holds_racks_to_their_floors_in_the_same_cycle() -> None:
    _, decision = cycle(settled(90_000.0), 200.0, flow=np.array([8.0, 190.0]))
    assert decision.ceiling[:2] == pytest.approx(DESIGN.least[:2])
    assert decision.ceiling[2] > 90_000
    assert "limits follow" in decision.why[0]


def test_pumps_without_power_are_a_loss_at_their_first_measurement_and_a_meters_scatter_is_none() -> None:
    flowing = np.array([285.0, 142.5])
    state, _ = cycle(settled(80_000.0), 200.0, granted=np.full(3, 80_000.0), flow=flowing)
    _, lost = cycle(state, 200.5, granted=np.full(3, 80_000.0), flow=0.951 * flowing)  # a tenth of a second later
    assert lost.ceiling == pytest.approx(DESIGN.least)
    scatter = np.random.default_rng(7).normal(1.0, 0.01, 2_000)
    for n, share in enumerate(scatter):
        state, decision = cycle(state, 201.0 + 0.5 * n, granted=np.full(3, 80_000.0), flow=share * flowing)
        assert (decision.ceiling > 70_000).all()


@pytest.mark.parametrize("flow", [np.full(2, np.nan), np.full(2, 390.0)])
def test_unknown_or_old_flow_raises_nothing_and_carries_nothing_in_the_end(flow: np.ndarray) -> None:
    granted = np.full(3, 60_000.0)
    _, old = cycle(settled(60_000.0), 204.0, flow_at=200.0, flow=flow, granted=granted)
    assert (old.ceiling <= granted).all()
    _, lost = cycle(settled(60_000.0), 210.0, flow_at=200.0, flow=flow, granted=granted)
    assert lost.ceiling == pytest.approx(DESIGN.least)


def test_the_supply_moves_a_kelvin_a_minute_and_stays_above_the_dew_point_at_once() -> None:
    state = replace(settled(60_000.0), supply=np.full(2, 20.0))
    state, slow = cycle(state, state.at + 30.0)
    assert slow.supply == pytest.approx([20.5, 20.5])
    _, wet = cycle(state, state.at + 1.0, dew_point=np.array([22.0, np.nan]))
    assert wet.supply == pytest.approx([25.0, 20.5 + 1 / 60])


def test_a_rack_that_goes_off_warns_its_unit_and_counts_for_the_flow_until_it_has() -> None:
    before = settled(60_000.0)
    going = np.array([60_000.0, 0.0, 0.0])
    state, warned = cycle(before, 200.0, going=going)
    assert warned.heat_goes == pytest.approx([60_000.0, 0.0])
    assert warned.flow == pytest.approx(before.target)
    assert warned.why[0].endswith("; warned that 60.0 kW go off")
    assert "warned" not in warned.why[1]
    state, warmer = cycle(state, 230.0, going=going)
    passed = 230.0 - before.at
    assert warmer.supply == pytest.approx([30.0 + passed / 60.0, 30.0]), "a kelvin a minute, of the one that loses load"


def test_flow_comes_down_once_round_the_loop_after_load_that_was_told_to_go_is_gone() -> None:
    both, gone = np.full(3, 60_000.0), np.array([0.0, 0.0, 60_000.0])
    state, _ = cycle(settled(60_000.0), 200.0, going=np.array([60_000.0, 60_000.0, 0.0]), granted=both)
    state, at_once = cycle(state, 201.0, granted=gone)
    assert at_once.flow == pytest.approx([225.0, 112.5])
    state, later = cycle(state, 201.0 + POLICY.gone_s, granted=gone)
    assert later.flow == pytest.approx([120.0, 112.5])
    _, cooler = cycle(state, 400.0, granted=gone)
    assert cooler.supply == pytest.approx([30.0, 30.0]), "nothing is about to go any more"


def test_a_warning_moves_the_supply_no_faster_and_no_farther_than_anything_else() -> None:
    state, going = settled(60_000.0), np.full(3, 60_000.0)
    for now in np.arange(200.0, 500.0, 1.0):
        after, decision = cycle(state, float(now), going=going)
        assert (np.abs(decision.supply - state.supply) <= (now - state.at) / 60.0 + 1e-9).all()
        state = after
    assert state.supply == pytest.approx(30.0 + POLICY.warn_k)


@given(st.lists(st.floats(0, 400), min_size=2, max_size=2), st.floats(0, 130_000), st.floats(0, 10))
def test_no_rack_may_have_more_than_the_flow_that_was_measured_carries(
    flow: list[float], granted: float, age: float
) -> None:
    measured = np.array(flow)
    _, decision = cycle(
        CoolingState.new(DESIGN), 100.0, flow=measured, flow_at=100.0 - age, granted=np.full(3, granted)
    )
    share = measured / np.array([2, 1]) / DESIGN.lpm_per_w / POLICY.proof
    full = measured >= POLICY.proof * DESIGN.flow_max
    allowed = np.where(full, np.inf, share)[DESIGN.unit]
    assert (decision.ceiling <= np.maximum(allowed, DESIGN.least) + 1e-6).all()
    assert (decision.flow >= DESIGN.flow_min).all()
    assert (decision.flow <= DESIGN.flow_max).all()
