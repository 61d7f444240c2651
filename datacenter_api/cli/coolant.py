"""`rackwright coolant show|set|clear|stop|start|cycle`: targets of coolant units, and whether they run."""

from math import inf
from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect
from datacenter_api.cli.limit import PARTLY, rows_below
from datacenter_api.cli.op import carry_out, command, short
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.power import Detach, DryRun, Plan, Reason
from datacenter_api.cli.rack import rack_holding
from datacenter_api.cli.tray_power import Yes, confirm
from firmware_bridge.vocabulary.errors import ConfigurationError, TargetUnknown
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from rack_controller.model.limit import COOLANT_WORDS

app = typer.Typer(help="Coolant units: targets of flow and supply, stopped and started.", no_args_is_help=True)
Unit = Annotated[str, typer.Argument(help="Coolant unit, in full or from the slot on (u05).")]
What = Annotated[str, typer.Argument(help=f"What of it: {', '.join(COOLANT_WORDS)}.")]
_NAMES = {quantity: word for word, quantity in COOLANT_WORDS.items()}

_ROWS = (
    Column("PLACE", lambda r: short(str(r["place"]))),
    Column("WHAT", lambda r: _word(r)),
    Column("SHOWS", lambda r: _value(r["shows"], r), right=True),
    Column("WANTED", lambda r: _value((r["wanted"] or {}).get("value"), r), right=True),
    Column("STATE", lambda r: str((r["wanted"] or {}).get("state", "–"))),
    Column("BY", lambda r: str((r["wanted"] or {}).get("by", "–"))),
    Column("ALLOWED", lambda r: f"{_value(r['least'], r)} to {_value(r['most'], r)}"),
    Column("NOT TURNED DOWN", lambda r: str(r["held"] or "–")),
)
_DONE = (
    Column("PLACE", lambda p: short(str(p["place"]))),
    Column("WANTED", lambda p: _value(p["value"], p), right=True),
    Column("READS BACK", lambda p: _value(p["read_back"], p), right=True),
    Column("STATE", lambda p: str(p["state"])),
    Column("DETAIL", lambda p: str(p["detail"] or "–")),
)


@app.command("show")
def show(
    place: Annotated[str, typer.Argument(help="Unit or rack; left out: everything.")] = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show targets: what a unit allows and shows, what is wanted, by whom, and why it is not turned down now."""
    rows = rows_below(connect(url, state), "coolant", place, rack)
    emit(rows, _ROWS, chosen(output, as_json), name="place")


@app.command("set")
def set_target(
    unit: Unit,
    what: What,
    value: Annotated[float, typer.Argument(help="In L/min, °C, kPa or %.")],
    yes: Yes = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Set a target, written down before it is sent, and show what reads back; a whole rack's heat goes there."""
    link, shape = connect(url, state), chosen(output, as_json)
    holding = rack_holding(link, unit, rack)
    if not yes:
        row = _target(link, holding, unit, what)
        least = -inf if row["least"] is None else row["least"]
        most = inf if row["most"] is None else row["most"]
        if not least <= value <= most:
            allowed = f"{_value(row['least'], row)} to {_value(row['most'], row)}"
            raise ConfigurationError(f"{what} {_value(value, row)} is not what {unit} allows", advice=allowed)
        confirm(unit, f"{unit}: {what} {_value(value, row)}; every tray it serves is cooled by that")
    done: list[Row] = command(link, holding, "coolant", unit, what=what, value=value)["coolant"]
    emit(done, _DONE, shape, name="place")
    short_of = [p for p in done if p["state"] in ("refused", "requested")]
    if short_of:
        answer(f"{len(short_of)} of {len(done)} are not as wanted: {short_of[0]['detail']}", shape)
        raise typer.Exit(PARTLY)


@app.command("clear")
def clear(
    unit: Unit,
    what: What,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Want a target no longer: it is not asked for again; the unit keeps what it has."""
    link, shape = connect(url, state), chosen(output, as_json)
    done: list[Row] = command(link, rack_holding(link, unit, rack), "coolant", unit, what=what, clear=True)["coolant"]
    emit(done, _DONE, shape, name="place")
    answer("the unit keeps what it has" if done else "nothing was wanted there", shape)


Despite = Annotated[
    bool, typer.Option("--despite-heat", help="Also while trays are on or hot: another person must approve it.")
]


@app.command("stop")
def stop(
    unit: Unit,
    despite_heat: Despite = False,
    dry_run: DryRun = False,
    plan: Plan = False,
    yes: Yes = False,
    detach: Detach = False,
    reason: Reason = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Stop a unit's pumps; refused unless every tray that it cools is seen off and cool."""
    how, shape = (dry_run, plan, yes, detach), chosen(output, as_json)
    _switch("coolant_stop", unit, how, reason, rack, url, state, shape, despite=despite_heat)


@app.command("start")
def start(
    unit: Unit,
    dry_run: DryRun = False,
    plan: Plan = False,
    yes: Yes = False,
    detach: Detach = False,
    reason: Reason = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Start a unit's pumps and wait until coolant flows; refused while a latch of a leak stands."""
    how, shape = (dry_run, plan, yes, detach), chosen(output, as_json)
    _switch("coolant_start", unit, how, reason, rack, url, state, shape)


@app.command("cycle")
def cycle(
    unit: Unit,
    despite_heat: Despite = False,
    dry_run: DryRun = False,
    plan: Plan = False,
    yes: Yes = False,
    detach: Detach = False,
    reason: Reason = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Cycle a unit's power where it can be asked for that; its pumps stand meanwhile: refused as a stop is."""
    how, shape = (dry_run, plan, yes, detach), chosen(output, as_json)
    _switch("coolant_cycle", unit, how, reason, rack, url, state, shape, despite=despite_heat)


def _switch(
    do: str,
    unit: str,
    how: tuple[bool, bool, bool, bool],
    reason: str,
    rack: str | None,
    url: str | None,
    state: State,
    shape: Output,
    *,
    despite: bool = False,
) -> None:
    """Plan the switch of a unit, ask, approve and follow it; what overrules heat is kept for another person."""
    link = connect(url, state)
    holding = rack_holding(link, unit, rack)
    said: dict[str, object] = {"do": do, **({"reason": reason} if reason else {})}
    said |= {"despite": True} if despite else {}
    made = command(link, holding, "plan", unit, **said, dry_run=how[0])
    preview = f"{do.replace('_', ' ')} of {unit}; every tray it serves is cooled by that"
    carry_out(link, holding, unit, made, how, shape, preview, ask=True)


def _target(link: Connection, holding: str, unit: str, what: str) -> Row:
    """Return a unit's target as it stands.  Raises ConfigurationError and TargetUnknown with what there is."""
    if what not in COOLANT_WORDS:
        raise ConfigurationError(f"there is no target {what[:64]!r}", advice=f"one of {', '.join(COOLANT_WORDS)}")
    rows = rows_below(link, "coolant", unit, holding)
    found = [row for row in rows if Quantity(str(row["quantity"])) is COOLANT_WORDS[what]]
    if not found:
        raise TargetUnknown(f"{unit} has no target {what}", advice="see `rackwright coolant show`")
    return found[0]


def _word(row: Row) -> str:
    return _NAMES.get(Quantity(str(row["quantity"])), str(row["quantity"]))


def _value(value: object, row: Row) -> str:
    return f"{value:g} {SPECS[Quantity(str(row['quantity']))].unit}" if isinstance(value, (int, float)) else "–"
