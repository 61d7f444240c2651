"""`rackwright option …`: the record of a decision to buy, from the offer to its end."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from datacenter_api.cli.connection import connect
from datacenter_api.cli.event import clock
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.passport import write_export
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit

app = typer.Typer(help="Decisions to buy: offers, conditions, evidence, dossiers.", no_args_is_help=True)
V1 = "/api/v1/options"
NameArg = Annotated[str, typer.Argument(metavar="NAME", help="The decision's name.")]
_RECORDS = (
    Column("NAME", lambda r: str(r["offer"]["name"])),
    Column("STAGE", lambda r: str(r["stage"]).replace("_", " ")),
    Column("ENDS", lambda r: str(r["offer"]["decide_by"])),
    Column("BUYER", lambda r: str(r["offer"]["buyer"]["firm"])),
    Column("SELLER", lambda r: str(r["offer"]["seller"]["firm"]), wide=True),
    Column("RACKS", lambda r: str(len(r["offer"]["racks"])), right=True),
    Column("CONDITIONS", lambda r: _conditions(r)),
    Column("TITLE", lambda r: str(r["offer"]["title"])),
)
_LOG = (
    Column("TIME", lambda entry: clock(entry["unix_ns"]).partition(".")[0]),
    Column("WHO", lambda entry: str(entry["actor"])),
    Column("SAID", lambda entry: str(entry["step"]).replace("_", " ")),
    Column("STAGE", lambda entry: str(entry["stage"]).replace("_", " ")),
    Column("WHY", lambda entry: str(entry["said"]) or "–"),
)
_REMINDERS = (
    Column("ON", lambda r: str(r["on"])),
    Column("IN DAYS", lambda r: str(r["days_left"]), right=True),
    Column("NAME", lambda r: str(r["name"])),
    Column("WHAT", lambda r: str(r["what"])),
)
_EVIDENCE = (
    Column("RUN", lambda e: str(e["run"])),
    Column("RACK", lambda e: str(e["rack"]) or "–"),
    Column("LEVEL", lambda e: str(e["level"]) or "–"),
    Column("VERDICT", lambda e: {True: "passed", False: "failed", None: "none"}[e["passed"]]),
    Column("ENDED", lambda e: clock(e["ended_unix_ns"]).partition(".")[0] if e["ended_unix_ns"] else "–"),
    Column("COUNTS", lambda e: f"no: {e['fault']}" if e["fault"] else "yes"),
    Column("SHA-256", lambda e: str(e["sha256"]), wide=True),
)

_WRITTEN = "write it as docs/decisions-to-buy.md shows"


@app.command("list")
def list_options(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List every decision, those that end first first."""
    rows = [{**r, "name": r["offer"]["name"]} for r in connect(url, state).get(V1)]
    emit(rows, _RECORDS, chosen(output, as_json), name="name")


@app.command("offer")
def offer(
    file: Annotated[Path, typer.Argument(help="The offer as YAML or JSON.")],
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Record an offer: who offers what to whom, which racks are evaluated, until when."""
    try:
        wish = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as err:  # 2026-02-30 is a ValueError of YAML
        said = getattr(err, "strerror", None) or err
        raise ConfigurationError(f"{file} cannot be read: {said}", advice=_WRITTEN) from err
    if not isinstance(wish, dict):
        raise ConfigurationError(f"{file} holds no offer", advice=_WRITTEN)
    said = {k: v.isoformat() if isinstance(v, date) else v for k, v in wish.items()}
    _show(connect(url, state).post(V1, said), chosen(output, as_json))


@app.command("show")
def show(name: NameArg, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """Show a decision: its conditions with what was measured, and all that was said."""
    _show(connect(url, state).get(f"{V1}/{name}"), chosen(output, as_json))


@app.command("say")
def say(
    name: NameArg,
    step: Annotated[
        str, typer.Argument(help="evaluate, accept, accept_if, reject, exercise, decline (buyer), extend (seller).")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    condition: Annotated[
        list[str] | None,
        typer.Option("--if", help='With accept_if: "racks_passed:L12 >= 17 by 2027-03-31".', show_default=False),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="With extend: the new last day.")] = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Move a decision on in the name of the party that you speak for."""
    wish = {"step": step, "said": reason, "conditions": condition or [], "until": until}
    _show(connect(url, state).post(f"{V1}/{name}/steps", wish), chosen(output, as_json))


@app.command("evidence")
def add_evidence(
    name: NameArg,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Sealed files of acceptance runs done elsewhere; the seal FILE.dsse lies beside each."),
    ] = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show which sealed runs count for a decision and which do not; hand in runs that were sealed elsewhere."""
    link, shape = connect(url, state), chosen(output, as_json)
    for file in files or ():
        try:
            content, seal = file.read_text("utf-8"), file.with_name(f"{file.name}.dsse").read_text("utf-8")
        except (OSError, UnicodeDecodeError) as err:
            advice = "name the run's evidence.ocptv.jsonl; its seal lies beside it"
            raise ConfigurationError(f"{file} cannot be read: {err}", advice=advice) from err
        run = link.post(f"{V1}/evidence", {"content": content, "seal": seal})
        answer(f"{file.name}: {run['rack']} has {'passed' if run['passed'] else 'failed'} {run['level']}", shape)
    emit(link.get(f"{V1}/{name}/evidence"), _EVIDENCE, shape, name="run")


@app.command("reminders")
def list_reminders(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List the days that come within 30 days."""
    emit(connect(url, state).get(f"{V1}/reminders"), _REMINDERS, chosen(output, as_json), name="name")


@app.command("dossier")
def dossier(
    name: NameArg,
    to: Annotated[Path, typer.Option("--to", help="Folder that the files are written to.")] = Path(),
    packed: Annotated[bool, typer.Option("--zip", help="One zip with runs, reports and passports as well.")] = False,
    url: Url = None,
    state: State = None,
) -> None:
    """Write a decision with all that it rests on, and its seal."""
    api = connect(url, state)
    if not packed:
        write_export(to, api.post(f"{V1}/{name}/dossier", {}))
        return
    content = api.get_file(f"{V1}/{name}/dossier.zip", "POST", {})
    file = to / f"{name}.dossier.zip"
    try:
        to.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as err:
        raise EnvironmentUnfit(f"{file} cannot be written: {err.strerror}", advice="choose another --to") from err
    answer(f"{file}: open index.html in it; `rackwright verify {file}` looks at all of it")


def _show(record: Row, shape: Output) -> None:
    if not shape.is_table:
        emit([{**record, "name": record["offer"]["name"]}], _RECORDS, shape, name="name", single=True)
        return
    emit([record], _RECORDS, shape, single=True)
    for c in record["conditions"]:
        seen = "not known" if c["last"] is None else f"{c['last']:g}"
        answer(f"  {c['outcome']}: {_text(c)} (measured: {seen}; {c['detail'] or 'not looked at yet'})", shape)
    emit(record["log"], _LOG, shape)


def _conditions(record: Row) -> str:
    found = [c["outcome"] for c in record["conditions"]]
    return ", ".join(f"{found.count(o)} {o}" for o in dict.fromkeys(found)) or "–"


def _text(condition: dict[str, Any]) -> str:
    word = f":{condition['word']}" if condition["word"] else ""
    return f"{condition['measure']}{word} {condition['compare']} {condition['bound']:g} by {condition['by']}"
