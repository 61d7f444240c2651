import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.plant.cap_path import CapPath

NONE = np.zeros(2, dtype=np.bool_)


def watts(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_a_write_lands_after_its_delay_and_not_before() -> None:
    path = CapPath(watts(1000, 1000), dt=0.1, longest_delay=1.0)
    path.write(watts(500, np.nan), watts(0.2, 0.2), NONE)
    assert path.step().tolist() == [1000, 1000]
    assert path.step().tolist() == [1000, 1000]
    assert path.step().tolist() == [500, 1000]
    assert path.step().tolist() == [500, 1000]


def test_an_earlier_write_never_lands_after_a_later_one() -> None:
    path = CapPath(watts(1000), dt=0.1, longest_delay=1.0)
    path.write(watts(800), watts(0.5), NONE[:1])
    path.write(watts(600), watts(0.0), NONE[:1])
    seen = [float(path.step()[0]) for _ in range(8)]
    assert seen == [1000] * 5 + [600] * 3


def test_a_lost_write_never_lands_and_a_reset_forgets_what_is_under_way() -> None:
    path = CapPath(watts(1000, 1000), dt=0.1, longest_delay=1.0)
    path.write(watts(500, 500), watts(0.1, 0.3), np.array([True, False]))
    for _ in range(2):
        path.step()
    path.forget(np.array([False, True]), 1200.0)
    assert [path.step().tolist() for _ in range(3)][-1] == [1000, 1200]


@given(st.lists(st.tuples(st.floats(100, 1000), st.integers(0, 9)), max_size=30))
def test_what_holds_in_the_end_is_what_was_written_last(writes: list[tuple[float, int]]) -> None:
    path = CapPath(watts(1000), dt=0.1, longest_delay=1.0)
    for value, delay in writes:
        path.write(watts(value), watts(delay * 0.1), NONE[:1])
        path.step()
    for _ in range(12):
        path.step()
    assert path.in_force[0] == (writes[-1][0] if writes else 1000)
