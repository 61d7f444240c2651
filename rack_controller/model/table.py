"""The series table: which number of a telemetry frame means what.  Its id changes exactly when its meaning does."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.circuit import CIRCUITS
from firmware_bridge.vocabulary.place import TRAY_PARTS, Place, tray_of
from firmware_bridge.vocabulary.quantities import CODES, Quantity, ReadingClass, SeriesKind
from firmware_bridge.vocabulary.reading import Series

SeriesKey = tuple[Place, Quantity]


class _WireSeries(msgspec.Struct, array_like=True):
    place: str
    quantity: Quantity
    reading_class: ReadingClass
    label: str
    bits: tuple[str, ...] = ()
    circuit: str = ""


class _WireTable(msgspec.Struct):
    table_id: int
    rack: str
    gauges: list[_WireSeries]
    counters: list[_WireSeries]


@dataclass(frozen=True)
class SeriesTable:
    """`gauges` and `counters` in frame order.  Build with `make_table`; compare by `table_id`."""

    rack: Place
    gauges: tuple[Series, ...]
    counters: tuple[Series, ...]
    table_id: int = field(default=0)

    @cached_property
    def gauge_index(self) -> dict[SeriesKey, int]:
        """Return the column of each gauge."""
        return {(s.place, s.quantity): n for n, s in enumerate(self.gauges)}

    @cached_property
    def counter_index(self) -> dict[SeriesKey, int]:
        """Return the column of each counter."""
        return {(s.place, s.quantity): n for n, s in enumerate(self.counters)}

    @cached_property
    def code_columns(self) -> NDArray[np.intp]:
        """Return the gauge columns that hold states (codes)."""
        return np.array([n for n, s in enumerate(self.gauges) if s.quantity in CODES], dtype=np.intp)

    @cached_property
    def columns_by_quantity(self) -> dict[Quantity, list[int]]:
        """Return the gauge columns of each quantity, in table order."""
        found: dict[Quantity, list[int]] = {}
        for n, line in enumerate(self.gauges):
            found.setdefault(line.quantity, []).append(n)
        return found

    def columns_of(self, quantity: Quantity) -> NDArray[np.intp]:
        """Return the gauge columns of a quantity as an index into arrays, in table order."""
        known = self._columns_of.get(quantity)
        if known is None:
            known = self._columns_of[quantity] = np.array(self.columns_by_quantity.get(quantity, []), dtype=np.intp)
        return known

    @cached_property
    def _columns_of(self) -> dict[Quantity, NDArray[np.intp]]:
        return {}

    @cached_property
    def leak_places(self) -> frozenset[Place]:
        """Return the leak detectors that have a column."""
        return frozenset(self.gauges[column].place for column in self.columns_of(Quantity.LEAK))

    @cached_property
    def columns_by_tray(self) -> dict[tuple[Place, Quantity], list[int]]:
        """Return the gauge columns of each quantity in each tray, its parts included, in table order.

        What is told of the rack itself is in no tray.
        """
        found: dict[tuple[Place, Quantity], list[int]] = {}
        for n, line in enumerate(self.gauges):
            if line.place.count("/") >= TRAY_PARTS - 1:
                found.setdefault((tray_of(line.place), line.quantity), []).append(n)
        return found

    @cached_property
    def alarm_columns(self) -> NDArray[np.intp]:
        """Return the gauge columns that hold alarm words."""
        return np.array([n for n, s in enumerate(self.gauges) if s.quantity is Quantity.ALARMS], dtype=np.intp)

    @property
    def series(self) -> tuple[Series, ...]:
        """Return gauges, then counters: the order of `ages` and `quality` in a frame."""
        return self.gauges + self.counters


def make_table(rack: Place, series: Iterable[Series]) -> SeriesTable:
    """Sort `series` by place and quantity, drop repeats and number the result.

    The same series in any order give the same `table_id` (63 bits of a SHA-256 over the ordered lines).
    """
    unique: dict[SeriesKey, Series] = {}
    for line in series:
        unique.setdefault((line.place, line.quantity), line)
    ordered = [unique[key] for key in sorted(unique)]
    gauges = tuple(s for s in ordered if s.kind is SeriesKind.GAUGE)
    counters = tuple(s for s in ordered if s.kind is SeriesKind.COUNTER)
    digest = hashlib.sha256(rack.encode())
    for line in gauges + counters:
        bits = f" {'|'.join(line.bits)}" if line.bits else ""
        circuit = f" @{line.circuit}" if line.circuit else ""
        digest.update(f"\n{line.place} {line.quantity} {line.reading_class} {line.label}{bits}{circuit}".encode())
    return SeriesTable(rack, gauges, counters, int.from_bytes(digest.digest()[:8], "big") >> 1)


def encode_table(table: SeriesTable) -> bytes:
    """Return the table as the JSON that travels on `state`."""
    lines = {"gauges": _to_wire(table.gauges), "counters": _to_wire(table.counters)}
    return msgspec.json.encode({"table_id": table.table_id, "rack": table.rack, **lines})


def decode_table(body: bytes) -> SeriesTable:
    """Read a table back.  Raises ValueError when it is not one or its id does not fit its lines."""
    wire = msgspec.json.decode(body, type=_WireTable)
    table = make_table(Place(wire.rack), _from_wire(wire.gauges) + _from_wire(wire.counters))
    if table.table_id != wire.table_id:
        raise ValueError(f"series table of {wire.rack} says id {wire.table_id}, its lines give {table.table_id}")
    return table


def _to_wire(series: Sequence[Series]) -> list[list[object]]:
    """Return the lines as they travel; one that states no circuit is written as it was before there were any."""
    return [
        [s.place, s.quantity, s.reading_class, s.label, s.bits, *([s.circuit] if s.circuit else [])] for s in series
    ]


def _from_wire(lines: Sequence[_WireSeries]) -> list[Series]:
    return [
        Series(Place(w.place), w.quantity, w.reading_class, w.label, w.bits, CIRCUITS.get(w.circuit)) for w in lines
    ]
