"""`rackwright tray list|locate|power|boot` and `locate on|off PLACE`."""

from enum import StrEnum
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Output, emit
from datacenter_api.cli.rack import TRAY_COLUMNS, only_rack, rack_holding, send
from datacenter_api.cli.tray_power import boot_tray, power_tray

app = typer.Typer(help="Trays.", no_args_is_help=True)
app.command("power")(power_tray)
app.command("boot")(boot_tray)


class Light(StrEnum):
    """What a locate light can be told."""

    ON = "on"
    OFF = "off"


@app.command("list")
def list_trays(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List the trays of a rack from the top down."""
    link = connect(url, state)
    shown = link.get(f"/api/v1/racks/{quoted(rack or only_rack(link))}")
    emit(sorted(shown["trays"], key=lambda t: -t["unit"]), TRAY_COLUMNS, chosen(output, as_json))


@app.command("locate")
def locate_tray(
    place: Annotated[str, typer.Argument(help="Tray, in full or from the slot on (u12).")],
    light: Annotated[Light, typer.Argument()] = Light.ON,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Switch a tray's locate light."""
    locate(light, place, rack, url, state, output, as_json)


def locate(
    light: Annotated[Light, typer.Argument()],
    place: Annotated[str, typer.Argument(help="Tray, in full or from the slot on (u12).")],
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Switch a tray's locate light on or off."""
    link = connect(url, state)
    send(link, rack_holding(link, place, rack), "locate", place, {"on": light is Light.ON}, chosen(output, as_json))
