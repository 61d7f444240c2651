"""`rackwright power budget|why|cap|what-if`: what racks may draw, who is held by what, caps for a while."""

from typing import Annotated

import typer

from datacenter_api.cli.amounts import kilowatts, seconds
from datacenter_api.cli.connection import Connection, connect, quoted
from datacenter_api.cli.event import clock
from datacenter_api.cli.op import command, short
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.rack import only_rack, rack_holding
from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.errors import ConfigurationError, TargetUnknown
from rack_controller.model.power_view import RESERVE_MEANS

NOT_FITTING = 7
MOST_HELD = 8
NUMBERS = {"ignore_unknown_options": True}
"""Of commands that take a number: `-1` is one, and is refused as one."""

_LIMITS = (
    Column("LIMIT", lambda r: str(r["name"])),
    Column("KIND", lambda r: str(r["kind"])),
    Column("ALLOWS", lambda r: kw(r["limit_w"]), right=True),
    Column("GRANTED", lambda r: kw(r["charged_w"]), right=True),
    Column("DRAWN", lambda r: kw(r["drawn_w"]), right=True),
    Column("LEFT", lambda r: kw(r["headroom_w"]), right=True),
    Column("HOLDS", lambda r: "short" if r["shortfall_w"] > 0 else "yes" if r["binds"] else "–"),
    Column("BY", lambda r: str(r["by"] or "–")),
)
_CLAIMS = (
    Column("CLAIM", lambda r: str(r["name"])),
    Column("KIND", lambda r: str(r["kind"])),
    Column("PRIORITY", lambda r: str(r["priority"]), right=True),
    Column("GPUS", lambda r: str(r["gpus"]), right=True),
    Column("WANTS", lambda r: kw(r["wanted_w"]), right=True),
    Column("PROMISED", lambda r: kw(r["promised_w"]) if r["promised_w"] else "–", right=True),
    Column("KEPT", lambda r: kw(r["promised_w"] - r["reduced_w"]) if r["promised_w"] else "–", right=True),
    Column("GRANTED", lambda r: kw(r["granted_w"]), right=True),
    Column("DRAWN", lambda r: kw(r["drawn_w"]), right=True),
    Column("HELD BY", lambda r: str(r["held_by"] or "–")),
)
_CAPS = (
    Column("CAP", lambda r: str(r["id"])),
    Column("TARGET", lambda r: str(r["target"])),
    Column("AT MOST", lambda r: kw(r["watts"]), right=True),
    Column("UNTIL", lambda r: clock(r["until_unix_ns"]).partition(".")[0]),
    Column("BY", lambda r: str(r["by"])),
    Column("REASON", lambda r: str(r["reason"] or "–")),
)
_WHAT_IF = (
    Column("LIMIT", lambda r: str(r["name"])),
    Column("KIND", lambda r: str(r["kind"])),
    Column("ALLOWS", lambda r: kw(r["limit_w"]), right=True),
    Column("AT FULL LOAD", lambda r: kw(r["needed_w"]), right=True),
    Column("FITS", lambda r: "yes" if r["needed_w"] <= r["limit_w"] else "no"),
)
_PLAYED = (
    Column("LIMIT", lambda r: str(r["name"])),
    Column("KIND", lambda r: str(r["kind"])),
    Column("ALLOWS", lambda r: kw(r["limit_w"]), right=True),
    Column("PEAK", lambda r: kw(r["peak_w"]), right=True),
    Column("FROM", lambda r: kw(r["low_w"]), right=True),
    Column("TO", lambda r: kw(r["high_w"]), right=True),
    Column("LEFT", lambda r: kw(r["limit_w"] - r["high_w"]), right=True),
)
Rack = Annotated[str, typer.Argument(help="Place or short name; may be left out for the only rack.")]


def budget(
    rack: Rack = "", url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False
) -> None:
    """Show a rack's budget: limits against what is granted and drawn, who asks, what it may use and why."""
    link, shape = connect(url, state), chosen(output, as_json)
    view = view_of(link, rack)
    if shape in (Output.JSON, Output.YAML):
        emit([view], (), shape, name="rack", single=True)
        return
    if not view["mode"]:
        answer(view["why"] or "no power policy is in force: see `rackwright power policy`", shape)
        return
    emit(view["limits"], _LIMITS, shape, name="name")
    emit(view["claims"], _CLAIMS, shape, name="name")
    if shape.is_table:
        _tell(view)


def why(
    place: Annotated[str, typer.Argument(help="GPU, tray or rack (u12/gpu0, u12, k01).")],
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Say which layer holds GPUs, to how much, since when, and what would free them."""
    link, shape = connect(url, state), chosen(output, as_json)
    holding = rack_holding(link, place, rack)
    if place != short(holding) and place != holding:  # what is not there is not free either: refused with where to look
        link.get(f"/api/v1/racks/{quoted(holding)}/readings", place=place, limit=1)
    view = view_of(link, holding)
    held = [h for h in view["held"] if f"/{h['place']}/".find(f"/{place.strip('/')}/") >= 0]
    columns = (
        Column("GPU", lambda r: short(str(r["place"]))),
        Column("MAY DRAW W", lambda r: f"{r['watts']:.0f}", right=True),
        Column("OF W", lambda r: f"{r['default_w']:g}", right=True),
        Column("HELD BY", lambda r: str(r["layer"])),
        Column("SINCE", lambda r: clock(r["since_unix_ns"]).partition(".")[0] if r["since_unix_ns"] else "–"),
        Column("ROAD", road),
        Column("FREED BY", lambda r: str(r["frees"])),
        Column("LAYERS", lambda r: "; ".join(f"{n} {power_text(w)}" for n, w in r["layers"]), wide=True),
    )
    emit(held, columns, shape, name="place")
    if not held and shape not in (Output.JSON, Output.YAML):
        answer(f"nothing at {place} is held: each GPU may draw its own default", shape)
    if view["why"]:
        answer(view["why"], shape)


def cap(
    target: Annotated[str, typer.Argument(help="A rack, or a glob over racks (r03/*); left out: caps in force.")] = "",
    watts: Annotated[str, typer.Argument(help="The most at their feeds, with its unit: 100kW.")] = "",
    within: Annotated[str, typer.Option("--within", help="To be there in: it comes down evenly.")] = "0s",
    last: Annotated[str, typer.Option("--for", help="How long it lasts.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; stands beside it.")] = "",
    end: Annotated[str, typer.Option("--end", help="End this cap before its time.")] = "",
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Cap racks for a while, end a cap, or list the caps in force."""
    link, shape = connect(url, state), chosen(output, as_json)
    first = any_rack(link, target)
    if end:
        done = command(link, first, "power_cap", first, do="clear", cap=end)
        answer(f"{end} is over", shape)
        if not shape.is_table:
            emit([done], (), shape, name="cap", single=True)
        return
    if not target:
        emit(view_of(link, first)["caps"], _CAPS, shape, name="id")
        return
    if not watts or not last:
        missing = "how much" if last else "how long (--for)" if watts else "how much and how long (--for)"
        raise ConfigurationError(f"a cap needs {missing}", advice="power cap k01 100kW --within 30s --for 1h")
    wish = {"kw": kilowatts(watts), "within_s": seconds(within), "for_s": seconds(last), "reason": reason}
    made = command(link, first, "power_cap", first, racks=target, **wish)
    emit([made["cap"]], _CAPS, shape, name="id")
    if shape.is_table and (why_not := view_of(link, first)["why"]):
        answer(f"it holds nothing yet: {why_not}")


def what_if(
    racks: Annotated[int, typer.Argument(min=0, help="How many racks more.")],
    like: Annotated[str, typer.Option("--like", help="The rack that they are like, with its feeds.")] = "",
    load: Annotated[
        str, typer.Option("--load", help="Play them on the plant too: step, or the name of a recorded load.")
    ] = "",
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Say whether more racks fit under the limits above, by ratings and under a load; exit code 7 when they do not."""
    link, shape = connect(url, state), chosen(output, as_json)
    name = like or any_rack(link, "")
    query = f"&load={quoted(load)}" if load else ""
    found: Row = link.get(f"/api/v1/racks/{quoted(name)}/power/what-if?racks={racks}{query}")
    played: Row | None = found.get("played")
    if shape in (Output.JSON, Output.YAML):
        emit([found], (), shape, name="like", single=True)
    else:
        emit(found["limits"], _WHAT_IF, shape, name="name")
        answer(_verdict(found), shape)
        if played:
            emit(played["limits"], _PLAYED, shape, name="name")
            answer(_played(played), shape)
    if not (found["fits"] if played is None else played["fits"]):
        raise typer.Exit(NOT_FITTING)


def view_of(link: Connection, rack: str) -> Row:
    """Return a rack's budget."""
    name = rack or only_rack(link)
    view: Row = link.get(f"/api/v1/racks/{quoted(name)}/power")
    return view


def road(held: Row) -> str:
    """Return how a GPU's limit is kept: in band until a time and then at how much, or out of band."""
    if not held["until_unix_ns"]:
        return str(held["road"] or "–")
    until = clock(held["until_unix_ns"]).partition(".")[0]
    return f"{held['road']} until {until}, then {power_text(held['standing_w'])}"


def kw(watts: object) -> str:
    """Return watts for people."""
    return power_text(watts) if isinstance(watts, (int, float)) else "–"


def _tell(view: Row) -> None:
    usable = view["usable"]
    if usable:
        after = f" after {usable['lost']} is lost" if usable["lost"] else ""
        answer(
            f"may use {kw(usable['watts'])} at its busbar ({usable['binding']}{after}); "
            f"as it is {kw(usable['now_w'])}, n+1 {kw(usable['n_plus_1_w'])}, n+n {kw(usable['n_plus_n_w'])}"
        )
        if usable["unprotected"]:
            answer(f"nothing covers the loss of {', '.join(usable['unprotected'])}")
    if cooling := view.get("cooling"):
        flow = "unknown" if cooling["flow_lpm"] is None else f"{cooling['flow_lpm']:.0f} L/min"
        answer(f"coolant ({cooling['mode']}): {flow}; {cooling['why']}")
    for ramp in view["ramps"]:
        answer(ramp_words(ramp))
    for limit in view["limits"]:
        if limit.get("unkept_w"):
            answer(f"{limit['name']}: promises are reduced, they pass it by {kw(limit['unkept_w'])}")
        if limit["shortfall_w"] > 0:
            trays = ", ".join(short(t) for t in limit["shed"][:MOST_HELD])
            answer(f"{limit['name']}: {kw(limit['shortfall_w'])} short even at the least limits; shed {trays}")
    for breaker in view["breakers"][:1]:
        bears = "" if breaker["lasts_s"] is None else f"; it bears this load for {breaker['lasts_s']:.0f} s"
        warm = f"{breaker['reserve']:.0%} of it left, heat at {breaker['heat']:.0%} of its trip"
        answer(f"of {len(view['breakers'])} breakers {breaker['name']} has least heat reserve: {warm}{bears}")
        answer(RESERVE_MEANS)
    for shed in view["shed"]:
        stays = f"; {shed['why']}" if shed["why"] else ""
        answer(f"shed: {short(shed['tray'])} is {shed['state']} for {shed['limit']}, by {shed['operation']}{stays}")
    if view["batteries_w"] > 0:
        answer(f"{kw(view['batteries_w'])} of it is for batteries that are not full")
    if view["stranded_w"] > 0:
        answer(f"{kw(view['stranded_w'])} stranded: {view['stranded_by']} holds what the rack itself could use")
    _tell_in_band(view["in_band"])
    _tell_held(view)
    said = ": ".join(filter(None, (view["mode"], view["why"].removeprefix(f"{view['mode']}: "))))
    answer(f"policy {view['policy']}, {said}")


def ramp_words(ramp: Row) -> str:
    """Return how a ramp stands: what may be granted now, what meters showed, when jobs pause."""
    up, down = (f"{ramp[k] / 1e3:g} kW/s" for k in ("up_w_s", "down_w_s"))
    said = f"ramp {ramp['name']} ({ramp['mode']}, {up} up, {down} down): {kw(ramp['may_w'])} may be granted now"
    if ramp["held_w"] > 0:
        said += f"; it would hold back {kw(ramp['held_w'])} of what is drawn"
    if ramp["rose_w_s"] is not None:
        rose, fell = (f"{ramp[k] / 1e3:.1f} kW/s" for k in ("rose_w_s", "fell_w_s"))
        said += f"; the steepest 5 s of the last minute rose by {rose}, fell by {fell}"
    if ramp["pauses"]:
        first = ramp["pauses"][0]
        what = f"pauses for {first['for_s']:g} s" if first["for_s"] else "stops"
        said += f"; {first['job']} {what} in {first['in_s']:.0f} s, {kw(ramp['rest_w'])} then falls at once"
    return said


def _tell_held(view: Row) -> None:
    """Say how many GPUs are held, or would be: what is only worked out holds nobody."""
    written = view["mode"] == "armed" and not view["why"]
    if not written:
        answer("GRANTED and LEFT are only worked out; more than WANTS is granted where a limit has power to spare")
    if view["held"]:
        are, when = ("are", "") if written else ("would be", " if limits were written")
        answer(f"{len(view['held'])} GPUs {are} held below their own default limit{when}: see `rackwright power why`")


def _verdict(found: Row) -> str:
    more = f"{found['racks']} more racks like {short(found['like'])} ({kw(found['full_w'])} each at full load)"
    if not found["limits"]:
        return f"{more}: nothing above the racks limits them; the site file says no feeds, the policy no budgets"
    if found["fits"]:
        return f"{more} fit"
    if found["level"] < 0:
        return f"{more} do not fit even at rest: {found['binding']}"
    return (
        f"{more} do not fit at full load: {found['binding']}. With all GPUs at {found['level']:.0%} between rest and "
        f"their most they would, {kw(found['granted_w'])} a rack"
    )


def _played(played: Row) -> str:
    said = "carry it" if played["fits"] else "do not carry it"
    return (
        f"on the plant, {played['load']}, {played['seconds']:.0f} s from {played['seeds']} moments: the limits {said}; "
        f"the hottest die is at {played['hottest_c']:.0f} °C, {played['margin_k']:.0f} K below where it slows down"
    )


def any_rack(link: Connection, target: str) -> str:
    """Return a rack by whose controller a command over several racks goes."""
    racks = [str(rack["rack"]) for rack in link.get("/api/v1/racks")]
    if not racks:
        raise TargetUnknown("no rack is known yet", advice="wait for a controller")
    named = [rack for rack in racks if target and (rack == target or rack.endswith(f"/{target}"))]
    return named[0] if named else racks[0]


def _tell_in_band(hosts: list[Row]) -> None:
    if not any(host["state"] != "none" for host in hosts):
        return
    kept = sum(host["state"] == "kept" for host in hosts)
    answer(f"in band: agents of {kept} of {len(hosts)} hosts keep their grants")
    for host in hosts:
        if host["why"] and host["state"] != "none":
            answer(f"in band: {short(host['host'])} {host['state']}, {host['why']}")
