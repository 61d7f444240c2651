"""`rackwright emulate|control|serve|agent`: one process of `up` by itself, in this terminal."""

import os
import sys
from typing import Annotated

import typer

from datacenter_api.cli.options import State
from datacenter_api.cli.state_directory import default_state
from datacenter_api.listen import DEFAULT_LISTEN

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def emulate(context: typer.Context) -> None:
    """Run the emulator: devices on real sockets.  Options: `rackwright emulate --help`."""
    _become("firmware_bridge.emulator", context.args)


def control(context: typer.Context) -> None:
    """Run the rack controller.  Options: `rackwright control --help`."""
    _become("rack_controller", context.args)


def agent(context: typer.Context) -> None:
    """Run a GPU host's agent (also `rackwright-agent`).  Options: `rackwright agent --help`."""
    _become("rack_controller.agent", context.args)


def serve(
    listen: Annotated[str, typer.Option(help="HOST:PORT of API and console.")] = DEFAULT_LISTEN,
    state: State = None,
    console: Annotated[bool, typer.Option(help="Serve the console too.")] = True,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run the datacenter API: REST, events, metrics and console."""
    arguments = ["--state", str((state or default_state()).absolute()), "--listen", listen, "--log-level", log_level]
    _become("datacenter_api", arguments if console else [*arguments, "--no-console"])


def _become(module: str, arguments: list[str]) -> None:
    """Replace this process, so that signals, exit code and memory are the other one's own."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
