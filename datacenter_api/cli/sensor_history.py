"""`rackwright sensor history`: one series over time, drawn in a line, as a table, or as data."""

import datetime
import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.options import RackName, State, Url
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.rack import rack_holding

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60


class HistoryOutput(StrEnum):
    """What `-o` takes here."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


_COLUMNS = (
    Column("TIME (UTC)", lambda r: str(r["time"])),
    Column("MEAN", lambda r: _number(r["mean"]), right=True),
    Column("MIN", lambda r: _number(r["min"]), right=True),
    Column("MAX", lambda r: _number(r["max"]), right=True),
    Column("COUNT", lambda r: str(r["count"]), right=True),
)


def show_history(
    place: Annotated[str, typer.Argument(help="A place; from the tray on is enough.")],
    quantity: Annotated[str, typer.Option("--quantity", "-q", help="power, temperature, flow …")] = "power",
    begin: Annotated[str, typer.Option("--from", help="-1h, 2026-11-22T20:00Z or Unix seconds.")] = "-1h",
    end: Annotated[str, typer.Option("--to", help="As --from, or now.")] = "now",
    step: Annotated[str, typer.Option(help="Seconds per row, or auto (drawn, not listed).")] = "auto",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: Annotated[HistoryOutput, typer.Option("--output", "-o", help="table, json, yaml or csv.")] = (
        HistoryOutput.TABLE
    ),
) -> None:
    """Show how a reading went: mean, least and most per step; what is unknown stays empty."""
    link = connect(url, state)
    name = rack_holding(link, place, rack)
    query = {"series": f"{place}:{quantity}", "from": begin, "to": end, "step": step}
    told: Row = link.get(f"/api/v1/racks/{quoted(name)}/history", **query)
    series = told["series"][0]
    rows = [
        {"time": _moment(t), "mean": mean, "min": least, "max": most, "count": count}
        for t, mean, least, most, count in zip(
            told["times"], series["mean"], series["min"], series["max"], series["count"], strict=True
        )
    ]
    if output is HistoryOutput.CSV:
        typer.echo("time,mean,min,max,count")
        for row in rows:
            typer.echo(",".join("" if cell is None else str(cell) for cell in row.values()))
    elif output is not HistoryOutput.TABLE:
        emit([told], (), Output(output.value), single=True)
    else:
        typer.echo(summary(series, rows))
        if step != "auto":
            emit(rows, _COLUMNS, Output.TABLE)
        else:
            answer(f"one bar is some {max(1, len(rows) // _WIDTH) * told['step_s']} s; --step SECONDS lists them")


def summary(series: Row, rows: Sequence[Row]) -> str:
    """Return place, a line of bars, and least, mean, most and last with the unit."""
    means = [row["mean"] for row in rows]
    known = [m for m in means if m is not None]
    head = f"{series['place']} {series['quantity']}"
    if not known:
        return f"{head}: nothing known in this time"
    least = min(row["min"] for row in rows if row["min"] is not None)
    most = max(row["max"] for row in rows if row["max"] is not None)
    weights = [(row["mean"], row["count"]) for row in rows if row["mean"] is not None]
    mean = sum(m * c for m, c in weights) / sum(c for _, c in weights)
    unit = "" if series["unit"] in ("code", "1") else f" {series['unit']}"
    told = ", ".join(
        f"{word} {_number(value)}{unit}"
        for word, value in (("least", least), ("mean", mean), ("most", most), ("last", known[-1]))
    )
    return f"{head}\n{drawn(means)}\n{told}"


def drawn(values: Sequence[float | None], width: int = _WIDTH) -> str:
    """Return values as a line of at most `width` bars, a blank for what is unknown."""
    size = max(1, math.ceil(len(values) / width))
    chunks = [[v for v in values[n : n + size] if v is not None] for n in range(0, len(values), size)]
    heights = [sum(chunk) / len(chunk) if chunk else None for chunk in chunks]
    known = [h for h in heights if h is not None]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    return "".join(
        " " if h is None else _BARS[round((h - low) / span * (len(_BARS) - 1)) if span else 0] for h in heights
    )


def _moment(unix_s: int) -> str:
    return f"{datetime.datetime.fromtimestamp(unix_s, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:z.6g}"
