"""`rackwright power policy show|check|apply|clear` and `power job start|hint|end|list`: what the budget is run by."""

from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.amounts import seconds
from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.event import clock
from datacenter_api.cli.op import command
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit, note
from datacenter_api.cli.policy import read_policy
from datacenter_api.cli.power_budget import any_rack, view_of
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.model.power_policy import KIND

app = typer.Typer(help="The power policy: budgets, tenants, jobs, shadow or armed.", no_args_is_help=True)
jobs = typer.Typer(help="Jobs that work in step: begun and ended by a scheduler.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="Policy file (YAML) of kind power.")]
Name = Annotated[str, typer.Argument(help="The job's name.")]

_MOST_SAID = 3
_JOBS = (
    Column("JOB", lambda r: str(r["name"])),
    Column("MEMBERS", lambda r: ", ".join(r["members"])),
    Column("PRIORITY", lambda r: str(r["priority"]), right=True),
    Column("IN STEP", lambda r: "yes" if r["synchronous"] else "no"),
    Column("SINCE", lambda r: clock(r["begun_unix_ns"]).partition(".")[0]),
    Column("BY", lambda r: str(r["by"])),
    Column("ENERGY", lambda r: energy(r), right=True),
    Column("HINTS", lambda r: hint_words(r["hint"]) if r.get("hint") else "–"),
)


@app.command("show")
def show(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """Show the policy in force, as it was written."""
    link, shape = connect(url, state), chosen(output, as_json)
    found: Row = link.get(f"/api/v1/racks/{quoted(_rack(link, rack))}/power/policy")
    if not shape.is_table:
        emit([found], (), shape, name="origin", single=True)
        return
    typer.echo(found["document"].rstrip("\n"))
    by = f" by {found['by']}" if found["by"] else ""
    note(f"{found['mode']}; {found['origin']}{by}")


@app.command("check")
def check(file: File) -> None:
    """Check a policy file; what is wrong is named with line and field, exit code 2."""
    _read(file)
    answer(f"{file}: a power policy; whether it fits the racks is told when it is applied")


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
    answer(f"{file} is in force: {done['mode']}")


@app.command("clear")
def clear(rack: RackName = None, url: Url = None, state: State = None) -> None:
    """Take the applied policy back; the one that stands in a file is in force again."""
    link = connect(url, state)
    name = _rack(link, rack)
    done = command(link, name, "power_policy", name, do="clear")
    answer(f"in force: {done['origin'] or 'none'}")


@jobs.command("list")
def list_jobs(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List the jobs that were begun, with what they have used."""
    link = connect(url, state)
    view = view_of(link, _rack(link, rack))
    hints = {hint["job"]: hint for hint in view["hints"]}
    emit([{**job, "hint": hints.get(job["name"])} for job in view["jobs"]], _JOBS, chosen(output, as_json), name="name")


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
    answer(f"job {job} runs on {', '.join(members)}")


@jobs.command("hint")
def hint(
    job: Name,
    start_in: Annotated[str, typer.Option("--start", help="It starts in: 30s.")] = "",
    period: Annotated[str, typer.Option("--period", help="How long an iteration takes.")] = "",
    checkpoint: Annotated[
        list[str] | None, typer.Option("--checkpoint", help="When it pauses, and for how long: 10m/12s; often.")
    ] = None,
    stop_in: Annotated[str, typer.Option("--stop", help="It stops in: 2h.")] = "",
    last: Annotated[
        str, typer.Option("--for", help="How long this counts; else a minute beyond the stop, or a day.")
    ] = "",
    clear: Annotated[bool, typer.Option("--clear", help="Forget what was said of the job.")] = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Say beforehand what a job will do, so that ramps are kept: times count from now; instead of what was said."""
    link = connect(url, state)
    name = _rack(link, rack)
    times = {"start_in_s": start_in, "period_s": period, "stop_in_s": stop_in, "for_s": last}
    wish: dict[str, object] = {key: seconds(text) for key, text in times.items() if text}
    if checkpoint:
        wish["checkpoints"] = ",".join(_pause(each) for each in checkpoint)
    if clear:
        if wish:
            raise ConfigurationError("--clear beside hints", advice="clear, or say what the job will do")
        command(link, name, "power_job", name, do="unhint", job=job)
        answer(f"nothing is said of job {job} any more")
        return
    done = command(link, name, "power_job", name, do="hint", job=job, **wish)
    said = done["hint"]
    answer(f"job {job}: {hint_words(said)}, until {clock(said['until_unix_ns']).partition('.')[0]}")
    if not done["ramps"]:
        answer("no power policy in force has ramps: it is kept, and changes nothing")


def _pause(text: str) -> str:
    """Return a checkpoint in seconds, `600/12`.  Raises ConfigurationError."""
    at, slash, takes = text.partition("/")
    if not slash:
        raise ConfigurationError(f"{text!r} is no checkpoint", advice="when and how long: 10m/12s")
    return f"{seconds(at):g}/{seconds(takes):g}"


def hint_words(hint: Row) -> str:
    """Return what was said of a job beforehand."""
    words = []
    if hint["start_unix_ns"]:
        words.append(f"starts {clock(hint['start_unix_ns']).partition('.')[0]}")
    if hint["period_s"]:
        words.append(f"iterations of {hint['period_s']:g} s")
    words += [f"pauses {clock(at).partition('.')[0]} for {takes:g} s" for at, takes in hint["checkpoints"][:_MOST_SAID]]
    if len(hint["checkpoints"]) > _MOST_SAID:
        words.append(f"and {len(hint['checkpoints']) - _MOST_SAID} times more")
    if hint["stop_unix_ns"]:
        words.append(f"stops {clock(hint['stop_unix_ns']).partition('.')[0]}")
    return ", ".join(words)


@jobs.command("end")
def end(job: Name, rack: RackName = None, url: Url = None, state: State = None) -> None:
    """End a job and say what it has used."""
    link = connect(url, state)
    name = _rack(link, rack)
    done = command(link, name, "power_job", name, do="end", job=job)
    answer(f"job {job} is over: {energy(done)}")


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
