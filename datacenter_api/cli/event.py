"""`rackwright event tail`: the last events, and with --follow those that come."""

import datetime
import json
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, coloured, document, emit, in_json, note, render
from firmware_bridge.vocabulary.errors import EnvironmentUnfit

app = typer.Typer(help="Events.", no_args_is_help=True)
_RANK = {"ok": 0, "warning": 1, "critical": 2}
_COME_BACK_S = 1.0

_COLUMNS = (
    Column("TIME", lambda e: clock(e["unix_ns"])),
    Column("SEVERITY", lambda e: f"{e['severity']:8}".rstrip()),
    Column("PLACE", lambda e: "/".join(e["place"].split("/")[3:]) or str(e["place"])),
    Column("KIND", lambda e: str(e["kind"])),
    Column("MESSAGE", lambda e: str(e["message"])),
    Column("ID", lambda e: str(e["id"]), wide=True),
)


@app.command("tail")
def tail(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep going as events come.")] = False,
    n: Annotated[int, typer.Option("-n", min=1, max=4000, help="How many of the last ones.")] = 20,
    rack: RackName = None,
    severity: Annotated[str | None, typer.Option(help="At least: ok, warning, critical.")] = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show the last events, oldest first.  Following JSON is one document per line."""
    link, shape = connect(url, state), chosen(output, as_json)
    past: list[Row] = link.get("/api/v1/events", rack=rack, severity=severity, limit=n)[::-1]
    if not follow:
        emit(past, _COLUMNS, shape, name="id")
        return
    place = link.get(f"/api/v1/racks/{rack}")["rack"] if rack else None
    for event in past:
        _print_line(event, shape)
    newest = past[-1]["id"] if past else None
    for event in _coming(link, newest):
        inside = place is None or event["place"] == place or event["place"].startswith(f"{place}/")
        if inside and _RANK[event["severity"]] >= _RANK.get(severity or "ok", 0):
            _print_line(event, shape)


def clock(unix_ns: int) -> str:
    """Return local time to the millisecond."""
    local = datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC).astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}"


def _coming(link: Connection, last: str | None) -> Iterator[Row]:
    """Yield events for ever, coming back where the stream broke off; a refused login still ends it."""
    while True:
        try:
            for line in link.lines("/api/v1/events/stream", last):
                if line.startswith("id: "):
                    last = line[4:]
                elif line.startswith("data: "):
                    yield json.loads(line[6:])
        except EnvironmentUnfit as err:
            note(f"{err.what}; trying again")
        time.sleep(_COME_BACK_S)


def _print_line(event: Row, shape: Output) -> None:
    if shape is Output.JSON:
        text = in_json(event)
    elif shape is Output.YAML:
        text = "---\n" + document(event, shape)
    else:
        text = render([event], _COLUMNS, shape, name="id", colour=coloured()).split("\n", 1)[-1]
    print(text, flush=True)  # noqa: T201
