"""What is shed, when, and whether it fits again: the last priority first, promises last, nobody twice."""

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from rack_controller.decide.budget.claims import claims_of
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.decide.budget.shed import decide_shed_now, reliefs, room_missing, what_to_shed
from rack_controller.model.power_policy import PowerPolicy, Tenant

RACK = Place("s/h/r/k01")
ROSTER = roster_of([(RACK, load_generation("gb200-nvl72"))])
ONE = np.ones(1)
ROW = Row("k01", RowKind.RACK, 90_000.0, ONE)
EACH = reliefs(ROSTER, ONE, ROSTER.floor)[Place(f"{RACK}/u11")]


def step(
    since: dict[str, float], lacking: float, now: float, going: tuple[str, ...] = (), spared: tuple[str, ...] = ()
):
    claims = claims_of(ROSTER, PowerPolicy())
    after, chosen = decide_shed_now(
        since,
        ROSTER,
        claims,
        [ROW],
        ROSTER.floor,
        np.array([lacking]),
        [Place(f"{RACK}/{t}") for t in going],
        [Place(f"{RACK}/{t}") for t in spared],
        now,
        10.0,
    )
    return after, [leaf_of(wish.tray) for wish in chosen]


def test_a_shortfall_is_shed_when_it_has_lasted_and_only_as_much_as_it_needs() -> None:
    since, chosen = step({}, 1.5 * EACH, 100.0)
    assert (since, chosen) == ({"k01": 100.0}, [])
    since, chosen = step(since, 1.5 * EACH, 109.9)
    assert chosen == []
    since, chosen = step(since, 1.5 * EACH, 110.0)
    assert chosen == ["u37", "u36"]
    assert step(since, 0.5, 111.0)[0] == {}  # over: the next one begins anew


def test_what_goes_already_counts_and_what_cannot_be_switched_is_left_out() -> None:
    since = {"k01": 0.0}
    assert step(since, 1.5 * EACH, 20.0, going=("u37", "u36"))[1] == []
    assert step(since, 1.5 * EACH, 20.0, going=("u37",))[1] == ["u36"]
    assert step(since, 0.5 * EACH, 20.0, spared=("u37", "u36"))[1] == ["u35"]


def test_who_was_promised_more_is_shed_after_all_others_whatever_the_priority() -> None:
    tenants = [
        Tenant("paid", ["k01/u3[67]"], priority=90, guarantee_kw=8.0),
        Tenant("first", ["k01/u35"], priority=1),
    ]
    claims = claims_of(ROSTER, PowerPolicy(tenants=tenants))
    order = [leaf_of(t) for t in what_to_shed(ROSTER, claims, ONE, claims.floor, 1e9).trays]
    assert order[-2:] == ["u37", "u36"]
    assert order[-3] == "u35"


def test_a_tray_that_is_off_relieves_nothing_more() -> None:
    claims = claims_of(ROSTER, PowerPolicy())
    floors = np.where([leaf_of(tray_of(p)) == "u37" for p in ROSTER.places], 0.0, ROSTER.floor)
    assert [leaf_of(t) for t in what_to_shed(ROSTER, claims, ONE, floors, 10.0).trays] == ["u36"]


@pytest.mark.parametrize(("left", "fits"), [(4_000.0, False), (7_000.0, True)])
def test_a_tray_comes_back_where_its_default_limits_and_what_follows_fit(left: float, fits: bool) -> None:
    which = np.array([leaf_of(tray_of(p)) == "u37" for p in ROSTER.places])
    missing, limit = room_missing(ROSTER, [ROW], np.array([left]), which, np.where(which, ROSTER.most, 0.0), 0.1)
    assert (missing == 0.0, limit) == (fits, "" if fits else "k01")
    assert fits or 4 * 1200.0 < missing + left < 7_000.0


def test_what_is_charged_its_most_already_does_not_fit_either_while_its_limit_is_passed() -> None:
    which = np.array([leaf_of(tray_of(p)) == "u37" for p in ROSTER.places])
    missing, limit = room_missing(ROSTER, [ROW], np.array([-700.0]), which, np.zeros(len(which)), 0.1)
    assert (missing, limit) == (700.0, "k01")
