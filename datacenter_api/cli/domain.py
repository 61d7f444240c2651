"""`rackwright domain list|show`: NVLink domains over the racks they span."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, emit
from firmware_bridge.vocabulary.amounts import power_text

app = typer.Typer(help="NVLink domains and the racks they span.", no_args_is_help=True)

COLUMNS = (
    Column("DOMAIN", lambda d: str(d["id"])),
    Column("HEALTH", lambda d: str(d["health"]["verdict"])),
    Column("GPUS", lambda d: f"{d['gpus_present']}/{d['gpus_planned']}", right=True),
    Column("RACKS", lambda d: ", ".join(r["name"] for r in d["racks"])),
    Column("MISSING", lambda d: str(d["racks_missing"] or ""), right=True),
    Column("PORTS UP", lambda d: links_of(d["health"], "ports"), right=True),
    Column("GPU LINKS", lambda d: links_of(d["health"], "gpu_links"), right=True),
    Column("GPU POWER", lambda d: power_text(d["gpu_power_w"]["value"]), right=True),
    Column("QUALITY", lambda d: str(d["gpu_power_w"]["quality"])),
)
WHY_COLUMNS = (Column("HEALTH", lambda w: str(w["is"])), Column("WHY", lambda w: str(w["why"])))
FINDING_COLUMNS = (
    Column("KIND", lambda f: str(f["kind"])),
    Column("PLACE", lambda f: str(f["place"]).split("/", 3)[-1]),
    Column("WHAT", lambda f: str(f["text"])),
)
RACK_COLUMNS = (
    Column("RACK", lambda r: str(r["name"])),
    Column("GPUS", lambda r: str(r["gpus"]), right=True),
    Column("TRAYS", lambda r: str(len(r["trays"])), right=True),
    Column("LIVE", lambda r: "yes" if r["live"] else "no"),
    Column("GENERATION", lambda r: str(r["generation"])),
    Column("PLACE", lambda r: str(r["rack"]), wide=True),
)


@app.command("list")
def list_domains(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List every NVLink domain."""
    emit(connect(url, state).get("/api/v1/domains"), COLUMNS, chosen(output, as_json), name="id")


@app.command("show")
def show_domain(
    domain: Annotated[str, typer.Argument(help="The domain's id, e.g. k02.nvl0, or a rack of only one.")],
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show one domain rack by rack."""
    shown: Row = connect(url, state).get(f"/api/v1/domains/{quoted(domain)}")
    shape = chosen(output, as_json)
    if shape in (Output.JSON, Output.YAML, Output.NAME):
        emit([shown], COLUMNS, shape, name="id", single=True)
        return
    emit([shown], COLUMNS, shape)
    health = shown["health"]
    why = [(health["verdict"], health["reason"]), *(("not seen", text) for text in health["unseen"])]
    emit([{"is": word, "why": text} for word, text in why], WHY_COLUMNS, shape)
    if health["findings"]:
        emit(health["findings"], FINDING_COLUMNS, shape)
    emit(shown["racks"], RACK_COLUMNS, shape)


def links_of(health: Row, what: str) -> str:
    """Return how many of the links that are read are up, and how many are unread, which is not down.

    `what` is `ports` (the switches' end) or `gpu_links` (the GPUs' end).
    """
    up, seen, planned = health[f"{what}_up"], health[f"{what}_seen"], health[f"{what}_planned"]
    if up is None:
        return f"{planned} unread" if planned else "–"
    unread = f", {planned - seen} unread" if planned > seen else ""
    return f"{up}/{seen}{unread}"
