"""A change of what a rack may use: told at once after a loss, else when it stands; what flaps is not told."""

from hypothesis import given
from hypothesis import strategies as st

from rack_controller.decide.budget.told import STANDS_S, Told, judge_change

NONE: frozenset[str] = frozenset()
PSU = frozenset({"u06/psu2"})
FIRST = Told(120.0, NONE)


def test_what_is_seen_first_is_only_remembered() -> None:
    assert judge_change(None, 120.0, NONE, 0.0) == (FIRST, False)


def test_less_after_a_loss_is_told_at_once() -> None:
    assert judge_change(FIRST, 115.0, PSU, 0.0) == (Told(115.0, PSU), True)
    assert judge_change(FIRST, 60.0, NONE, 0.0) == (Told(60.0, NONE), True), "much less, whatever the reason"
    again = PSU | {"u06/psu3"}
    assert judge_change(Told(115.0, PSU), 110.0, again, 0.0) == (Told(110.0, again), True)


def test_all_else_is_told_once_it_stands() -> None:
    for watts in (115.0, 240.0):
        told, speaks = judge_change(FIRST, watts, NONE, 10.0)
        assert (told, speaks) == (Told(120.0, NONE, 10.0), False)
        assert not judge_change(told, watts, NONE, 10.0 + STANDS_S - 0.1)[1]
        assert judge_change(told, watts, NONE, 10.0 + STANDS_S) == (Told(watts, NONE), True)


def test_a_supply_that_comes_and_goes_is_told_of_once() -> None:
    told, said = FIRST, []
    for n in range(60):
        lost = PSU if n % 2 else NONE
        told, speaks = judge_change(told, 115.0 if lost else 120.0, lost, float(n))
        said += [told.watts] if speaks else []
    assert said == [115.0]


@given(st.lists(st.sampled_from([100.0, 115.0, 119.5, 120.0, 125.0]), min_size=1, max_size=40))
def test_what_stands_long_enough_is_known_in_the_end(course: list[float]) -> None:
    told = FIRST
    for n, watts in enumerate([*course, *[course[-1]] * (int(STANDS_S) + 1)]):
        told, _ = judge_change(told, watts, NONE, float(n))
    assert abs(told.watts - course[-1]) <= 0.01 * told.watts
