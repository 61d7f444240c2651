"""`rackwright accept floor import|list`: what the floor measured before power and coolant came on."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.options import As, Json, State, chosen
from datacenter_api.cli.output import Column, Output, Row, emit, note
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.vocabulary.errors import ConfigurationError

app = typer.Typer(help="Floor records: torque, ground bond, polarity, pressure decay.", no_args_is_help=True)
REFUSED = 9
"""Exit code of a file that was not taken."""
Rack = Annotated[str, typer.Option("--rack", "-r", help="The rack, by its place or its last part (k01).")]

_FAULTS = (
    Column("ROW", lambda f: str(f["row"] or "file"), right=True),
    Column("FIELD", lambda f: str(f["field"])),
    Column("WHAT IS WRONG", lambda f: str(f["what"])),
    Column("VALUE", lambda f: str(f["value"])),
)
_NOTED = (
    Column("CHECK", lambda n: str(n["kind"])),
    Column("PLACE", lambda n: str(n["place"])),
    Column("NUMBERS", lambda n: ", ".join(f"{k} {v:g}" for k, v in n["numbers"].items())),
    Column("TESTER", lambda n: str(n["tester"])),
    Column("CALIBRATED UNTIL", lambda n: str(n["calibrated_until"])),
    Column("ON", lambda n: str(n["on"])),
    Column("BY", lambda n: str(n["actor"]), wide=True),
    Column("FILE", lambda n: f"{n['file']} {n['file_sha256'][:12]}", wide=True),
)


@app.command("import")
def import_records(
    file: Annotated[Path, typer.Argument(help="The floor's CSV or JSON.")],
    rack: Rack,
    generation: Annotated[str, typer.Option(help="Its design, where the site file does not know it.")] = "",
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Hand in what the floor measured: all rows of a file or none, and every fault in one report."""
    import msgspec

    from rack_controller.acceptance.floor import take_floor

    try:
        data = file.read_bytes()
    except OSError as err:
        raise ConfigurationError(f"{file} cannot be read: {err.strerror}", advice="name the floor's file") from err
    count, complaints = take_floor(state or default_state(), rack, data, file.name, getpass.getuser(), generation)
    if not len(complaints):
        note(f"{file.name}: {count} records are kept")
        return
    faults: list[Row] = [msgspec.to_builtins(c) for c in complaints.shown]
    emit(faults, _FAULTS, chosen(output, as_json), name="row")
    note(f"{file.name}: {len(complaints)} faults, nothing was taken")
    raise typer.Exit(REFUSED)


@app.command("list")
def list_records(rack: Rack, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List what the floor handed in of a rack."""
    import msgspec

    from rack_controller.acceptance.floor import noted, place_of

    root = state or default_state()
    rows: list[Row] = [msgspec.to_builtins(n) for n in noted(root, place_of(root, rack))]
    emit(rows, _NOTED, chosen(output, as_json), name="place")
