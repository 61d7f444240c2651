"""The wire's own times, against the figures that were worked out by hand in the facts."""

import pytest

from firmware_bridge.vocabulary.line import LineSettings, Parity
from firmware_bridge.wire.modbus.timing import character_gap, characters, frame_gap, read_seconds, reply_bytes

SLOW, FAST = LineSettings(19200, Parity.EVEN), LineSettings(115200, Parity.EVEN)


def test_a_character_and_the_gap_at_both_speeds() -> None:
    assert characters(SLOW, 1) == pytest.approx(0.573e-3, rel=1e-2)
    assert characters(FAST, 1) == pytest.approx(0.0955e-3, rel=1e-2)
    assert frame_gap(SLOW) == pytest.approx(2.005e-3, rel=1e-2)
    assert frame_gap(FAST) == 1.75e-3  # fixed above 19,200
    assert character_gap(FAST) == 0.75e-3


def test_sixty_registers_are_bound_to_twelve_and_a_half_and_sixty_two_a_second() -> None:
    assert reply_bytes(60) == 125
    assert 1 / read_seconds(SLOW, 60) == pytest.approx(12.5, abs=0.1)
    assert 1 / read_seconds(FAST, 60) == pytest.approx(61.7, abs=0.3)


def test_no_parity_makes_characters_shorter() -> None:
    assert LineSettings(19200, Parity.NONE).bits_per_character == 10
    assert str(LineSettings(19200, Parity.NONE)) == "19200 8N1"
