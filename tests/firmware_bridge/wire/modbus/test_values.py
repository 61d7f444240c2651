"""Values and words: the published examples, both ways, and the ends of the ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.modbus.register_map import Bit, Kind, Register
from firmware_bridge.wire.modbus.values import bits_set, decode, encode


def register(**fields: object) -> Register:
    return Register(**{"at": 0, "words": 1, "name": "r", **fields})  # type: ignore[arg-type]


def test_published_examples() -> None:
    assert decode(register(precision=10), [0xCC00]) == 51.0  # ORv3 supply, output voltage
    assert decode(register(precision=3), [24000]) == 3000.0
    assert decode(register(precision=11), [0x64FC]) == pytest.approx(12.623, abs=1e-3)  # rackmon's own test
    assert decode(register(words=2), [0x1234, 0x5678]) == 0x12345678
    assert decode(register(words=2, little=True), [0x1234, 0x5678]) == 0x78563412  # rackmon's own test
    assert decode(register(precision=7, signed=True), [0xFF80]) == -1.0
    assert decode(register(scale=0.1, shift=-273.15), [2982]) == pytest.approx(25.05)
    assert decode(register(words=2, kind=Kind.TEXT), [0x4142, 0x4300]) == "ABC"


def test_a_number_beyond_its_register_saturates_as_hardware_does() -> None:
    power = register(precision=3)
    assert encode(power, 9000.0) == [0xFFFF]
    assert decode(power, [0xFFFF]) == pytest.approx(8191.9, abs=0.1)
    assert encode(power, -5) == [0]
    assert encode(register(signed=True), -40000) == [0x8000]


def test_the_wrong_number_of_words_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="2 words"):
        decode(register(words=2), [1])
    with pytest.raises(TypeError):
        encode(register(), "text")


def test_bits_by_name_lowest_first() -> None:
    flags = register(kind=Kind.FLAGS, words=2, bits=(Bit(0, "a"), Bit(17, "b"), Bit(3, "c")))
    raw = decode(flags, [2, 1])
    assert isinstance(raw, int)
    assert [b.name for b in bits_set(flags, raw)] == ["a", "b"]


@given(st.integers(0, 15), st.booleans(), st.booleans(), st.integers(1, 2), st.integers(-(2**31), 2**32 - 1))
def test_what_was_encoded_is_decoded(precision: int, signed: bool, little: bool, words: int, raw: int) -> None:
    entry = register(precision=precision, signed=signed, little=little, words=words)
    body = encode(entry, raw / 2**precision)
    again = decode(entry, body)
    assert not isinstance(again, str)
    assert encode(entry, again) == body


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=16))
def test_text_survives(text: str) -> None:
    entry = register(kind=Kind.TEXT, words=8)
    assert decode(entry, encode(entry, text)) == text
