"""`rackwright rack list|show`, and which rack a place lies in."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.status import COLUMNS, explain_headroom, explain_marks
from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.place import RACK_PARTS

app = typer.Typer(help="Racks and their trays.", no_args_is_help=True)

TRAY_COLUMNS = (
    Column("UNIT", lambda t: f"U{t['unit']}", right=True),
    Column("TRAY", lambda t: str(t["name"])),
    Column("KIND", lambda t: str(t["kind"])),
    Column("STATE", lambda t: str(t["state"])),
    Column("MANAGEMENT", lambda t: str(t["management"])),
    Column("ALARM", lambda t: str(t["alarm"])),
    Column("POWER", lambda t: tray_power(t), right=True),
    Column("WHY", lambda t: str(t["why"])),
    Column("TITLE", lambda t: str(t["title"]), wide=True),
    Column("PLACE", lambda t: str(t["place"]), wide=True),
)


def tray_power(tray: Row) -> str:
    """Return a tray's power; one that is not good now says what it is instead: an old number is no number of now."""
    shown, quality = power_text(tray["power_w"]), tray["power_quality"]
    return shown if quality in ("good", "absent", "missing") or tray["power_w"] is None else f"{shown} ({quality})"


@app.command("list")
def list_racks(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List every rack."""
    racks = connect(url, state).get("/api/v1/racks")
    shape = chosen(output, as_json)
    emit(racks, COLUMNS, shape, name="rack")
    explain_marks(racks, shape)
    explain_headroom(racks, shape)


@app.command("show")
def show_rack(
    rack: Annotated[str | None, typer.Argument(help="Place or short name; may be left out for the only rack.")] = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show one rack, tray by tray from the top down."""
    link = connect(url, state)
    shown: Row = link.get(f"/api/v1/racks/{quoted(rack or only_rack(link))}")
    shape = chosen(output, as_json)
    if shape in (Output.JSON, Output.YAML):
        emit([shown], (), shape, single=True)
        return
    if shape is not Output.NAME:
        emit([shown], COLUMNS, shape)
        explain_marks([shown], shape)
        explain_headroom([shown], shape)
    emit(sorted(shown["trays"], key=lambda t: -t["unit"]), TRAY_COLUMNS, shape)


def only_rack(link: Connection) -> str:
    """Return the only rack there is.  Raises ConfigurationError when there are none or several."""
    racks = [str(rack["rack"]) for rack in link.get("/api/v1/racks")]
    if len(racks) != 1:
        known = ", ".join(racks) or "none is known yet"
        raise ConfigurationError("which rack?", advice=f"name one: {known}")
    return racks[0]


def rack_holding(link: Connection, place: str | None, rack: str | None = None) -> str:
    """Return the rack that `place` lies in: `rack` if given, what the place begins with, or else the only rack.

    Raises ConfigurationError when several could be meant.
    """
    parts = place.split("/") if place else []
    if rack:
        return rack
    if len(parts) >= RACK_PARTS:
        return "/".join(parts[:RACK_PARTS])
    if parts:
        named = [str(r["rack"]) for r in link.get("/api/v1/racks") if r["name"] == parts[0]]
        if named:
            return named[0]
    return only_rack(link)


def send(link: Connection, rack: str, verb: str, target: str, arguments: dict[str, str | bool], shape: Output) -> None:
    """Send a command and say what came of it: JSON and YAML are the controller's reply, `name` is the operation."""
    wish = {"verb": verb, "target": target, "arguments": arguments}
    reply: Row = link.post(f"/api/v1/racks/{quoted(rack)}/commands", wish)
    if shape in (Output.JSON, Output.YAML, Output.NAME):
        emit([reply], (), shape, name="operation", single=True)
        return
    answer(f"{verb} {target}: accepted" + (f" as {reply['operation']}" if reply.get("operation") else ""))
