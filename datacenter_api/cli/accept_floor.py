"""`rackwright accept floor form|import|list`: what people and instruments on the floor measured.

Over the API where one is known, else into the state directory.
"""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect
from datacenter_api.cli.event import clock
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.vocabulary.errors import ConfigurationError

app = typer.Typer(help="What the floor measured: torque, ground bond, logged flow, …", no_args_is_help=True)
V1 = "/api/v1/acceptance/floor"
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
    Column("MEASURED", lambda n: ", ".join([*(f"{k} {v:g}" for k, v in n["numbers"].items()), *_texts(n)])),
    Column("TESTER", lambda n: str(n["tester"])),
    Column("CALIBRATED UNTIL", lambda n: str(n["calibrated_until"])),
    Column("ON", lambda n: str(n["on"])),
    Column("BY", lambda n: str(n["actor"]), wide=True),
    Column("FILE", lambda n: f"{n['file']} {n['file_sha256'][:12]}", wide=True),
)
_LOGS = (
    Column("SERIES", lambda n: str(n["series"])),
    Column("PLACES", lambda n: str(n["places"]), right=True),
    Column("READINGS", lambda n: str(n["readings"]), right=True),
    Column("SINCE", lambda n: clock(int(n["since_unix_s"] * 1e9)).partition(".")[0]),
    Column("UNTIL", lambda n: clock(int(n["until_unix_s"] * 1e9)).partition(".")[0]),
    Column("INSTRUMENT", lambda n: str(n["tester"])),
    Column("CALIBRATED UNTIL", lambda n: str(n["calibrated_until"])),
    Column("BY", lambda n: str(n["actor"]), wide=True),
    Column("FILE", lambda n: f"{n['file']} {n['file_sha256'][:12]}", wide=True),
)


def _texts(row: Row) -> list[str]:
    return [f"{k} {v}" for k, v in row.get("texts", {}).items()]


@app.command("import")
def import_records(
    file: Annotated[Path, typer.Argument(help="The floor's CSV or JSON.")],
    rack: Rack,
    generation: Annotated[str, typer.Option(help="Its design, where the site file does not know it.")] = "",
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Hand in what the floor measured: all rows of a file or none, and every fault in one report."""
    import msgspec

    from datacenter_api.acceptance.floor_desk import take_file
    from rack_controller.prove.report.written import plural

    try:
        data = file.read_bytes()
    except OSError as err:
        raise ConfigurationError(f"{file} cannot be read: {err.strerror}", advice="name the floor's file") from err
    api, shape = _api(url, state), chosen(output, as_json)
    if api is None:
        made = take_file(state or default_state(), rack, data, file.name, getpass.getuser(), generation)
        report: Row = msgspec.to_builtins(made)
    else:
        report = api.send_file(V1, data, rack=rack, name=file.name, generation=generation or None)
    if report["accepted"]:
        kept = [plural(report[f"{noun}s"], noun) for noun in ("record", "reading") if report[f"{noun}s"]]
        answer(f"{file.name}: kept {' and '.join(kept)} of {report['rack']}", shape)
        if not shape.is_table:
            emit([report], (), shape, single=True, name="rack")
        return
    emit(report["faults"], _FAULTS, shape, name="row")
    answer(f"{file.name}: {plural(report['faulty'], 'fault')}, nothing was taken", shape)
    raise typer.Exit(REFUSED)


@app.command("form")
def form(
    rack: Rack,
    plan: Annotated[str, typer.Option(help="Another plan of its design, such as short.")] = "",
    level: Annotated[str, typer.Option(help="L10 trays, L11 the rack, L12 racks together.")] = "L11",
    logged: Annotated[bool, typer.Option("--logged", help="Of what instruments log, instead of records.")] = False,
    url: Url = None,
    state: State = None,
) -> None:
    """Print the CSV that a plan wants of the floor, a row for each check and place, to be filled in and imported."""
    query = {"rack": rack, "plan": plan or None, "level": level, "logged": "true" if logged else None}
    typer.echo(connect(url, state).text(f"{V1}/form", **query), nl=False)


@app.command("list")
def list_records(
    rack: Rack, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List what the floor handed in of a rack: records, and what instruments logged."""
    import msgspec

    from datacenter_api.acceptance.floor_desk import handed_in

    api, shape = _api(url, state), chosen(output, as_json)
    view: Row = (
        msgspec.to_builtins(handed_in(state or default_state(), rack)) if api is None else api.get(V1, rack=rack)
    )
    if not shape.is_table:
        emit([view], (), shape, name="rack", single=True)
        return
    emit(view["records"], _NOTED, shape, name="place")
    if view["logs"]:
        emit(view["logs"], _LOGS, shape, name="series")


def _api(url: str | None, state: Path | None) -> Connection | None:
    """Return the way to the API, None where none is known: then the state directory is written itself."""
    try:
        return connect(url, state)
    except ConfigurationError:
        if url:
            raise
        return None
