import numpy as np

from rack_controller.decide.budget.bounds import DEPTH, Written, read_back, sent

MOST = np.array([1200.0])


def told(*writes: float) -> Written:
    state = Written.nothing(MOST)
    for n, value in enumerate(writes):
        state = sent(state, np.array([value]), float(n))
    return state


def seen(state: Written, value: float, *, settled: bool = True) -> Written:
    return read_back(state, np.array([value]), MOST, settled=settled)


def test_a_device_of_which_nothing_is_known_is_charged_its_most() -> None:
    assert Written.nothing(MOST).holds[0] == 1200


def test_a_lower_write_counts_only_when_it_has_been_read_back_and_has_settled() -> None:
    state = told(700.0)
    assert state.holds[0] == 1200
    assert seen(state, 700.0, settled=False).holds[0] == 1200
    assert seen(state, 700.0).holds[0] == 700


def test_a_higher_write_counts_at_once() -> None:
    assert sent(seen(told(700.0), 700.0), np.array([900.0]), 2.0).holds[0] == 900


def test_what_is_still_under_way_is_charged_with_what_was_read_back() -> None:
    state = told(700.0, 900.0, 600.0)
    assert seen(state, 700.0).holds[0] == 900  # the 900 may still land
    assert seen(state, 900.0).holds[0] == 900
    assert seen(state, 600.0).holds[0] == 600


def test_an_unknown_reading_changes_nothing() -> None:
    state = seen(told(700.0), 700.0)
    assert seen(state, np.nan).holds[0] == 700


def test_a_limit_that_nobody_wrote_is_charged_as_the_most_until_the_next_write_is_read_back() -> None:
    state = seen(told(700.0), 700.0)
    reset = seen(state, 1200.0)
    assert reset.holds[0] == 1200
    again = sent(reset, np.array([650.0]), 5.0)
    assert seen(again, 650.0).holds[0] == 650


def test_more_writes_than_are_remembered_lose_no_bound() -> None:
    state = told(*(1000.0 - n for n in range(3 * DEPTH)))
    assert state.caps.max() == 1200
    assert seen(state, 1000.0 - 3 * DEPTH + 1).holds[0] == 1000.0 - 3 * DEPTH + 1


def test_a_controller_that_starts_anew_takes_what_it_reads_for_what_it_said_and_charges_the_most() -> None:
    most = np.full(2, 1200.0)
    written = read_back(Written.nothing(most), np.array([700.0, 1200.0]), most, settled=True)
    assert written.newest.tolist() == [700.0, 1200.0]
    assert written.holds.tolist() == [1200.0, 1200.0]
    again = read_back(sent(written, np.array([700.0, np.nan]), 1.0), np.array([700.0, 1200.0]), most, settled=True)
    assert again.holds.tolist() == [700.0, 1200.0]
