"""Rows become table, wide, json, yaml or name.  The answer goes to stdout, everything else to stderr.

A cell, a name and a sentence are printed without control characters: what they tell of may be a stranger's file.
Pure but for what prints: `emit`, `answer` and `note`.
"""

import json
import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Any

from firmware_bridge.vocabulary.text import printable

SCHEMA_VERSION = 1
GAP = "  "
Row = dict[str, Any]


class Output(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"

    @property
    def is_table(self) -> bool:
        """Whether people read it: sentences may stand beside its rows."""
        return self in (Output.TABLE, Output.WIDE)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: heading, how a row's cell is written, and whether it only stands in the wide table."""

    heading: str
    cell: Callable[[Row], str]
    right: bool = False
    wide: bool = False


_PAINT = {
    **dict.fromkeys(("critical", "absent", "held", "missing", "refused", "fail", "no"), "31"),
    **dict.fromkeys(
        ("warning", "warn", "degraded", "blocked", "differs", "stale", "partial", "unknown", "flagged"), "33"
    ),
    **dict.fromkeys(("ok", "ready", "reachable", "good", "on", "yes", "healthy"), "32"),
}


def emit(
    rows: Sequence[Row], columns: Sequence[Column], output: Output, *, name: str = "place", single: bool = False
) -> None:
    """Print rows as the user asked; `name` is the field that `-o name` prints, `single` drops the list around one."""
    print(render(rows, columns, output, name=name, single=single, colour=coloured(), fit=_room()))  # noqa: T201


def render(
    rows: Sequence[Row],
    columns: Sequence[Column],
    output: Output,
    *,
    name: str = "place",
    single: bool = False,
    colour: bool = False,
    fit: int = 0,
) -> str:
    """Return the text of rows; JSON and YAML are one document with a schema version.

    `fit`: columns of the terminal, within which the widest cells of a table go on below themselves; 0: none does.
    """
    if output is Output.NAME:
        return "\n".join(printable(str(row[name])) for row in rows)
    if output in (Output.JSON, Output.YAML):
        return document(_versioned(rows, single), output)
    chosen = [c for c in columns if output is Output.WIDE or not c.wide]
    return _table(rows, chosen, colour, fit)


def document(content: Any, output: Output) -> str:
    """Return any content as one JSON or YAML document."""
    if output is Output.YAML:
        import yaml

        return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True)).rstrip("\n")
    return in_json(content, indent=2)


def in_json(content: Any, indent: int | None = None) -> str:
    """Return any content as JSON that a terminal can be given: every control character is escaped."""
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_CONTROLS = re.compile("[\x7f-\x9f]")
"""What a terminal may obey and JSON need not escape; it stands in strings alone."""


def coloured() -> bool:
    """Return whether stdout is a terminal that wants colour (NO_COLOR and TERM=dumb are honoured)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _room() -> int:
    """Return how wide the terminal is, 0 where stdout is none: what is piped stays one line a row."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def answer(text: str, output: Output = Output.TABLE) -> None:
    """Say in a line what was asked for: beside a table, where people read one, else apart from the document."""
    print(printable(text), file=sys.stdout if output.is_table else sys.stderr, flush=True)


def note(text: str) -> None:
    """Say in one line or more what is no answer, apart from it: progress, what to do next, what to beware of."""
    print("\n".join(map(printable, text.split("\n"))), file=sys.stderr)  # noqa: T201


def number(value: float | int | None, digits: int = 1, unit: str = "") -> str:
    """Return a number as people read it, `–` for unknown."""
    if value is None:
        return "–"
    text = f"{value:z,.{digits}f}".replace(",", " ")  # z: what rounds to nothing has no sign
    if unit == "W":
        text = text.replace(" ", "")  # as `power_text` writes it
    return f"{text} {unit}" if unit else text


_LARGER = {"W": (1e4, 1e3, "kW"), "J": (1e4, 1e3, "kJ"), "Hz": (1e6, 1e6, "MHz")}
"""From which size on a number is shown in a larger unit, by what it is divided, and that unit."""


def scaled(value: float | int, unit: str, least: float = 0.0) -> tuple[float | int, str]:
    """Return a value in the unit in which people read one of its size; below `least` it stays as it is."""
    size, by, larger = _LARGER.get(unit, (float("inf"), 1.0, unit))
    return (value / by, larger) if abs(value) >= max(size, least) else (value, unit)


def age(seconds: float | None) -> str:
    """Return an age in one unit: `0.4 s`, `12 min`, `3 h`, `5 d`; `–` for never."""
    if seconds is None:
        return "–"
    for limit, divisor, unit in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.{1 if divisor == 1 and seconds < 10 else 0}f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def _versioned(rows: Sequence[Row], single: bool) -> Row:
    if single:
        return {"schema_version": SCHEMA_VERSION, **rows[0]}
    return {"schema_version": SCHEMA_VERSION, "items": list(rows)}


def _table(rows: Sequence[Row], columns: Sequence[Column], colour: bool, fit: int) -> str:
    headings = [c.heading for c in columns]
    cells = [[printable(column.cell(row)) for column in columns] for row in rows]
    widths = [max(map(_width, column)) for column in zip(headings, *cells, strict=True)]
    narrow = _narrow(widths, [headings, *cells], fit)
    wrapped = [_wrapped(line, widths) if narrow else [line] for line in cells]
    lines = [_line(headings, widths, columns, False)]
    # What goes on below itself is no word of its own, so it has no colour.
    lines += [_line(part, widths, columns, colour and not n) for parts in wrapped for n, part in enumerate(parts)]
    return "\n".join(lines)


def _narrow(widths: list[int], lines: Sequence[Sequence[str]], fit: int) -> bool:
    """Take from the widest columns what passes `fit`, no word or heading broken; return whether anything was taken."""
    least = [_width(lines[0][n]) for n in range(len(widths))]
    for line in lines[1:]:
        least = [max(most, *map(_width, cell.split(" "))) for most, cell in zip(least, line, strict=True)]
    over = sum(widths) + len(GAP) * (len(widths) - 1) - fit if fit else 0
    for _ in range(over):
        _, widest = max(((width, n) for n, width in enumerate(widths) if width > least[n]), default=(0, -1))
        if widest < 0:
            break
        widths[widest] -= 1
    return over > 0


def _wrapped(cells: Sequence[str], widths: Sequence[int]) -> list[list[str]]:
    """Return the lines that a row takes when each cell goes on below itself."""
    parts = [
        textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False) if _width(cell) > width else [cell]
        for cell, width in zip(cells, widths, strict=True)
    ]
    return [list(line) for line in zip_longest(*parts, fillvalue="")]


def _line(cells: Sequence[str], widths: Sequence[int], columns: Sequence[Column], colour: bool) -> str:
    parts = []
    for cell, width, column in zip(cells, widths, columns, strict=True):
        room = " " * (width - _width(cell))
        paint = _PAINT.get(cell) if colour else None
        shown = f"\x1b[{paint}m{cell}\x1b[0m" if paint else cell
        parts.append(room + shown if column.right else shown + room)
    return GAP.join(parts).rstrip()


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
