"""In band lowers and never raises; what it is believed to hold is at least what it does, whatever is lost or late."""

from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.claims import claims_of
from rack_controller.decide.budget.design import Mask
from rack_controller.decide.budget.in_band import Granted, InBandSight, granted, heard, in_force, to_grant, with_in_band
from rack_controller.decide.budget.live import LiveDecision, LiveSight, begin, step_live
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.model.power_policy import Mode, PowerPolicy

ROSTER = roster_of([(Place("s/h/r/k01"), load_generation("gb200-nvl72"))])
COUNT = len(ROSTER.places)
ARMED = PowerPolicy(mode=Mode.ARMED)


CLAIMS = claims_of(ROSTER, ARMED)


def seen(free: Mask | None = None) -> LiveSight:
    """Return GPUs that draw and may draw all they can under a limit that carries less."""
    high, yes = np.full(COUNT, 1200.0), np.ones(COUNT, dtype=np.bool_)
    return LiveSight(
        now=100.0,
        rows=(Row("k01", RowKind.RACK, 90_000.0, np.ones(1), "supplies"),),
        power=high,
        read=high,
        seen=yes,
        ceiling=np.full(COUNT, np.nan),
        able=yes,
        began=~yes,
        meters=np.array([np.nan]),
        free=free,
    )


def decided(free: Mask) -> LiveDecision:
    return step_live(begin(ROSTER, CLAIMS, 100.0), ROSTER, CLAIMS, ARMED, seen(free))[1]


def sight(read: float, number: int, live: bool = True) -> InBandSight:
    return InBandSight(np.array([read]), np.array([number]), np.array([live]))


def told(before: Granted, watts: float, number: int) -> Granted:
    return granted(before, np.array([watts]), np.array([number]))


def test_what_nobody_says_is_kept_counts_for_nothing() -> None:
    it = told(Granted.nothing(1), 700.0, 1)
    assert in_force(np.array([1200.0]), it)[0] == 1200.0
    kept = heard(it, sight(700.0, 1))
    assert in_force(np.array([1200.0]), kept)[0] == 700.0
    assert in_force(np.array([1200.0]), heard(kept, sight(700.0, 1, live=False)))[0] == 1200.0
    assert in_force(np.array([1200.0]), heard(kept, sight(np.nan, 1)))[0] == 1200.0


def test_a_raise_under_way_is_charged_also_when_the_same_limit_as_before_follows_it() -> None:
    it = heard(told(Granted.nothing(1), 700.0, 1), sight(700.0, 1))
    it = told(told(it, 900.0, 2), 700.0, 3)
    assert heard(it, sight(700.0, 1)).holds[0] == 900.0
    assert heard(it, sight(900.0, 2)).holds[0] == 900.0
    assert heard(it, sight(700.0, 3)).holds[0] == 700.0


@dataclass
class Host:
    """A driver behind a line that loses grants but keeps their order, and an agent that falls when it likes."""

    limit: float = 1200.0
    number: int = 0
    standing: float = 400.0
    line: list[tuple[int, float]] = field(default_factory=list)


_act = st.one_of(
    st.tuples(st.just("grant"), st.sampled_from([500.0, 700.0, 900.0, 1200.0])),
    st.tuples(st.sampled_from(["land", "lose", "say", "fall", "hush"]), st.just(0.0)),
)


@given(st.lists(_act, max_size=80))
def test_the_bound_is_never_below_what_the_driver_keeps(acts: list[tuple[str, float]]) -> None:
    host, it, sent = Host(), Granted.nothing(1), 0
    for what, watts in acts:
        if what == "grant":
            sent += 1
            host.line.append((sent, watts))
            it = told(it, watts, sent)
        elif what == "land" and host.line:
            host.number, host.limit = host.line.pop(0)
        elif what == "lose" and host.line:
            host.line.pop(0)
        elif what == "fall":
            host.limit = min(host.limit, host.standing)
        elif what in ("say", "hush"):
            it = heard(it, sight(host.limit, host.number, live=what == "say" and host.number > 0))
        assert it.holds[0] >= host.limit
    it = heard(it, sight(host.limit, host.number))
    waiting = [w for n, w in zip(it.numbers[:, 0], it.caps[:, 0], strict=True) if n > host.number]
    assert it.holds[0] == max([host.limit, *waiting])  # and no higher than it must be


def test_more_grants_than_are_remembered_lose_no_bound() -> None:
    it = Granted.nothing(1)
    for n in range(100):
        it = told(it, 1200.0 - n, n + 1)
    assert heard(it, sight(400.0, 1)).holds[0] >= 1199.0
    assert heard(it, sight(1101.0, 100)).holds[0] == 1101.0


def test_what_waits_for_a_busy_controller_is_granted_lower_at_once_and_never_higher() -> None:
    alone = decided(free=np.zeros(COUNT, dtype=np.bool_))
    assert (alone.told == 1200.0).all()  # Redfish was told nothing yet
    wanted = to_grant(alone, ROSTER.floor)
    assert (wanted < 1200.0).all()
    assert (wanted == np.floor(wanted)).all()
    higher = replace(alone, told=np.full(COUNT, 700.0), step=replace(alone.step, writes=np.full(COUNT, 900.0)))
    assert (to_grant(higher, ROSTER.floor) == 700.0).all()
    off = replace(alone, told=np.zeros(COUNT))
    assert (to_grant(off, ROSTER.floor) == ROSTER.floor).all()


def test_a_decision_stays_what_it_was_and_is_charged_what_can_be_in_force() -> None:
    state, alone = step_live(begin(ROSTER, CLAIMS, 100.0), ROSTER, CLAIMS, ARMED, seen())
    assert alone.step.charged[0] > 90_000.0  # nothing has been read back yet
    both = with_in_band(state, ROSTER, CLAIMS, alone, ARMED.doubt, np.minimum(alone.holds, alone.told))
    assert both.step.charged[0] <= 90_000.0  # what was decided holds in band
    assert both.writes is alone.writes
    assert (both.told == alone.told).all()
    assert with_in_band(state, ROSTER, CLAIMS, alone, ARMED.doubt, alone.holds) is alone
