"""Sharing among many: no limit passed, floors first, priority kept, nobody could have more without taking it away."""

import dataclasses

import numpy as np
import pytest
from support.limit_graphs import random_graphs, wrongs

from rack_controller.decide.budget.share import ShareGraph, share, to_shed

NAMES = ("feed", "tenant", "rack")


def graph(**changes: object) -> ShareGraph:
    """Two claims of two devices: the feed carries both, the tenant the first, the rack the second."""
    fields: dict[str, object] = {
        "claim": np.array([0, 0, 1, 1]),
        "limits": np.array([[0, 0], [1, 2]]),
        "factors": np.ones((2, 2)),
        "names": NAMES,
        "weight": np.ones(2),
        "priority": np.zeros(2, dtype=np.int64),
    }
    return ShareGraph.of(**(fields | changes))  # type: ignore[arg-type]


def test_floors_come_first_and_the_rest_is_shared_at_one_level() -> None:
    shared = share(graph(), np.array([1000.0, 1e4, 1e4]), np.full(4, 100.0), np.array([100.0, 700.0, 400.0, 400.0]))
    assert shared.level == pytest.approx([0.5, 0.5])
    assert shared.granted == pytest.approx([100, 400, 250, 250])
    assert shared.bound_by.tolist() == [0, 0]
    assert not shared.shortfall.any()


def test_a_contract_that_cuts_across_racks_holds_its_tenant_and_the_other_gets_what_is_left() -> None:
    shared = share(graph(), np.array([1000.0, 300.0, 1e4]), np.zeros(4), np.full(4, 500.0))
    assert shared.granted == pytest.approx([150, 150, 350, 350])
    assert shared.bound_by.tolist() == [1, 0]


def test_what_limits_carry_anyhow_and_what_follows_a_device_is_charged() -> None:
    one = graph(factors=np.array([[1.25, 1.25], [1.0, 1.0]]))
    shared = share(one, np.array([1000.0, 1e4, 1e4]), np.zeros(4), np.full(4, 500.0), fixed=np.array([500.0, 0, 0]))
    assert shared.granted.sum() == pytest.approx(400)


def test_floors_that_do_not_fit_are_a_named_shortfall_and_nobody_gets_more() -> None:
    one = graph(priority=np.array([0, 1]))
    shared = share(one, np.array([1000.0, 1e4, 250.0]), np.full(4, 200.0), np.full(4, 500.0))
    assert shared.shortfall == pytest.approx([0, 0, 150])
    assert shared.granted[2:] == pytest.approx([200, 200])
    assert to_shed(one, np.full(4, 200.0), shared.shortfall).tolist() == [1]


def test_the_last_priority_is_shed_first_and_no_more_than_is_needed() -> None:
    one, floor = graph(priority=np.array([2, 1])), np.full(4, 200.0)
    assert to_shed(one, floor, share(one, np.array([500.0, 1e4, 1e4]), floor, floor).shortfall).tolist() == [0]
    assert to_shed(one, floor, share(one, np.array([100.0, 1e4, 1e4]), floor, floor).shortfall).tolist() == [0, 1]


@pytest.mark.parametrize("watts", [-1.0, np.nan, np.inf, 1e12])
def test_a_negative_or_absurd_limit_is_refused_by_its_name(watts: float) -> None:
    with pytest.raises(ValueError, match=r"tenant: .* W: expected 0 to 1e\+11 W"):
        share(graph(), np.array([1.0, watts, 1.0]), np.zeros(4), np.zeros(4))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"factors": np.array([[0.0, 1.0], [0.0, 1.0]])}, "claim 0: no limit carries it"),
        ({"factors": np.array([[1.0, 1.0], [1.0, -1.0]])}, "claim 1: a factor is negative"),
        ({"limits": np.array([[0, 0], [1, 3]])}, "claim 1: a limit's number is out of range"),
        ({"weight": np.array([1.0, 0.0])}, "claim 1: weight is not above 0"),
        ({"claim": np.array([0, 1, 0, 1])}, "claim 1: devices are not ordered"),
        ({"claim": np.array([1, 1, 1, 1])}, "claim 0: it has no device"),
    ],
)
def test_a_graph_that_makes_no_sense_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        graph(**changes)


def test_of_thousands_of_random_graphs_not_one_breaks_a_rule() -> None:
    for seed in range(4):
        case = random_graphs(np.random.default_rng(seed), 1000)
        assert not wrongs(case, share(case.graph, case.limits, case.floor, case.wanted)).any()


def test_the_check_catches_a_watt_too_much_and_a_watt_too_little() -> None:
    case = random_graphs(np.random.default_rng(9), 300)
    shared = share(case.graph, case.limits, case.floor, case.wanted)
    greedy = dataclasses.replace(shared, granted=case.wanted)
    shy = dataclasses.replace(
        shared, level=0.9 * shared.level, granted=case.floor + 0.9 * (shared.granted - case.floor)
    )
    assert wrongs(case, greedy).mean() > 0.5
    assert wrongs(case, shy).mean() > 0.5


def test_a_large_group_is_cut_without_changing_what_anybody_gets() -> None:
    claims = 400
    priority = np.zeros(claims, dtype=np.int64)
    limits = np.vstack([np.zeros(claims, np.int64), 1 + np.minimum(np.arange(claims), 20)])
    one = ShareGraph.of(np.arange(claims), limits, np.ones((2, claims)), ("",) * 22, np.ones(claims), priority)
    caps = np.concatenate(([8000.0], np.linspace(5, 60, 20), [4000.0]))
    shared = share(one, caps, np.zeros(claims), np.full(claims, 50.0))
    assert shared.granted.sum() == pytest.approx(min(8000.0, np.minimum(caps[1:21], 50.0).sum() + 4000.0))
    assert np.ptp(shared.granted[20:]) == pytest.approx(0.0)
