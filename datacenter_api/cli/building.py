"""`rackwright building status|points|credentials`: what the building says of racks, and what was asked of it."""

import typer

from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.credential import StateHere
from datacenter_api.cli.op import short
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, age, answer, emit
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.model.subjects import BUS_USERS

app = typer.Typer(help="The building: what it says, and what was asked of it.", no_args_is_help=True)
MOST_REFUSED = 5
USER = "bms"

_STATUS = (
    Column("RACK", lambda r: short(str(r["rack"]))),
    Column("CALLED", lambda r: str(r["identity"]) or "–"),
    Column("BUILDING", lambda r: _heard(r)),
    Column("HEARTBEAT", lambda r: age(r["heartbeat_age_s"]), right=True),
    Column("LIQUID", lambda r: _isolation(r, "liquid")),
    Column("ELECTRICAL", lambda r: _isolation(r, "electrical")),
    Column("LEAK", lambda r: {True: "yes", False: "no", None: "unknown"}[r["leak"]] if r["agreed"] else "–"),
    Column("POINTS GOOD", lambda r: _points(r), right=True),
    Column("REFUSED", lambda r: str(r["link"]["refused"]) if r["link"] else "–", right=True),
    Column("BROKER", lambda r: str(r["link"]["broker"]) if r["link"] else "–", wide=True),
    Column("TAKEN", lambda r: _taken(r), right=True, wide=True),
    Column("ECHO", lambda r: age(r["echo_age_s"]), right=True, wide=True),
)
_POINT = (
    Column("RACK", lambda p: short(str(p["rack"]))),
    Column("POINT", lambda p: str(p["point"])),
    Column("SAID BY", lambda p: str(p["said_by"])),
    Column("VALUE", lambda p: _value(p), right=True),
    Column("QUALITY", lambda p: str(p["quality"])),
    Column("AGE", lambda p: age(p["age_s"]), right=True),
    Column("WHY", lambda p: str(p["why"]) or "–"),
    Column("TOPIC", lambda p: str(p["topic"]) or "–", wide=True),
    Column("READING AT", lambda p: short(str(p["place"])) if p["place"] else "–", wide=True),
)
_LOGIN = (
    Column("BROKER", lambda r: str(r["broker"])),
    Column("USER", lambda r: str(r["user"])),
    Column("PASSWORD FILE", lambda r: str(r["password_file"])),
    Column("AUTHORITY", lambda r: str(r["authority"] or "–"), wide=True),
    Column("MAY SAY", lambda r: ", ".join(r["publish"])),
    Column("MAY HEAR", lambda r: ", ".join(r["subscribe"])),
)


@app.command("status")
def status(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """Show whether the building is heard, and how each isolation stands: asked, requested, confirmed or overdue."""
    link, shape = connect(url, state), chosen(output, as_json)
    rows = [_told(link, name) for name in _racks(link, rack)]
    emit(rows, _STATUS, shape, name="rack")
    if shape.is_table:
        for row in rows:
            for line in remarks(row):
                answer(line)


@app.command("points")
def points(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List every point of both sides with its value, how far it is believed, and why not."""
    link, shape = connect(url, state), chosen(output, as_json)
    told = [_told(link, name) for name in _racks(link, rack)]
    emit([{**p, "rack": r["rack"]} for r in told for p in r["points"]], _POINT, shape, name="point")
    if shape.is_table:
        for row in told:
            if not row["agreed"]:
                answer(remarks(row)[0])


@app.command("credentials")
def credentials(
    state: StateHere = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show where the building's system logs in and with what; the password stays in its file."""
    folder = (state or default_state()).absolute() / "nats"
    try:
        broker = (folder / "mqtt").read_text().strip()
    except OSError as err:
        raise ConfigurationError(f"{folder} has no bus yet", advice="run `rackwright up` once") from err
    password = folder / f"{USER}.password"
    if not password.exists():
        raise ConfigurationError(f"{password} is missing", advice="run `rackwright up` once")
    user = next(u for u in BUS_USERS if u.name == USER)
    row = {
        "broker": broker,
        "authority": str(folder / "tls" / "ca.pem") if broker.startswith("mqtts") else None,
        "user": user.name,
        "password_file": str(password),
        "publish": [topic_of(s) for s in user.publish],
        "subscribe": [topic_of(s) for s in user.subscribe],
    }
    emit([row], _LOGIN, chosen(output, as_json), name="user", single=True)


def topic_of(subject: str) -> str:
    """Return a bus subject as MQTT writes it."""
    return subject.replace(".", "/").replace("*", "+").replace(">", "#")


def remarks(row: Row) -> list[str]:
    """Return what needs a look, in words."""
    name = short(str(row["rack"]))
    if not row["agreed"]:
        return [f"{name}: the site file agrees on no building for it; see docs/building-management.md"]
    found = [f"{name}: {row[key]}" for key in ("silent", "sensor_fault") if row[key]]
    if row["link"]["error"]:
        found.append(f"{name}: not connected: {row['link']['error']}")
    for one in row["isolation"]:
        if one["why"]:
            found.append(f"{name}: {one['kind']} isolation could not be asked for: {one['why']}")
        if one["overdue"]:
            found.append(f"{name}: {one['kind']} isolation is not confirmed after {age(one['requested_s'])}")
    found += [f"{name}: refused {r['count']}×: {r['topic']}: {r['why']}" for r in row["refused"][:MOST_REFUSED]]
    return found


def _told(link: Connection, rack: str) -> Row:
    said: Row = link.get(f"/api/v1/racks/{quoted(rack)}/building")
    return said


def _racks(link: Connection, rack: str | None) -> list[str]:
    return [rack] if rack else [str(r["rack"]) for r in link.get("/api/v1/racks")]


def _heard(row: Row) -> str:
    if not row["agreed"]:
        return "none"
    return "silent" if row["silent"] else "heard"


def _isolation(row: Row, kind: str) -> str:
    one = next((i for i in row["isolation"] if i["kind"] == kind), None)
    if one is None:
        return "–"
    word = str(one["state"]).replace("_", " ")
    if one["overdue"]:
        return f"{word}, overdue"
    return word if one["deadline_s"] is None else f"{word}, {one['deadline_s']:.0f} s left"


def _points(row: Row) -> str:
    said = [p for p in row["points"] if p["said_by"] == "building"]
    return f"{sum(p['quality'] == 'good' for p in said)} of {len(said)}" if row["agreed"] else "–"


def _taken(row: Row) -> str:
    return f"{row['link']['taken']} of {row['link']['published']}" if row["link"] else "–"


def _value(point: Row) -> str:
    if point["value"] is None:
        return "unknown"
    if point["state"]:
        return str(point["state"])
    return f"{point['value']:.6g} {point['unit']}".strip()
