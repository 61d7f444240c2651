"""`rackwright alarm list|show|ack|shelve|unshelve|out-of-service|return|definitions`: what wants somebody's answer."""

from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.event import clock
from datacenter_api.cli.op import command, short
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.rack import only_rack
from firmware_bridge.vocabulary.errors import EnvironmentUnfit, TargetUnknown
from rack_controller.model.alarm import PRIORITIES, SPEAKING

app = typer.Typer(help="Alarms: what wants somebody's answer, and what was done about it.", no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Alarm, e.g. k01-a7.")]
Several = Annotated[list[str], typer.Argument(help="Alarms, e.g. k01-a7 k01-a9.")]

_COLUMNS = (
    Column("ALARM", lambda a: str(a["id"])),
    Column("PRIORITY", lambda a: f"{a['priority']} {PRIORITIES[a['priority']]}"),
    Column("STATE", lambda a: str(a["state"]).replace("_", " ")),
    Column("PLACE", lambda a: short(str(a["place"]))),
    Column("SINCE", lambda a: clock(a["raised_unix_ns"]).partition(".")[0]),
    Column("WHAT", lambda a: f"{a['title']}: {a['text']}{_more(a)}"),
    Column("WHAT TO DO", lambda a: str(a["response"])),
    Column("CONSEQUENCE", lambda a: str(a["consequence"]), wide=True),
    Column("WHY", lambda a: str(a["why"]), wide=True),
    Column("NAME", lambda a: str(a["name"]), wide=True),
)
_TARGETS = (
    Column("TARGET", lambda t: str(t["name"])),
    Column("KIND", lambda t: str(t["kind"])),
    Column("HOST", lambda t: str(t["host"])),
    Column("PRIORITIES", lambda t: ", ".join(str(p) for p in t["priorities"])),
    Column("SIGNED", lambda t: "yes" if t["signed"] else "–"),
    Column("DELIVERED", lambda t: str(t["delivered"]), right=True),
    Column("FAILED", lambda t: str(t["failed"]), right=True),
    Column("WAITING", lambda t: str(t["waiting"]), right=True),
    Column("FAILING", lambda t: str(t["failing"])),
)
_DEFINITIONS = (
    Column("NAME", lambda d: str(d["name"])),
    Column("PRIORITY", lambda d: f"{d['priority']} {PRIORITIES[d['priority']]}"),
    Column("TITLE", lambda d: str(d["title"])),
    Column("CAUSE", lambda d: str(d["cause"])),
    Column("CONSEQUENCE", lambda d: str(d["consequence"])),
    Column("RESPONSE", lambda d: str(d["response"])),
    Column("HIDES", lambda d: ", ".join(d["hides"]), wide=True),
    Column("SHELVED", lambda d: "may be" if d["silenceable"] else "never", wide=True),
)


@app.command("list")
def list_alarms(
    every: Annotated[bool, typer.Option("--all", help="One by one; shelved, hidden and out of service too.")] = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """List what wants an answer, the most urgent first; many alike are one line, the first of them."""
    link, shape = connect(url, state), chosen(output, as_json)
    racks = [rack] if rack else [str(r["rack"]) for r in link.get("/api/v1/racks")]
    said = [alarms_of(link, name) for name in racks]
    rows = [row for each in said for row in lines(each, every=every)]
    emit(rows, _COLUMNS, shape, name="id")
    if not shape.is_table:
        return
    if not rows:
        answer("no alarm wants an answer")
    for each in said:
        for line in remarks(each):
            answer(line)


@app.command("show")
def show_alarm(
    alarm: Which, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """Show one alarm: its cause, what follows, what to do, what caused it here, and what may be done to it."""
    link, shape = connect(url, state), chosen(output, as_json)
    found = find(alarms_of(link, rack_of_alarm(alarm)), alarm)
    emit([found], _COLUMNS, shape, name="id", single=True)
    if shape.is_table:
        for word in ("cause", "consequence", "response", "why"):
            if found[word]:
                answer(f"{word}: {found[word]}")
        answer(" → ".join(found["chain"]))
        answer(f"may be done: {', '.join(found['acts']).replace('_', '-') or 'nothing now'}")


@app.command("ack")
def acknowledge(alarms: Several, url: Url = None, state: State = None) -> None:
    """Acknowledge alarms: somebody has seen them and deals with them."""
    for alarm in alarms:
        done = _do("ack", alarm, url, state)
        answer(f"{alarm} is acknowledged" if done["state"] == "acknowledged" else f"{alarm} is over and acknowledged")


@app.command("shelve")
def shelve(
    alarm: Which,
    reason: Annotated[str, typer.Option(help="Why nobody needs to see it meanwhile.")],
    hours: Annotated[float, typer.Option(min=0.02, help="For how long, 8 at most.")] = 1.0,
    url: Url = None,
    state: State = None,
) -> None:
    """Shelve an alarm for some hours; it comes back by itself.  Leaks and emergency stops are never shelved."""
    done = _do("shelve", alarm, url, state, reason=reason, minutes=round(hours * 60))
    answer(f"{alarm} is shelved until {clock(done['until_unix_ns']).partition('.')[0]}")


@app.command("unshelve")
def unshelve(alarm: Which, url: Url = None, state: State = None) -> None:
    """Take an alarm off the shelf before its time."""
    answer(f"{alarm} is {_do('unshelve', alarm, url, state)['state'].replace('_', ' ')}")


@app.command("out-of-service")
def take_out_of_service(
    alarm: Which,
    reason: Annotated[str, typer.Option(help="Why it cannot be trusted, and who repairs it.")],
    url: Url = None,
    state: State = None,
) -> None:
    """Take an alarm out of service until somebody returns it; it stays on the list."""
    _do("out_of_service", alarm, url, state, reason=reason)
    answer(f"{alarm} is out of service: `rackwright alarm return {alarm}` ends it")


@app.command("return")
def return_to_service(alarm: Which, url: Url = None, state: State = None) -> None:
    """Return an alarm to service."""
    answer(f"{alarm} is {_do('return', alarm, url, state)['state'].replace('_', ' ')}")


@app.command("definitions")
def list_definitions(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """List every alarm that a rack may have, with cause, consequence, response and priority."""
    link, shape = connect(url, state), chosen(output, as_json)
    told: Row = link.get(f"/api/v1/racks/{quoted(rack or only_rack(link))}/alarms/definitions")
    hides: dict[str, list[str]] = {}
    for branch in told["tree"]:
        hides.setdefault(branch["cause"], []).extend(branch["hides"])
    rows = [{**d, "hides": hides.get(name, [])} for name, d in told["definitions"].items()]
    emit(sorted(rows, key=lambda d: (d["priority"], d["name"])), _DEFINITIONS, shape, name="name")


@app.command("targets")
def list_targets(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """List the webhooks and mailboxes that are told of alarms, and how that goes."""
    shape = chosen(output, as_json)
    told: Row = connect(url, state).get("/api/v1/notify")
    emit(told["targets"], _TARGETS, shape, name="name")
    if shape.is_table:
        if told["fault"]:
            answer(f"the file is not used as it is: {told['fault']}")
        elif not told["targets"]:
            answer("nobody outside is told of alarms: see docs/alarms.md, notify.yaml")


@app.command("test")
def try_target(
    name: Annotated[str, typer.Argument(help="Webhook or mailbox, as notify.yaml names it.")],
    url: Url = None,
    state: State = None,
) -> None:
    """Send a test to a webhook or mailbox now."""
    tried: Row = connect(url, state).post(f"/api/v1/notify/{quoted(name)}/test", {})
    if tried["failing"]:
        raise EnvironmentUnfit(f"{name} was not reached: {tried['failing']}", advice="see docs/alarms.md, notify.yaml")
    answer(f"{name} took a test")


def alarms_of(link: Connection, rack: str) -> Row:
    """Return a rack's alarms."""
    said: Row = link.get(f"/api/v1/racks/{quoted(rack)}/alarms")
    return said


def lines(said: Row, *, every: bool) -> list[Row]:
    """Return the lines of a rack: folded, or every alarm with its own."""
    if every:
        return [{**alarm, "count": 1} for alarm in said["alarms"]]
    return [{**line["first"], "count": line["count"]} for line in said["glance"]["lines"]]


def remarks(said: Row) -> list[str]:
    """Return what stands below the list: a flood, what is silenced, what found no room."""
    glance, name = said["glance"], short(said["rack"])
    told = []
    if glance["flood"]:
        told.append(f"{name}: {glance['recent']} alarms in ten minutes are a flood: work from the first cause")
    by_state: dict[str, int] = {}
    for counts in glance["counts"].values():
        for state, count in counts.items():
            by_state[state] = by_state.get(state, 0) + count
    silenced = [f"{n} {s.replace('_', ' ')}" for s, n in by_state.items() if n and s not in SPEAKING]
    if silenced:
        told.append(f"{name}: {', '.join(silenced)} (--all)")
    if glance["refused"]:
        told.append(f"{name}: {glance['refused']} more alarms find no room in the list")
    return told


def rack_of_alarm(alarm: str) -> str:
    """Return the rack's name out of an alarm's id.  Raises TargetUnknown."""
    name, dash, number = alarm.rpartition("-a")
    if not dash or not name or not number.isdigit():
        raise TargetUnknown(f"{alarm!r} is no alarm", advice="see `rackwright alarm list --all`")
    return name


def find(said: Row, alarm: str) -> Row:
    """Return one alarm.  Raises TargetUnknown."""
    for each in said["alarms"]:
        if each["id"] == alarm:
            found: Row = {**each, "count": 1}
            return found
    raise TargetUnknown(f"no alarm {alarm!r}", advice="see `rackwright alarm list --all`")


def _more(alarm: Row) -> str:
    return f" (the first of {alarm['count']})" if alarm.get("count", 1) > 1 else ""


def _do(do: str, alarm: str, url: str | None, state: State, **more: object) -> Row:
    rack = rack_of_alarm(alarm)
    return command(connect(url, state), rack, "alarm", rack, do=do, alarm=alarm, **more)
