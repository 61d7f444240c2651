"""`rackwright op list|show|watch|approve|pause|resume|cancel|resolve`: operations of a rack, and what they wait for."""

import time
from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.event import clock
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit, note
from datacenter_api.cli.tray_power import confirm
from firmware_bridge.vocabulary.errors import ConfigurationError, TargetUnknown

app = typer.Typer(help="Operations: planned, running and ended work on racks.", no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Operation, e.g. k01-7.")]
LOOK_EVERY_S = 1.0
FAILED, HELD = 7, 8
_ENDS = ("done", "failed", "cancelled")

_COLUMNS = (
    Column("OPERATION", lambda o: str(o["id"])),
    Column("STATE", lambda o: str(o["state"])),
    Column("DOES", lambda o: f"{o['verb']} {short(o['target'])}"),
    Column("STEPS", lambda o: f"{o['done']} of {o['steps']}", right=True),
    Column("BY", lambda o: str(o["actor"])),
    Column("SINCE", lambda o: clock(o["made_unix_ns"]).partition(".")[0]),
    Column("WAITS FOR / RESULT", lambda o: waiting(o)),
)
_STEPS = (
    Column("STEP", lambda s: str(s["id"])),
    Column("STATE", lambda s: str(s["state"])),
    Column("ACTS", lambda s: acts_of(s)),
    Column("WHY", lambda s: str(s["why"])),
)


@app.command("list")
def list_operations(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List operations, the newest first."""
    link = connect(url, state)
    racks = [rack] if rack else [str(r["rack"]) for r in link.get("/api/v1/racks")]
    rows = [row for name in racks for row in link.get(f"/api/v1/racks/{quoted(name)}/operations")]
    emit(rows, _COLUMNS, chosen(output, as_json), name="id")


@app.command("show")
def show(
    operation: Which,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show one operation with its plan: stages, checks, steps and how far each is."""
    link, shape = connect(url, state), chosen(output, as_json)
    found = find(link, operation, rack)
    if shape in (Output.JSON, Output.YAML):
        emit([found], (), shape, name="id", single=True)
        return
    emit(steps_of(found), _STEPS, shape, name="id")
    if shape.is_table:
        tell_plan(found["plan"])
    answer(f"{found['id']} is {found['state']}; {waiting(found) or 'nothing is waited for'}", shape)


@app.command("watch")
def watch(operation: Which, rack: RackName = None, url: Url = None, state: State = None) -> None:
    """Tell what an operation does until it ends.  Ctrl-C stops the watching, not the operation."""
    link = connect(url, state)
    raise typer.Exit(follow(link, find(link, operation, rack)))


@app.command("approve")
def approve(operation: Which, rack: RackName = None, url: Url = None, state: State = None) -> None:
    """Let a planned operation run; refused when the rack is not as it was when it was planned."""
    _say("approve", operation, rack, url, state)


@app.command("pause")
def pause(operation: Which, rack: RackName = None, url: Url = None, state: State = None) -> None:
    """Begin nothing more; what was begun ends."""
    _say("pause", operation, rack, url, state)


@app.command("resume")
def resume(operation: Which, rack: RackName = None, url: Url = None, state: State = None) -> None:
    """Go on after a pause."""
    _say("resume", operation, rack, url, state)


@app.command("cancel")
def cancel(operation: Which, rack: RackName = None, url: Url = None, state: State = None) -> None:
    """Begin nothing more and end; what was switched stays as it is."""
    _say("cancel", operation, rack, url, state)


@app.command("resolve")
def resolve(
    operation: Which,
    step: Annotated[str, typer.Argument(help="The held step, as `op show` names it.")],
    word: Annotated[str, typer.Argument(help="done, again (it did nothing) or failed.")],
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Say what you have seen of a held step, so that the operation can go on."""
    _say("resolve", operation, rack, url, state, step=step, word=word)


def find(link: Connection, operation: str, rack: str | None) -> Row:
    """Return one operation whole.  Its rack stands in its id.  Raises TargetUnknown."""
    found: Row = link.get(f"/api/v1/racks/{quoted(rack or rack_of_id(operation))}/operations/{quoted(operation)}")
    return found


def rack_of_id(operation: str) -> str:
    """Return the rack's name out of an operation's id.  Raises TargetUnknown."""
    name, dash, number = operation.rpartition("-")
    if not dash or not number.isdigit():
        raise TargetUnknown(f"{operation!r} is no operation", advice="see `rackwright op list`")
    return name


def command(link: Connection, rack: str, verb: str, target: str, **arguments: object) -> Row:
    """Send a command and return its result."""
    wish = {"verb": verb, "target": target, "arguments": arguments}
    reply: Row = link.post(f"/api/v1/racks/{quoted(rack)}/commands", wish)
    result: Row = reply["result"]
    return result


def carry_out(
    link: Connection,
    rack: str,
    target: str,
    made: Row,
    how: tuple[bool, bool, bool, bool],
    shape: Output,
    preview: str,
    *,
    ask: bool,
) -> None:
    """Show a plan that was made, have it confirmed (when `ask`), approve and follow it; a document is the plan alone.

    `how`: whether it is only shown (dry run), only kept, not asked about, and not watched.  Raises typer.Exit with how
    the operation ended.
    """
    dry_run, only_plan, yes, detach = how
    refuse_nameless(shape, dry_run=dry_run)
    if shape.is_table:
        tell_plan(made["plan"])
    else:
        emit([made], (), shape, name="operation", single=True)
    if dry_run:
        return
    name = str(made["operation"])
    if made["plan"].get("despite"):
        answer(f"{name} waits for another person, for an hour: `rackwright op approve {name}`", shape)
        return
    if only_plan:
        answer(f"kept as {name}: `rackwright op approve {name}` runs it", shape)
        return
    if not made["plan"]["stages"]:
        command(link, rack, "cancel", rack, operation=name)
        return
    if ask and not yes:
        confirm(target, f"{name}: {preview}; kept as planned until it is approved")
    command(link, rack, "approve", rack, operation=name)
    if detach:
        answer(f"running as {name}: `rackwright op watch {name}`", shape)
        return
    raise typer.Exit(follow(link, find(link, name, rack), shape))


def refuse_nameless(shape: Output, *, dry_run: bool) -> None:
    """Refuse to print the name of what is not kept: a plan of a dry run has none.  Raises ConfigurationError."""
    if dry_run and shape is Output.NAME:
        what = "a plan that is only shown has no name to print"
        raise ConfigurationError(what, advice="with --dry-run: -o table, json or yaml; with -o name: --plan keeps it")


def follow(link: Connection, operation: Row, shape: Output = Output.TABLE) -> int:
    """Tell every change until the operation ends or is held; return the exit code.  Ctrl-C detaches."""
    said, name = "", str(operation["id"])
    try:
        while True:
            told = f"{operation['state']}: {waiting(operation)}"
            if told != said:
                answer(f"{name} {told}", shape)
                said = told
            if operation["state"] in _ENDS:
                return 0 if operation["state"] == "done" and not _undone(operation["plan"]) else FAILED
            if operation["state"] == "held":
                return HELD
            time.sleep(LOOK_EVERY_S)
            operation = find(link, name, None)
    except KeyboardInterrupt:
        note(f"{name} goes on by itself: `rackwright op watch {name}` shows it, `rackwright op cancel {name}` ends it")
        return 0


def _undone(plan: Row) -> bool:
    """Return whether a plan was from the beginning only a part of what was asked for."""
    return bool(plan.get("left_out") or plan["unswitched"])


def waiting(operation: Row) -> str:
    """Return what an operation waits for and until when, or how it ended."""
    wait = operation.get("wait")
    if not wait or operation["state"] in _ENDS:
        return str(operation["summary"])
    until = f", until {clock(wait['until_unix_ns']).split()[1].partition('.')[0]}" if wait["until_unix_ns"] else ""
    return f"{wait['reason']} (since {clock(wait['since_unix_ns']).split()[1].partition('.')[0]}{until})"


def acts_of(step: Row) -> str:
    """Return what a step asks its device for, and how long each may take."""
    push = step.get("push")
    if push:
        return f"push {push['image'][:12]} to {push['part']} ({push['within_s']:g} s)"
    if step["goal"] == "looked":
        return "look at it anew"
    if limits := step.get("limits"):
        return ", ".join(f"{place.rpartition('/')[2]} {watts:g} W" for place, watts in limits.items())
    return ", then ".join(f"{a['action']} ({a['within_s']:g} s)" for a in step["acts"])


def steps_of(operation: Row) -> list[Row]:
    """Return the steps of an operation with how far each is."""
    progress = operation["steps"]
    nothing = {"state": "waiting", "why": ""}
    rows = []
    for stage in operation["plan"]["stages"]:
        for step in stage.get("steps", []):
            at = {**nothing, **progress.get(step["id"], {})}
            rows.append({**step, "state": at["state"], "why": at["why"]})
    return rows


def tell_plan(plan: Row) -> None:
    """Write a plan's stages with their checks."""
    for number, stage in enumerate(plan["stages"], 1):
        steps = stage.get("steps", [])
        trays = list(dict.fromkeys(short(s["tray"]) for s in steps))
        width = f", {min(stage.get('width', 1), len(trays))} at a time" if len(trays) > 1 else ""
        listed = ", ".join(trays)
        typer.echo(f"{number}. {stage['title']}{f': {listed}{width}' if steps else ''}")
        for when in ("before", "after"):
            for check in stage.get(when, []):
                typer.echo(f"   {when}: {check['title']}")
    if plan["already"]:
        typer.echo(f"as wanted already: {', '.join(short(t) for t in plan['already'])}")
    if plan["unswitched"]:
        typer.echo(f"nothing can switch: {', '.join(short(t) for t in plan['unswitched'])}")
    for tray, why in plan.get("despite", {}).items():
        typer.echo(f"done although {short(tray)} {why}")
    for tray, why in plan.get("left_out", {}).items():
        typer.echo(f"{short(tray)} is left out: {why}")
    if not plan["stages"]:
        typer.echo("nothing to do")


def short(place: str) -> str:
    """Return a place from its rack's name on."""
    return "/".join(place.split("/")[3:]) or place


def _say(verb: str, operation: str, rack: str | None, url: str | None, state: State, **more: object) -> None:
    link = connect(url, state)
    found = find(link, operation, rack)
    done = command(link, found["plan"]["rack"], verb, found["plan"]["rack"], operation=operation, **more)
    answer(f"{operation} is {done['state']}" + (f": {done['summary']}" if done["summary"] else ""))
