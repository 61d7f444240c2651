"""Products that are known to every bit: against whole numbers without end, and a single wrong bit shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.known_product import matrices, product, wrong_words


@pytest.mark.parametrize("size", [1, 16, 47])
def test_a_product_is_that_of_whole_numbers_modulo_two_to_the_32(size: int) -> None:
    a, b = matrices(5, size)
    exact = (a.astype(object) @ b.astype(object)) % (1 << 32)
    assert (product(a, b).astype(object) == exact).all()


def test_the_largest_words_stay_exact() -> None:
    a = np.full((64, 64), 0xFFFFFFFF, dtype=np.uint32)
    assert (product(a, a) == np.uint32(64 * 0xFFFFFFFF * 0xFFFFFFFF % (1 << 32))).all()


def test_a_seed_is_the_same_for_ever_and_another_is_not() -> None:
    assert (matrices(3, 8)[0] == matrices(3, 8)[0]).all()
    assert (matrices(3, 8)[0] != matrices(4, 8)[0]).any()
    assert (matrices(3, 8)[0] != matrices(3, 8)[1]).any()


@given(st.integers(0, 255), st.integers(0, 31))
def test_one_wrong_bit_is_one_wrong_word(place: int, bit: int) -> None:
    known = product(*matrices(1, 16))
    found = known.copy()
    found.flat[place] ^= np.uint32(1 << bit)
    assert wrong_words(known, found) == 1
    assert wrong_words(known, known) == 0
