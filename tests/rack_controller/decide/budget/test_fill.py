import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rack_controller.decide.budget.fill import fill
from rack_controller.decide.budget.fill_many import claim_layout, fill_many

ONE = np.ones(2)
SAME = np.zeros(2, dtype=np.int64)


def test_claims_rise_together_until_the_limit_binds() -> None:
    level, bound_by = fill(np.array([100.0]), np.array([[150.0, 50.0]]), ONE, SAME)
    assert level == pytest.approx([0.5, 0.5])
    assert bound_by.tolist() == [0, 0]


def test_who_is_not_held_goes_on_when_another_is() -> None:
    level, bound_by = fill(np.array([30.0, 1000.0]), np.array([[60.0, 0.0], [60.0, 100.0]]), ONE, SAME)
    assert level == pytest.approx([0.5, 1.0])
    assert bound_by.tolist() == [0, -1]


def test_a_smaller_priority_number_is_served_whole_before_the_next_gets_anything() -> None:
    level, _ = fill(np.array([100.0]), np.array([[80.0, 80.0]]), ONE, np.array([1, 0]))
    assert level == pytest.approx([0.25, 1.0])


def test_no_slack_gives_nobody_anything() -> None:
    level, bound_by = fill(np.array([-5.0]), np.array([[10.0, 0.0]]), ONE, SAME)
    assert level == pytest.approx([0.0, 1.0])  # the second is not carried by that limit
    assert bound_by.tolist() == [0, -1]


@given(st.data(), st.integers(1, 5), st.integers(1, 6))
def test_no_limit_is_passed_and_nobody_could_have_more(data: st.DataObject, limits: int, claims: int) -> None:
    slack = data.draw(arrays(np.float64, limits, elements=st.floats(0, 1e5)))
    slopes = data.draw(arrays(np.float64, (limits, claims), elements=st.sampled_from([0.0, 1.0, 7.5, 1e3, 4e4])))
    weight = data.draw(arrays(np.float64, claims, elements=st.floats(0.5, 4)))
    priority = data.draw(arrays(np.int64, claims, elements=st.integers(0, 2)))
    level, bound_by = fill(slack, slopes, weight, priority)
    carried = slopes @ level
    assert (carried <= slack * (1 + 1e-6) + 1e-6).all()
    assert ((level >= 0) & (level <= 1)).all()
    for claim in range(claims):
        if level[claim] < 1 - 1e-6:  # held: the limit that is named is full, and carries it
            limit = bound_by[claim]
            assert limit >= 0
            assert slopes[limit, claim] > 0
            assert carried[limit] >= slack[limit] * (1 - 1e-6) - 1e-6
    limited = np.broadcast_to(np.arange(limits)[:, None], slopes.shape)
    layout = claim_layout(limited, slopes, limits, weight, priority)
    again, _ = fill_many(slack, layout, np.ones(claims))
    assert slopes * again == pytest.approx(slopes * level, rel=1e-6, abs=1e-3)
