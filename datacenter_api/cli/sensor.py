"""`rackwright sensor list|top|history`: readings, filtered, ranked or over time."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, age, emit, number, scaled
from datacenter_api.cli.rack import rack_holding
from datacenter_api.cli.sensor_history import show_history

READABLE = 1e6
"""Numbers from here on are not read digit by digit: they get a larger unit, or spaces between their thousands."""
app = typer.Typer(help="Readings.", no_args_is_help=True)
app.command("history")(show_history)


def _value(row: Row) -> str:
    if row["value"] is None:
        return "–"
    if row["text"] is not None:
        return str(row["text"])
    if isinstance(row["value"], int):
        return str(row["value"])  # a counter to its last digit
    value, _ = scaled(row["value"], row["unit"], READABLE)
    return number(value, 0) if abs(value) >= READABLE else f"{value:zg}"


def _unit(row: Row) -> str:
    if row["unit"] in ("code", "1"):
        return ""
    counts = row["value"] is None or isinstance(row["value"], int)
    return str(row["unit"]) if counts else scaled(row["value"], row["unit"], READABLE)[1]


_COLUMNS = (
    Column("PLACE", lambda r: "/".join(r["place"].split("/")[3:])),
    Column("QUANTITY", lambda r: str(r["quantity"])),
    Column("VALUE", _value, right=True),
    Column("UNIT", _unit),
    Column("QUALITY", lambda r: str(r["quality"])),
    Column("AGE", lambda r: age(r["age_s"]), right=True),
    Column("LABEL", lambda r: str(r["label"]), wide=True),
    Column("CLASS", lambda r: str(r["reading_class"]), wide=True),
)
Quantity = Annotated[str | None, typer.Option("--quantity", "-q", help="power, temperature, flow, leak …")]


@app.command("list")
def list_readings(
    place: Annotated[str | None, typer.Argument(help="At or below this place; from the tray on is enough.")] = None,
    rack: RackName = None,
    quantity: Quantity = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """List readings with unit, quality and age."""
    link = connect(url, state)
    name = rack_holding(link, place, rack)
    rows = link.get(f"/api/v1/racks/{quoted(name)}/readings", place=place, quantity=quantity, limit=limit)
    emit(rows, _COLUMNS, chosen(output, as_json))


@app.command("top")
def show_top(
    quantity: Annotated[str, typer.Argument(help="power, temperature …")] = "temperature",
    component: Annotated[str | None, typer.Option("--component", "-c", help="gpu, cpu, psu, tray …")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 10,
    lowest: Annotated[bool, typer.Option("--lowest", help="The lowest instead.")] = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show the highest current readings of a quantity, over one rack or all."""
    query = {"quantity": quantity, "component": component, "n": n, "rack": rack, "lowest": lowest}
    emit(connect(url, state).get("/api/v1/top", **query), _COLUMNS, chosen(output, as_json))
