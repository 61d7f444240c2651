"""`rackwright verify FILE`: whether a signed file is as it was signed, by whom, and whether its claims follow from it.

It needs no server and no network: the file, its seal beside it, and the name of a key that you were told.
"""

from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.options import As, Json, State, chosen
from datacenter_api.cli.output import Output


def verify(
    file: Annotated[Path, typer.Argument(help="The file, its seal FILE.dsse beside it; a zip; a run's folder.")],
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="Fingerprint or PEM file of a key you were told.", show_default=False),
    ] = None,
    opening: Annotated[
        Path | None, typer.Option("--opening", help="What opens its commitments to costs.", show_default=False)
    ] = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Say whether a signed file is as it was signed, and if not, what was altered, reordered or cut."""
    from datacenter_api.cli.verified import known_keys, verify_file, verify_zip

    known, shape = known_keys(key or [], state), chosen(output, as_json)
    if file.suffix == ".zip":
        verify_zip(file, known, shape)
    else:
        verify_file(file, known, opening, shape)
