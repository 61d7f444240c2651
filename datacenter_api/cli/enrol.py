"""`rackwright enrol`: put endpoints under a site.  Shows the certificate and asks, or compares a serial number."""

import asyncio
import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.credential import FOLDER
from datacenter_api.cli.options import State
from datacenter_api.cli.output import answer
from datacenter_api.cli.state_directory import StatePaths, default_state
from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import ConfigurationError, RackwrightError, TrustRefused
from firmware_bridge.vocabulary.identity import Certificate, Identity
from firmware_bridge.vocabulary.place import rack_name

if TYPE_CHECKING:
    from firmware_bridge.credentials.vault import Credential
    from rack_controller.enrol import Newcomer, SiteDraft

ASKED = "Is this the certificate that the device itself shows?  Pin it"


def enrol(
    place: Annotated[str | None, typer.Argument(help="SITE/HALL/ROW/RACK/SLOT/ENDPOINT, as in the site file.")] = None,
    address: Annotated[str | None, typer.Argument(help="ADDRESS[:PORT] where it answers.")] = None,
    listed: Annotated[
        Path | None, typer.Option("--list", help="CSV: place,address[,port,credential,serial], one endpoint a line.")
    ] = None,
    credential: Annotated[str, typer.Option(help="Vault entry that opens it, e.g. k07/compute.")] = "",
    serial: Annotated[str, typer.Option(help="Pin when the device says this serial number after a login.")] = "",
    candidates: Annotated[
        Path | None,
        typer.Option(help="File of passwords it may have come with, user:password a line; tried once each."),
    ] = None,
    trust: Annotated[str, typer.Option(help="Pin when it shows exactly this: sha256//…")] = "",
    site: Annotated[Path | None, typer.Option(help="Site file to edit (site.yaml of the state directory).")] = None,
    state: State = None,
) -> None:
    """Put endpoints under a site.  A certificate is pinned when you confirm it, or when a serial number fits."""
    from rack_controller.enrol import SiteDraft, newcomer, read_newcomers

    if listed is not None:
        if place or address or serial or trust:
            raise ConfigurationError("--list stands alone", advice="give PLACE and ADDRESS, or --list FILE")
        wanted = read_newcomers(listed)
    elif place and address:
        wanted = [newcomer(place, address, None, credential, serial)]
    else:
        raise ConfigurationError("which endpoint?", advice="give PLACE and ADDRESS, or --list FILE")
    home = state or default_state()
    file = site or StatePaths(home).site
    draft, failed = SiteDraft(file), 0
    for who in wanted:
        try:
            _enrol_one(draft, who, credential, trust, home, candidates)
        except RackwrightError as err:
            if len(wanted) == 1:
                raise
            failed += 1
            typer.echo(f"{who.place}: not enrolled: {err}", err=True)
    if failed:
        raise ConfigurationError(f"{failed} of {len(wanted)} were not enrolled", advice="the lines above say why")


def _enrol_one(
    draft: "SiteDraft", who: "Newcomer", credential: str, trust: str, home: Path, candidates: Path | None
) -> None:
    from dataclasses import replace

    from rack_controller.accounts import own_name
    from rack_controller.enrol import entry_of, expected_endpoint, first_look, prove

    who = replace(who, credential=who.credential or credential)
    spec = expected_endpoint(draft.site, who.place, own_generations(home, draft.path))
    shown = asyncio.run(first_look(who))
    if shown.not_after <= datetime.datetime.now(datetime.UTC):
        raise TrustRefused(
            who.place, "enrol", f"its certificate ended on {shown.not_after:%Y-%m-%d}", advice="renew it"
        )
    if candidates is not None and not who.credential:
        who = replace(who, credential=own_name(who.place))
    entry = entry_of(draft, who, shown)
    typer.echo(_described(who, shown), err=True)
    if not who.serial:
        _confirm(who, shown, trust)
    secret = _secret(home, who, entry.credential or "", shown, candidates)
    identity = asyncio.run(prove(who, shown.pin, secret, spec))
    if who.serial:
        _compare(who, identity)
    draft.put(entry)
    draft.save()
    answer(f"{who.place} enrolled: {_called(identity)}")
    _tell_controller(home, who)


def _confirm(who: "Newcomer", shown: Certificate, trust: str) -> None:
    """Return when the certificate was confirmed by its pin or by a person; raise otherwise."""
    if trust:
        if trust != shown.pin:
            raise TrustRefused(
                who.place, "enrol", f"it shows {shown.pin}, expected {trust}", advice="nothing was pinned"
            )
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "nobody is here to confirm the certificate", advice=f"give --trust {shown.pin}, or --serial NUMBER"
        )
    if not typer.confirm(ASKED, default=False, err=True):
        raise TrustRefused(who.place, "enrol", "the certificate was not confirmed", advice="nothing was pinned")


def _compare(who: "Newcomer", identity: Identity) -> None:
    if not identity.is_called(who.serial):
        says = ", ".join(identity.serials) or "none"
        raise TrustRefused(
            who.place, "enrol", f"its serial number is {says}, expected {who.serial}", advice="nothing was pinned"
        )


def _described(who: "Newcomer", shown: Certificate) -> str:
    begins = f"{shown.not_before:%Y-%m-%d}" if shown.not_before else "–"
    return (
        f"{who.place} at {who.address}:{who.port} shows\n  pin      {shown.pin}\n  subject  {shown.subject or '–'}\n"
        f"  valid    {begins} to {shown.not_after:%Y-%m-%d}"
    )


def _called(identity: Identity) -> str:
    what = " ".join(filter(None, (identity.manufacturer, identity.model))) or "a part without a name"
    return f"{what}, serial {identity.serial or 'not said'}"


def _secret(home: Path, who: "Newcomer", name: str, shown: Certificate, candidates: Path | None) -> "Credential":
    """Return what opens the endpoint: the vault's entry, else one of the passwords it may have come with."""
    if candidates is None:
        return _vault(home, name)
    from firmware_bridge.credentials.vault import Vault
    from rack_controller.candidates import find_credential, read_candidates

    vault = Vault(home / FOLDER)
    if name in vault.names():
        return vault.fetch(name)
    pairs = read_candidates(candidates)
    found = asyncio.run(find_credential(who, shown.pin, pairs, lambda text: typer.echo(text, err=True)))
    vault.store_factory(name, found)
    typer.echo(f"{who.place} opens with the password that it came with; change it: `endpoint rotate`", err=True)
    return found


def _vault(home: Path, name: str) -> "Credential":
    from firmware_bridge.credentials.vault import Vault

    return Vault(home / FOLDER).fetch(name)


def _tell_controller(home: Path, who: "Newcomer") -> None:
    """Let a running controller read the entry; whether there is one is not our business, but people are told."""
    try:
        body = {"verb": "reload", "target": who.place}
        connect(None, home).post(f"/api/v1/racks/{quoted(rack_name(who.place))}/commands", body)
    except RackwrightError as err:
        typer.echo(f"not read yet ({err.what}): `rackwright endpoint reload {who.place}`, or start `up`", err=True)
    else:
        typer.echo("the controller reads it now", err=True)
