"""A rack's metrics page prepared once per series table: a scrape only puts numbers between ready-made prefixes.  Pure.

orjson writes all numbers of a rack in one call; the text of a line is never formatted again.
"""

from dataclasses import dataclass, field
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
class Block:
    """The lines of one family that have a number now: a format with a slot per number, and which numbers go in."""

    family: str
    form: bytes
    start: int
    end: int


@dataclass
class Template:
    """`prefixes[n]` is a line break and `name{labels} `; `source[n]` is the line of the view that it shows.

    Family `families[n]` has the lines from `bounds[n]` to `bounds[n + 1]`; counters come last, from `first_counter` on.
    """

    prefixes: list[bytes]
    families: list[str]
    bounds: NDArray[np.intp]
    source: NDArray[np.intp]
    scale: NDArray[np.float32]
    compared: NDArray[np.intp]
    threshold: NDArray[np.float32]
    exact: NDArray[np.bool_]
    # Which of `compared` are words with bits that only inform, and which bits of them count.
    masked: NDArray[np.intp]
    masks: NDArray[np.int64]
    first_counter: int
    # Which lines have a number changes rarely; the blocks are remade only then.  One piece of memory per family is
    # several times quicker to fill than thousands of prefixes are to visit.
    _kept: bytes = b""
    _blocks: list[Block] = field(default_factory=list)

    def render(self, view: RackView) -> dict[str, bytes]:
        """Return each family's lines, each with its line break before it.  What is not good now has no line."""
        values = view.values[self.source].astype(np.float32) * self.scale
        raw = view.values[self.source[self.compared]].astype(np.float32)
        unknown = np.isnan(raw)
        if len(self.masked):
            raw[self.masked] = np.nan_to_num(raw[self.masked]).astype(np.int64) & self.masks
        hits = np.where(self.exact, raw == self.threshold, raw >= self.threshold)
        values[self.compared] = np.where(unknown, np.nan, hits)
        kept = (view.quality[self.source] == Quality.GOOD) & np.isfinite(values)
        if kept.tobytes() != self._kept:
            self._kept, self._blocks = kept.tobytes(), self._make_blocks(kept)
        first = self.first_counter
        # Counters are whole numbers beyond what a float32 can hold.
        whole = view.values[self.source[first:]][kept[first:]].astype(np.int64)
        numbers = _written(values[:first][kept[:first]]) + _written(whole)
        return {block.family: block.form % tuple(numbers[block.start : block.end]) for block in self._blocks}

    def _make_blocks(self, kept: NDArray[np.bool_]) -> list[Block]:
        before = np.concatenate(([0], np.cumsum(kept)))[self.bounds].tolist()
        slots = [prefix.replace(b"%", b"%%") + b"%b" for prefix in self.prefixes]
        blocks = []
        for n, family in enumerate(self.families):
            lines = slice(int(self.bounds[n]), int(self.bounds[n + 1]))
            form = b"".join(compress(slots[lines], kept[lines].tolist()))
            blocks.append(Block(family, form, before[n], before[n + 1]))
        return [block for block in blocks if block.form]


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
    masked = [n for n, sample in enumerate(chosen) if sample.informing]
    return Template(
        prefixes=[prefix for prefix, _, _ in lines],
        families=[family for family, _ in ordered],
        bounds=starts.astype(np.intp),
        source=np.array([line for _, line, _ in lines], dtype=np.intp),
        scale=np.array([s.scale for _, _, s in lines], dtype=np.float32),
        compared=np.array(compared, dtype=np.intp),
        threshold=np.array([_threshold(s) for s in chosen], dtype=np.float32),
        exact=np.array([s.equals is not None for s in chosen], dtype=np.bool_),
        masked=np.array(masked, dtype=np.intp),
        masks=np.array([~chosen[n].informing for n in masked], dtype=np.int64),
        first_counter=next((n for n, (_, _, s) in enumerate(lines) if s.family in COUNTERS), len(lines)),
    )


def escape(text: str) -> str:
    """Return a label value as the text format wants it."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _written(numbers: NDArray[np.float32] | NDArray[np.int64]) -> list[bytes]:
    """Return every number as text; there is no NaN among them."""
    if not len(numbers):
        return []
    return orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def _prefix(sample: Sample, labels: list[tuple[str, str]]) -> bytes:
    inside = ",".join(f'{name}="{escape(value)}"' for name, value in (*labels, *sample.labels))
    return f"\n{sample.family}{{{inside}}} ".encode()


def _threshold(sample: Sample) -> float:
    threshold = sample.equals if sample.equals is not None else sample.at_least
    return 0.0 if threshold is None else threshold
