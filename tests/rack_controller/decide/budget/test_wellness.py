"""Supplies judged by what their shelves give: at once where nothing comes, after a while where less comes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.generations.load import load_generation
from rack_controller.decide.budget.wellness import FEWER_S, LASTS_S, Wellness, judge_supplies
from rack_controller.decide.supply.wiring import wiring_of

WIRING = wiring_of(load_generation("gb200-nvl72"))
UNREAD = np.full(48, np.nan)


def judge(
    shelves: list[float],
    before: Wellness | None = None,
    now: float = 0.0,
    supplies: np.ndarray = UNREAD,
) -> tuple[Wellness, np.ndarray, float]:
    known = before or Wellness.unknown(WIRING)
    return judge_supplies(known, WIRING, np.array(shelves), supplies, now)


def test_a_feed_that_is_gone_is_seen_at_once() -> None:
    _, well, _ = judge([0.0, 30_000.0] * 4)
    assert [bool(well[WIRING.shelf == s].any()) for s in range(8)] == [False, True] * 4


def test_a_shelf_that_gives_less_counts_when_that_lasts() -> None:
    shelves = [10_000.0] * 7 + [5_000.0]
    state, well, _ = judge(shelves)
    assert well.all()
    state, well, _ = judge(shelves, state, now=FEWER_S)
    assert int(well.sum()) == 45
    _, well, _ = judge([10_000.0] * 8, state, now=FEWER_S + 0.5)
    assert well.all()


@given(st.floats(21.0, 264.0), st.lists(st.floats(-0.05, 0.05), min_size=48, max_size=48), st.booleans())
def test_a_shelf_that_only_shares_less_well_lacks_nothing(kw: float, off: list[float], read: bool) -> None:
    """Sharing within 5 % of the rating, as the plant's droop has it, at any load."""
    each = np.maximum(kw * 1e3 / 48 + 5_500.0 * (np.array(off) - np.mean(off)) / 2, 2.0)
    shelves = np.bincount(WIRING.shelf, weights=each).tolist()
    supplies = each if read else UNREAD
    state, _, _ = judge(shelves, supplies=supplies)
    assert judge(shelves, state, now=FEWER_S, supplies=supplies)[1].all()


def test_of_a_shelf_that_gives_less_those_are_gone_that_nobody_can_read() -> None:
    """At a third of the load one supply less is within what sharing explains: only that it is not read tells."""
    supplies = np.full(48, 1_666.0)
    supplies[[3, 13]] = np.nan
    shelves = [8_400.0] + [10_000.0] * 7
    state, _, _ = judge(shelves, supplies=supplies)
    well = judge(shelves, state, now=FEWER_S, supplies=supplies)[1]
    assert np.flatnonzero(~well).tolist() == [3]


def test_a_supply_that_gives_nothing_is_out_and_none_is_at_no_load() -> None:
    supplies = UNREAD.copy()
    supplies[3] = 0.0
    assert not judge([10_000.0] * 8, supplies=supplies)[1][3]
    assert judge([20.0] * 8, supplies=np.zeros(48))[1].all()  # nothing is drawn: nothing can be told


def test_a_shelf_that_nobody_reads_is_well_and_gives_no_meter() -> None:
    state, well, meter = judge([np.nan] + [10_000.0] * 7)
    assert well.all()
    assert np.isnan(meter)
    assert np.isnan(judge([np.nan] + [10_000.0] * 7, state, now=60.0)[2])


def test_the_meter_is_believed_once_all_shelves_were_read_at_the_same_load() -> None:
    state, _, meter = judge([10_000.0] * 8)
    assert np.isnan(meter)
    state, _, meter = judge([10_050.0] * 8, state, now=FEWER_S)
    assert meter == 80_400.0
    assert np.isnan(judge([15_000.0] * 8, state, now=LASTS_S + 1)[2])
