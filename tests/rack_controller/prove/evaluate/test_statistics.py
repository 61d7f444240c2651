"""Tails, intervals, tests and plans against published values, and what must hold of them whatever is counted."""

import math
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rack_controller.prove.evaluate.differences import How, corrected, of_bounds, of_means, of_rates
from rack_controller.prove.evaluate.intervals import Span, exposure_for, mean_interval, rate_interval
from rack_controller.prove.evaluate.needed import careful_spread, days_needed, plan_needed, racks_needed, shown_by
from rack_controller.prove.evaluate.tails import chi2_below, chi2_quantile, t_below, t_quantile

# Student's own sleep data (1908), as every statistics package ships it: extra hours under two drugs.
SLEEP = ([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
RELATIVE = 1e-4


# Abramowitz and Stegun, tables 26.10 and 26.8.
@pytest.mark.parametrize(("freedom", "wanted"), [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042)])
def test_students_t_is_as_in_the_tables(freedom: int, wanted: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(wanted, abs=6e-4)
    assert t_quantile(0.025, freedom) == pytest.approx(-wanted, abs=6e-4)


@pytest.mark.parametrize(
    ("share", "freedom", "wanted"),
    [(0.95, 1, 3.84146), (0.95, 10, 18.3070), (0.025, 20, 9.59078), (0.975, 22, 36.7807), (0.005, 2, 0.0100251)],
)
def test_chi_squared_is_as_in_the_tables(share: float, freedom: int, wanted: float) -> None:
    assert chi2_quantile(share, freedom) == pytest.approx(wanted, rel=RELATIVE)


@given(st.floats(0.001, 0.999), st.floats(1, 300))
def test_a_quantile_is_where_its_share_lies_below(share: float, freedom: float) -> None:
    assert t_below(t_quantile(share, freedom), freedom) == pytest.approx(share, abs=1e-9)
    assert chi2_below(chi2_quantile(share, freedom), freedom) == pytest.approx(share, abs=1e-9)


# Garwood (1936), table of exact limits of a Poisson mean at 95 %.
@pytest.mark.parametrize(
    ("events", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390)]
)
def test_an_exact_interval_is_garwoods(events: int, low: float, high: float) -> None:
    found = rate_interval(events, 1.0)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_no_failure_in_some_time_is_only_a_bound() -> None:
    found = rate_interval(0, 30.0)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(3.68888 / 30, rel=RELATIVE)
    assert exposure_for(0.01) == pytest.approx(299.573, rel=RELATIVE)  # the rule of three
    with pytest.raises(ValueError, match="exposure"):
        rate_interval(0, 0.0)


@given(
    st.lists(st.integers(0, 72), min_size=2, max_size=8),
    st.sampled_from([Span(0.0, 72.0), Span(least=0.0), Span(most=72.0), Span()]),
    st.floats(0, 72),
)
def test_an_interval_without_what_cannot_be_holds_the_truth_exactly_as_often(
    counts: list[int], span: Span, truth: float
) -> None:
    whole, cut = mean_interval([float(n) for n in counts]), mean_interval([float(n) for n in counts], span=span)
    assert whole.low is not None
    assert whole.high is not None
    assert cut.low is not None
    assert cut.high is not None
    assert (cut.low <= truth <= cut.high) == (whole.low <= truth <= whole.high)
    assert cut.low <= cut.value <= cut.high
    assert span.least is None or cut.low >= span.least
    assert span.most is None or cut.high <= span.most
    assert (cut.value, cut.spread, cut.count) == (whole.value, whole.spread, whole.count)


def test_a_difference_can_be_no_more_than_all_against_none() -> None:
    few, many = [0.0, 36.0], [36.0, 72.0]
    span = Span(0.0, 72.0).less(Span(0.0, 36.0))
    assert span == Span(-36.0, 72.0)
    cut, whole = of_means(few, many, span=span), of_means(few, many)
    assert (cut.low, cut.high, cut.chance) == (-36.0, 72.0, whole.chance)
    assert Span(least=0.0).less(Span(least=0.0)) == Span()


@given(st.integers(0, 200), st.floats(0.01, 1e4))
def test_an_interval_of_a_rate_holds_it_and_shrinks_with_exposure(events: int, exposure: float) -> None:
    one, longer = rate_interval(events, exposure), rate_interval(events, 2 * exposure)
    assert one.low is not None
    assert one.high is not None
    assert longer.high is not None
    assert one.low <= one.value <= one.high
    assert longer.high < one.high


def test_one_rack_has_no_interval() -> None:
    assert mean_interval([3.0]).low is None
    two = mean_interval([1.0, 3.0])
    assert (two.value, two.spread) == (2.0, pytest.approx(math.sqrt(2)))
    assert two.high == pytest.approx(2.0 + 12.7062, rel=RELATIVE)


def test_welch_is_as_published_for_the_sleep_data() -> None:
    found = of_means(*SLEEP)
    assert found.how is How.WELCH
    assert found.value == pytest.approx(1.58)
    assert found.chance == pytest.approx(0.07939, abs=1e-5)
    assert (found.low, found.high) == (pytest.approx(-0.2054832, abs=1e-6), pytest.approx(3.3654832, abs=1e-6))


def test_two_rates_are_compared_as_published() -> None:
    # Rothman and Greenland, breast cancer by exposure, as R's help of poisson.test has them: p = 0.07967.
    found = of_rates((21, 1083 + 1050 + 878), (11, 800))
    assert found.chance == pytest.approx(0.07967, abs=1e-5)
    assert found.value == pytest.approx(11 / 800 - 21 / 3011)
    assert of_rates((0, 3.0), (0, 5.0)).chance == 1.0


def test_groups_without_spread_are_as_sure_as_their_number_lets_them_be() -> None:
    assert of_means([4.0, 4.0], [4.0, 4.0]).chance == 1.0
    two, five = of_means([4.0] * 2, [6.0] * 2), of_means([4.0] * 5, [6.0] * 5)
    assert (two.how, two.chance) == (How.DIVISIONS, pytest.approx(2 / 6))
    assert five.chance == pytest.approx(2 / 252)
    assert of_means([4.0], [6.0, 6.0]).chance is None


def test_holm_is_as_published() -> None:
    assert corrected([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert corrected([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_a_correction_makes_nothing_surer_and_keeps_the_order(chances: list[float]) -> None:
    found = corrected(chances)
    assert all(0 <= before <= after <= 1 for before, after in zip(chances, found, strict=True))
    order = sorted(range(len(chances)), key=lambda n: chances[n])
    assert all(found[a] <= found[b] for a, b in pairwise(order))


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9), st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9))
def test_a_difference_turned_round_is_the_same(a: list[float], b: list[float]) -> None:
    one, other = of_means(a, b), of_means(b, a)
    assert one.value == pytest.approx(-other.value, abs=1e-9)
    assert one.chance == pytest.approx(other.chance, abs=1e-9)
    assert one.chance is not None
    assert 0.0 <= one.chance <= 1.0


def test_bounds_that_overlap_show_nothing() -> None:
    assert of_bounds((40.0, 50.0), (45.0, 60.0)).chance == 1.0
    assert of_bounds((40.0, 50.0), (50.5, 60.0)).chance == 0.0
    assert of_bounds((40.0, None), (50.5, 60.0)).chance == 1.0, "nothing bounds the first from above"
    assert of_bounds((40.0, None), (10.0, 39.0)).chance == 0.0


# Cohen (1988), table 2.4.1: n of each group at a power of 0.80, two-sided 5 %.
@pytest.mark.parametrize(("effect", "racks"), [(0.2, 393), (0.5, 64), (0.8, 26), (1.0, 17), (1.2, 12), (1.4, 9)])
def test_racks_needed_are_cohens(effect: float, racks: int) -> None:
    assert racks_needed(effect, 1.0) == pytest.approx(racks, abs=1)


@given(st.integers(2, 60), st.floats(0.01, 10))
def test_more_racks_show_less(racks: int, spread: float) -> None:
    assert shown_by(racks + 1, spread) < shown_by(racks, spread)
    assert racks_needed(shown_by(racks, spread) * 1.0001, spread) <= racks


def test_days_help_against_one_racks_own_scatter_and_not_against_the_spread_of_racks() -> None:
    assert days_needed(1.0, between=0.1, within=2.0, racks=5) == 18
    assert shown_by(5, math.sqrt(0.1**2 + 2.0**2 / 18)) <= 1.0 < shown_by(5, math.sqrt(0.1**2 + 2.0**2 / 17))
    assert days_needed(1.0, between=2.0, within=0.1, racks=5) is None
    assert days_needed(1.0, between=0.1, within=None, racks=5) == 1


def test_a_plan_says_whether_the_day_can_be_met_and_what_would_show_by_then() -> None:
    today = date(2027, 1, 1)
    met = plan_needed(1.0, 0.1, 2.0, 5, today, date(2027, 2, 1), days_before=10)
    assert (met.days_each, met.rack_days, met.ready_on, met.met) == (18, 180, date(2027, 1, 29), True)
    late = plan_needed(1.0, 0.1, 2.0, 5, today, date(2027, 1, 20), days_before=10)
    assert (late.met, late.why.startswith("9 days late")) == (False, True)
    assert late.shows > 1.0
    never = plan_needed(1.0, 2.0, 0.1, 5, today, date(2028, 1, 1))
    assert (never.met, never.days_each, never.racks) == (False, None, racks_needed(1.0, 2.0))
    assert plan_needed(1.0, 0.1, 2.0, 5, today, date(2027, 2, 1), tests=10).days_each == 40


def test_a_spread_seen_on_few_racks_is_planned_with_care() -> None:
    assert careful_spread(1.0, 3) == pytest.approx(math.sqrt(3 / 1.00517), rel=1e-3)
    assert careful_spread(1.0, 3) > careful_spread(1.0, 30) > 1.0
