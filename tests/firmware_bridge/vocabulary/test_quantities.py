"""Quantities are a closed list."""

import math

from firmware_bridge.vocabulary.quantities import CODES, SPECS, Quantity, code_of, name_of


def test_every_quantity_has_a_unit() -> None:
    assert set(SPECS) == set(Quantity)


def test_codes_and_names_are_inverse() -> None:
    for quantity, names in CODES.items():
        for number, name in names.items():
            assert code_of(quantity, name) == number
            assert name_of(quantity, float(number)) == name


def test_the_unknown_is_never_a_known_code() -> None:
    assert math.isnan(code_of(Quantity.LEAK, "moist"))
    for value in (None, math.nan, 99.0):
        assert name_of(Quantity.LEAK, value) == "unknown"
