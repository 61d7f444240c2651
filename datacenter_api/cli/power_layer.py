"""`rackwright power layer list|set|clear`: module and tray limits, workload profiles, smoothing floors."""

from typing import Annotated

import typer

from datacenter_api.cli.amounts import kilowatts
from datacenter_api.cli.connection import connect
from datacenter_api.cli.event import clock
from datacenter_api.cli.op import command, short
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, answer, emit
from datacenter_api.cli.power_budget import view_of
from datacenter_api.cli.rack import rack_holding
from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.model.power_layer import LayerKind

app = typer.Typer(
    help="Layers above single GPUs: module, tray, workload profile, smoothing floor.", no_args_is_help=True
)
Place = Annotated[str, typer.Argument(help="Rack, tray or GPU (k01, u12, u12/gpu0).")]

_LAYERS = (
    Column("OVER", lambda r: short(str(r["target"]))),
    Column("LAYER", lambda r: str(r["kind"])),
    Column("IS", lambda r: str(r["profile"] or power_text(r["watts"]))),
    Column("SINCE", lambda r: clock(r["since_unix_ns"]).partition(".")[0]),
    Column("BY", lambda r: str(r["by"])),
)


@app.command("list")
def list_layers(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List the layers that people have set over a rack's GPUs."""
    link = connect(url, state)
    emit(view_of(link, rack or "")["layers"], _LAYERS, chosen(output, as_json), name="target")


@app.command("set")
def set_layer(
    place: Place,
    module: Annotated[str, typer.Option("--module", help="The most that each module (superchip) draws: 2400W.")] = "",
    tray: Annotated[str, typer.Option("--tray", help="The most that each tray draws: 5kW.")] = "",
    profile: Annotated[str, typer.Option("--profile", help="Workload profile of its GPUs: max-q.")] = "",
    floor: Annotated[str, typer.Option("--floor", help="What each GPU draws at least while it is smoothed.")] = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Set one layer; refused where it would put a floor above a cap."""
    given = {
        LayerKind.MODULE: module,
        LayerKind.TRAY: tray,
        LayerKind.PROFILE: profile,
        LayerKind.FLOOR: floor,
    }
    named = [(kind, said) for kind, said in given.items() if said]
    if len(named) != 1:
        raise ConfigurationError("expected one layer", advice="one of --module, --tray, --profile, --floor")
    kind, said = named[0]
    wish: dict[str, object] = {"profile": said} if kind is LayerKind.PROFILE else {"watts": kilowatts(said) * 1e3}
    link = connect(url, state)
    command(link, rack_holding(link, place, rack), "power_layer", place, do="set", kind=str(kind), **wish)
    answer(f"{kind} {said} over {place}")


@app.command("clear")
def clear(
    place: Place,
    kind: Annotated[
        LayerKind | None, typer.Option("--layer", help="Only this one; left out: all at the place.")
    ] = None,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Clear the layers that were set at a place."""
    link = connect(url, state)
    only = {} if kind is None else {"kind": str(kind)}
    done = command(link, rack_holding(link, place, rack), "power_layer", place, do="clear", **only)
    answer(f"cleared: {', '.join(done['cleared'])}")
