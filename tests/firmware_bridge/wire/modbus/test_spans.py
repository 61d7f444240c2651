"""Reading plans: few transactions, never over a word that the map does not know."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.wire.modbus.register_map import Register, RegisterMap
from firmware_bridge.wire.modbus.spans import Span, halves, plan_spans


def made(*registers: tuple[int, int], most: int = 120) -> RegisterMap:
    entries = tuple(Register(at, words, f"r{at}") for at, words in registers)
    return RegisterMap("m", "", LineSettings(), ((1, 1),), registers[0][0], entries, most)


def spans(register_map: RegisterMap, wanted: set[int]) -> list[tuple[int, int]]:
    found = plan_spans(register_map, [r for r in register_map.registers if r.at in wanted])
    return [(s.at, s.words) for s in found]


def test_known_words_between_are_read_along_when_that_is_cheaper() -> None:
    full = made((0, 2), (2, 4), (6, 1), (7, 20), (27, 1))
    assert spans(full, {0, 6}) == [(0, 7)]
    assert spans(full, {6, 27}) == [(6, 1), (27, 1)]


def test_a_word_that_nobody_knows_is_never_asked_for() -> None:
    assert spans(made((0, 1), (2, 1)), {0, 2}) == [(0, 1), (2, 1)]


def test_no_span_is_longer_than_the_device_allows() -> None:
    assert spans(made(*((n, 1) for n in range(40)), most=16), set(range(40))) == [(0, 16), (16, 16), (32, 8)]


def test_halving_ends_at_one_register() -> None:
    span = plan_spans(made((0, 2), (2, 1), (3, 1)), made((0, 2), (2, 1), (3, 1)).registers)[0]
    left, right = halves(span)
    assert (left.at, left.words, right.at, right.words) == (0, 2, 2, 2)
    assert halves(left) == [left]


def test_the_high_power_supply_needs_one_read_for_alarms_and_one_for_power() -> None:
    psu = load_register_map("orv3-hpr-psu")
    by_class = {c: plan_spans(psu, [r for r in psu.registers if r.reading_class is c]) for c in ReadingClass}
    assert [(s.at, s.words) for s in by_class[ReadingClass.SAFETY]] == [(60, 5)]
    assert [(s.at, s.words) for s in by_class[ReadingClass.POWER]] == [(79, 9)]


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 3)), min_size=1, max_size=40))
def test_every_wanted_register_is_answered_once_and_only_known_words_are_read(
    shape: list[tuple[int, bool, int]],
) -> None:
    at, entries, wanted = 0, [], set()
    for words, want, gap in shape:
        at += gap
        entries.append((at, words))
        if want:
            wanted.add(at)
        at += words
    register_map = made(*entries, most=16)
    found: list[Span] = plan_spans(register_map, [r for r in register_map.registers if r.at in wanted])
    assert sorted(r.at for s in found for r in s.registers) == sorted(wanted)
    assert all(word in register_map.readable for s in found for word in range(s.at, s.at + s.words))
    assert all(s.words <= 16 for s in found)
