"""`rackwright endpoint check PLACE`: is it as its generation wants it?  Looks now; sets what differs when told to."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.endpoint_failing import tell_failing
from datacenter_api.cli.endpoint_trust import PlaceHere, find_endpoint, send
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, age, answer, document, emit, note
from firmware_bridge.vocabulary.errors import RoleInsufficient

_COLUMNS = (
    Column("CHECK", lambda j: str(j["name"])),
    Column("VERDICT", lambda j: str(j["verdict"])),
    Column("IS", lambda j: str(j["found"])),
    Column("WANTED", lambda j: str(j["wanted"])),
    Column("REQUIRED", lambda j: "yes" if j["required"] else ""),
    Column("TITLE", lambda j: str(j["title"])),
    Column("WHY", lambda j: str(j["why"])),
    Column("WHERE", lambda j: str(j["where"]), wide=True),
    Column("SOURCE", lambda j: f"{j['source']}{'' if j['confirmed'] else ' (not confirmed)'}", wide=True),
)

_FIXED = {"written": "written", "refused": "the device refuses", "left": "still not as it must be"}


def check(
    place: PlaceHere,
    fix: Annotated[
        list[str] | None, typer.Option(help="Write this setting if it differs; `all` for every one.  Armed racks only.")
    ] = None,
    stored: Annotated[bool, typer.Option("--stored", help="Show what is known; do not look now.")] = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Judge an endpoint against its generation: settings, clock, subscriptions, place.  Looking writes nothing."""
    link, shape = connect(url, state), chosen(output, as_json)
    found = find_endpoint(link, place, rack)
    for name in fix or []:
        done = send(link, found, "fix", {} if name == "all" else {"name": name})
        for word in ("written", "refused", "left"):
            if done.get(word) or word == "written":
                answer(f"{_FIXED[word]}: {done.get(word) or 'nothing'}", shape)
    if not fix and not stored:
        try:
            send(link, found, "check", {})
        except RoleInsufficient as err:
            note(f"not looked at now: {err.what}")
    readiness: Row = link.get("/api/v1/endpoints/readiness", place=found["place"])
    readiness["failing"] = found["failing"]
    _print(readiness, shape)


def _print(readiness: Row, shape: Output) -> None:
    if shape in (Output.JSON, Output.YAML):
        print(document(readiness, shape))  # noqa: T201
        return
    emit(readiness["judgements"], _COLUMNS, shape, name="name")
    part = readiness["part"]
    answer(f"{readiness['ready']}; serial {part['serial'] or 'not said'}; looked at {_when(readiness)}", shape)
    tell_failing(readiness["failing"], shape)
    for seen in readiness["history"]:
        if seen["until_unix_ns"]:
            answer(f"before it: serial {seen['serial']}", shape)


def _when(readiness: Row) -> str:
    when = "never" if readiness["age_s"] is None else f"{age(readiness['age_s'])} ago"
    return f"{when}; the last look failed: {readiness['error']}" if readiness["error"] else when
