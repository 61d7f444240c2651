"""`rackwright subscription list|resume|suspend|delete`: who is told of events over Redfish.

Subscribing is a client's own business: a listener does it with one POST, and with the headers that it asks for.
"""

from typing import Annotated
from urllib.parse import quote

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit

app = typer.Typer(help="Redfish event subscriptions and open streams.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The subscription's id, as `list` shows it.")]

_ALL = "/redfish/v1/EventService/Subscriptions"
_COLUMNS = (
    Column("ID", lambda r: str(r["id"])),
    Column("DESTINATION", lambda r: str(r["destination"])),
    Column("STATE", lambda r: str(r["state"])),
    Column("HEALTH", lambda r: str(r["health"])),
    Column("POLICY", lambda r: str(r["policy"] or "-")),
    Column("CONTEXT", lambda r: str(r["context"] or "-"), wide=True),
)


@app.command("list")
def show(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List the subscriptions that you may see: your own, as an admin all."""
    found = connect(url, state).get(_ALL, **{"$expand": ".($levels=1)"})
    emit([_row(one) for one in found["Members"]], _COLUMNS, chosen(output, as_json), name="id")


@app.command("resume")
def resume(name: Name, url: Url = None, state: State = None) -> None:
    """Deliver again, with what has waited."""
    connect(url, state).post(f"{_at(name)}/Actions/EventDestination.ResumeSubscription", {})
    answer(f"{name} is delivered to again")


@app.command("suspend")
def suspend(name: Name, url: Url = None, state: State = None) -> None:
    """Deliver nothing until it is resumed."""
    connect(url, state).post(f"{_at(name)}/Actions/EventDestination.SuspendSubscription", {})
    answer(f"{name} is suspended")


@app.command("delete")
def delete(name: Name, url: Url = None, state: State = None) -> None:
    """End a subscription, or an open stream."""
    connect(url, state).request("DELETE", _at(name))
    answer(f"{name} is ended")


def _at(name: str) -> str:
    return f"{_ALL}/{quote(name, safe='')}"


def _row(one: Row) -> Row:
    return {
        "id": one["Id"],
        "destination": one.get("Destination"),
        "state": one["Status"]["State"],
        "health": one["Status"].get("Health"),
        "policy": one.get("DeliveryRetryPolicy"),
        "context": one.get("Context"),
    }
