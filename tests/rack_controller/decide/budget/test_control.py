"""The budget against a small world of its own: whatever devices ask for, whatever is lost, the sum of what can be in
force stays within every limit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import hall, sight

from rack_controller.decide.budget.control import BudgetState, step_budget
from rack_controller.decide.budget.design import BudgetDecision, BudgetDesign, BudgetPolicy

POLICY = BudgetPolicy()


class World:
    """Devices that take what is written two cycles later, or never; draws what they want as far as they may."""

    def __init__(self, design: BudgetDesign, limit: float, factor: float = 1.0) -> None:
        self.design, self.factor = design, factor
        self.limits = np.concatenate(([limit], np.full(design.racks, 1e9)))
        self.state = BudgetState.new(design)
        self.caps = design.most.copy()
        self.flight: list[np.ndarray] = []
        self.wants = np.full(len(design.most), 1200.0)
        self.power = np.minimum(self.wants, self.caps)
        self.now = 0.0
        self.seen_at = 0.0
        self.last = (self.power, self.caps)

    def cycle(self, *, lost: np.ndarray | None = None, blind: bool = False) -> BudgetDecision:
        self.now += 0.1
        if not blind:
            self.seen_at, self.last = self.now - 0.1, (self.power.copy(), self.caps.copy())
        power, caps = self.last
        seen = sight(self.design, now=self.now, power=power, caps=caps, meters=self.meters(power))
        seen = replace(seen, limits=self.limits, power_at=self.seen_at, caps_at=self.seen_at)
        self.state, decision = step_budget(self.state, self.design, POLICY, seen)
        writes = decision.writes if lost is None else np.where(lost, np.nan, decision.writes)
        self.flight.append(writes)
        if len(self.flight) > 2:
            landed = self.flight.pop(0)
            self.caps = np.where(np.isfinite(landed), landed, self.caps)
        self.power = np.minimum(self.wants, self.caps)
        return decision

    def meters(self, power: np.ndarray) -> np.ndarray:
        total = self.design.per_rack(power)
        return total + self.factor * (self.design.law.drawn(total) - total)

    def could_draw(self) -> float:
        """What the first limit would carry if everything under way landed now and everybody wanted all of it."""
        worst = np.nanmax(np.vstack([self.caps, *self.flight]), axis=0)
        return float(self.meters(worst).sum())


def test_after_the_first_cycles_what_can_be_in_force_fits_the_limit() -> None:
    world = World(hall(), limit=9000.0)
    for _ in range(6):
        world.cycle()
    assert world.could_draw() <= 9000.0
    assert world.meters(world.power).sum() > 0.93 * 9000.0  # and most of it is used


def test_a_limit_that_drops_is_kept_as_soon_as_writes_land() -> None:
    world = World(hall(), limit=9000.0)
    for _ in range(20):
        world.cycle()
    world.limits[0] = 7000.0
    for _ in range(3):
        world.cycle()
    assert world.meters(world.power).sum() <= 7000.0


def test_one_decrease_is_enough_where_it_leads_to_a_load_that_was_never_seen() -> None:
    world = World(hall(), limit=1e9, factor=0.9)
    for _ in range(20):
        world.cycle()  # the law is learned at full load, and nowhere else
    world.limits[0] = 8_000.0
    told = world.cycle().writes
    assert np.isfinite(told).all()
    for _ in range(10):
        decision = world.cycle()
        lower = np.isfinite(decision.writes) & (decision.writes < told - POLICY.smallest_change_w)
        assert not lower.any()
    assert decision.charged[0] <= 8_000.0 + 1e-6


def test_nothing_rises_on_old_sights_and_a_lower_limit_still_holds() -> None:
    world = World(hall(), limit=9000.0)
    for _ in range(20):
        world.cycle()
    before = world.state.written.newest.copy()
    for _ in range(30):
        decision = world.cycle(blind=True)
    assert (world.state.written.newest <= before + 1e-9).all()
    world.limits[0] = 7000.0
    decision = world.cycle(blind=True)
    assert (decision.writes[np.isfinite(decision.writes)] < before.max()).all()
    for _ in range(3):
        world.cycle(blind=True)
    assert world.meters(world.power).sum() <= 7000.0


def test_lost_writes_are_sent_again_and_charged_until_they_are_read_back() -> None:
    world = World(hall(), limit=9000.0)
    lost = np.zeros(len(world.wants), dtype=np.bool_)
    lost[0] = True
    for _ in range(5):
        decision = world.cycle(lost=lost)
    assert world.state.written.holds[0] == 1200.0
    for _ in range(20):
        world.cycle()
    assert world.caps[0] == pytest.approx(world.state.written.newest[0])
    assert decision.charged[0] <= 9000.0 + (1200.0 - 400.0) * 1.3


def test_a_device_that_a_reset_has_freed_is_charged_its_most_at_once() -> None:
    world = World(hall(), limit=11_000.0)
    for _ in range(20):
        world.cycle()
    others = float(world.state.written.newest[1:].sum())
    world.caps[0] = 1200.0
    told_again = [bool(np.isfinite(world.cycle().writes[0])) for _ in range(3)]
    assert world.state.written.holds[0] == 1200.0
    assert float(world.state.written.newest[1:].sum()) < others - 300.0  # the rest makes room for it ...
    assert any(told_again)  # ... and it is told again
    for _ in range(10):
        world.cycle()
    assert world.caps[0] < 900.0


def test_floors_that_do_not_fit_are_a_shortfall_and_everybody_is_at_the_floor() -> None:
    world = World(hall(), limit=3000.0)
    for _ in range(10):
        decision = world.cycle()
    assert decision.shortfall[0] > 1000.0
    assert world.state.written.newest == pytest.approx(world.design.floor)


def test_devices_in_step_get_one_share_of_what_each_asks_for() -> None:
    world = World(hall(racks=1, together=(True,), priority=(0,)), limit=4200.0)
    shape = np.array([0.97, 0.99, 1.01, 1.03])
    for n in range(400):
        busy = n % 10 < 7
        world.wants = 150.0 + (1000.0 if busy else 150.0) * shape
        world.cycle()
    share = (world.state.written.newest - 150.0) / shape
    assert share.max() / share.min() == pytest.approx(1.0, abs=1e-2)


def test_the_binding_limit_is_named() -> None:
    world = World(hall(), limit=10_000.0)
    for _ in range(20):
        decision = world.cycle()
    assert decision.bound_by.tolist() == [0, -1]  # training yields, serving has what it asks for


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.9, 1.1), st.floats(5000.0, 12_000.0))
def test_whatever_is_asked_and_lost_the_limit_is_kept(seed: int, factor: float, limit: float) -> None:
    """Demand jumps at random, a tenth of the writes is lost, the law is up to 10 % wrong; the first second settles."""
    rng = np.random.default_rng(seed)
    world = World(hall(), limit, factor)
    for n in range(45):
        if n % 7 == 0:
            world.wants = rng.uniform(150.0, 1200.0, len(world.wants))
        world.cycle(lost=rng.random(len(world.wants)) < 0.1)
        if n > 20:
            floors = float(world.meters(world.design.floor).sum())
            assert world.meters(world.power).sum() <= max(limit, floors) + 1e-6
