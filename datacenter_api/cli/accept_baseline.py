"""`rackwright accept baseline`: what a rack runs, as a plan's baseline of firmware to be read and signed."""

import time
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.options import State, Url
from datacenter_api.cli.output import note
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.installation import own_generations


def baseline(
    rack: Annotated[str, typer.Option("--rack", "-r", help="The rack whose firmware is looked at.")],
    url: Url = None,
    state: State = None,
) -> None:
    """Print a plan with a baseline: the firmware that most parts of a rack run, for you to read and correct."""
    from rack_controller.acceptance.baseline_plan import draft_baseline

    api = connect(url, state)
    layout = api.get(f"/api/v1/racks/{quoted(rack)}/layout")
    text, count = draft_baseline(
        api, layout, time.strftime("%Y-%m-%d", time.gmtime()), own_generations(state or default_state())
    )
    typer.echo(text, nl=False)
    note(
        f"{count} versions; read them, write into `source` who wants them (empty is refused), then "
        f"`rackwright accept run --rack {rack} --plan FILE` holds the rack against them"
    )
