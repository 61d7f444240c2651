"""Who may act on an endpoint now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rack_controller.decide.leases import FREE, Standing, decide_lease, lapsed
from rack_controller.model.lease import Direction, Facet, Lease, LeaseClass, Wish
from rack_controller.model.lock import MaintenanceLock

C, D, F = LeaseClass, Direction, Facet
U12 = "a/b/c/k01/u12/bmc"
LOCK = MaintenanceLock("a/b/c/k01/u12", "bob", "+1 555", "new GPU", 0, 10)


def wish(rank: C, direction: D = D.NEUTRAL, facet: F = F.POWER_STATE, holder: str = "me", actor: str = "ada") -> Wish:
    return Wish(U12, facet, rank, holder, direction, actor)


def held(rank: C, direction: D = D.NEUTRAL, facet: F = F.POWER_STATE) -> dict[tuple[str, F], Lease]:
    return {(U12, facet): Lease(wish(rank, direction, facet, "k01-3", "eve"), 1, until=100.0)}


@pytest.mark.parametrize(
    ("asking", "holding", "granted"),
    [
        (wish(C.INTERLOCK, D.SAFE), held(C.THERMAL), True),
        (wish(C.THERMAL), held(C.POWER), True),
        (wish(C.POWER), held(C.OPERATOR), True),
        (wish(C.OPERATOR), held(C.POWER), False),
        (wish(C.OPERATOR), held(C.OPERATOR), False),
        (wish(C.OPERATOR, D.SAFE), held(C.OPERATOR, D.ENERGISED), True),
        (wish(C.OPERATOR, D.SAFE), held(C.OPERATOR, D.SAFE), False),
        (wish(C.OPERATOR, D.SAFE), held(C.THERMAL, D.ENERGISED), False),
        # another facet is nobody's business, unless it is a flash
        (wish(C.OPERATOR), held(C.POWER, facet=F.POWER_LIMIT), True),
        (wish(C.POWER, facet=F.POWER_LIMIT), held(C.FIRMWARE, facet=F.FIRMWARE), False),
        (wish(C.THERMAL, D.SAFE), held(C.FIRMWARE, facet=F.FIRMWARE), False),
        (wish(C.INTERLOCK, D.SAFE), held(C.FIRMWARE, facet=F.FIRMWARE), True),
        (wish(C.FIRMWARE, facet=F.FIRMWARE), held(C.OPERATOR), False),
    ],
)
def test_class_and_direction_decide(asking: Wish, holding: dict[tuple[str, F], Lease], granted: bool) -> None:
    decision = decide_lease(asking, holding, 0.0)
    assert decision.granted is granted
    assert granted or "held by k01-3 of eve" in decision.reason


def test_a_lease_that_is_over_holds_nothing() -> None:
    holding = held(C.THERMAL)
    assert decide_lease(wish(C.INVENTORY), holding, 100.0).granted
    assert lapsed(holding[U12, F.POWER_STATE], holding, 100.0) == "the lease is over"
    assert lapsed(holding[U12, F.POWER_STATE], holding, 1.0) == ""
    assert "given back" in lapsed(holding[U12, F.POWER_STATE], {}, 1.0)
    other = {(U12, F.POWER_STATE): Lease(wish(C.INTERLOCK, holder="leak u12"), 2, 100.0)}
    assert lapsed(holding[U12, F.POWER_STATE], other, 1.0) == "taken over by leak u12"


def test_a_lock_outranks_automation_and_everybody_but_its_owner() -> None:
    locked = Standing(lock=LOCK)
    assert "locked by bob (+1 555)" in decide_lease(wish(C.THERMAL), {}, 0.0, locked).reason
    assert not decide_lease(wish(C.OPERATOR, D.ENERGISED), {}, 0.0, locked).granted
    assert decide_lease(wish(C.OPERATOR, D.ENERGISED, actor="bob"), {}, 0.0, locked).granted


@given(st.sampled_from(C), st.sampled_from([Standing(lock=LOCK), Standing(latched="leak"), Standing(bypassed="x")]))
def test_toward_safe_is_never_forbidden_and_a_latch_always_forbids(rank: C, standing: Standing) -> None:
    assert decide_lease(wish(rank, D.SAFE), {}, 0.0, standing).granted
    if standing.lock is None:
        assert not decide_lease(wish(rank, D.ENERGISED, actor="bob"), {}, 0.0, standing).granted


@given(st.sampled_from(C), st.sampled_from(C), st.sampled_from(D), st.sampled_from(D), st.sampled_from(F))
def test_of_two_at_most_one_takes_it_from_the_other(a: C, b: C, da: D, db: D, facet: F) -> None:
    one, two = wish(a, da, facet, "one"), wish(b, db, facet, "two")
    first = decide_lease(one, {(U12, facet): Lease(two, 1, 9.0)}, 0.0, FREE).granted
    second = decide_lease(two, {(U12, facet): Lease(one, 1, 9.0)}, 0.0, FREE).granted
    assert not (first and second) or a is b is C.INTERLOCK
