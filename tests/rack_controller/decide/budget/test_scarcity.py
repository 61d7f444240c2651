"""Under scarcity devices trade watts all the time: what no limit asks for is only sent when it is worth it."""

from dataclasses import dataclass, field

import numpy as np

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.claims import claims_of
from rack_controller.decide.budget.live import LiveSight, LiveState, begin, step_live
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.model.power_policy import Mode, PowerPolicy

ROSTER = roster_of([(Place("s/h/r/k01"), load_generation("gb200-nvl72"))])
COUNT = len(ROSTER.places)
LIMIT = 90_000.0
MINUTES = 4


@dataclass
class Busy:
    """72 GPUs that all ask for more than there is, read tray by tray once a second, drawing a little less than they
    may at times; limits are read back a cycle after they were sent."""

    policy: PowerPolicy
    now: float = 100.0
    caps: np.ndarray = field(default_factory=lambda: np.full(COUNT, 1200.0))
    read: np.ndarray = field(default_factory=lambda: np.full(COUNT, 1200.0))
    power: np.ndarray = field(default_factory=lambda: np.full(COUNT, 1000.0))
    state: LiveState | None = None
    limit: float = LIMIT
    writes: int = 0
    over: int = 0
    drawn: float = 0.0

    def run(self, seconds: float, seed: int = 1) -> None:
        dice = np.random.default_rng(seed)
        claims = claims_of(ROSTER, self.policy)
        tray = np.arange(COUNT) // 4
        true = np.minimum(self.caps, 1150.0)
        self.state = self.state or begin(ROSTER, claims, self.now)
        nobody = np.zeros(COUNT, dtype=np.bool_)
        for n in range(round(seconds / 0.5)):
            self.now += 0.5
            fresh = tray % 2 == n % 2
            self.power = np.where(fresh, true, self.power)
            sight = LiveSight(
                now=self.now,
                rows=(Row("k01", RowKind.RACK, self.limit, np.ones(1), "supplies"),),
                power=self.power,
                read=self.read,
                seen=~nobody,
                ceiling=np.full(COUNT, np.nan),
                able=~nobody,
                began=nobody,
                meters=np.array([self.fed(true)]),
            )
            self.state, decision = step_live(self.state, ROSTER, claims, self.policy, sight)
            self.read = self.caps.copy()
            took = np.isfinite(decision.writes)
            self.caps = np.where(took, decision.writes, self.caps)
            self.writes += int(took.sum())
            # A serving GPU follows its queue: now and then it draws less than it may, and wants it back.
            true = np.minimum(self.caps, dice.normal(1000.0, 120.0, COUNT))
            self.over += self.fed(true) > self.limit
            self.drawn += self.fed(true)

    @staticmethod
    def fed(power: np.ndarray) -> float:
        return float(ROSTER.law.drawn(np.array([power.sum()]))[0])


def settled(policy: PowerPolicy, seed: int = 1) -> Busy:
    it = Busy(policy)
    it.run(30.0, seed)
    it.writes, it.over, it.drawn = 0, 0, 0.0
    it.run(60.0 * MINUTES, seed + 100)
    return it


def test_a_band_saves_most_writes_and_hardly_any_of_the_power() -> None:
    before = settled(PowerPolicy(mode=Mode.ARMED, band=0.0))
    after = settled(PowerPolicy(mode=Mode.ARMED))
    assert (before.over, after.over) == (0, 0)
    assert after.writes < 0.3 * before.writes, (before.writes, after.writes)
    assert after.drawn > 0.99 * before.drawn, (before.drawn, after.drawn)


def test_a_limit_that_falls_is_kept_at_once_whatever_the_band() -> None:
    it = settled(PowerPolicy(mode=Mode.ARMED, band=0.2))
    it.limit = 0.97 * LIMIT  # less than the band
    it.over = 0
    it.run(3.0)
    assert it.over <= 1
