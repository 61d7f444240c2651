"""`rackwright passport …`: factory's records handed in, looked at, matched, claimed, frozen, exported."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit, number
from datacenter_api.cli.passport_shown import CLAIMS, FAULTS, FINDINGS, FROZEN, PARTS, PASSPORTS, SITES
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit

app = typer.Typer(help="Where every part was made, and what can be claimed of it.", no_args_is_help=True)
V1 = "/api/v1/passports"
DIFFERS = 9
"""Exit code of a match in which parts do not fit, and of a claim that its rule does not allow."""

RackArg = Annotated[str, typer.Argument(metavar="RACK", help="The rack's place or its short name.")]
RuleOpt = Annotated[str, typer.Option("--rule", help="A rule of origin; the contract's where none is named.")]
Delivery = Annotated[str | None, typer.Option("--delivery", help="Day of delivery (2028-06-01).", show_default=False)]


@app.command("list")
def list_passports(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List every rack that as-built records were handed in of."""
    rows, shape = connect(url, state).get(V1), chosen(output, as_json)
    emit(rows, PASSPORTS, shape, name="rack")
    for row in rows:
        if row.get("unreadable"):
            answer(f"{row['rack']}: {row['unreadable']}", shape)


@app.command("import")
def import_records(
    file: Annotated[Path, typer.Argument(help="The factory's CSV or JSON.")],
    rack: Annotated[str, typer.Option("--rack", help="The rack that the file's places lie in (u12/gpu2).")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Records of places that have one replace it.")] = False,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Hand in as-built records: all rows of a file or none, and every fault in one report."""
    from rack_controller.prove.report.written import plural

    link, shape = connect(url, state), chosen(output, as_json)
    try:
        data = file.read_bytes()
    except OSError as err:
        raise ConfigurationError(f"{file} cannot be read: {err.strerror}", advice="name the factory's file") from err
    report: Row = link.send_file(f"{V1}/imports", data, name=file.name, rack=rack or None, replace=replace or None)
    if report["accepted"]:
        answer(
            f"{file.name}: these bytes were handed in before, as import {report['import_id']}"
            if report["already"]
            else f"{file.name}: kept {plural(report['rows'], 'record')} of {plural(len(report['racks']), 'rack')}",
            shape,
        )
        if not shape.is_table:
            emit([report], (), shape, single=True, name="import_id")
        return
    if shape.is_table:
        emit(report["faults"], FAULTS, shape, name="row")
        for what, times in sorted(((w, n) for w, n in report["counts"].items() if n), key=lambda c: -c[1]):
            answer(f"{times:>9} × {what}", shape)
    else:
        emit([report], (), shape, single=True, name="sha256")
    raise ConfigurationError(
        f"{file.name}: nothing was kept, {plural(report['faulty'], 'fault')} in {plural(report['rows'], 'row')}",
        advice="mend the file and hand it in again",
    )


@app.command("show")
def show(
    rack: RackArg,
    below: Annotated[str, typer.Option("--below", help="Only what is at or in this place (u12).")] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, max=10_000, help="How many parts.")] = 100,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show the passport of a rack: its parts and where they were made."""
    passport: Row = connect(url, state).get(f"{V1}/{quoted(rack)}", below=below or None, limit=limit)
    shape = chosen(output, as_json)
    if shape in (Output.JSON, Output.YAML):
        emit([passport], (), shape, single=True)
        return
    emit(passport["parts"], PARTS, shape)
    if len(passport["parts"]) == limit < passport["rows"]:
        answer(f"the first {limit} parts are shown: --limit says how many, --below of what", shape)
    last = passport["frozen"][0] if passport["frozen"] else None
    frozen = last["sha256"][:12] if last else "never"
    answer(f"{passport['rows']} records, {passport['cost_known']} with a cost, accepted: {frozen}", shape)
    _tell_wrong(last, shape)


@app.command("found")
def found(
    rack: RackArg,
    wait: Annotated[int, typer.Option("--wait", min=0, max=60, help="Seconds to wait for unread trays.")] = 60,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show what is found in a rack now: the names that records are compared by."""
    columns = (PARTS[0], PARTS[1], Column("PART", lambda r: str(r["part"] or "–")), PARTS[3])
    emit(connect(url, state).get(f"{V1}/{quoted(rack)}/found", wait_s=wait), columns, chosen(output, as_json))


@app.command("match")
def match(
    rack: RackArg,
    wait: Annotated[int, typer.Option("--wait", min=0, max=3_600, help="Seconds to wait for unread trays.")] = 0,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Match what is found with what was built; exit code 9 when a part does not fit."""
    link, shape = connect(url, state), chosen(output, as_json)
    report = _match(link, rack, wait)
    if shape in (Output.JSON, Output.YAML):
        emit([report], (), shape, single=True)
    else:
        emit(report["findings"] + report.get("uncompared", []), FINDINGS, shape, name="fit")
    answer(", ".join(f"{n} {fit.replace('_', ' ')}" for fit, n in report["counts"].items() if n), shape)
    if report["unread"]:
        answer(f"{len(report['unread'])} trays are not read in full yet: ask again, or --wait SECONDS", shape)
    if report["swaps"]:
        answer(str(report["swaps"]), shape)
    if report["wrong"]:
        raise typer.Exit(DIFFERS)


@app.command("claim")
def claim(
    rack: RackArg,
    rule: RuleOpt = "",
    delivery: Delivery = None,
    every: Annotated[bool, typer.Option("--all", help="What each of the rules allows.")] = False,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show what a rule of origin allows to claim, with bounds; exit code 9 when it is not met."""
    asked = {"rule": rule or None, "delivery": delivery, "every": every or None}
    claims = connect(url, state).get(f"{V1}/{quoted(rack)}/claims", **asked)
    emit(claims, CLAIMS, chosen(output, as_json), name="rule")
    if not every and any(c["verdict"] == "not_met" for c in claims):
        raise typer.Exit(DIFFERS)


@app.command("export")
def export(
    rack: RackArg,
    to: Annotated[Path, typer.Option("--to", help="Folder that the files are written to.")] = Path(),
    form: Annotated[str, typer.Option("--form", help="cyclonedx or csv.")] = "cyclonedx",
    rule: RuleOpt = "",
    delivery: Delivery = None,
    with_prices: Annotated[bool, typer.Option("--with-prices", help="Write costs instead of shares.")] = False,
    frozen: Annotated[str, typer.Option("--frozen", help="The hash of an as-accepted state: as it was kept.")] = "",
    url: Url = None,
    state: State = None,
) -> None:
    """Write a rack's passport and its seal; `rackwright verify` needs nothing else."""
    wish = {"form": form, "rule": rule, "delivery": delivery, "redacted": not with_prices, "frozen": frozen}
    made = connect(url, state).post(f"{V1}/{quoted(rack)}/export", wish)
    write_export(to, made)


@app.command("freeze")
def freeze(
    rack: RackArg,
    delivery: Delivery = None,
    despite_wrong: Annotated[
        bool, typer.Option("--despite-wrong", help="Also while parts do not fit: what is wrong is kept and signed.")
    ] = False,
    despite_unread: Annotated[
        bool, typer.Option("--despite-unread", help="Also while trays were not read in full: which, is signed.")
    ] = False,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Keep a rack's passport as it is accepted, signed, under its hash.

    Trays that are being read are waited for.  Refused while parts do not fit, or trays were not read in full.
    """
    meant = {"despite_wrong": despite_wrong, "despite_unread": despite_unread}
    wish = {"delivery": delivery, **{name: True for name, said in meant.items() if said}}
    row, shape = connect(url, state).post(f"{V1}/{quoted(rack)}/freeze", wish), chosen(output, as_json)
    emit([row], FROZEN, shape, name="sha256", single=True)
    _tell_wrong(row, shape)


@app.command("sites")
def sites(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List the sites that records may name."""
    emit(connect(url, state).get(f"{V1}/rules")["sites"], SITES, chosen(output, as_json), name="id")


@app.command("key")
def key(
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new one, which the old one vouches for.")] = False,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show the public key that signs exports: tell its fingerprint to the buyer by another way."""
    link = connect(url, state)
    shown = link.post(f"{V1}/key/rotate", {}) if rotate else link.get(f"{V1}/key")
    columns = (
        Column("FINGERPRINT", lambda k: str(k["fingerprint"])),
        Column("ROTATIONS", lambda k: number(k["rotations"], 0), right=True),
        Column("PUBLIC KEY", lambda k: str(k["public_pem"]).replace("\n", " "), wide=True),
    )
    emit([shown], columns, chosen(output, as_json), name="fingerprint", single=True)


def write_export(folder: Path, made: Row) -> None:
    """Write a signed file, its seal and, for the owner alone, what opens its commitments."""
    file = folder / str(made["name"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(str(made["content"]).encode())
        file.with_name(f"{file.name}.dsse").write_bytes(str(made["seal"]).encode())
        if made["openings"]:
            secret = file.with_name(f"{file.name}.openings.json")
            secret.touch(mode=0o600)
            secret.write_text(json.dumps(made["openings"]), encoding="utf-8")
            answer(f"{secret}: the prices, for you alone")
    except OSError as err:
        raise EnvironmentUnfit(f"{file} cannot be written: {err.strerror}", advice="choose another --to") from err
    answer(f"{file} and {file.name}.dsse: give both; `rackwright verify {file}` looks at them")


def _tell_wrong(frozen: Row | None, shape: Output) -> None:
    """Tell what did not fit when a passport was frozen; states of before were kept with its number alone."""
    from rack_controller.prove.fit import wrong_words

    if frozen and frozen["wrong"]:
        wrong = wrong_words(frozen["counts"]) or frozen["wrong"]
        answer(f"accepted with parts that do not fit: {wrong}", shape)
        if shape.is_table and frozen["findings"]:
            emit(frozen["findings"], FINDINGS, shape)


def _match(link: Connection, rack: str, wait: int) -> Row:
    until = time.monotonic() + wait
    while True:
        report: Row = link.get(f"{V1}/{quoted(rack)}/match")
        if not report["unread"] or time.monotonic() >= until:
            return report
        time.sleep(2.0)
