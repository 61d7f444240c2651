"""Promises that do not fit are reduced by priority before anybody has to be shed."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.budget import hall, sight

from rack_controller.decide.budget.control import BudgetState, step_budget
from rack_controller.decide.budget.design import BudgetDecision, BudgetDesign, BudgetPolicy

LEAST, PROMISED = 400.0, 900.0


def promising(priority: tuple[int, ...] = (1, 0), promised: float = PROMISED) -> BudgetDesign:
    """Return two racks of four devices, a claim each, all promised more than they can be set to."""
    design = hall(together=(False, False), priority=priority)
    return replace(design, floor=np.full(8, promised), least=np.full(8, LEAST))


def decided(design: BudgetDesign, *limits: float) -> BudgetDecision:
    """Return the decision for limits on both racks together and on each."""
    seen = sight(design, limits=np.array(limits), power=np.full(8, 1_200.0))
    return step_budget(BudgetState.new(design), design, BudgetPolicy(doubt=0.0), seen)[1]


def drawn(design: BudgetDesign, watts: float) -> float:
    return float(design.law.drawn(design.per_rack(np.full(8, watts))).sum())


def test_promises_that_fit_are_kept_whole_whatever_the_priority() -> None:
    design = promising()
    decision = decided(design, drawn(design, PROMISED) + 1.0, 1e9, 1e9)
    assert (decision.floors == PROMISED).all()
    assert (decision.promise.tolist(), decision.unkept.tolist()) == ([1.0, 1.0], [0.0] * 3)
    assert (decision.shortfall == 0.0).all()


def test_who_comes_last_is_reduced_first_and_nobody_is_short() -> None:
    design = promising()
    both = 0.5 * (drawn(design, PROMISED) + drawn(design, LEAST))
    decision = decided(design, both + 1.0, 1e9, 1e9)  # room for the promise of one rack
    assert decision.promise[1] > 0.999, "the smaller number comes first"
    assert decision.promise[0] < 0.01
    assert decision.unkept[0] > 2_000.0
    assert (decision.shortfall == 0.0).all()
    assert np.nanmax(decision.writes[design.rack == 0]) < LEAST + 10.0


def test_alike_priorities_give_way_alike() -> None:
    design = promising(priority=(3, 3))
    decision = decided(design, 0.5 * (drawn(design, PROMISED) + drawn(design, LEAST)), 1e9, 1e9)
    np.testing.assert_allclose(decision.promise, 0.5, atol=1e-6)
    np.testing.assert_allclose(decision.floors, 0.5 * (LEAST + PROMISED), atol=0.01)


def test_a_tight_rack_costs_its_neighbours_no_promise() -> None:
    design = promising(priority=(0, 1))
    alone = drawn(design, 500.0) / 2.0
    decision = decided(design, 1e9, alone, 1e9)
    assert decision.promise[1] == 1.0
    np.testing.assert_allclose(decision.floors[design.rack == 0], 500.0, atol=0.01)


def test_only_what_even_the_least_passes_is_a_shortfall() -> None:
    design = promising()
    decision = decided(design, drawn(design, LEAST) - 500.0, 1e9, 1e9)
    np.testing.assert_allclose(decision.shortfall[0], 500.0, atol=0.1)
    assert decision.unkept[0] > decision.shortfall[0]
    assert (decision.floors == LEAST).all()


@given(st.floats(4_000.0, 14_000.0), st.floats(2_000.0, 7_000.0), st.floats(LEAST, 1_200.0))
def test_floors_lie_between_the_least_and_the_promise_and_pass_a_limit_only_where_the_least_do(
    both: float, one: float, promised: float
) -> None:
    design = promising(promised=promised)
    decision = decided(design, both, one, 1e9)
    assert ((decision.floors >= LEAST - 1e-6) & (decision.floors <= promised + 1e-6)).all()
    short = decision.shortfall > 1e-3
    under = np.any(design.feeds[short] > 0.0, axis=0)[design.rack] if short.any() else np.zeros(8, dtype=bool)
    assert (decision.floors[under] <= LEAST + 1e-6).all()
