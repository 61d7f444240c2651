"""`rackwright account list|add|change|remove|password`: who may come in, and as what."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.login import read_password
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.model.roles import Role

app = typer.Typer(help="Accounts: who may come in, and as what.", no_args_is_help=True)

_COLUMNS = (
    Column("USER", lambda r: str(r["user"])),
    Column("ROLE", lambda r: str(r["role"])),
    Column("ENABLED", lambda r: "yes" if r["enabled"] else "no"),
)
User = Annotated[str, typer.Argument(help="User name.")]
PasswordFile = Annotated[Path | None, typer.Option(help="File with the password; asked for without it.")]


@app.command("list")
def show(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List every account (admin)."""
    emit(connect(url, state).get("/api/v1/accounts"), _COLUMNS, chosen(output, as_json), name="user")


@app.command("add")
def add(
    user: User,
    role: Annotated[Role, typer.Option(help="What the account may do.")],
    password_file: PasswordFile = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Create an account (admin)."""
    body = {"user": user, "role": role.value, "password": read_password(password_file, user, environment=False)}
    _tell(connect(url, state).post("/api/v1/accounts", body), "created", chosen(output, as_json))


@app.command("change")
def change(
    user: User,
    role: Annotated[Role | None, typer.Option(help="New role.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Let in, or not.")] = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Change an account's role, or whether it is let in (admin)."""
    body = {"role": role.value if role else None, "enabled": enabled}
    wanted = {name: value for name, value in body.items() if value is not None}
    if not wanted:
        raise ConfigurationError("nothing to change", advice="give --role, --enable or --disable")
    changed = connect(url, state).request("PATCH", f"/api/v1/accounts/{quote(user, safe='')}", body=wanted)
    _tell(changed, "changed", chosen(output, as_json))


@app.command("remove")
def remove(user: User, url: Url = None, state: State = None) -> None:
    """Remove an account; the last enabled admin stays (admin)."""
    connect(url, state).request("DELETE", f"/api/v1/accounts/{quote(user, safe='')}")
    answer(f"removed {user}")


@app.command("password")
def password(
    old_file: Annotated[Path | None, typer.Option(help="File with the present password.")] = None,
    new_file: Annotated[Path | None, typer.Option(help="File with the new password.")] = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Change your own password; every login of yours ends."""
    link = connect(url, state)
    who = str(link.get("/api/v1/session")["user"])
    old = read_password(old_file, f"{who}, present", environment=False, flag="--old-file")
    new = read_password(new_file, f"{who}, new", environment=False, flag="--new-file")
    link.post("/api/v1/account/password", {"old": old, "new": new})
    answer(f"password of {who} changed: log in again")


def _tell(account: Row, done: str, shape: Output) -> None:
    if shape is Output.TABLE:
        answer(f"{done} {account['user']} ({account['role']})")
    else:
        emit([account], _COLUMNS, shape, name="user", single=True)
