"""Questions about readings, answered from views: filter by place and quantity, the highest or lowest n.  Pure."""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacenter_api.fleet.view import RackView
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import CODES, Quantity, name_of
from firmware_bridge.vocabulary.reading import Quality, Series


class ReadingRow(msgspec.Struct, frozen=True):
    """One reading as the API shows it: `value` None means unknown and `quality` says why; `text` is a code's word."""

    place: str
    quantity: str
    value: float | int | None
    unit: str
    quality: str
    age_s: float | None
    reading_class: str
    label: str
    text: str | None = None


def row_of(view: RackView, line: int) -> ReadingRow:
    """Return one line of a view as a row."""
    series = view.columns.series[line]
    value = view.value(line)
    return ReadingRow(
        place=series.place,
        quantity=series.quantity,
        value=value,
        unit=series.unit,
        quality=view.word(line),
        age_s=view.age(line),
        reading_class=series.reading_class,
        label=series.label,
        text=name_of(series.quantity, value) if series.quantity in CODES else _set_bits(series, value),
    )


def _set_bits(series: Series, value: float | None) -> str | None:
    """Return the names of the bits that are set in a word, None for none and for what is no word."""
    if value is None or not series.bits:
        return None
    names = [name.removeprefix("~") for n, name in enumerate(series.bits) if int(value) >> n & 1]
    return ", ".join(name.replace("_", " ") or "not defined" for name in names) or None


def readings(
    view: RackView, place: Place | None = None, quantity: Quantity | None = None, limit: int | None = None
) -> list[ReadingRow]:
    """Return the rows at or below `place` (None: the whole rack) of one quantity (None: all), in table order."""
    columns = view.columns
    lines: Iterable[int] = range(len(columns.series))
    if quantity is not None:
        lines = columns.by_quantity.get(quantity, np.empty(0, dtype=np.intp)).tolist()
    if place is not None and place != columns.table.rack:
        below = place + "/"
        lines = [n for n in lines if (at := columns.series[n].place) == place or at.startswith(below)]
    chosen = list(lines) if limit is None else list(lines)[:limit]
    return [row_of(view, line) for line in chosen]


def top(
    views: Sequence[RackView], quantity: Quantity, component: str | None, n: int, lowest: bool = False
) -> list[ReadingRow]:
    """Return the `n` highest (or lowest) good readings over all views, best first.

    Stale and unknown readings take no part: the hottest GPU of ten minutes ago answers no question about now.
    """
    candidates = [(view, _good_lines(view, quantity, component)) for view in views]
    numbers = [view.values[lines] for view, lines in candidates]
    if not numbers or n < 1:
        return []
    flat = np.concatenate(numbers)
    owner = np.repeat(np.arange(len(candidates)), [len(part) for part in numbers])
    line = np.concatenate([lines for _, lines in candidates])
    keys = flat if lowest else -flat
    count = min(n, len(keys))
    if count == 0:
        return []
    chosen = np.argpartition(keys, count - 1)[:count]
    ordered = chosen[np.argsort(keys[chosen], kind="stable")]
    return [row_of(candidates[int(owner[at])][0], int(line[at])) for at in ordered]


def _good_lines(view: RackView, quantity: Quantity, component: str | None) -> NDArray[np.intp]:
    none = np.empty(0, dtype=np.intp)
    columns = view.columns
    lines = (
        columns.by_quantity.get(quantity, none)
        if component is None
        else columns.by_kind.get((quantity, component), none)
    )
    good: NDArray[np.intp] = lines[view.quality[lines] == Quality.GOOD]
    return good
