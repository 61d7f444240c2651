"""`rackwright power on|off|cycle TARGET`: plan it, show it, ask, run it, and watch; Ctrl-C stops only the watching."""

from enum import StrEnum
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.op import carry_out, command
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Output
from datacenter_api.cli.rack import rack_holding

app = typer.Typer(
    help="Switch racks and trays on and off in order; budgets, and who is held by what.", no_args_is_help=True
)


class Kind(StrEnum):
    """Which trays of a rack."""

    COMPUTE = "compute"
    SWITCH = "switch"


class Depth(StrEnum):
    """How far off."""

    HOST = "host_off"
    AUX = "aux_off"
    ISOLATED = "isolated"


class Manner(StrEnum):
    """How hosts are switched off."""

    BOTH = "graceful_then_force"
    GRACEFUL = "graceful"
    FORCE = "force"


Target = Annotated[str, typer.Argument(help="Rack, or tray in full or from the slot on (u12).")]
Only = Annotated[Kind | None, typer.Option("--only", help="Of a rack: only trays of this kind.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan; nothing is kept or done.")]
Plan = Annotated[bool, typer.Option("--plan", help="Keep the plan for somebody else to approve.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: the name of the target need not be typed.")]
Detach = Annotated[bool, typer.Option("--detach", help="Do not watch.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; stands in the operation.")]
How = Annotated[Manner, typer.Option("--manner", help="graceful_then_force, graceful or force.")]


@app.command("on")
def on(
    target: Target,
    only: Only = None,
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
    """Switch a rack, its trays of one kind, or one tray on: supplies, coolant, switches, then hosts."""
    said = _said("on", only, reason)
    _power(target, said, (dry_run, plan, yes, detach), rack, url, state, chosen(output, as_json))


@app.command("off")
def off(
    target: Target,
    only: Only = None,
    depth: Annotated[Depth, typer.Option(help="How far: host_off, aux_off.")] = Depth.HOST,
    manner: How = Manner.BOTH,
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
    """Switch off: hosts are asked first and forced when they take too long; coolant outlives the heat."""
    said = {**_said("off", only, reason), "depth": str(depth), "manner": str(manner)}
    _power(target, said, (dry_run, plan, yes, detach), rack, url, state, chosen(output, as_json))


@app.command("cycle")
def cycle(
    target: Target,
    only: Only = None,
    manner: How = Manner.BOTH,
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
    """Switch off and on again, in order."""
    said = {**_said("cycle", only, reason), "manner": str(manner)}
    _power(target, said, (dry_run, plan, yes, detach), rack, url, state, chosen(output, as_json))


def _said(do: str, only: Kind | None, reason: str) -> dict[str, object]:
    said: dict[str, object] = {"do": do}
    if only is not None:
        said["kind"] = str(only)
    if reason:
        said["reason"] = reason
    return said


def _power(
    target: str,
    said: dict[str, object],
    how: tuple[bool, bool, bool, bool],
    rack: str | None,
    url: str | None,
    state: State,
    shape: Output,
) -> None:
    link = connect(url, state)
    holding = rack_holding(link, target, rack)
    made = command(link, holding, "plan", target, **said, dry_run=how[0])
    trays = sum(len(stage.get("steps", [])) for stage in made["plan"]["stages"])
    preview = f"power {said['do']} of {target}"
    carry_out(link, holding, target, made, how, shape, preview, ask=trays > 1 or said["do"] != "on")
