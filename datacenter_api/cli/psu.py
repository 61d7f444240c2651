"""`rackwright psu on|off SUPPLY`: switch one supply of a power shelf, if the rest carries the bus."""

from typing import Annotated

import typer

from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Output
from datacenter_api.cli.power import Detach, DryRun, Plan, Reason, Yes
from datacenter_api.cli.shelf import switch_source

app = typer.Typer(help="Switch single supplies of power shelves, one at a time.", no_args_is_help=True)
Supply = Annotated[str, typer.Argument(help="Supply of a power shelf, in full or from the slot on (u06/psu3).")]


@app.command("on")
def on(
    supply: Supply,
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
    """Switch a supply on; refused where its shelf cannot, or a latch stands."""
    how, shape = (dry_run, plan, yes, detach), chosen(output, as_json)
    switch_source("psu_on", supply, how, reason, rack, url, state, shape, "the other supplies")


@app.command("off")
def off(
    supply: Supply,
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
    """Switch a supply off; refused unless the others carry what is drawn and granted, one more of them lost."""
    how, shape = (dry_run, plan, yes, detach), chosen(output, as_json)
    switch_source("psu_off", supply, how, reason, rack, url, state, shape, "the other supplies")
