"""`rackwright endpoint list|show|raw|inspect|scan`: addresses; one look at a device or line with no server."""

import asyncio
import getpass
import json
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.endpoint_failing import tell_failing
from datacenter_api.cli.endpoint_trust import find_endpoint
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, age, answer, document, emit, note
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import ConfigurationError, RackwrightError

app = typer.Typer(help="Management endpoints.", no_args_is_help=True)

_COLUMNS = (
    Column("ENDPOINT", lambda e: "/".join(e["place"].split("/")[3:])),
    Column("STATE", lambda e: str(e["state"])),
    Column("MANAGEMENT", lambda e: "held" if e.get("held") else str(e["management"])),
    Column("READY", lambda e: str(e.get("ready") or "–")),
    Column("SINCE", lambda e: age(e["since_s"]), right=True),
    Column("LAST READ", lambda e: age(e["last_success_age_s"]), right=True),
    Column("EVENTS", lambda e: _events(e)),
    Column("BEHIND IT", lambda e: f"{e['subtree']} {e['subtree_state']}" if e["subtree"] else ""),
    Column("ASKED", lambda e: _asked(e)),
    Column("UNITS", lambda e: _units(e), right=True),
    Column("ADDRESS", lambda e: str(e["address"])),
    Column("FAULTS", lambda e: str(e["faults"]), right=True),
    Column("ERROR", lambda e: str(e["error"])),
    Column("BEHIND IT WHY", lambda e: str(e["subtree_why"]), wide=True),
    Column("ASKED WHY", lambda e: str(e["attention_detail"]), wide=True),
    Column("BLIND WHY", lambda e: str(e["blind"]), wide=True),
    Column("EVENTS WHY", lambda e: str(e["events_detail"]), wide=True),
    Column("VERSION", lambda e: str(e["version"]), wide=True),
    Column("MAINTENANCE", lambda e: str(e.get("maintenance", "")), wide=True),
    Column("PROTOCOL", lambda e: str(e["protocol"]), wide=True),
    Column("TRAY", lambda e: str(e["tray"]), wide=True),
    Column("PLACE", lambda e: str(e["place"]), wide=True),
)
_ITEMS = (
    Column("KIND", lambda i: str(i["kind"])),
    Column("ID", lambda i: str(i["id"])),
    Column("PART", lambda i: str(i["part_number"] or "–")),
    Column("SERIAL", lambda i: str(i["serial_number"] or "–")),
    Column("FIRMWARE", lambda i: str(i["firmware"] or "–")),
    Column("NAME", lambda i: str(i["name"]), wide=True),
    Column("URIS", lambda i: " ".join(i["uris"]), wide=True),
)

_FOUND = (
    Column("ADDRESS", lambda u: str(u["address_hex"]), right=True),
    Column("MAP", lambda u: str(u["map"])),
    Column("LINE", lambda u: str(u["line"])),
    Column("MODEL", lambda u: str(u["identity"].get("model", "–"))),
    Column("PART", lambda u: str(u["identity"].get("part_number", "–"))),
    Column("SERIAL", lambda u: str(u["identity"].get("serial_number", "–"))),
    Column("FIRMWARE", lambda u: str(u["identity"].get("firmware", "–"))),
    Column("TITLE", lambda u: str(u["title"]), wide=True),
    Column("NOTE", lambda u: str(u["note"]), wide=True),
)
MOST_ADDRESS = 255
MOST_NOTES = 20


def _units(endpoint: Row) -> str:
    """Return how many of the units on a serial line answer, of how many; nothing for other endpoints."""
    units = endpoint.get("units") or []
    return f"{sum(u['management'] == 'reachable' for u in units)}/{len(units)}" if units else ""


def _events(endpoint: Row) -> str:
    """Return how an endpoint's events come, and how long ago that was proven."""
    proven = endpoint["events_age_s"]
    return str(endpoint["events"]) + ("" if proven is None else f" {age(proven)}")


def _asked(endpoint: Row) -> str:
    """Return how much an endpoint is asked now, and whether it can see leaks."""
    left, blind = endpoint["attention_s"], endpoint["blind_s"]
    words = [str(endpoint["attention"]) + ("" if left is None else f" {age(left)}")]
    if endpoint["blind"]:
        words.append("leak-blind" + ("" if blind is None else f" {age(blind)}"))
    return ", ".join(words)


@app.command("list")
def list_endpoints(
    rack: RackName = None,
    all_listed: Annotated[bool, typer.Option("--all", "-a", help="Also those that are not asked.")] = False,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """List the endpoints of a rack (or of all) on both axes: state and management."""
    link = connect(url, state)
    racks = [rack] if rack else [str(r["rack"]) for r in link.get("/api/v1/racks")]
    rows = [row for name in racks for row in link.get(f"/api/v1/racks/{quoted(name)}/endpoints")]
    emit([row for row in rows if row["enabled"] or all_listed], _COLUMNS, chosen(output, as_json))


@app.command("show")
def show_endpoint(
    place: Annotated[str, typer.Argument(help="Endpoint: u12/bmc, k01/u12/bmc or in full; its tray if it has one.")],
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show what an endpoint is made of, as its controller saw it."""
    link = connect(url, state)
    report: Row = link.get("/api/v1/endpoints/report", place=place, rack=rack)
    report["failing"] = find_endpoint(link, str(report["endpoint"]["place"]), None)["failing"]
    _print_report(report, chosen(output, as_json))


@app.command("raw")
def show_raw(
    place: Annotated[str, typer.Argument(help="Endpoint that speaks Redfish: u12/bmc, k01/u12/bmc or in full.")],
    uri: Annotated[
        str, typer.Argument(metavar="PATH", help="Path at the endpoint, below /redfish/v1.")
    ] = "/redfish/v1",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Print what an endpoint itself answers, as it is.  Only reads; for admins, and audited."""
    link = connect(url, state)
    try:
        said = link.get("/api/v1/endpoints/raw", place=place, uri=uri, rack=rack)
    except ValueError as err:
        raise RackwrightError(f"{place} answers with something that is no JSON", advice="ask the API for it") from err
    print(json.dumps(said, indent=2))  # noqa: T201 - a device's text: whatever is no ASCII comes escaped


@app.command("inspect")
def inspect(
    device: Annotated[str, typer.Argument(metavar="URL", help="https://ADDRESS[:PORT] of the device.")],
    user: Annotated[str, typer.Option("--user", "-u", help="User name at the device.")],
    password_file: Annotated[Path | None, typer.Option(help="File with the password; asked for without it.")] = None,
    trust: Annotated[
        str, typer.Option(help="`first-use` to accept the certificate it shows now, or a pin sha256//…")
    ] = "",
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Read one device directly: no server, no site file.  Only reads."""
    if not trust:
        raise ConfigurationError(
            "whose certificate is it?", advice="give --trust first-use, or --trust sha256//… from an earlier look"
        )
    # Imported here: only this command needs the reader and its libraries.
    from firmware_bridge.credentials.vault import Credential
    from rack_controller.inspect import inspect_endpoint, report_document

    credential = Credential(user, _password(password_file, user))
    report = asyncio.run(inspect_endpoint(device, credential, trust))
    _print_report(report_document(report), chosen(output, as_json))


@app.command("scan")
def scan(
    tty: Annotated[str, typer.Argument(metavar="TTY", help="Serial device, e.g. /dev/ttyUSB0.")],
    address: Annotated[list[str] | None, typer.Option("--address", "-a", help="0x90 or 0x90-0x95; may repeat.")] = None,
    family: Annotated[list[str] | None, typer.Option("--map", "-m", help="Register map to try; may repeat.")] = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Look who answers on a serial line, without any server: every known family at its own speed.  Writes nothing."""
    from rack_controller.run.clock import SystemClock
    from rack_controller.scan import found_document, scan_line

    search = own_generations(state or default_state())
    found = asyncio.run(scan_line(tty, SystemClock(), _addresses(address), family, search, note))
    shape = chosen(output, as_json)
    emit([found_document(unit) for unit in found], _FOUND, shape, name="address_hex")
    answer(f"{len(found)} units", shape)


def _addresses(stated: list[str] | None) -> list[int] | None:
    """Return unit addresses from `0x90` and `0x90-0x95`, None for all.  Raises ConfigurationError."""
    if not stated:
        return None
    wanted: list[int] = []
    for text in stated:
        low, _, high = text.partition("-")
        try:
            first, last = int(low, 0), int(high or low, 0)
        except ValueError:
            first, last = 0, -1
        if not 1 <= first <= last <= MOST_ADDRESS:
            raise ConfigurationError(f"--address {text!r}", advice="0x90 or 0x90-0x95, from 1 to 255")
        wanted += range(first, last + 1)
    return wanted


def _print_report(report: Row, shape: Output) -> None:
    if shape in (Output.JSON, Output.YAML):
        print(document(report, shape))  # noqa: T201
        return
    emit(report["inventory"], _ITEMS, shape, name="id")
    if shape is Output.NAME:
        return
    leaks = [d["state"] for d in report["leak_detectors"]]
    answer(
        f"{len(report['inventory'])} items, {len(report['readings'])} readings, {len(report['firmware'])} firmware, "
        f"{len(leaks)} leak detectors ({', '.join(sorted(set(leaks))) or 'none'}), {len(report['notes'])} notes"
    )
    if report["endpoint"].get("seen") == "part":
        answer("not everything could be seen: the counts are a lower bound, the notes say why")
    if "age_s" in report:
        again = ", being read again" if report["reading_again"] else ""
        failed = f"; the newest attempt failed: {report['error']}" if report["error"] else ""
        answer(f"taken {age(report['age_s'])} ago{again}{failed}")
    tell_failing(report.get("failing", []))
    for odd in report["notes"][:MOST_NOTES]:
        answer(f"note: {odd['uri']} {odd['property']}: {odd['what']}")
    if (left := len(report["notes"]) - MOST_NOTES) > 0:
        answer(f"and {left} more notes: see -o json")


def _password(file: Path | None, user: str) -> str:
    if file is None:
        return getpass.getpass(f"Password of {user} at the device: ")
    try:
        return file.read_text().rstrip("\r\n")
    except OSError as err:
        raise ConfigurationError(f"cannot read {file}: {err.strerror}") from err
