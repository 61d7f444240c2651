"""`rackwright limit show|set|clear`: power limits of GPUs and trays: what is allowed, shown and wanted, by whom."""

from typing import Annotated

import typer

from datacenter_api.cli.amounts import watts
from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.op import carry_out, command, short
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.power import Detach, DryRun, Plan, Reason
from datacenter_api.cli.rack import rack_holding
from datacenter_api.cli.tray_power import Yes, confirm

app = typer.Typer(help="Power limits: what devices allow, keep and are wanted to keep.", no_args_is_help=True)
PARTLY = 7
Where = Annotated[str, typer.Argument(help="GPU, tray or rack, in full or from the slot on (u12/gpu0, u12).")]
AsOperation = Annotated[bool, typer.Option("--operation", help="As an operation: planned, kept, carried out, watched.")]
Each = Annotated[bool, typer.Option("--each", help="Of a tray or rack: each part of it that has a limit.")]

_ROWS = (
    Column("PLACE", lambda r: short(str(r["place"]))),
    Column("SHOWS W", lambda r: _watts(r["shows"]), right=True),
    Column("WANTED W", lambda r: _watts((r["wanted"] or {}).get("value")), right=True),
    Column("STATE", lambda r: str((r["wanted"] or {}).get("state", "–"))),
    Column("BY", lambda r: str((r["wanted"] or {}).get("by", "–"))),
    Column("ALLOWED W", lambda r: f"{_watts(r['least'])} to {_watts(r['most'])}"),
    Column("NOT RAISED", lambda r: str(r["held"] or "–")),
)
_DONE = (
    Column("PLACE", lambda p: short(str(p["place"]))),
    Column("WANTED W", lambda p: _watts(p["value"]), right=True),
    Column("READS BACK W", lambda p: _watts(p["read_back"]), right=True),
    Column("STATE", lambda p: str(p["state"])),
    Column("DETAIL", lambda p: str(p["detail"] or "–")),
)


@app.command("show")
def show(
    place: Annotated[str, typer.Argument(help="GPU, tray or rack; left out: everything.")] = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show limits: what the device allows and shows, what is wanted, by whom, and why it is not raised now."""
    rows = rows_below(connect(url, state), "limits", place, rack)
    emit(rows, _ROWS, chosen(output, as_json), name="place")


@app.command("set")
def set_limit(
    place: Where,
    limit: Annotated[str, typer.Argument(metavar="POWER", help="The limit, with its unit: 800W or 0.8kW.")],
    each: Each = False,
    yes: Yes = False,
    operation: AsOperation = False,
    dry_run: DryRun = False,
    plan: Plan = False,
    detach: Detach = False,
    reason: Reason = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Set a limit, written down before it is asked for, and show what reads back; with --operation as an operation."""
    most = watts(limit)
    wish: dict[str, object] = {"watts": most, "each": each}
    how = (dry_run, plan, yes, detach) if operation or dry_run or plan else None
    preview = f"{place}: {most:g} W{' each' if each else ''}"
    _limit(place, wish, preview, yes, how, reason, rack, url, state, chosen(output, as_json))


@app.command("clear")
def clear(
    place: Where,
    each: Each = False,
    yes: Yes = False,
    operation: AsOperation = False,
    dry_run: DryRun = False,
    plan: Plan = False,
    detach: Detach = False,
    reason: Reason = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Take a limit back to what the device had, and want none any more."""
    wish: dict[str, object] = {"clear": True, "each": each}
    how = (dry_run, plan, yes, detach) if operation or dry_run or plan else None
    preview = f"{place}: limits as the device had them"
    _limit(place, wish, preview, yes, how, reason, rack, url, state, chosen(output, as_json))


def _limit(
    place: str,
    wish: dict[str, object],
    preview: str,
    yes: bool,
    how: tuple[bool, bool, bool, bool] | None,
    reason: str,
    rack: str | None,
    url: str | None,
    state: State,
    shape: Output,
) -> None:
    link = connect(url, state)
    holding = rack_holding(link, place, rack)
    if how is not None:
        said = {"reason": reason} if reason else {}
        made = command(link, holding, "plan", place, do="limit", dry_run=how[0], **said, **wish)
        carry_out(link, holding, place, made, how, shape, preview, ask=bool(wish["each"]))
        return
    if wish["each"] and not yes:
        confirm(place, preview)
    done: list[Row] = command(link, holding, "limit", place, **wish)["limits"]
    emit(done, _DONE, shape, name="place")
    short_of = [p for p in done if p["state"] in ("refused", "requested")]
    if short_of:
        answer(f"{len(short_of)} of {len(done)} are not as wanted: {short_of[0]['detail']}", shape)
        raise typer.Exit(PARTLY)


def rows_below(link: Connection, view: str, place: str, rack: str | None) -> list[Row]:
    """Return what a view of racks (`limits`, `coolant`) says at and below a place, of one rack, or of all of them."""
    if place or rack:
        racks = [rack_holding(link, place, rack) if place else str(rack)]
    else:
        racks = [str(r["rack"]) for r in link.get("/api/v1/racks")]
    rows = [row for name in racks for row in link.get(f"/api/v1/racks/{quoted(name)}/{view}")]
    return [row for row in rows if lies_below(str(row["place"]), place)]


def lies_below(place: str, asked: str) -> bool:
    """Return whether a place is the one that was asked for, or below it; `asked` may begin at the slot or the rack."""
    return not asked or f"/{place}/".find(f"/{asked.strip('/')}/") >= 0


def _watts(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else "–"
