"""`rackwright bypass open|sign|end|list`: leave a detector, or a row, out of the interlocks for some hours."""

import time
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.event import clock
from datacenter_api.cli.interlock import stand_of
from datacenter_api.cli.op import command, short
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.rack import rack_holding
from firmware_bridge.vocabulary.errors import TargetUnknown
from rack_controller.model.bypass import SIGN_WITHIN_NS

app = typer.Typer(help="The bypass register: what two persons left out of the interlocks.", no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Bypass, e.g. k01-b1.")]

_COLUMNS = (
    Column("BYPASS", lambda b: str(b["id"])),
    Column("STATE", lambda b: word_of(b, time.time_ns())),
    Column("LEFT OUT", lambda b: f"{b['cause'] or 'detector'} at {short(b['place'])}"),
    Column("BY", lambda b: ", ".join(n for n in (b["opened_by"], b["signed_by"]) if n)),
    Column("UNTIL", lambda b: clock(b["until_unix_ns"]).partition(".")[0] if b["until_unix_ns"] else "–"),
    Column("REASON", lambda b: str(b["reason"])),
)


@app.command("open")
def open_bypass(
    place: Annotated[str, typer.Argument(help="Leak detector (u31/leak1); with --row the tray or rack.")],
    reason: Annotated[str, typer.Option(help="Why it must be left out.")],
    hours: Annotated[int, typer.Option(min=1, max=24, help="For how long, from the second signature on.")] = 8,
    row: Annotated[str, typer.Option("--row", help="A row by its cause (sensor.faulty) instead of a detector.")] = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Ask for a bypass; nothing is left out before another person signed.  Its tray stays off while it is open."""
    link = connect(url, state)
    cause = {"cause": row} if row else {}
    said = {"do": "open", "reason": reason, "hours": hours, **cause}
    done = command(link, rack_holding(link, place, rack), "bypass", place, **said)
    answer(f"{done['bypass']} waits for another person: `rackwright bypass sign {done['bypass']}`")


@app.command("sign")
def sign_bypass(bypass: Which, url: Url = None, state: State = None) -> None:
    """Sign somebody else's wish: from now on it is left out."""
    done = _say("sign", bypass, url, state)
    answer(f"{bypass} is open until {clock(done['until']).partition('.')[0]}")


@app.command("end")
def end_bypass(bypass: Which, url: Url = None, state: State = None) -> None:
    """End a bypass, or take a wish back."""
    _say("end", bypass, url, state)
    answer(f"{bypass} is over")


@app.command("list")
def list_bypasses(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List the register, the newest first."""
    link = connect(url, state)
    racks = [rack] if rack else [str(r["rack"]) for r in link.get("/api/v1/racks")]
    rows = [b for name in racks for b in stand_of(link, name)["bypasses"]]
    emit(rows, _COLUMNS, chosen(output, as_json), name="id")


def word_of(bypass: Row, now_ns: int) -> str:
    """Return how a bypass stands: wanted, open or over."""
    if bypass["ended_unix_ns"] is not None:
        return f"ended by {bypass['ended_by']}"
    if bypass["signed_by"]:
        return "open" if now_ns < bypass["until_unix_ns"] else "over"
    return "wanted" if now_ns < bypass["opened_unix_ns"] + SIGN_WITHIN_NS else "over"


def rack_of_bypass(bypass: str) -> str:
    """Return the rack's name out of a bypass's id.  Raises TargetUnknown."""
    name, dash, number = bypass.rpartition("-b")
    if not dash or not name or not number.isdigit():
        raise TargetUnknown(f"{bypass!r} is no bypass", advice="see `rackwright bypass list`")
    return name


def _say(do: str, bypass: str, url: str | None, state: State) -> Row:
    rack = rack_of_bypass(bypass)
    return command(connect(url, state), rack, "bypass", rack, do=do, bypass=bypass)
