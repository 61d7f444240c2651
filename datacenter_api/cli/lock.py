"""`rackwright lock set|clear|list`: say that somebody works on a tray, so that nothing switches it on."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.event import clock
from datacenter_api.cli.op import command, short
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, answer, emit
from datacenter_api.cli.rack import rack_holding

app = typer.Typer(help="Maintenance locks of trays.", no_args_is_help=True)
Tray = Annotated[str, typer.Argument(help="Tray, in full or from the slot on (u12).")]
_COLUMNS = (
    Column("TRAY", lambda k: short(k["place"])),
    Column("OWNER", lambda k: f"{k['owner']} ({k['phone']})"),
    Column("SINCE", lambda k: clock(k["since_unix_ns"]).partition(".")[0]),
    Column("UNTIL", lambda k: clock(k["until_unix_ns"]).partition(".")[0]),
    Column("REASON", lambda k: str(k["reason"])),
)


@app.command("set")
def set_lock(
    tray: Tray,
    reason: Annotated[str, typer.Option(help="What is done there.")],
    phone: Annotated[str, typer.Option(help="How to reach you.")],
    hours: Annotated[int, typer.Option(min=1, max=72, help="How long it may take.")] = 4,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Lock a tray: nothing switches it on until its owner ends the lock, or somebody else with a reason."""
    link = connect(url, state)
    done = command(link, rack_holding(link, tray, rack), "lock", tray, reason=reason, phone=phone, hours=hours)
    answer(f"{short(done['place'])} is locked until {clock(done['until_unix_ns']).partition('.')[0]}")


@app.command("clear")
def clear_lock(
    tray: Tray,
    reason: Annotated[str, typer.Option(help="Why somebody else's lock ends.")] = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """End a lock; somebody else's only with a reason."""
    link = connect(url, state)
    said = {"reason": reason} if reason else {}
    done = command(link, rack_holding(link, tray, rack), "unlock", tray, **said)
    answer(f"{short(done['place'])} is free")


@app.command("list")
def list_locks(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List the locks, the newest first."""
    link = connect(url, state)
    racks = [rack] if rack else [str(r["rack"]) for r in link.get("/api/v1/racks")]
    rows = [row for name in racks for row in link.get(f"/api/v1/racks/{quoted(name)}/locks")]
    emit(rows, _COLUMNS, chosen(output, as_json))
