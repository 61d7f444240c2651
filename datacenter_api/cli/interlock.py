"""`rackwright interlock list|show|clear|policy|test`: what has tripped, what followed, and how a latch is cleared."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.event import clock
from datacenter_api.cli.op import FAILED, command, short
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, age, answer, emit
from datacenter_api.cli.rack import only_rack, rack_holding
from firmware_bridge.vocabulary.errors import TargetUnknown

app = typer.Typer(help="Interlocks: what stops racks, and the latches that stand.", no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="Latch, e.g. k01-l1.")]
MOST_PLACES = 4
_RECORD = {
    "found": "What was found",
    "done": "What was done",
    "pressure_check": "Pressure check (time, pressure, result)",
}

_NUMBERS: dict[str, Callable[[float], str]] = {
    "count": lambda n: f"{n:g} or more",
    "share": lambda n: f"{n:.0%}".replace("%", " %"),
    "margin_k": lambda n: f"{n:g} K",
}
"""How the number that a condition needs is written, by its name in the table."""

_COLUMNS = (
    Column("STATE", lambda r: str(r["state"])),
    Column("CAUSE", lambda r: str(r["cause"])),
    Column("PLACE", lambda r: short(str(r["place"]))),
    Column("SINCE", lambda r: _since(r)),
    Column("SEEN", lambda r: brief(str(r["evidence"]))),
    Column("STILL", lambda r: brief(str(r.get("still", ""))) or "no"),
    Column("NO POWER-ON", lambda r: "yes" if r["blocks"] else "no"),
    Column("WHAT TO DO", lambda r: str(r["response"])),
    Column("CONSEQUENCE", lambda r: str(r["consequence"]), wide=True),
    Column("ALL SEEN", lambda r: str(r["evidence"]), wide=True),
    Column("ALL STILL SEEN", lambda r: str(r.get("still", "")) or "no", wide=True),
    Column("FOLLOWED", lambda r: "; ".join(r["did"]), wide=True),
)
_LATCH = (
    Column("LATCH", lambda n: str(n["id"])),
    Column("CAUSE", lambda n: str(n["cause"])),
    Column("PLACE", lambda n: short(str(n["place"]))),
    Column("TRIPPED", lambda n: clock(n["tripped_ns"]).partition(".")[0]),
    Column("SEEN", lambda n: str(n["evidence"][0]["text"])),
    Column("SIGNED", lambda n: ", ".join(n["signed"]) or "–"),
    Column("CLEARED", lambda n: clock(n["cleared_ns"]).partition(".")[0] if n["cleared_ns"] else "–"),
    Column("REFUSED", lambda n: str(n["refused_on"]), right=True),
)
_REHEARSED = (
    Column("CAUSE", lambda t: str(t["cause"])),
    Column("SEEN", lambda t: str(t["seen"])),
    Column("WOULD", lambda t: "; ".join(t["at_once"])),
    Column("LATER", lambda t: "; ".join(t["later"]) or "–"),
    Column("LATCHES", lambda t: "yes" if t["latch"] else "no"),
)
_HOPS = (
    Column("HOP", lambda h: str(h["name"])),
    Column("TOOK", lambda h: f"{h['took_ms']:g} ms", right=True),
    Column("SAID", lambda h: str(h["said"])),
)
_PROVEN = (
    Column("TRAY", lambda p: short(str(p["tray"]))),
    Column("WOULD BE ASKED", lambda p: str(p["act"]).replace("_", " ")),
    Column("COULD BE", lambda p: "yes" if p["ok"] else "no"),
    Column("TOOK", lambda p: f"{p['took_ms']:g} ms", right=True),
    Column("BECAUSE", lambda p: str(p["said"])),
)
_ROWS = (
    Column("CAUSE", lambda r: str(r["cause"])),
    Column("WHEN", lambda r: _condition(r)),
    Column("PRIORITY", lambda r: str(r["priority"]), right=True),
    Column("LATCHES", lambda r: _latches(r)),
    Column("NO POWER-ON", lambda r: "yes" if r.get("blocks") else "no"),
    Column("THEN", lambda r: ", ".join(_rung(g) for g in r["ladder"])),
    Column("MUST NOT", lambda r: "; ".join(r.get("must_not", ())), wide=True),
    Column("CAN'T BE JUDGED", lambda r: "; ".join(r.get("unjudged", ())) or "–"),
    Column("RESPONSE", lambda r: str(r["response"]), wide=True),
)


@app.command("list")
def list_interlocks(
    every: Annotated[bool, typer.Option("--all", help="Cleared latches too.")] = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """List what holds, what has tripped and what is latched, the most urgent first."""
    link, shape = connect(url, state), chosen(output, as_json)
    racks = [rack] if rack else [str(r["rack"]) for r in link.get("/api/v1/racks")]
    said = [stand_of(link, name) for name in racks]
    rows = [row for each in said for row in lines(each, every=every)]
    if shape is Output.NAME:  # what only confirms, or ends by itself, has no name to clear
        rows = [row for row in rows if row["latch"]]
    emit(rows, _COLUMNS, shape, name="latch")
    if not rows and shape.is_table:
        answer("nothing holds and no latch stands")
    for each in said:
        for line in unseen(each) if shape.is_table else ():
            answer(line)
        if not each["armed"]:
            answer(f"{short(each['rack'])} is not armed: it is only told what would be done", shape)


@app.command("show")
def show(
    latch: Which,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show one latch: what tripped it, what followed, who signed, and what clears it."""
    link, shape = connect(url, state), chosen(output, as_json)
    stand = stand_of(link, rack_of_latch(latch))
    found = find(stand, latch)
    tripped = next((t for t in stand["tripped"] if t["latch"] == latch), None)
    did = [] if tripped is None else tripped["did"]
    emit([{**found, "did": did, "clearing": clearing_of(stand, found)}], _LATCH, shape, name="id", single=True)
    if not shape.is_table:
        return
    if tripped is not None:
        answer(str(tripped["chain"]))
    if found["inspection"]:
        answer("; ".join(f"{name.replace('_', ' ')}: {said}" for name, said in found["inspection"].items() if said))
    answer(what_clears(stand, found))


@app.command("clear")
def clear(
    latch: Which,
    found: Annotated[str, typer.Option(help="What the inspection found.")] = "",
    done: Annotated[str, typer.Option(help="What was repaired.")] = "",
    pressure_check: Annotated[str, typer.Option(help="How the loop was tested, with the result.")] = "",
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Sign for a latch with an inspection record; what the record still wants is asked for at a terminal."""
    link, shape = connect(url, state), chosen(output, as_json)
    rack = rack_of_latch(latch)
    stand = stand_of(link, rack)
    wanted = clearing_of(stand, find(stand, latch))["record"]
    record = {"found": found, "done": done, "pressure_check": pressure_check}
    if sys.stdin.isatty():
        for name in wanted:
            record[name] = record[name] or typer.prompt(_RECORD.get(name, name), err=True)
    said = {name: text for name, text in record.items() if text}
    result = command(link, rack, "clear", rack, latch=latch, **said)
    if not shape.is_table:
        emit([result], (), shape, name="latch", single=True)
        return
    if result["cleared"]:
        answer(
            f"{latch} is cleared, signed by {', '.join(result['signed'])}; "
            "what it switched off stays off until `rackwright power on`"
        )
    else:
        stand = stand_of(link, rack)
        answer(
            f"{latch} is signed by {', '.join(result['signed'])} and stands; {what_clears(stand, find(stand, latch))}"
        )


@app.command("policy")
def policy(
    rack: RackName = None, url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """Show the rows in force at a rack: what trips them, what follows, and which cannot be judged there."""
    link, shape = connect(url, state), chosen(output, as_json)
    name = rack or only_rack(link)
    told: Row = link.get(f"/api/v1/racks/{quoted(name)}/interlocks/policy")
    if shape in (Output.JSON, Output.YAML):
        emit([told], (), shape, single=True)
        return
    blank = stand_of(link, name).get("unjudged", [])
    rows = [{**r, "unjudged": [_blank(u) for u in blank if u["cause"] == r["cause"]]} for r in told["rows"]]
    emit(rows, _ROWS, shape, name="cause")


@app.command("test")
def rehearse(
    detector: Annotated[str, typer.Argument(help="Leak detector, in full or from the slot on (u31/leak1).")],
    dry: Annotated[bool, typer.Option("--dry", help="Only judge it; no device is read, nothing is written.")] = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Test the whole path of a leak detector's interlock but for the request itself; nothing is switched off by it."""
    link, shape = connect(url, state), chosen(output, as_json)
    name = rack_holding(link, detector, rack)
    told: Row = (
        link.get(f"/api/v1/racks/{quoted(name)}/interlocks/test", place=detector)
        if dry
        else command(link, name, "interlock_test", detector)["drill"]
    )
    if shape in (Output.JSON, Output.YAML):
        emit([told], (), shape, single=True)
    else:
        emit(told["trips"], _REHEARSED, shape)
        if not dry and shape is Output.TABLE:
            emit(told["hops"], _HOPS, shape)
            emit(told["proven"], _PROVEN, shape)
        _tell_drill(told, shape)
    if not dry and (told["broken_off"] or not told["trips"] or not all(p["ok"] for p in told["proven"])):
        raise typer.Exit(FAILED)


def _tell_drill(told: Row, shape: Output) -> None:
    """Say what a test came to beside its tables."""
    answer(
        ("nothing was switched off" if "hops" in told else "nothing was done")
        + (f"; nothing would trip: {told['note']}" if told["note"] else ""),
        shape,
    )
    if told.get("broken_off"):
        answer(f"the test was broken off: {told['broken_off']}", shape)
    if not told["armed"]:
        answer("the rack is not armed: it would only be told", shape)


def unseen(stand: Row) -> list[str]:
    """Return in words which rows cannot be judged at a rack and why, and which detectors no row looks at."""
    rows = [f"{u['cause']} can't be judged: {_blank(u)}" for u in stand.get("unjudged", [])]
    return [*rows, *(f"{short(at)}: no row looks at this leak detector" for at in stand.get("uncovered", []))]


def _blank(lacking: Row) -> str:
    """Return what a row lacks, and where; few places by name."""
    places = [short(place) for place in lacking["places"]]
    at = ", ".join(places) if len(places) <= MOST_PLACES else f"{len(places)} trays"
    return f"{lacking['why']} ({at})"


def stand_of(link: Connection, rack: str) -> Row:
    """Return how a rack's interlocks stand."""
    said: Row = link.get(f"/api/v1/racks/{quoted(rack)}/interlocks")
    return said


def rack_of_latch(latch: str) -> str:
    """Return the rack's name out of a latch's id.  Raises TargetUnknown."""
    name, dash, number = latch.rpartition("-l")
    if not dash or not name or not number.isdigit():
        raise TargetUnknown(f"{latch!r} is no latch", advice="see `rackwright interlock list --all`")
    return name


def find(stand: Row, latch: str) -> Row:
    """Return one latch.  Raises TargetUnknown with those that stand."""
    for each in stand["latches"]:
        if each["id"] == latch:
            found: Row = each
            return found
    standing = ", ".join(n["id"] for n in stand["latches"] if not n["cleared_ns"]) or "none"
    raise TargetUnknown(f"no latch {latch!r}", advice=f"standing: {standing}")


def clearing_of(stand: Row, latch: Row) -> Row:
    """Return what clears a latch: how many persons, and the fields of the inspection record."""
    rule: Row = stand["clearing"].get(latch["cause"], {})
    return {"persons": rule.get("persons", 1), "record": list(rule.get("record", ()))}


def what_clears(stand: Row, latch: Row) -> str:
    """Return who must sign next, and with what."""
    if latch["cleared_ns"]:
        return f"{latch['id']} is cleared"
    rule = clearing_of(stand, latch)
    left = rule["persons"] - len(latch["signed"])
    who = "a person" if not latch["signed"] and left == 1 else f"{left} persons" if left > 1 else "another person"
    record = ", ".join(name.replace("_", " ") for name in rule["record"]) or "nothing written down"
    return f"{who} with the safety role must sign: {record}"


def brief(evidence: str) -> str:
    """Return the first of several things seen, and how many more: a silent tray has a dozen detectors."""
    first, *others = evidence.split(", ")
    return f"{first}, {len(others)} more" if others else first


def lines(stand: Row, *, every: bool) -> list[Row]:
    """Return one line for each row that holds or stands at a place; `every`: also for latches that were cleared.

    A latch whose row is no longer in the policy has a line too: it stands all the same.
    """
    tripped = {(t["cause"], t["place"]): t for t in stand["tripped"]}
    rows = []
    for standing in stand["standings"]:
        seen = tripped.get((standing["cause"], standing["place"]), {})
        latch = str(seen.get("latch", ""))
        word = f"latched {latch}" if latch else "confirming" if standing["tripped_s"] is None else "tripped"
        rows.append({**standing, "rack": stand["rack"], "latch": latch, "state": word, "did": seen.get("did", [])})
    shown = {row["latch"] for row in rows}
    for latch in stand["latches"]:
        if latch["id"] in shown or (latch["cleared_ns"] and not every):
            continue
        rows.append(
            {
                **{key: latch[key] for key in ("cause", "place", "title", "blocks")},
                "rack": stand["rack"],
                "latch": latch["id"],
                "state": f"cleared {latch['id']}" if latch["cleared_ns"] else f"latched {latch['id']}",
                "evidence": latch["evidence"][0]["text"] if latch["evidence"] else "",
                "holds": False,
                "blocks": latch["blocks"] and not latch["cleared_ns"],
                "tripped_ns": latch["tripped_ns"],
                "did": [],
                "consequence": "",
                "response": "" if latch["cleared_ns"] else what_clears(stand, latch),
            }
        )
    return rows


def _since(row: Row) -> str:
    if "tripped_ns" in row:
        return clock(row["tripped_ns"]).partition(".")[0]
    return age(row["held_s"] if row["tripped_s"] is None else row["tripped_s"])


def _condition(row: Row) -> str:
    numbers = [say(row[name]) for name, say in _NUMBERS.items() if row.get(name) is not None]
    held = [f"for {row['for_s']:g} s"] if row.get("for_s") else []
    when = str(row["when"]).replace("_", " ")
    return " ".join([f"{when}:" if numbers else when, *numbers, *held])


def _latches(row: Row) -> str:
    if not row.get("latch"):
        return "no"
    persons = row.get("clear", {}).get("persons", 1)
    return "1 person clears" if persons == 1 else f"{persons} persons clear"


def _rung(rung: Row) -> str:
    after = f" after {rung['after_s']:g} s" if rung.get("after_s") else ""
    return f"{rung['do'].replace('_', ' ')} {rung['to']}{after}"
