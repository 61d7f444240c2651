"""Options that many commands share, declared once."""

from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.output import Output

Url = Annotated[
    str | None,
    typer.Option("--url", envvar="RACKWRIGHT_URL", help="The API (the local one).", show_default=False),
]
State = Annotated[
    Path | None,
    typer.Option("--state", envvar="RACKWRIGHT_STATE", help="State directory (./.rackwright).", show_default=False),
]
As = Annotated[Output, typer.Option("--output", "-o", help="table, wide, json, yaml or name.")]
Json = Annotated[bool, typer.Option("--json", help="Short for -o json.")]
RackName = Annotated[str | None, typer.Option("--rack", "-r", help="One rack: its place or its short name.")]


def chosen(output: Output, as_json: bool) -> Output:
    """Return the format asked for."""
    return Output.JSON if as_json else output
