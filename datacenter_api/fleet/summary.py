"""A rack in one glance: power against its limit, coolant, leaks, trays on both axes.  Pure; unknown stays unknown."""

from collections.abc import Sequence

import msgspec
import numpy as np

from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.trays import (
    Axes,
    LeakPoint,
    TrayState,
    axes_of,
    latch_alarms,
    leak_points,
    tray_states,
)
from datacenter_api.fleet.usable import usable_of
from datacenter_api.fleet.view import QUALITY_WORDS, RackView, view_of
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.alarm import PRIORITIES, SPEAKING, UNSEEN, AlarmGlance
from rack_controller.model.building_view import BuildingGlance
from rack_controller.model.interlock_view import InterlockGlance
from rack_controller.model.layout import IN_BAND, Layout

SMALL_SHARE = 0.01
"""What batteries deliver counts above this share of the usable limit; below, they only balance or measure noise."""


class Figure(msgspec.Struct, frozen=True):
    """A number made of `total` readings of which `good` could be trusted.

    `quality`: good when all were, partial when some were, else the worst word of the missing ones.
    `value` covers only the good ones and is None when there was none.
    """

    value: float | None
    unit: str
    quality: str
    good: int
    total: int


class AlarmsInShort(msgspec.Struct, frozen=True):
    """How many alarms of a rack want an answer, by priority; how many of them nobody has acknowledged; how many are
    shelved, out of service or hidden; and whether too many were raised lately for anybody to read."""

    critical: int
    high: int
    medium: int
    low: int
    unacknowledged: int
    silenced: int
    flood: bool


class RackSummary(msgspec.Struct, frozen=True):
    """What `/racks`, the rack's stream and the console's header show.  W, °C, L/min, s.

    `usable_limit_w` is what the rack may draw of its busbar now, and `usable_by` who says so: `budget`, the power
    policy that covers the rack, with what is lost and what may be lost; `design` where none does, with nothing lost.
    `battery_output_w` is what the battery shelves deliver, `absent` where the rack has none.  `headroom_w` is usable
    limit minus shelf output: None unless every shelf was read, and while something else than shelves feeds the busbar.
    `hosts_silent` are the endpoints of GPU hosts whose agents are not heard: counted, and no alarm of their trays.
    `interlocks`: what has tripped, first cause first, and how many latches stand; None where the controller has none.
    `alarms`: how many want an answer; None until the controller was heard.
    `building`: what its building says and was asked for; None where the site agreed on none.
    """

    rack: str
    name: str
    title: str
    generation: str
    live: bool
    armed: bool
    age_s: float | None
    sequence: int | None
    unix_ns: int | None
    revision: int | None
    gpus: int
    readings: int
    shelf_output_w: Figure
    battery_output_w: Figure
    usable_limit_w: float | None
    usable_by: str
    headroom_w: float | None
    gpu_power_w: Figure
    supply_c: Figure
    return_c: Figure
    flow_lpm: Figure
    leak_points: int
    leaks_unknown: int
    leaks: list[LeakPoint]
    endpoints_reachable: int
    endpoints_total: int
    hosts_silent: list[str]
    trays: list[TrayState]
    interlocks: InterlockGlance | None = None
    alarms: AlarmsInShort | None = None
    building: BuildingGlance | None = None


def summarise(record: RackRecord, now: Seconds) -> RackSummary | None:
    """Return the rack's summary at `now`, None until its layout was heard."""
    layout, place = record.layout, record.place
    if layout is None or place is None:
        return None
    view = view_of(record, now)
    age = record.age(now)
    shelves = [t.place for t in layout.trays if t.kind == TrayKind.POWER_SHELF]
    batteries = [t.place for t in layout.trays if t.kind == TrayKind.BATTERY_SHELF]
    units = [t.place for t in layout.trays if t.kind == TrayKind.COOLANT_UNIT]
    gpus = parts_of(layout, "gpu")
    output = _gather(view, shelves, Quantity.POWER, "W", "sum")
    battery = _gather(view, batteries, Quantity.POWER, "W", "sum")
    gpu_power = _gather(view, gpus, Quantity.POWER, "W", "sum")
    usable, usable_by = usable_of(record, layout)
    points = leak_points(layout, view)
    axes = axes_of(record, now)
    standing = [*latch_alarms(record.interlocks), *record.lasting]
    return RackSummary(
        rack=place,
        name=record.token,
        title=layout.title,
        generation=layout.generation,
        live=record.live(now),
        armed=layout.armed,
        age_s=None if age is None else round(age, 2),
        sequence=record.frame.sequence if record.frame else None,
        unix_ns=record.frame.unix_ns if record.frame else None,
        revision=record.revision,
        gpus=layout.gpus,
        readings=len(view.columns.series) if view else 0,
        shelf_output_w=output,
        battery_output_w=battery,
        usable_limit_w=usable,
        usable_by=usable_by,
        headroom_w=_headroom(usable, output, battery, gpu_power),
        gpu_power_w=gpu_power,
        supply_c=_gather(view, units, Quantity.TEMPERATURE_SUPPLY, "°C", "max"),
        return_c=_gather(view, units, Quantity.TEMPERATURE_RETURN, "°C", "max"),
        flow_lpm=_gather(view, units, Quantity.FLOW, "L/min", "sum"),
        leak_points=len(points),
        leaks_unknown=sum(p.state == "unknown" for p in points),
        leaks=[p for p in points if p.state != "dry"],
        endpoints_reachable=_count(axes, "reachable"),
        endpoints_total=len(axes),
        hosts_silent=_silent_hosts(layout, axes),
        trays=tray_states(layout, view, axes, points, standing),
        interlocks=record.interlocks,
        alarms=alarms_in_short(record.alarms),
        building=record.building,
    )


def alarms_in_short(alarms: AlarmGlance | None) -> AlarmsInShort | None:
    """Return how many alarms want an answer, None where nothing was heard of any."""
    if alarms is None:
        return None
    speaking = {word: sum(by.get(state, 0) for state in SPEAKING) for word, by in alarms.counts.items()}
    total = sum(sum(by.values()) for by in alarms.counts.values())
    unseen = sum(by.get(state, 0) for by in alarms.counts.values() for state in UNSEEN)
    critical, high, medium, low = (speaking.get(word, 0) for word in PRIORITIES.values())
    return AlarmsInShort(critical, high, medium, low, unseen, total - sum(speaking.values()), alarms.flood)


def gpu_power_of(view: RackView | None, layout: Layout, domain: str) -> Figure:
    """Return the power of the GPUs in the trays of one domain."""
    inside = {t.place for t in layout.trays if t.domain == domain}
    return _gather(
        view, [p for p in parts_of(layout, "gpu") if p.rpartition("/")[0] in inside], Quantity.POWER, "W", "sum"
    )


def parts_of(layout: Layout, name: str) -> list[str]:
    """Return the places of every part called `name`, tray by tray from the floor up."""
    parts = [(t.place, c.count) for t in layout.trays for c in t.components if c.name == name]
    return [f"{place}/{name}{n}" for place, count in parts for n in range(count)]


def _headroom(usable: float, output: Figure, battery: Figure, gpus: Figure) -> float | None:
    """Shelves that deliver nothing leave all of the limit free only where nothing else feeds the rack, either."""
    if output.value is None or output.quality != "good":
        return None
    small = usable * SMALL_SHARE
    if battery.value is not None and battery.value > small:
        return None
    drawing = gpus.value is not None and gpus.value > small
    idle = gpus.quality == "good" and not drawing
    unseen = battery.quality not in ("good", "absent") and not idle
    if output.value <= small and (drawing or unseen):
        return None
    return round(usable - output.value, 1)


def _silent_hosts(layout: Layout, axes: dict[str, Axes]) -> list[str]:
    inside = [e.place for t in layout.trays for e in t.endpoints if e.protocol in IN_BAND]
    return [place for place in inside if place in axes and axes[place].management != "reachable"]


def _count(axes: dict[str, Axes], word: str) -> int:
    return sum(a.management == word for a in axes.values())


def _gather(view: RackView | None, places: Sequence[str], quantity: Quantity, unit: str, how: str) -> Figure:
    total = len(places)
    if view is None or not total:
        return Figure(None, unit, "missing" if total else "absent", 0, total)
    found = [line for p in places if (line := view.columns.index.get((Place(p), quantity))) is not None]
    lines = np.array(found, dtype=np.intp)
    good = lines[view.quality[lines] == Quality.GOOD] if len(lines) else lines
    if not len(good):
        worst = max((int(view.quality[n]) for n in found), default=int(Quality.MISSING))
        return Figure(None, unit, QUALITY_WORDS.get(worst, "missing"), 0, total)
    numbers = view.values[good]
    value = float(numbers.sum() if how == "sum" else numbers.max())
    return Figure(float(f"{value:.7g}"), unit, "good" if len(good) == total else "partial", len(good), total)
