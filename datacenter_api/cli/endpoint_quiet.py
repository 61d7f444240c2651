"""`rackwright endpoint quiet`: have a management controller left alone, while it is flashed by other means say."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.endpoint_trust import PlaceHere, find_endpoint, send
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, emit

_DONE = (
    Column("ENDPOINT", lambda r: str(r["endpoint"])),
    Column("QUIET", lambda r: f"{r['minutes']} min" if r["minutes"] else "ended"),
)


def quiet(
    place: PlaceHere,
    minutes: Annotated[int, typer.Option(help="For how long, at most 240; 0 ends it.")] = 30,
    reason: Annotated[str, typer.Option(help="Why, for those who wonder.")] = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Ask an endpoint for safety readings only, one every few seconds, for a while."""
    link = connect(url, state)
    found = find_endpoint(link, place, rack)
    result = send(link, found, "quiet", {"minutes": minutes, **({"reason": reason} if reason else {})})
    row = {"endpoint": found["place"], "minutes": result.get("minutes", minutes)}
    emit([row], _DONE, chosen(output, as_json), name="endpoint", single=True)
