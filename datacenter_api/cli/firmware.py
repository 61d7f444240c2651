"""`rackwright firmware list|add|push`: images that were handed in, and one of them pushed to one endpoint."""

from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect
from datacenter_api.cli.event import clock
from datacenter_api.cli.op import carry_out, command
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, emit, note
from datacenter_api.cli.power import Detach, DryRun, Plan, Reason, Yes
from datacenter_api.cli.rack import rack_holding
from firmware_bridge.vocabulary.errors import ConfigurationError

app = typer.Typer(help="Firmware images, and pushing one to one endpoint.", no_args_is_help=True)
_COLUMNS = (
    Column("IMAGE", lambda i: str(i["image"])[:12]),
    Column("NAME", lambda i: str(i["name"])),
    Column("VERSION", lambda i: str(i["version"])),
    Column("MB", lambda i: f"{i['size'] / 1e6:.1f}", right=True),
    Column("CARRIES", lambda i: ", ".join(f"{c['software_id']} {c['version']}" for c in i["components"])),
    Column("SINCE", lambda i: clock(i["kept_unix_ns"]).partition(".")[0]),
    Column("SHA-256", lambda i: str(i["image"]), wide=True),
)
Where = Annotated[str, typer.Argument(help="Endpoint or its tray, in full or from the slot on (u12/bmc, u12).")]
What = Annotated[str, typer.Argument(metavar="IMAGE", help="The maker's file, or the beginning of an image's SHA-256.")]


@app.command("list")
def list_images(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List the images that are kept, the newest first."""
    emit(connect(url, state).get("/api/v1/firmware/images"), _COLUMNS, chosen(output, as_json), name="image")


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="The maker's file.")],
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Hand an image in; it is checked and kept, and pushed to nothing."""
    emit([hand_in(connect(url, state), file)], _COLUMNS, chosen(output, as_json), name="image", single=True)


@app.command("push")
def push(
    target: Where,
    image: What,
    part: Annotated[str, typer.Option("--part", help="Which firmware, as the inventory names it (FW_BMC_0).")] = "",
    dry_run: DryRun = False,
    plan: Plan = False,
    yes: Yes = False,
    detach: Detach = False,
    reason: Reason = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Push one image to one endpoint: plan it, show it, ask, write it, and see that it runs."""
    link = connect(url, state)
    holding = rack_holding(link, target, rack)
    file = Path(image)
    digest = str(hand_in(link, file)["image"]) if file.is_file() else image
    said: dict[str, object] = {"do": "push", "image": digest}
    said |= {name: value for name, value in (("part", part), ("reason", reason)) if value}
    made = command(link, holding, "plan", target, **said, dry_run=dry_run)
    preview = f"push {image} to {target}; its host goes on, its controller starts anew"
    how = (dry_run, plan, yes, detach)
    carry_out(link, holding, target, made, how, chosen(output, as_json), preview, ask=True)


def hand_in(link: Connection, file: Path) -> Row:
    """Send an image and return what is kept of it.  Raises ConfigurationError when the file cannot be read."""
    try:
        data = file.read_bytes()
    except OSError as err:
        raise ConfigurationError(f"{file} cannot be read: {err.strerror}", advice="name the maker's file") from err
    note(f"{file.name}: {len(data) / 1e6:.1f} MB are handed in")
    kept: Row = link.send_file("/api/v1/firmware/images", data, name=file.name)
    return kept
