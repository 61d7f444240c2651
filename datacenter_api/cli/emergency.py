"""`rackwright emergency-off TARGET --reason …`: force off a tray or a rack, now.  Works while the API is away, too.

When no API answers, whoever may read the state directory's key asks the controller on the bus directly.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.op import command
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Output, Row, answer, emit, note
from datacenter_api.cli.rack import rack_holding
from datacenter_api.cli.state_directory import default_state
from datacenter_api.cli.tray_power import confirm
from firmware_bridge.vocabulary.errors import ConfigurationError, DeadlinePassed, EnvironmentUnfit, RackwrightError


def emergency_off(
    target: Annotated[str, typer.Argument(help="Rack (k01), or tray in full or from the slot on (u12).")],
    reason: Annotated[str, typer.Option(help="What you see; stands in the latch.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: the name need not be typed.")] = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Force off a tray, or every compute and switch tray of a rack, at once; it stays latched until it is cleared."""
    if not yes:
        confirm(target.rsplit("/", 1)[-1], f"{target}: hosts lose power at once, jobs on them end; {reason}")
    result = ask(target, reason, rack, url, state)
    shape = chosen(output, as_json)
    if not shape.is_table:
        emit([result], (), shape, name="latch", single=True)
        return
    many = f"{result['trays']} trays" if result["trays"] != 1 else "1 tray"
    answer(f"{target}, {many}: {result['came']}; latched {result['latch']}, see `rackwright interlock list`", shape)


def ask(target: str, reason: str, rack: str | None, url: str | None, state: Path | None) -> Row:
    """Ask through the API; while it is away and the state directory lies here, on the bus.  Raises as both do."""
    folder = state or default_state()
    here = url is None and (folder / "nats" / "api.nk").is_file()
    try:
        link = connect(url, state)
    except ConfigurationError as away:
        if not here:
            raise
        return _on_bus(folder, target, rack, reason, away)
    try:
        return command(link, rack_holding(link, target, rack), "emergency_off", target, reason=reason)
    except (EnvironmentUnfit, DeadlinePassed) as away:
        if not here:
            raise
        return _on_bus(folder, target, rack, reason, away)


def _on_bus(folder: Path, target: str, rack: str | None, reason: str, away: RackwrightError) -> Row:
    from datacenter_api.cli.emergency_bus import ask_on_bus  # numpy and the bus: not for every command's start

    note(f"no API ({away.what}): asking the controller on the bus")
    return asyncio.run(ask_on_bus(folder, target, rack, reason))
