"""`rackwright rescan`: have endpoints of a rack looked at anew, in the background or as an operation one can watch."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.op import carry_out, command
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Output
from datacenter_api.cli.power import Detach, DryRun, Plan, Reason
from datacenter_api.cli.rack import only_rack, send
from firmware_bridge.vocabulary.errors import ConfigurationError


def rescan(
    rack: Annotated[str | None, typer.Argument(help="Place or short name; may be left out for the only rack.")] = None,
    operation: Annotated[
        bool, typer.Option("--operation", help="As an operation: planned, kept, carried out, watched.")
    ] = False,
    dry_run: DryRun = False,
    plan: Plan = False,
    detach: Detach = False,
    reason: Reason = "",
    named: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Have the controller look at every endpoint of a rack anew; with --operation one can watch how far that is."""
    link, shape = connect(url, state), chosen(output, as_json)
    if rack and named and rack != named:
        raise ConfigurationError(f"{rack} or {named}?", advice="name one rack")
    name = rack or named or only_rack(link)
    place = str(link.get(f"/api/v1/racks/{quoted(name)}")["rack"])
    if not (operation or dry_run or plan):
        send(link, name, "rescan", place, {}, shape)
        return
    said = {"reason": reason} if reason else {}
    made = command(link, name, "plan", place, do="rescan", dry_run=dry_run, **said)
    carry_out(link, name, name, made, (dry_run, plan, True, detach), shape, f"rescan of {name}", ask=False)
