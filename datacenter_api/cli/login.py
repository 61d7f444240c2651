"""`rackwright login` and `logout`: a token in a file of mode 600, never the password."""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.options import State, Url
from datacenter_api.cli.output import answer
from datacenter_api.cli.tokens import Tokens
from firmware_bridge.vocabulary.errors import AuthenticationRequired, ConfigurationError


def log_in(
    user: Annotated[str | None, typer.Option("--user", "-u", help="User name.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password; asked for without it.")] = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Log in and keep the token for the next commands."""
    link = connect(url, state)
    name = user or os.environ.get("RACKWRIGHT_USER") or _asked("User: ", "--user")
    password = read_password(password_file, name)
    session = link.request("POST", "/api/v1/login", body={"user": name, "password": password}, login=False)
    Tokens().put(link.server.url, session["token"])
    answer(f"logged in to {link.server.url} as {session['user']} ({session['role']})")


def log_out(url: Url = None, state: State = None) -> None:
    """End the session and forget its token."""
    link = connect(url, state)
    try:
        link.request("POST", "/api/v1/logout")
    except AuthenticationRequired:
        answer("that login had ended already")
    Tokens().put(link.server.url, None)


def read_password(file: Path | None, user: str, *, environment: bool = True, flag: str = "--password-file") -> str:
    """Return a password from a file, RACKWRIGHT_PASSWORD (if allowed) or the terminal; never from the command line.

    `environment`: only for the caller's own login; another account must not get the caller's password unasked.
    Raises ConfigurationError, with the option `flag` to give, when nobody can be asked.
    """
    if file is not None:
        try:
            return file.read_text().rstrip("\r\n")
        except OSError as err:
            raise ConfigurationError(f"cannot read {file}: {err.strerror}") from err
    given = os.environ.get("RACKWRIGHT_PASSWORD")
    if environment and given is not None:
        return given
    if not sys.stdin.isatty():
        raise ConfigurationError("no terminal to ask for the password", advice=f"give {flag} FILE")
    return getpass.getpass(f"Password of {user}: ")


def _asked(prompt: str, flag: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigurationError("no terminal to ask at", advice=f"give {flag}")
    return input(prompt)
