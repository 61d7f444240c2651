"""`rackwright endpoint restart`: restart a tray's management controller; its host goes on, unseen meanwhile."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.endpoint_trust import PlaceHere, find_endpoint, send
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, emit
from datacenter_api.cli.tray_power import Yes, confirm
from firmware_bridge.vocabulary.power import ControllerRestart

_DONE = (Column("ENDPOINT", lambda r: str(r["endpoint"])), Column("RESTART", lambda r: str(r["how"])))


def restart(
    place: PlaceHere,
    force: Annotated[bool, typer.Option("--force", help="Do not let it end what it is doing.")] = False,
    yes: Yes = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Restart a controller, once its name was typed.  Until it is back nobody sees its tray, nor a leak in it."""
    link = connect(url, state)
    found = find_endpoint(link, place, rack)
    name = "/".join(str(found["place"]).split("/")[4:])
    if not yes:
        confirm(name, f"{found['place']}: its controller restarts; no leak in its tray is seen until it is back")
    how = ControllerRestart.FORCE if force else ControllerRestart.GRACEFUL
    result = send(link, found, "restart", {"how": str(how)})
    emit([{"endpoint": found["place"], **result}], _DONE, chosen(output, as_json), name="endpoint", single=True)
