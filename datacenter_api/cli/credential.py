"""`rackwright credential set|list`: the vault of the state directory, which site files refer to by name.

Works on this machine's files only.  Never prints a secret, and takes none from the command line.
"""

import re
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.options import As, Json, chosen
from datacenter_api.cli.output import Column, Output, answer, emit
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.vocabulary.errors import ConfigurationError

app = typer.Typer(help="Credentials of endpoints, encrypted in the state directory.", no_args_is_help=True)

FOLDER = "credentials"
_NAME = re.compile(r"(?=.{1,64}\Z)[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*")
_COLUMNS = (Column("NAME", lambda r: str(r["name"])), Column("USER", lambda r: str(r["user"])))
StateHere = Annotated[Path | None, typer.Option("--state", help="State directory (./.rackwright).")]


@app.command("set")
def store(
    name: Annotated[str, typer.Argument(help="Entry that a site file names, for example lab/bmc.")],
    user: Annotated[str, typer.Option("--user", "-u", help="User name at the endpoint.")],
    password_file: Annotated[Path, typer.Option(help="File that holds the password and nothing else.")],
    state: StateHere = None,
) -> None:
    """Store or replace one credential."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} cannot name a credential", advice="use up to 64 of a-z 0-9 _ . - in parts, for example lab/bmc"
        )
    from firmware_bridge.credentials.vault import Credential, Vault

    try:
        secret = password_file.read_text().rstrip("\n")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {password_file}: {getattr(err, 'strerror', None) or err}") from err
    if not secret:
        raise ConfigurationError(f"{password_file} is empty", advice="write the password into it")
    Vault((state or default_state()) / FOLDER).store(name, Credential(user, secret))
    answer(f"stored {name}")


@app.command("list")
def show(state: StateHere = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List names and users; secrets stay where they are."""
    from firmware_bridge.credentials.vault import Vault

    vault = Vault((state or default_state()) / FOLDER)
    rows = [{"name": name, "user": vault.fetch(name).user} for name in vault.names()]
    emit(rows, _COLUMNS, chosen(output, as_json), name="name")
