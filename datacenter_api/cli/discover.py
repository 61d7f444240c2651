"""`rackwright discover`: which Redfish services answer at addresses that the operator names.  No server, no login."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.options import As, Json, State, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit, note
from datacenter_api.cli.state_directory import StatePaths, default_state
from firmware_bridge.vocabulary.errors import ConfigurationError

_COLUMNS = (
    Column("ADDRESS", lambda f: f"{f['address']}:{f['port']}"),
    Column("VENDOR", lambda f: str(f.get("vendor") or "–")),
    Column("PRODUCT", lambda f: str(f.get("product") or "–")),
    Column("UUID", lambda f: str(f.get("uuid") or "–")),
    Column("EXPIRES", lambda f: str(f.get("certificate_expires") or "–")[:10]),
    Column("PLACE", lambda f: "/".join(str(f["place"]).split("/")[3:]) if f["place"] else "–"),
    Column("NAME", lambda f: str(f["name"] or f["mac"] or "–")),
    Column("NOTE", lambda f: str(f["note"])),
    Column("PIN", lambda f: str(f.get("pin") or "–"), wide=True),
    Column("SUBJECT", lambda f: str(f.get("certificate_subject") or "–"), wide=True),
)
TELL_EVERY = 250


def find(
    ranges: Annotated[
        list[str] | None, typer.Argument(metavar="[RANGE]...", help="10.4.7.0/26, 10.4.7.10-45 or one address.")
    ] = None,
    leases: Annotated[list[Path] | None, typer.Option(help="Lease file of ISC dhcpd, Kea or dnsmasq.")] = None,
    site: Annotated[Path | None, typer.Option(help="Ask the addresses of this site file.")] = None,
    listed: Annotated[Path | None, typer.Option("--list", help="CSV: address[,port,place,name].")] = None,
    port: Annotated[list[int] | None, typer.Option(help="Port to ask at ranges and leases (443); may repeat.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Also addresses that are no Redfish service.")
    ] = False,
    propose: Annotated[Path | None, typer.Option(help="Write entries for a site file there.")] = None,
    per_second: Annotated[float, typer.Option(min=1, max=2000, help="Connections begun per second.")] = 250.0,
    yes: Annotated[bool, typer.Option("--yes", help="Also for many or public addresses.")] = False,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Find Redfish services: certificate, vendor, UUID.  At most two requests each; logs in nowhere, writes nothing."""
    # Imported here: only this command needs the reader and its libraries.
    from rack_controller import discover as search

    ports = port or [search.HTTPS]
    targets = search.targets_from_ranges(ranges or [], ports)
    for file in leases or []:
        targets += search.targets_from_leases(file, ports)
    targets += search.targets_from_site(site) if site else []
    targets += search.targets_from_list(listed) if listed else []
    search.check_scope(targets, yes)
    own = StatePaths(state or default_state()).site
    known = search.targets_from_site(own) if own.is_file() else []
    pace = search.Pace(per_second=per_second)
    findings = asyncio.run(search.discover(targets, known, pace, _tell(len(targets))))
    shape = chosen(output, as_json)
    if propose is not None:
        _write(propose, search.proposal(findings))
        answer(f"entries written to {propose}", shape)
    rows = [search.finding_document(finding) for finding in findings]
    services = [row for row in rows if row["redfish"]]
    emit(rows if everything else services, _COLUMNS, shape, name="address")
    _summary(rows, len(services), shape)


def _tell(total: int) -> Callable[[int], None]:
    def tell(asked: int) -> None:
        if asked % TELL_EVERY == 0 and sys.stderr.isatty():
            note(f"{asked} of {total} asked")

    return tell


def _summary(rows: list[Row], services: int, shape: Output) -> None:
    silent = sum(bool(row.get("silent")) for row in rows)
    others = len(rows) - services - silent
    answer(f"{services} Redfish services, {others} other answers, {silent} silent of {len(rows)} addresses", shape)


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as err:
        raise ConfigurationError(
            f"cannot write {file}: {err.strerror}", advice="name a file that is not there"
        ) from err
