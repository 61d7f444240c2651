"""`rackwright power on|off|cycle TARGET…`: plan it, show it, ask, run it, and watch; Ctrl-C stops only the watching."""

from enum import StrEnum
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.group import DOMAIN, Meant, carry_out_many, racks_meant
from datacenter_api.cli.op import carry_out, command
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Output, Row
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


Targets = Annotated[
    list[str], typer.Argument(metavar="TARGET…", help="Racks, trays in full or from the slot on (u12), domain:NAME.")
]
Only = Annotated[Kind | None, typer.Option("--only", help="Of a rack: only trays of this kind.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan; nothing is kept or done.")]
Plan = Annotated[bool, typer.Option("--plan", help="Keep the plan for somebody else to approve.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: the name of the target need not be typed.")]
Detach = Annotated[bool, typer.Option("--detach", help="Do not watch.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; stands in the operation.")]
How = Annotated[Manner, typer.Option("--manner", help="graceful_then_force, graceful or force.")]


@app.command("on")
def on(
    targets: Targets,
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
    """Switch racks, their trays of one kind, or trays on: supplies, coolant, switches, then hosts."""
    said = _said("on", only, reason)
    _power(targets, said, (dry_run, plan, yes, detach), rack, url, state, chosen(output, as_json))


@app.command("off")
def off(
    targets: Targets,
    only: Only = None,
    depth: Annotated[Depth, typer.Option(help="How far: host_off, aux_off; a whole rack also isolated.")] = Depth.HOST,
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
    _power(targets, said, (dry_run, plan, yes, detach), rack, url, state, chosen(output, as_json))


@app.command("cycle")
def cycle(
    targets: Targets,
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
    _power(targets, said, (dry_run, plan, yes, detach), rack, url, state, chosen(output, as_json))


def _said(do: str, only: Kind | None, reason: str) -> dict[str, object]:
    said: dict[str, object] = {"do": do}
    if only is not None:
        said["kind"] = str(only)
    if reason:
        said["reason"] = reason
    return said


def _power(
    targets: list[str],
    said: dict[str, object],
    how: tuple[bool, bool, bool, bool],
    rack: str | None,
    url: str | None,
    state: State,
    shape: Output,
) -> None:
    """Plan rack by rack, show all of it, ask once, and have everything carried out side by side."""
    link, name = connect(url, state), " ".join(targets)
    if len(targets) == 1 and not targets[0].startswith(DOMAIN):
        meant = [Meant(rack_holding(link, name, rack), name)]
    else:
        meant = racks_meant(link, targets, rack)

    def plan(one: Meant) -> Row:
        slots = {"slots": ",".join(one.slots)} if one.slots else {}
        return command(link, one.rack, "plan", one.target, **said, **slots, dry_run=how[0])

    preview = f"power {said['do']} of {name}"
    if len(meant) > 1:
        carry_out_many(link, meant, plan, name, how, shape, preview)
        return
    (one,) = meant
    made = plan(one)
    trays = sum(len(stage.get("steps", [])) for stage in made["plan"]["stages"])
    carry_out(link, one.rack, name, made, how, shape, preview, ask=trays > 1 or said["do"] != "on")
