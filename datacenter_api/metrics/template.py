"""A rack's metrics page prepared once per series table: a scrape only puts numbers between ready-made prefixes.  Pure.

orjson writes all numbers of a rack in one call; the text of a line is never formatted again.
"""

from dataclasses import dataclass
from itertools import compress

import numpy as np
import orjson
from numpy.typing import NDArray

from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.view import RackView
from datacenter_api.metrics.families import FAMILIES, Sample, labels_of, samples_of
from firmware_bridge.vocabulary.reading import Quality
from rack_controller.model.layout import Layout

# Parts that a coolant unit or a tray always may have, besides what the layout lists.
_ALWAYS_PARTS = frozenset({"gpu", "cpu", "psu", "pump", "leak", "bbu", "reservoir", "primary", "bmc", "pmc"})


COUNTERS = frozenset(family.name for family in FAMILIES.values() if family.type == "counter")


@dataclass(frozen=True, slots=True)
class Segment:
    """The lines of one family: `start` to `end` of the template."""

    family: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Template:
    """`prefixes[n]` is a line break and `name{labels} `; `source[n]` is the line of the view that it shows.

    Counters come last, from `first_counter` on.
    """

    table_id: int
    prefixes: list[bytes]
    segments: tuple[Segment, ...]
    bounds: NDArray[np.intp]
    source: NDArray[np.intp]
    scale: NDArray[np.float32]
    compared: NDArray[np.intp]
    threshold: NDArray[np.float32]
    exact: NDArray[np.bool_]
    first_counter: int

    def render(self, view: RackView) -> dict[str, list[bytes]]:
        """Return each family's lines in pieces, to be joined once.  What is not good now has no line."""
        values = view.values[self.source].astype(np.float32) * self.scale
        raw = view.values[self.source[self.compared]].astype(np.float32)
        hits = np.where(self.exact, raw == self.threshold, raw >= self.threshold)
        values[self.compared] = np.where(np.isnan(raw), np.nan, hits)
        kept = (view.quality[self.source] == Quality.GOOD) & ~np.isnan(values)
        numbers = _written(values[: self.first_counter])
        if self.first_counter < len(values):  # counters are whole numbers beyond what a float32 can hold
            whole = np.where(kept[self.first_counter :], view.values[self.source[self.first_counter :]], 0.0)
            numbers += _written(whole.astype(np.int64))
        prefixes = self.prefixes
        if not kept.all():
            choice = kept.tolist()
            prefixes, numbers = list(compress(prefixes, choice)), list(compress(numbers, choice))
        pieces: list[bytes] = [b""] * (2 * len(prefixes))
        pieces[0::2], pieces[1::2] = prefixes, numbers
        ends = np.concatenate(([0], np.cumsum(kept)))[self.bounds].tolist()
        return {segment.family: pieces[2 * ends[n] : 2 * ends[n + 1]] for n, segment in enumerate(self.segments)}


def make_template(columns: Columns, layout: Layout) -> Template:
    """Sort a rack's series into families and prepare every prefix."""
    kinds = {t.place: t.kind for t in layout.trays}
    parts = _ALWAYS_PARTS | {c.name for t in layout.trays for c in t.components}
    by_family: dict[str, list[tuple[bytes, int, Sample]]] = {}
    for line, series in enumerate(columns.series):
        tray_kind = kinds.get("/".join(series.place.split("/")[:5]), "")
        labels = labels_of(series, layout.rack, parts)
        for sample in samples_of(series, tray_kind):
            prefix = _prefix(sample, labels)
            by_family.setdefault(sample.family, []).append((prefix, line, sample))
    ordered = [(f, by_family[f]) for f in sorted(FAMILIES, key=COUNTERS.__contains__) if f in by_family]
    lines = [entry for _, entries in ordered for entry in entries]
    starts = np.cumsum([0, *(len(entries) for _, entries in ordered)])
    compared = [n for n, (_, _, s) in enumerate(lines) if s.equals is not None or s.at_least is not None]
    chosen = [lines[n][2] for n in compared]
    return Template(
        table_id=columns.table.table_id,
        prefixes=[prefix for prefix, _, _ in lines],
        segments=tuple(Segment(family, int(starts[n]), int(starts[n + 1])) for n, (family, _) in enumerate(ordered)),
        bounds=starts.astype(np.intp),
        source=np.array([line for _, line, _ in lines], dtype=np.intp),
        scale=np.array([s.scale for _, _, s in lines], dtype=np.float32),
        compared=np.array(compared, dtype=np.intp),
        threshold=np.array([_threshold(s) for s in chosen], dtype=np.float32),
        exact=np.array([s.equals is not None for s in chosen], dtype=np.bool_),
        first_counter=next((n for n, (_, _, s) in enumerate(lines) if s.family in COUNTERS), len(lines)),
    )


def escape(text: str) -> str:
    """Return a label value as the text format wants it."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _written(numbers: NDArray[np.float32] | NDArray[np.int64]) -> list[bytes]:
    """Return every number as text; NaN comes out as `null`, and its line is left out."""
    return orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def _prefix(sample: Sample, labels: list[tuple[str, str]]) -> bytes:
    inside = ",".join(f'{name}="{escape(value)}"' for name, value in (*labels, *sample.labels))
    return f"\n{sample.family}{{{inside}}} ".encode()


def _threshold(sample: Sample) -> float:
    threshold = sample.equals if sample.equals is not None else sample.at_least
    return 0.0 if threshold is None else threshold
