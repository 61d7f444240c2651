"""Ramps by limits alone: what is granted rises no faster than they say, and jobs come down before they pause."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.claims import claims_of
from rack_controller.decide.budget.layers import lay
from rack_controller.decide.budget.live import LiveDecision, LiveSight, LiveState, begin, step_live
from rack_controller.decide.budget.ramp import RampState, edge_needs_kj, edge_w, steepest, step_ramp
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.decide.budget.say import say_limits
from rack_controller.decide.budget.why import layers_of
from rack_controller.model.power_hint import JobHint, parse_hint
from rack_controller.model.power_policy import Job, Mode, PowerPolicy, Ramp
from rack_controller.run.budget.ramping import Ramping

ROSTER = roster_of([(Place("s/h/r/k01"), load_generation("gb200-nvl72"))])
COUNT, IDLE, BUSY = len(ROSTER.places), 150.0, 1150.0
UP, DOWN = 2.0, 1.0
RAMP = Ramp("row", ["k01"], UP, DOWN, mode=Mode.ARMED)
TRAIN = Job("train", ["k01"])
DT = 0.5
NOBODY = np.zeros(COUNT, dtype=np.bool_)


@dataclass
class Trained:
    """72 GPUs that train in step; seen, told and read back a cycle later.  `busy(t)`: whether they compute then."""

    ramp: Ramp = RAMP
    mode: Mode = Mode.ARMED
    hints: list[JobHint] = field(default_factory=list)
    limit: float = 250_000.0
    now: float = 0.0
    caps: np.ndarray = field(default_factory=lambda: np.full(COUNT, 1200.0))
    read: np.ndarray = field(default_factory=lambda: np.full(COUNT, 1200.0))
    power: np.ndarray = field(default_factory=lambda: np.full(COUNT, IDLE))
    able: np.ndarray = field(default_factory=lambda: ~NOBODY)
    state: LiveState | None = None
    ramping: Ramping = field(default_factory=lambda: Ramping(ROSTER))
    fed: list[float] = field(default_factory=list)
    decision: LiveDecision | None = None

    @property
    def policy(self) -> PowerPolicy:
        return PowerPolicy(mode=self.mode, ramps=[self.ramp], jobs=[TRAIN])

    @property
    def unix_ns(self) -> int:
        return int(self.now * 1e9)

    def run(self, seconds: float, busy: bool) -> list[float]:
        """Return what the rack drew, every half second, W."""
        claims, first = claims_of(ROSTER, self.policy), len(self.fed)
        self.state = self.state or begin(ROSTER, claims, self.now)
        for _ in range(round(seconds / DT)):
            self.now += DT
            drawn = np.minimum(self.caps, BUSY if busy else IDLE)
            self.fed.append(float(ROSTER.law.drawn(np.array([drawn.sum()]))[0]))
            sight = LiveSight(
                now=self.now,
                rows=(Row("k01", RowKind.RACK, self.limit, np.ones(1), "supplies"),),
                power=self.power,
                read=self.read,
                seen=~NOBODY,
                ceiling=np.full(COUNT, np.nan),
                able=self.able,
                began=NOBODY,
                meters=ROSTER.law.drawn(np.array([self.power.sum()])),  # of the same moment
            )
            sight = self.ramping.cycle(self.policy, claims, self.state, sight, self.hints, self.unix_ns)
            self.state, self.decision = step_live(self.state, ROSTER, claims, self.policy, sight)
            self.power, self.read = drawn, self.caps.copy()
            took = np.isfinite(self.decision.writes) & self.able & (self.mode is Mode.ARMED)
            self.caps = np.where(took, self.decision.writes, self.caps)
        return self.fed[first:]


def rates(watts: list[float], over: int) -> np.ndarray:
    """Return rises over `over` cycles, kW/s."""
    each = np.array(watts)
    return (each[over:] - each[:-over]) / (over * DT) / 1e3


def test_a_start_rises_with_the_ramp_and_gets_there() -> None:
    it = Trained()
    low = it.run(20.0, busy=False)[-1]
    rise = it.run(90.0, busy=True)
    assert rates(rise, 20).max() <= UP * 1.05  # over ten seconds; at once no more than the slack above rest
    least = float(ROSTER.law.drawn(np.array([ROSTER.floor.sum()]))[0])
    assert rise[0] <= 1.06 * least  # what no limit can hold back comes at once
    assert rise[-1] >= 0.999 * float(ROSTER.law.drawn(np.array([COUNT * BUSY]))[0])
    assert rise[-1] - low > UP * 1e3 * 30.0  # so that without a ramp it would have been a jump of many seconds' worth


def test_without_a_ramp_the_same_start_is_one_jump() -> None:
    it = Trained(mode=Mode.SHADOW)
    low = it.run(20.0, busy=False)[-1]
    assert it.run(2.0, busy=True)[0] - low > UP * 1e3 * 30.0


def test_a_job_that_goes_on_is_not_held_and_short_low_phases_are_no_pause() -> None:
    it = Trained()
    it.run(20.0, busy=False)
    full = it.run(120.0, busy=True)[-1]
    for _ in range(12):
        assert it.run(3.5, busy=True) == pytest.approx([full] * 7)
        it.run(1.5, busy=False)


def test_the_period_of_a_job_makes_longer_low_phases_part_of_it() -> None:
    hint = parse_hint("train", {"period_s": 20.0, "for_s": 1e4}, 0, "ada")
    told, untold = Trained(hints=[hint]), Trained()
    for it in (told, untold):
        it.run(20.0, busy=False)
        full = it.run(120.0, busy=True)[-1]
        it.run(9.0, busy=False)
    assert told.run(1.0, busy=True) == pytest.approx([full] * 2)
    assert untold.run(1.0, busy=True)[0] < 0.8 * full  # a pause of nine seconds: it starts anew, with the ramp


def test_a_checkpoint_that_was_said_comes_down_evenly_and_goes_up_again() -> None:
    it = Trained()
    it.run(20.0, busy=False)
    full = it.run(120.0, busy=True)[-1]
    it.hints = [parse_hint("train", {"checkpoints": "150/12"}, it.unix_ns, "ada")]
    before = it.run(150.0, busy=True)
    assert rates(before, 20).min() >= -DOWN * 1.1
    least = float(ROSTER.law.drawn(np.array([ROSTER.floor.sum()]))[0])
    assert before[-1] == pytest.approx(least, rel=0.02)  # as far as limits go
    (look,) = it.ramping.looks
    assert look.rest_w == pytest.approx(least - float(ROSTER.law.drawn(np.array([COUNT * IDLE]))[0]), rel=0.05)
    over = it.ramping.over(lay(ROSTER, []))
    assert ("ramp row: its job pauses", ROSTER.floor[0]) in [
        (name, max(watts, ROSTER.floor[0])) for name, watts in over.at(0)
    ]
    assert it.decision is not None
    layers = layers_of(ROSTER, claims_of(ROSTER, it.policy), it.decision, 0, None, None, over)
    assert (layers.layer, "power job hint --clear" in layers.frees) == ("ramp row: its job pauses", True)
    it.run(12.0, busy=False)
    after = it.run(90.0, busy=True)
    assert rates(after, 20).max() <= UP * 1.05
    assert after[-1] == pytest.approx(full, rel=0.01)


def test_a_pause_that_was_said_too_late_brings_nobody_down_faster() -> None:
    it = Trained()
    it.run(20.0, busy=False)
    it.run(120.0, busy=True)
    it.hints = [parse_hint("train", {"checkpoints": "30/12"}, it.unix_ns, "ada")]
    before = it.run(30.0, busy=True)
    assert rates(before, 20).min() >= -DOWN * 1.1
    assert before[-1] < 0.8 * before[0]  # as far as it got


def test_a_ramp_in_shadow_holds_nobody_and_says_what_it_would_have() -> None:
    it = Trained(ramp=Ramp("row", ["k01"], UP, DOWN))
    low = it.run(20.0, busy=False)[-1]
    rise = it.run(2.0, busy=True)
    assert rise[0] - low > UP * 1e3 * 30.0
    (look,) = it.ramping.looks
    assert look.load_w - look.ceiling_w > UP * 1e3 * 20.0
    it.run(4.0, busy=True)
    (view,) = it.ramping.views(0)
    assert view.held_w > UP * 1e3 * 20.0
    assert view.rose_w_s is not None
    assert view.rose_w_s > 5 * view.up_w_s  # the meter has seen it


def test_devices_that_nobody_can_tell_anything_cost_the_others_nothing_and_nobody_is_shed() -> None:
    it = Trained()
    it.run(20.0, busy=False)
    full = it.run(120.0, busy=True)[-1]
    it.able = ~NOBODY
    it.able[:16] = False
    it.caps[:16] = 1200.0
    assert it.run(20.0, busy=True)[-1] >= 0.995 * full
    assert it.decision is not None
    assert (it.decision.lacking == 0.0).all()
    limits = say_limits(ROSTER, claims_of(ROSTER, it.policy), it.decision, np.array([full]), 0)
    assert [limit.kind for limit in limits] == ["rack", "ramp"]


def test_a_ramp_never_lifts_any_other_limit() -> None:
    it = Trained(limit=60_000.0)
    it.run(20.0, busy=False)
    assert max(it.run(120.0, busy=True)) <= 60_000.0


def test_storage_lets_an_edge_through_that_it_carries_until_the_feed_is_there() -> None:
    with_it = Ramp("row", ["k01"], UP, DOWN, storage_kj=100.0, storage_from="capacitors, by their maker")
    edge = edge_w(with_it, UP)
    assert edge_needs_kj(edge, UP) == pytest.approx(50.0)  # half of it is there to take up what falls
    first, second = (step_ramp(RampState(), ramp, 30_000.0, 0.0, 5.0, 0.0) for ramp in (with_it, RAMP))
    assert first.ceiling_w - second.ceiling_w == pytest.approx(edge)


def test_a_ceiling_rises_with_the_ramp_and_follows_a_load_that_stays_low() -> None:
    state = step_ramp(RampState(), RAMP, 30_000.0, 0.0, 5.0, 0.0)
    begun = state.ceiling_w
    for n in range(1, 11):
        state = step_ramp(state, RAMP, 200_000.0, 0.0, 5.0, float(n))
    assert state.ceiling_w == pytest.approx(begun + 10 * UP * 1e3)
    for n in range(11, 15):
        state = step_ramp(state, RAMP, 30_000.0, 0.0, 5.0, float(n))
    assert state.ceiling_w >= begun + 10 * UP * 1e3  # as long as it may be one phase of an iteration
    state = step_ramp(state, RAMP, 30_000.0, 0.0, 5.0, 16.0)
    assert state.ceiling_w == pytest.approx(begun)
    assert step_ramp(state, RAMP, 30_000.0, 50_000.0, 5.0, 16.5).ceiling_w == 50_000.0  # floors are nobody's ramp


def test_what_was_read_back_stays_known_while_nothing_is_sent() -> None:
    it = Trained(limit=60_000.0)
    it.run(30.0, busy=True)
    assert it.decision is not None
    assert not np.isfinite(it.decision.writes).any()
    assert it.decision.holds == pytest.approx(it.caps)


def test_the_steepest_second_of_a_meter() -> None:
    meters = [(float(n), 10.0 * n) for n in range(5)] + [(5.0, 100.0), (6.0, 20.0)]
    assert steepest(meters, 1.0) == (60.0, 80.0)
    assert steepest(meters[:1], 1.0) == (None, None)
