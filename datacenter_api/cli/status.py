"""`rackwright status` and `version`: is everything well, in a few lines."""

from datacenter_api.cli.connection import connect
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, age, answer, emit, number
from datacenter_api.fleet.usable import USABLE_BY
from firmware_bridge.vocabulary.amounts import power_text

SMALL_SHARE = 0.01  # of the usable limit, as the API's own headroom has it
MOST_NAMED = 3
_WORST_FIRST = ("critical", "warning", "unknown")

COLUMNS = (
    Column("RACK", lambda r: str(r["name"])),
    Column("GENERATION", lambda r: str(r["generation"])),
    Column("LIVE", lambda r: "yes" if r["live"] else "no"),
    Column("AGE", lambda r: age(r["age_s"]), right=True),
    Column("ENDPOINTS", lambda r: f"{r['endpoints_reachable']}/{r['endpoints_total']}", right=True),
    Column("OUTPUT", lambda r: kilowatts(r["shelf_output_w"]), right=True),
    Column("BATTERY", lambda r: kilowatts(r["battery_output_w"]), right=True),
    Column("USABLE", lambda r: power_text(r["usable_limit_w"]), right=True, wide=True),
    Column("BY", lambda r: str(r["usable_by"]), wide=True),
    Column("HEADROOM", lambda r: power_text(r["headroom_w"]), right=True),
    Column("SUPPLY", lambda r: number(r["supply_c"]["value"], 1, "°C"), right=True),
    Column("RETURN", lambda r: number(r["return_c"]["value"], 1, "°C"), right=True),
    Column("FLOW", lambda r: number(r["flow_lpm"]["value"], 0, "L/min"), right=True),
    Column("LEAKS", lambda r: leaks(r), right=True),
    Column("GPUS", lambda r: str(r["gpus"]), right=True, wide=True),
    Column("GPU POWER", lambda r: kilowatts(r["gpu_power_w"]), right=True, wide=True),
    Column("READINGS", lambda r: str(r["readings"]), right=True, wide=True),
    Column("REVISION", lambda r: str(r["revision"]), right=True, wide=True),
    Column("PLACE", lambda r: str(r["rack"]), wide=True),
)


def show_status(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """Show every rack in one line, and what is not well."""
    link = connect(url, state)
    health = link.request("GET", "/healthz", login=False)
    racks, domains = link.get("/api/v1/racks"), link.get("/api/v1/domains")
    shape = chosen(output, as_json)
    if shape in (Output.JSON, Output.YAML):
        emit([{"health": health, "racks": racks, "domains": domains}], (), shape, single=True)
        return
    emit(racks, COLUMNS, shape, name="rack")
    explain_marks(racks, shape)
    explain_headroom(racks, shape)
    answer(f"{link.server.url}: {health['status']}, bus {'connected' if health['bus_connected'] else 'away'}", shape)
    if health["not_stored"]:
        answer(f"the bus stores nothing, {health['waiting']} messages wait: {health['not_stored']}", shape)
    if health["dropped"]:
        answer(f"{health['dropped']} messages were lost: too many waited for the bus", shape)
    for rack in racks:
        for line in interlock_lines(rack):
            answer(f"{rack['name']} {line}", shape)
        if waiting := alarms_line(rack):
            answer(f"{rack['name']} {waiting}", shape)
        if drain := battery_line(rack):
            answer(f"{rack['name']} {drain}", shape)
        if silent := silent_hosts(rack):
            answer(f"{rack['name']} {silent}", shape)
        for line in alarm_lines(rack["trays"]):
            answer(f"{rack['name']} {line}", shape)
    for line in domain_lines(domains):
        answer(line, shape)


def alarms_line(rack: Row) -> str:
    """Return how many alarms of a rack want an answer, empty when none does."""
    said = rack.get("alarms") or {}
    counts = [f"{said[word]} {word}" for word in ("critical", "high", "medium", "low") if said.get(word)]
    if not counts:
        return ""
    flood = ", a flood: work from the first cause" if said["flood"] else ""
    return f"alarms: {', '.join(counts)}; {said['unacknowledged']} unacknowledged{flood} (`rackwright alarm list`)"


def alarm_lines(trays: list[Row]) -> list[str]:
    """Return what is not well, worst first, one line for all trays of which the same is to be said."""
    alike: dict[tuple[str, str], list[str]] = {}
    for tray in trays:
        if tray["alarm"] != "ok":
            alike.setdefault((tray["alarm"], tray["why"] or "no current reading"), []).append(tray["name"])
    ordered = sorted(alike.items(), key=lambda item: _WORST_FIRST.index(item[0][0]))
    return [f"{_named(names)} {alarm}: {why}" for (alarm, why), names in ordered]


def interlock_lines(rack: Row) -> list[str]:
    """Return what has tripped, the first cause first, and how many latches stand; on an unarmed rack it says so."""
    said = rack.get("interlocks")
    if not said:
        return []
    shadow = "" if said["armed"] else " (the rack is not armed)"
    found = [f"{t['severity']}: {t['chain']}{shadow}" for t in said["tripped"]]
    found += [f"warning: {bypass_words(b)}" for b in said["bypasses"]]
    if said["latches_open"]:
        found.append(f"latches open: {said['latches_open']}; see `rackwright interlock list`")
    if said["unresolved"]:
        found.append(f"requests to devices whose end nobody has seen yet: {said['unresolved']}")
    return found


def bypass_words(bypass: Row) -> str:
    """Return what is left out of the interlocks, or waits to be."""
    what = f"bypass {bypass['id']}: {bypass['cause'] or 'detector'} at {'/'.join(bypass['place'].split('/')[3:])}"
    if not bypass["signed_by"]:
        return f"{what} wanted by {bypass['opened_by']}, another person must sign: {bypass['reason']}"
    return f"{what} left out by {bypass['opened_by']} and {bypass['signed_by']}: {bypass['reason']}"


def domain_lines(domains: list[Row]) -> list[str]:
    """Return one line for each NVLink domain of which something is known to be wrong, with the way to the rest."""
    return [
        f"NVLink domain {d['id']} warning: {d['health']['reason']}; see `rackwright domain show {d['id']}`"
        for d in domains
        if d["health"]["verdict"] == "degraded"
    ]


def silent_hosts(rack: Row) -> str:
    """Return which GPU hosts' agents are not heard: no fault of their trays, but endpoints that are counted."""
    names = [str(place).split("/")[4] for place in rack.get("hosts_silent", ())]
    if not names or not rack["live"]:
        return ""
    return f"warning: the agents of {_named(names, 'GPU hosts')} are not heard: no in-band readings"


def explain_marks(racks: list[Row], shape: Output) -> None:
    """Say what a `*` means below a table that has one."""
    figures = ("shelf_output_w", "battery_output_w", "gpu_power_w")
    marked = any(_mark(r[name]) for r in racks for name in figures if r[name]["value"] is not None)
    if marked and shape.is_table:
        answer("* a sum of those readings that are good now; the others are not in it")


def explain_headroom(racks: list[Row], shape: Output) -> None:
    """Say below a table of what HEADROOM is a part: who tells what each rack may use."""
    if not shape.is_table:
        return
    for by, words in USABLE_BY.items():
        usable = [f"{r['name']} {power_text(r['usable_limit_w'])}" for r in racks if r["usable_by"] == by]
        if usable:
            answer(f"usable {words}: {_named(usable, 'racks')}")


def battery_line(rack: Row) -> str:
    """Return what is to be said of a rack whose batteries deliver, empty otherwise."""
    power, usable = rack["battery_output_w"]["value"], rack["usable_limit_w"]
    if power is None or not usable or power <= usable * SMALL_SHARE:
        return ""
    return f"critical: on battery, which delivers {kilowatts(rack['battery_output_w'])}"


def _named(trays: list[str], what: str = "trays") -> str:
    if len(trays) <= MOST_NAMED:
        return ", ".join(trays)
    return f"{len(trays)} {what} ({', '.join(trays[:MOST_NAMED])} …)"


def show_version() -> None:
    """Show the version of this program."""
    from datacenter_api import __version__

    print(f"rackwright {__version__}")  # noqa: T201


def _mark(figure: Row) -> str:
    return "" if figure["quality"] == "good" else "*"


def kilowatts(figure: Row) -> str:
    """Return a power figure; one that is not complete says so."""
    value, mark = figure["value"], _mark(figure)
    return power_text(value) if value is None else f"{power_text(value)}{mark}"


def leaks(rack: Row) -> str:
    """Return how many detectors report a leak, and how many say nothing; no zero where nobody can see one."""
    if not rack["leak_points"]:
        return "–"
    if rack["leaks_unknown"] == rack["leak_points"]:
        return f"unknown ({rack['leaks_unknown']})"
    wet = sum(p["state"] in ("warning", "critical") for p in rack["leaks"])
    unknown = f" ({rack['leaks_unknown']} unknown)" if rack["leaks_unknown"] else ""
    return f"{wet}{unknown}"
