"""`rackwright endpoint repin|reload`: settle a changed certificate; read an endpoint's entry of the site file anew."""

import sys
from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, emit
from firmware_bridge.vocabulary.errors import ConfigurationError, PreconditionFailed, TargetUnknown

PlaceHere = Annotated[str, typer.Argument(help="Endpoint: u12/bmc, k01/u12/bmc or in full.")]
_DONE = (
    Column("ENDPOINT", lambda r: str(r["endpoint"])),
    Column("DONE", lambda r: str(r["done"])),
    Column("SERIAL", lambda r: str(r.get("serial") or "–")),
)


def reload(
    place: PlaceHere,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Let the controller read an endpoint's entry of the site file anew; the rest of the rack is read on."""
    link = connect(url, state)
    found = find_endpoint(link, place, rack)
    send(link, found, "reload", {})
    _tell({"endpoint": found["place"], "done": "reloaded"}, chosen(output, as_json))


def rotate(
    place: PlaceHere,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Give an endpoint a new password of its own: made by the controller, kept in the vault, shown to nobody."""
    link = connect(url, state)
    found = find_endpoint(link, place, rack)
    send(link, found, "rotate", {})
    _tell({"endpoint": found["place"], "done": "rotated"}, chosen(output, as_json))


def repin(
    place: PlaceHere,
    serial: Annotated[str, typer.Option(help="Serial number that the part must say after the login.")] = "",
    reason: Annotated[str, typer.Option(help="Why it may be trusted without a serial number (admins only).")] = "",
    trust: Annotated[str, typer.Option(help="The pin that you have confirmed: sha256//…; asked for without it.")] = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Pin the certificate that a held endpoint shows, once it is confirmed and its serial number fits."""
    link = connect(url, state)
    found = find_endpoint(link, place, rack)
    held = found.get("held")
    if not held:
        raise PreconditionFailed(f"{found['place']} is not held", advice="there is nothing to settle")
    typer.echo(_described(found), err=True)
    if trust and trust != held["shown"]:
        raise PreconditionFailed(f"it shows {held['shown']}, confirmed was {trust}", advice="nothing was pinned")
    if not trust:
        _confirm(str(held["shown"]))
    if not serial and not reason:
        serial = _asked("Serial number on its label")
    arguments = {name: value for name, value in (("serial", serial), ("reason", reason)) if value}
    result = send(link, found, "repin", {"pin": held["shown"], **arguments})
    row = {"endpoint": found["place"], "done": "repinned", "serial": result.get("serial")}
    _tell(row, chosen(output, as_json))


def _tell(row: Row, shape: Output) -> None:
    emit([row], _DONE, shape, name="endpoint", single=True)


def find_endpoint(link: Connection, place: str, rack: str | None) -> Row:
    """Return the row of an endpoint; a tray stands for its only one that is asked.  Raises TargetUnknown."""
    racks = [rack] if rack else [str(r["rack"]) for r in link.get("/api/v1/racks")]
    rows = [row for name in racks for row in link.get(f"/api/v1/racks/{quoted(name)}/endpoints")]
    wanted = place.strip("/")
    exact = [row for row in rows if row["place"] == wanted or str(row["place"]).endswith(f"/{wanted}")]
    below = [row for row in rows if f"/{row['place']}".rpartition("/")[0].endswith(f"/{wanted}") and row["enabled"]]
    found = exact or below
    if len(found) == 1:
        return dict(found[0])
    if not found:
        raise TargetUnknown(f"no endpoint {place!r}", advice="see `rackwright endpoint list --all`")
    names = ", ".join("/".join(str(row["place"]).split("/")[3:]) for row in found[:6])
    raise ConfigurationError(f"{place!r} could be {len(found)} endpoints", advice=f"name one: {names}")


def send(link: Connection, endpoint: Row, verb: str, arguments: Row) -> Row:
    """Send a command about an endpoint and return its result.  Raises the refusal."""
    rack = "/".join(str(endpoint["place"]).split("/")[:4])
    body = {"verb": verb, "target": endpoint["place"], "arguments": arguments}
    reply = link.post(f"/api/v1/racks/{quoted(rack)}/commands", body)
    return dict(reply["result"])


def _described(found: Row) -> str:
    held = found["held"]
    begins = str(held["not_before"] or "–")[:10]
    return (
        f"{found['place']} at {found['address']}\n  pinned   {held['pinned']}\n  shows    {held['shown']}\n"
        f"  subject  {held['subject'] or '–'}\n  valid    {begins} to {str(held['not_after'])[:10]}"
    )


def _confirm(shown: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError("nobody is here to confirm the certificate", advice=f"give --trust {shown}")
    if not typer.confirm("Is this the certificate that the device itself shows?", default=False, err=True):
        raise PreconditionFailed("the certificate was not confirmed", advice="nothing was pinned")


def _asked(question: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigurationError("why may it be trusted?", advice="give --serial NUMBER, or --reason TEXT")
    return str(typer.prompt(question, err=True))
