"""`rackwright console PLACE`, `console list|log|key|retry`: serial consoles."""

import asyncio
import contextlib
import datetime
import re
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.console_terminal import raw_terminal
from datacenter_api.cli.event import clock
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, age, emit, note
from firmware_bridge.vocabulary.errors import ConfigurationError

PLACE = typer.Argument(help="A console or its tray; from the slot on (u12) is enough.")
Place = Annotated[str, PLACE]
_AGO = re.compile(r"-?(\d{1,9})(s|m|h|d)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class PlaceOrVerb(TyperGroup):
    """`console u12` is short for `console attach u12`."""

    left_out = "attach"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `attach` before what is no verb."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [self.left_out, *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(cls=PlaceOrVerb, help="Serial consoles: `console PLACE` attaches to one.", no_args_is_help=True)

_COLUMNS = (
    Column("CONSOLE", lambda c: "/".join(c["place"].split("/")[3:])),
    Column("STATE", lambda c: str(c["state"])),
    Column("SINCE", lambda c: age(c["since_s"])),
    Column("WRITER", lambda c: str(c["writer"]) or "–"),
    Column("LOG", lambda c: f"{c['bytes'] / 1024:.0f} KiB", right=True),
    Column("BY", lambda c: f"{c['protocol']} {c['address']}".strip()),
    Column("ERROR", lambda c: str(c["error"])),
)
_LINES = (
    Column("TIME", lambda line: clock(line["unix_ns"])),
    Column("LINE", lambda line: str(line["text"])),
)


@app.command("attach")
def attach(
    place: Place,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Only watch.")] = False,
    take: Annotated[str, typer.Option(help="Take over from who writes; say why.", show_default=False)] = "",
    lines: Annotated[int, typer.Option(min=0, max=1000, help="Lines of the log to begin with.")] = 20,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Attach to a console: what it says, and what you type.  ~. ends, ~B sends a break, ~? helps."""
    from datacenter_api.cli.console_session import ConsoleSession

    if watch and take:
        raise ConfigurationError("--watch and --take", advice="one of them: who only watches takes nothing over")
    link = connect(url, state)
    query = {"rack": rack, "lines": lines}
    with raw_terminal() as is_tty:
        end = "\r\n" if is_tty else "\n"

        def say(text: str) -> None:
            sys.stderr.write(f"{end if is_tty else ''}[-- {text} --]{end}")
            sys.stderr.flush()

        path = f"/api/v1/consoles/{quoted(place)}/attach"
        session = ConsoleSession(link, path, query, not watch, take, is_tty, _show, say)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(session.run())


@app.command("list")
def list_consoles(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List the consoles, whether they are heard, and who writes on them."""
    link = connect(url, state)
    rows: list[Row] = link.get("/api/v1/consoles", rack=rack)
    emit(sorted(rows, key=lambda c: str(c["place"])), _COLUMNS, chosen(output, as_json))


@app.command("log")
def show_log(
    place: Place,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=5000, help="How many of the last ones.")] = 100,
    since: Annotated[str, typer.Option(help="10m, 2h, or 2026-11-22T20:00Z.", show_default=False)] = "",
    grep: Annotated[str, typer.Option(help="Only lines with this text.", show_default=False)] = "",
    regex: Annotated[bool, typer.Option("--regex", "-E", help="--grep is a regular expression.")] = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show the last lines of a console's log with the time each came, without control characters."""
    link, shape = connect(url, state), chosen(output, as_json)
    query = {"rack": rack, "lines": lines, "since": _moment(since), "grep": grep or None, "regex": regex or None}
    rows: list[Row] = link.get(f"/api/v1/consoles/{quoted(place)}/log", **query)
    if shape in (Output.JSON, Output.YAML):
        emit(rows, _LINES, shape)
        return
    for line in rows:
        typer.echo(f"{clock(line['unix_ns'])}  {line['text']}")
    if not rows:
        note("no such lines")


@app.command("retry")
def retry(place: Place, rack: RackName = None, url: Url = None, state: State = None) -> None:
    """Try a lost or held console again at once."""
    link = connect(url, state)
    path = f"/api/v1/consoles/{quoted(place)}/retry" + (f"?rack={quoted(rack)}" if rack else "")
    row = link.post(path, None)
    typer.echo(f"{row['place']}: {row['state']}")


@app.command("key")
def show_key(address: Annotated[str, typer.Argument(help="ADDRESS or ADDRESS:PORT (2200).")]) -> None:
    """Print the fingerprint of a console's SSH host key: compare it at the device, then pin it in the site file."""
    from rack_controller.inspect import read_console_key

    typer.echo(asyncio.run(read_console_key(address)))


def _moment(text: str) -> str | None:
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    if ago is None:
        return text
    back = datetime.timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
    try:
        return (datetime.datetime.now(datetime.UTC) - back).isoformat()
    except OverflowError as err:
        raise ConfigurationError(f"--since {text}", advice="a time within the calendar") from err


def _show(data: bytes) -> None:
    """Write bytes as they are: it is the person's terminal, and the console's own colours."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
