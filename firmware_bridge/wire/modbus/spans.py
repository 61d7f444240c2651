"""Which words to read together: few transactions, none over words that the device may refuse.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.modbus.register_map import Register, RegisterMap
from firmware_bridge.wire.modbus.timing import characters

_OWN_CHARACTERS = 20  # a request (8), a reply's frame (5) and two gaps (7)
_TURN_ROUND = Seconds(
    0.008
)  # assumption: a device thinks 5-10 ms before it answers (it may take 70: southbound.md 1.2)


def worth_bridging(line: LineSettings) -> int:
    """Return how many unwanted words are cheaper to read along than a transaction of its own is."""
    return int((_OWN_CHARACTERS + _TURN_ROUND / characters(line, 1)) / 2)


@dataclass(frozen=True, slots=True)
class Span:
    """`words` registers from `at` on, read in one transaction, and the map's entries that it answers."""

    at: int
    words: int
    registers: tuple[Register, ...]


def plan_spans(
    register_map: RegisterMap, wanted: Iterable[Register], refused: frozenset[int] = frozenset()
) -> list[Span]:
    """Return the fewest reads that are worth it for `wanted`, in rising order, each of at most the map's length.

    Words between two wanted registers are read along when the map knows them all and that is cheaper than a second
    request; words that the map does not know, or that the unit has `refused`, are never asked for.
    """
    bridge = worth_bridging(register_map.line)
    readable = register_map.readable - refused if refused else register_map.readable
    spans: list[Span] = []
    group: list[Register] = []
    for register in sorted(wanted, key=lambda r: r.at):
        if group and not _joins(readable, register_map.most_words, bridge, group, register):
            spans.append(_span(group))
            group = []
        group.append(register)
    if group:
        spans.append(_span(group))
    return spans


def halves(span: Span) -> list[Span]:
    """Return the span cut in two between its registers: the way to find out which one a device refuses."""
    if len(span.registers) < 2:
        return [span]
    middle = len(span.registers) // 2
    return [_span(list(span.registers[:middle])), _span(list(span.registers[middle:]))]


def _joins(readable: frozenset[int], most_words: int, bridge: int, group: list[Register], register: Register) -> bool:
    end = group[-1].end
    if register.end - group[0].at > most_words or register.at - end > bridge:
        return False
    return all(word in readable for word in range(end, register.at))


def _span(group: list[Register]) -> Span:
    return Span(group[0].at, group[-1].end - group[0].at, tuple(group))
