"""`rackwright power policy show|check|apply|clear` and `power job`: what the budget is run by."""

from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.event import clock
from datacenter_api.cli.op import command
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, emit, note
from datacenter_api.cli.policy import read_policy
from datacenter_api.cli.power_budget import any_rack, view_of
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.model.power_policy import KIND

app = typer.Typer(help="The power policy: budgets, tenants, jobs, shadow or armed.", no_args_is_help=True)
jobs = typer.Typer(help="Jobs that work in step: begun and ended by a scheduler.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="Policy file (YAML) of kind power.")]
Name = Annotated[str, typer.Argument(help="The job's name.")]

_JOBS = (
    Column("JOB", lambda r: str(r["name"])),
    Column("MEMBERS", lambda r: ", ".join(r["members"])),
    Column("PRIORITY", lambda r: str(r["priority"]), right=True),
    Column("IN STEP", lambda r: "yes" if r["synchronous"] else "no"),
    Column("SINCE", lambda r: clock(r["begun_unix_ns"]).partition(".")[0]),
    Column("BY", lambda r: str(r["by"])),
    Column("ENERGY", lambda r: energy(r), right=True),
)


@app.command("show")
def show(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """Show the policy in force, as it was written."""
    link, shape = connect(url, state), chosen(output, as_json)
    found: Row = link.get(f"/api/v1/racks/{quoted(_rack(link, rack))}/power/policy")
    if shape in (Output.JSON, Output.YAML):
        emit([found], (), shape, name="origin", single=True)
        return
    typer.echo(found["document"].rstrip("\n"))
    by = f" by {found['by']}" if found["by"] else ""
    note(f"{found['mode']}; {found['origin']}{by}")


@app.command("check")
def check(file: File) -> None:
    """Check a policy file; what is wrong is named with line and field, exit code 2."""
    _read(file)
    note(f"{file}: a power policy; whether it fits the racks is told when it is applied")


@app.command("apply")
def apply(
    file: File,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Put a policy into force at once, and keep it over restarts; refused when it contradicts itself or another."""
    text = _read(file)
    link = connect(url, state)
    name = _rack(link, rack)
    done = command(link, name, "power_policy", name, do="apply", document=text)
    note(f"{file} is in force: {done['mode']}")


@app.command("clear")
def clear(rack: RackName = None, url: Url = None, state: State = None) -> None:
    """Take the applied policy back; the one that stands in a file is in force again."""
    link = connect(url, state)
    name = _rack(link, rack)
    done = command(link, name, "power_policy", name, do="clear")
    note(f"in force: {done['origin'] or 'none'}")


@jobs.command("list")
def list_jobs(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List the jobs that were begun, with what they have used."""
    link = connect(url, state)
    emit(view_of(link, _rack(link, rack))["jobs"], _JOBS, chosen(output, as_json), name="name")


@jobs.command("start")
def start(
    job: Name,
    members: Annotated[list[str], typer.Argument(help="GPUs, trays or racks, globs too: k01/u1* k01/u28.")],
    priority: Annotated[int, typer.Option("--priority", help="The smaller comes first.")] = 10,
    synchronous: Annotated[bool, typer.Option(help="Its GPUs work in step and get one common level.")] = True,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Begin a job, or give one that runs other members or another priority."""
    link = connect(url, state)
    name = _rack(link, rack)
    wish = {"members": ",".join(members), "priority": priority, "synchronous": synchronous}
    command(link, name, "power_job", name, do="start", job=job, **wish)
    note(f"job {job} runs on {', '.join(members)}")


@jobs.command("end")
def end(job: Name, rack: RackName = None, url: Url = None, state: State = None) -> None:
    """End a job and say what it has used."""
    link = connect(url, state)
    name = _rack(link, rack)
    done = command(link, name, "power_job", name, do="end", job=job)
    note(f"job {job} is over: {energy(done)}")


def energy(row: Row) -> str:
    """Return a job's energy with how far it may be wrong: `12.3 ± 0.8 kWh`."""
    kwh, doubt = (float(row[name]) / 3.6e6 for name in ("energy_j", "doubt_j"))
    return f"{kwh:.2f} ± {doubt:.2f} kWh"


def _rack(link: Connection, rack: str | None) -> str:
    """Return a rack of the site: all of them are under one policy."""
    return rack or any_rack(link, "")


def _read(file: Path) -> str:
    policy = read_policy(file)
    if policy.kind != KIND:
        raise ConfigurationError(f"{file} is a policy of kind {policy.kind}", advice=f"name one of kind {KIND}")
    return file.read_text(encoding="utf-8")
