"""A comparison as CSV: one table of values, one of differences.  Pure.  No cell of it is a formula."""

import csv
import io
from collections.abc import Iterable

from rack_controller.prove.evaluate.compare import Comparison

_VALUES = (
    "criterion",
    "title",
    "unit",
    "better",
    "group",
    "racks",
    "value",
    "low",
    "high",
    "sd_between_racks",
    "sd_within_rack",
    "events",
    "exposure",
    "note",
    "source",
)
_DIFFERENCES = (
    "criterion",
    "first",
    "second",
    "verdict",
    "better",
    "difference",
    "low",
    "high",
    "p",
    "p_corrected",
    "test",
    "note",
)


def values_csv(comparison: Comparison) -> str:
    """Return a line a criterion and group; empty where nothing is known."""
    by_id = {c.id: c for c in comparison.criteria}
    rows = (
        (
            *(cell.criterion, by_id[cell.criterion].title, by_id[cell.criterion].unit, by_id[cell.criterion].better),
            *(cell.group, cell.racks, cell.value, cell.low, cell.high, cell.between, cell.within),
            *(cell.events, cell.exposure, cell.why, by_id[cell.criterion].source),
        )
        for cell in comparison.cells
    )
    return _written(_VALUES, rows)


def differences_csv(comparison: Comparison) -> str:
    """Return a line a criterion and pair of groups."""
    rows = (
        (
            *(c.criterion, c.first, c.second, c.verdict.value, c.better, c.difference, c.low, c.high),
            *(c.chance, c.corrected, c.how.value, c.why),
        )
        for c in comparison.contrasts
    )
    return _written(_DIFFERENCES, rows)


def _written(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue()


def _plain(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{cell}"
    return "" if cell is None else cell
