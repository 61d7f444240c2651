"""Alarm words by the names of their bits: what is wrong, and what only informs.  Pure."""

from dataclasses import dataclass

from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.view import RackView
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality

_MOST_BITS = 53  # a word travels as a float


@dataclass(frozen=True, slots=True)
class Word:
    """The set bits of one alarm word, by name.  `informs` are bits that mean no harm, or that nobody defined."""

    alarms: tuple[str, ...]
    informs: tuple[str, ...]


def word_of(bits: tuple[str, ...], value: float | int) -> Word:
    """Return which bits of `value` are set; a name that begins with `~` only informs."""
    number = int(value)
    set_bits = [n for n in range(_MOST_BITS) if number >> n & 1]
    names = [(n, bits[n] if n < len(bits) else "") for n in set_bits]
    return Word(
        alarms=tuple(_plain(name) for _, name in names if name and not name.startswith("~")),
        informs=tuple(_plain(name) or f"bit {n}, not defined" for n, name in names if not name or name.startswith("~")),
    )


def words_now(columns: Columns, view: RackView, slot: str) -> tuple[list[tuple[str, str]], int, int]:
    """Return what a tray's alarm words raise now (place, bit), how many words there are, how many are unknown."""
    raised: list[tuple[str, str]] = []
    total = unknown = 0
    for line in columns.by_tray.get(slot, ()):
        series = columns.series[int(line)]
        if series.quantity is not Quantity.ALARMS:
            continue
        total += 1
        value = view.value(int(line))
        if value is None or view.quality[line] != Quality.GOOD:
            unknown += 1
            continue
        raised += [(series.place, name) for name in word_of(series.bits, value).alarms]
    return raised, total, unknown


def _plain(name: str) -> str:
    return name.removeprefix("~").replace("_", " ")
