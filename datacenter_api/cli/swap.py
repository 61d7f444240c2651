"""`rackwright swap start|status|continue|abort`: replace a part step by step, under a maintenance lock."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.endpoint_trust import PlaceHere, find_endpoint, send
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, emit

app = typer.Typer(help="Replace a part under a maintenance lock.", no_args_is_help=True)
_COLUMNS = (
    Column("ENDPOINT", lambda s: "/".join(str(s["place"]).split("/")[3:])),
    Column("STAGE", lambda s: str(s["stage"])),
    Column("OWNER", lambda s: f"{s['owner']} ({s['contact']})"),
    Column("OLD", lambda s: str(s["old_serial"] or "–")),
    Column("NEW", lambda s: str(s["new_serial"] or "–")),
    Column("REASON", lambda s: str(s["reason"])),
    Column("NOTE", lambda s: str(s["why"])),
)
_DONE = (
    Column("ENDPOINT", lambda r: str(r["endpoint"])),
    Column("STAGE", lambda r: str(r["stage"])),
    Column("NEXT", lambda r: str(r["next"])),
    Column("NOTE", lambda r: str(r["why"])),
)


@app.command("start")
def start(
    place: PlaceHere,
    reason: Annotated[str, typer.Option(help="Why the part is replaced.")],
    contact: Annotated[str, typer.Option(help="How to reach you: a phone number.")],
    hours: Annotated[float, typer.Option(min=0.1, max=72, help="How long it may take.")] = 4.0,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Put an endpoint under maintenance and begin."""
    said = {"action": "start", "reason": reason, "contact": contact, "hours": str(hours)}
    _act(place, said, rack, url, state, chosen(output, as_json))


@app.command("continue")
def go_on(
    place: PlaceHere,
    off: Annotated[str, typer.Option(help="How you know that the tray is off, where it cannot be seen.")] = "",
    serial: Annotated[str, typer.Option(help="Serial number on the new part's label.")] = "",
    trust: Annotated[str, typer.Option(help="The new part's pin, if you have compared it: sha256//…")] = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Go on to the next stage; refused with what is missing."""
    given = {"off": off, "serial": serial, "pin": trust}
    said = {"action": "continue", **{name: value for name, value in given.items() if value}}
    _act(place, said, rack, url, state, chosen(output, as_json))


@app.command("abort")
def abort(
    place: PlaceHere,
    reason: Annotated[str, typer.Option(help="Why it ends here.")],
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """End a swap before it is done; the maintenance lock goes."""
    _act(place, {"action": "abort", "reason": reason}, rack, url, state, chosen(output, as_json))


@app.command("status")
def status(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """Show every swap that was begun, those that are over included."""
    link = connect(url, state)
    racks = [rack] if rack else [str(r["rack"]) for r in link.get("/api/v1/racks")]
    rows = [row for name in racks for row in link.get(f"/api/v1/racks/{quoted(name)}/swaps")]
    emit(rows, _COLUMNS, chosen(output, as_json))


def _act(place: str, said: Row, rack: str | None, url: str | None, state: State, shape: Output) -> None:
    link = connect(url, state)
    found = find_endpoint(link, place, rack)
    done = send(link, found, "swap", said)
    emit([{"endpoint": found["place"], **done}], _DONE, shape, name="endpoint", single=True)
