"""The live cycle: what is not known is charged its most, nothing is raised on it, and the lowest layer holds."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.claims import Claims, claims_of
from rack_controller.decide.budget.live import LiveDecision, LiveSight, LiveState, begin, own_limits, step_live
from rack_controller.decide.budget.roster import Roster, roster_of
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.decide.budget.why import layers_of
from rack_controller.model.power_policy import Mode, PowerPolicy, Tenant

RACK = Place("s/h/r/k01")
ROSTER = roster_of([(RACK, load_generation("gb200-nvl72"))])
COUNT = len(ROSTER.places)
ARMED = PowerPolicy(mode=Mode.ARMED)
TIGHT, ROOMY = 90_000.0, 200_000.0


@dataclass
class Devices:
    """72 GPUs that keep what they are told unless `deaf`, drawing all they may; limits are read back a cycle later."""

    policy: PowerPolicy = ARMED
    limit: float = TIGHT
    roster: Roster = ROSTER
    now: float = 100.0
    demand: float = 1200.0
    caps: np.ndarray = field(default_factory=lambda: np.full(COUNT, 1200.0))
    read: np.ndarray = field(default_factory=lambda: np.full(COUNT, 1200.0))
    ceiling: np.ndarray = field(default_factory=lambda: np.full(COUNT, np.nan))
    able: np.ndarray = field(default_factory=lambda: np.ones(COUNT, dtype=np.bool_))
    seen: np.ndarray = field(default_factory=lambda: np.ones(COUNT, dtype=np.bool_))
    deaf: np.ndarray = field(default_factory=lambda: np.zeros(COUNT, dtype=np.bool_))
    began: np.ndarray = field(default_factory=lambda: np.zeros(COUNT, dtype=np.bool_))
    unread: np.ndarray = field(default_factory=lambda: np.zeros(COUNT, dtype=np.bool_))
    batteries: float = 0.0
    off: np.ndarray = field(default_factory=lambda: np.zeros(COUNT, dtype=np.bool_))
    state: LiveState | None = None

    @property
    def claims(self) -> Claims:
        return claims_of(self.roster, self.policy)

    def power(self) -> np.ndarray:
        return np.where(self.off, 0.0, np.minimum(self.caps, self.demand))

    def fed(self) -> float:
        return float(self.roster.law.drawn(np.array([self.power().sum()]))[0])

    def cycle(self, count: int = 1) -> LiveDecision:
        for _ in range(count):
            self.now += 0.5
            self.state = self.state or begin(self.roster, self.claims, self.now)
            sight = LiveSight(
                now=self.now,
                rows=(Row("k01", RowKind.RACK, self.limit, np.ones(1), "supplies"),),
                power=np.where(self.seen, self.power(), np.nan),
                read=np.where(self.unread, np.nan, self.read),
                seen=self.seen,
                ceiling=self.ceiling,
                able=self.able,
                began=self.began,
                meters=np.array([self.fed() + self.batteries]),
                extra=np.array([self.batteries]),
                off=self.off,
            )
            self.state, decision = step_live(self.state, self.roster, self.claims, self.policy, sight)
            self.read = self.caps.copy()
            took = np.isfinite(decision.writes) & ~self.deaf & (self.policy.mode is Mode.ARMED)
            self.caps = np.where(took, decision.writes, self.caps)
            self.began = np.zeros(COUNT, dtype=np.bool_)
        return decision


def test_limits_come_down_below_the_limit_and_go_up_again_when_there_is_room() -> None:
    it = Devices()
    it.cycle(2)
    assert it.fed() <= TIGHT
    decision = it.cycle(10)
    assert decision.step.charged[0] <= TIGHT
    assert (decision.writes[np.isfinite(decision.writes)] % 1 == 0).all()  # devices keep whole watts
    it.limit = ROOMY
    it.cycle(20)
    assert it.caps == pytest.approx(np.full(COUNT, 1200.0))


def test_a_controller_that_begins_takes_what_stands_and_raises_nothing_unknown() -> None:
    it = Devices(limit=60_000.0)
    it.caps = it.read = np.full(COUNT, 600.0)
    it.unread[:4] = True
    first = it.cycle()
    assert first.holds[4:] == pytest.approx(np.full(COUNT - 4, 600.0))
    assert first.holds[:4] == pytest.approx(np.full(4, 1200.0))  # unknown: charged its most
    assert not np.isfinite(first.writes[:4]).any()
    it.cycle(3)
    assert (it.caps[:4] == 600.0).all()
    it.unread[:] = False
    assert (it.cycle().holds[:4] < 700.0).all()


def test_a_gpu_that_was_reset_is_charged_its_most_and_told_anew_at_once() -> None:
    it = Devices()
    it.cycle(12)
    kept = it.caps[0]
    assert kept < 1200.0
    it.caps[0], it.began[0], it.unread[0] = 1200.0, True, True
    decision = it.cycle()
    assert decision.holds[0] >= 1200.0
    assert decision.writes[0] == kept
    it.unread[0] = False
    it.cycle(3)
    assert it.caps[0] < 1200.0
    assert it.fed() <= TIGHT


def test_what_cannot_be_told_is_a_load_that_the_others_make_room_for() -> None:
    it = Devices()
    it.able[:8], it.deaf[:8] = False, True
    it.cycle(6)
    assert (it.caps[:8] == 1200.0).all()
    assert it.fed() <= TIGHT
    assert it.caps[8:].max() < 1200.0


def test_stale_sights_raise_nothing_but_lower() -> None:
    it = Devices()
    it.cycle(12)
    before = it.caps.copy()
    it.seen[:] = False
    it.limit = ROOMY
    it.cycle(10)
    assert (it.caps <= before).all()
    it.limit = TIGHT * 0.9
    it.cycle(4)
    assert it.caps.sum() < before.sum()


def test_people_and_interlocks_are_ceilings_and_the_lowest_layer_is_named() -> None:
    it = Devices(limit=ROOMY)
    it.ceiling[0] = 500.0
    it.cycle(8)
    assert it.caps[0] <= 500.0
    decision = it.cycle()
    layers = layers_of(ROSTER, it.claims, decision, 0, (500.0, "interlock flow.low"))
    assert (layers.layer, layers.watts) == ("interlock flow.low", 500.0)
    assert "its cause is over" in layers.frees
    assert layers_of(ROSTER, it.claims, decision, 1, None).layer == "its own default"
    it.limit = TIGHT
    decision = it.cycle(8)
    layers = layers_of(ROSTER, it.claims, decision, 1, (1100.0, "ada"))
    assert layers.layer == "budget: k01 (supplies)"
    assert [name for name, _ in layers.each] == ["budget: k01 (supplies)", "limit of ada", "its own default"]


def test_tenants_terms_hold_as_floors_and_caps() -> None:
    places = ["k01/u1[1-4]"]
    policy = replace_policy(tenants=[Tenant("research", places, guarantee_kw=16.0, priority=90)])
    it = Devices(policy=policy, limit=75_000.0)
    it.cycle(12)
    mine = np.array([name == "research" for name in it.claims.tenant])
    assert mine.sum() == 16
    assert it.caps[mine].min() >= 999.0  # 16 kW on 16 GPUs
    capped = Devices(policy=replace_policy(tenants=[Tenant("research", places, most_kw=8.0)]), limit=ROOMY)
    decision = capped.cycle(8)
    assert capped.caps[mine].max() <= 500.0
    at = int(np.flatnonzero(mine)[0])
    assert layers_of(ROSTER, capped.claims, decision, at, None).layer == "terms of research"


def replace_policy(**changes: object) -> PowerPolicy:
    return PowerPolicy(mode=Mode.ARMED, **changes)  # type: ignore[arg-type]


def test_shadow_works_out_what_it_would_write_and_counts_it_as_landed() -> None:
    it = Devices(policy=PowerPolicy(mode=Mode.SHADOW))
    decision = it.cycle(6)
    assert (it.caps == 1200.0).all()
    assert decision.told.max() < 1200.0
    assert decision.step.charged[0] <= TIGHT


def test_floors_that_do_not_fit_are_a_shortfall() -> None:
    decision = Devices(limit=40_000.0).cycle(4)
    assert decision.step.shortfall[0] > 0
    assert (decision.told >= ROSTER.floor - 1).all()


def test_a_law_is_learned_anew_where_gpus_may_draw_another_amount() -> None:
    it = Devices(demand=500.0, limit=ROOMY)
    it.cycle(8)
    assert it.state is not None
    assert it.state.budget.law.sights.sum() > 0
    it.ceiling[:] = 700.0
    it.cycle()
    assert it.state.budget.law.sights.sum() <= 1
    assert replace(it.state).most.max() == 700.0


def test_batteries_that_charge_are_a_load_that_limits_make_room_for_and_teach_nothing() -> None:
    it = Devices(limit=TIGHT)
    it.cycle(12)
    assert it.state is not None
    without, learned = it.fed(), it.state.budget.law.sights.sum()
    it.batteries = 9_000.0
    decision = it.cycle(6)
    assert it.fed() + 9_000.0 <= TIGHT < without + 9_000.0
    assert decision.step.charged[0] >= it.fed() + 9_000.0
    assert it.state.budget.law.sights.sum() == learned


def test_what_was_shed_is_not_charged_while_it_is_off_and_charged_its_most_before_it_comes_back() -> None:
    least = 46_000.0  # floors of 72 GPUs and what follows them are more
    it = Devices(limit=least)
    decision = it.cycle(6)
    assert decision.lacking[0] > 1_000.0
    it.off[60:] = True  # three trays
    decision = it.cycle(6)
    assert decision.lacking[0] == 0.0
    assert (decision.holds[60:] == 0.0).all()
    assert decision.step.charged[0] <= least
    assert not np.isfinite(decision.writes[60:]).any()
    it.limit, it.off[60:64] = 80_000.0, False
    it.unread[60:64], it.began[60:64] = True, True  # nothing that was read of them before counts
    decision = it.cycle()
    assert (decision.holds[60:64] >= 1200.0).all()
    it.unread[:] = False
    it.cycle(6)
    assert it.fed() <= 80_000.0


def test_what_nobody_can_tell_anything_costs_nobody_else_its_tray() -> None:
    it = Devices(limit=50_500.0, demand=400.0)
    assert it.cycle(6).lacking[0] == 0.0
    it.demand = 1200.0  # and what it draws is told as a shortfall, but certain is only its floor
    it.able[:8], it.unread[:8], it.began[:8] = False, True, True
    decision = it.cycle(6)
    assert decision.step.shortfall[0] > 1_000.0  # charged: it may draw its most
    assert decision.lacking[0] == 0.0


def test_a_gpu_that_may_have_its_most_is_let_go_however_little_is_missing() -> None:
    it = Devices()
    it.caps = it.read = np.full(COUNT, 1170.0)  # nearer than the band
    it.limit = ROOMY
    it.cycle(12)
    assert it.caps == pytest.approx(np.full(COUNT, 1200.0))


def test_a_law_is_learned_anew_with_other_supplies_and_not_for_any_other_limit() -> None:
    """What was metered with all supplies says nothing of the losses in half of them."""
    it = Devices(limit=ROOMY, demand=900.0)
    it.cycle(20)
    assert it.state is not None
    seen = float(it.state.budget.law.sights.max())
    assert seen >= 3
    it.limit = 0.99 * ROOMY
    it.cycle(2)
    assert float(it.state.budget.law.sights.max()) > seen
    it.limit = 0.75 * ROOMY
    it.cycle()
    assert float(it.state.budget.law.sights.max()) <= 1
    rows = (Row("k01", RowKind.RACK, 100.0, np.ones(1)), Row("cap", RowKind.CAP, 50.0, np.ones(1)))
    assert own_limits(np.ones((2, 1)), np.array([100.0, 50.0]), rows).tolist() == [100.0]
    assert np.isinf(own_limits(np.zeros((1, 1)), np.array([np.inf]), ())).all()
