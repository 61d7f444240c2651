"""`rackwright shelf on|off SHELF`: switch one power shelf's output, if the rest carries the bus."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.op import carry_out, command
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Output
from datacenter_api.cli.power import Detach, DryRun, Plan, Reason, Yes
from datacenter_api.cli.rack import rack_holding

app = typer.Typer(help="Switch power shelves, one at a time.", no_args_is_help=True)
Shelf = Annotated[str, typer.Argument(help="Power shelf, in full or from the slot on (u06).")]


@app.command("on")
def on(
    shelf: Shelf,
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
    """Switch a shelf's output on; refused for one alone onto a bus that may be loaded."""
    switch_source("shelf_on", shelf, (dry_run, plan, yes, detach), reason, rack, url, state, chosen(output, as_json))


@app.command("off")
def off(
    shelf: Shelf,
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
    """Switch a shelf's output off; refused unless the rest carries what is drawn and granted, one more of it lost."""
    switch_source("shelf_off", shelf, (dry_run, plan, yes, detach), reason, rack, url, state, chosen(output, as_json))


def switch_source(
    do: str,
    shelf: str,
    how: tuple[bool, bool, bool, bool],
    reason: str,
    rack: str | None,
    url: str | None,
    state: State,
    shape: Output,
    rest: str = "the other shelves",
) -> None:
    """Plan the switch of one source of the bus, ask, approve and follow it; `rest` is what carries on meanwhile."""
    link = connect(url, state)
    holding = rack_holding(link, shelf, rack)
    said = {"do": do, "reason": reason} if reason else {"do": do}
    made = command(link, holding, "plan", shelf, **said, dry_run=how[0])
    preview = f"{do.replace('_', ' ')} of {shelf}; {rest} carry the bus"
    carry_out(link, holding, shelf, made, how, shape, preview, ask=True)
