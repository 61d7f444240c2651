"""Each tray on its two axes (state, management) and its alarm; each leak point with its place.  Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.view import RackView
from firmware_bridge.vocabulary.place import RACK_PARTS, Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import HEALTH_CODES, Quantity, name_of
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.failing import FailingResource
from rack_controller.model.hold import Hold
from rack_controller.model.interlock_view import InterlockGlance
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.layout import IN_BAND, EndpointStatus, Layout, TrayView
from rack_controller.model.liveness import MISSED
from rack_controller.model.power import BootView

HEARD_FOR = Seconds(15.0)
"""What the controller said of an endpoint counts for so long; after that its management is unknown, not reachable."""

_ALARMS = ("ok", "unknown", "warning", "critical")


class LeakPoint(msgspec.Struct, frozen=True):
    """One leak detector: `state` is dry, warning, critical or unknown."""

    place: str
    label: str
    state: str


class TrayState(msgspec.Struct, frozen=True):
    """One tray as people see it: both axes apart, and `alarm` (ok, unknown, warning, critical) with its `why`."""

    place: str
    name: str
    kind: str
    title: str
    unit: int
    height_u: int
    state: str
    management: str
    alarm: str
    why: str
    power_w: float | None
    power_quality: str


@dataclass(frozen=True, slots=True)
class Axes:
    """One endpoint as it stands now; ages in s, None when unknown."""

    place: str
    state: str
    management: str
    since_s: float | None
    last_success_age_s: float | None
    error: str
    faults: int
    heard_age_s: float | None
    error_age_s: float | None = None
    events: str = ""
    events_age_s: float | None = None
    events_detail: str = ""
    attention: str = "full"
    attention_s: float | None = None
    attention_detail: str = ""
    blind: str = ""
    blind_s: float | None = None
    held: Hold | None = None
    subtree: str = ""
    subtree_state: str = ""
    subtree_why: str = ""
    subtree_missing: tuple[str, ...] = ()
    ready: str = ""
    blocked_by: list[str] = field(default_factory=list)
    maintenance: str = ""
    version: str = ""
    failing: tuple[FailingResource, ...] = ()
    power_actions: tuple[str, ...] = ()
    boot: BootView | None = None
    restarts: tuple[str, ...] = ()
    outputs: Mapping[str, list[str]] = field(default_factory=dict)


def axes_of(record: RackRecord, now: Seconds) -> dict[str, Axes]:
    """Return both axes of every enabled endpoint of the layout, with ages carried forward to `now`.

    An endpoint nobody has spoken of lately is unknown on both axes: silence is neither off nor reachable.
    """
    if record.layout is None:
        return {}
    heard = None if record.endpoints_heard is None else max(0.0, now - record.endpoints_heard)
    said = {e.place: e for e in record.endpoints}
    places = [e.place for t in record.layout.trays for e in t.endpoints if e.enabled]
    return {place: _axes(place, said.get(place), heard) for place in places}


def management_counts(record: RackRecord, now: Seconds) -> Counter[str]:
    """Return how many enabled endpoints are reachable, degraded, absent or unknown; cheaper than `axes_of`."""
    if record.layout is None:
        return Counter()
    places = {e.place for t in record.layout.trays for e in t.endpoints if e.enabled}
    fresh = record.endpoints_heard is not None and now - record.endpoints_heard <= HEARD_FOR
    counts = Counter(e.management for e in record.endpoints if fresh and e.place in places)
    counts["unknown"] += len(places) - counts.total()
    return counts


def _axes(place: str, said: EndpointStatus | None, heard: float | None) -> Axes:
    if said is None or heard is None:
        return Axes(place, "unknown", "unknown", None, None, "", 0, heard)
    fresh = heard <= HEARD_FOR
    last = said.last_success_age_s
    return Axes(
        place=place,
        state=said.state if fresh else "unknown",
        management=said.management if fresh else "unknown",
        since_s=round(said.since_s + heard, 1),
        last_success_age_s=_grown(last, heard),
        error=said.error,
        faults=said.faults,
        heard_age_s=round(heard, 1),
        error_age_s=_grown(said.error_age_s, heard),
        events=said.events if fresh else "",
        events_age_s=_grown(said.events_age_s, heard),
        events_detail=said.events_detail,
        attention=said.attention,
        attention_s=_shrunk(said.attention_s, heard),
        attention_detail=said.attention_detail,
        blind=said.blind,
        blind_s=_shrunk(said.blind_s, heard),
        held=said.held,
        subtree=said.subtree,
        subtree_state=(said.subtree_state if fresh else "unknown") if said.subtree else "",
        subtree_why=said.subtree_why,
        subtree_missing=tuple(said.subtree_missing),
        ready=said.ready if fresh else "",
        blocked_by=said.blocked_by if fresh else [],
        maintenance=said.maintenance,
        version=said.version,
        failing=tuple(_older(f, heard) for f in said.failing),
        power_actions=tuple(said.power_actions),
        boot=said.boot,
        restarts=tuple(said.restarts),
        outputs=said.outputs,
    )


def _older(failing: FailingResource, heard: float) -> FailingResource:
    ages = {"since_s": round(failing.since_s + heard, 1), "last_s": round(failing.last_s + heard, 1)}
    return msgspec.structs.replace(failing, **ages)


def _shrunk(left: float | None, heard: float) -> float | None:
    return None if left is None else round(max(0.0, left - heard), 1)


def _grown(age: float | None, heard: float) -> float | None:
    return None if age is None else round(age + heard, 1)


def leak_points(layout: Layout, view: RackView | None) -> list[LeakPoint]:
    """Return every leak detector of the rack, also those that only the layout knows.

    One that is not good now, or that nobody reads, is unknown, never dry.
    """
    points = _read_points(view)
    names = {p.place for p in points}
    read = Counter(tray_of(Place(name)) for name in names)
    for tray in layout.trays:
        planned = [f"{tray.place}/{c.name}{n}" for c in tray.components if c.name == "leak" for n in range(c.count)]
        # A device may name its detectors in its own way: what counts is how many of the planned ones it reads.
        missing = max(len(planned) - read[Place(tray.place)], 0)
        points += [LeakPoint(place, "", "unknown") for place in planned if place not in names][:missing]
    return points


def _read_points(view: RackView | None) -> list[LeakPoint]:
    lines = view.columns.by_quantity.get(Quantity.LEAK) if view is not None else None
    if view is None or lines is None:
        return []
    points = []
    for line in lines.tolist():
        series = view.columns.series[line]
        good = view.quality[line] == Quality.GOOD
        points.append(LeakPoint(series.place, series.label, name_of(Quantity.LEAK, view.value(line) if good else None)))
    return points


def tray_states(
    layout: Layout, view: RackView | None, axes: dict[str, Axes], points: list[LeakPoint], standing: list[LastingEvent]
) -> list[TrayState]:
    """Return the trays of the layout, bottom up.  `standing` is what happened in them and is not over."""
    leaks: dict[str, str] = {}
    for point in points:
        tray = tray_of(Place(point.place))
        leaks[tray] = _worse(leaks.get(tray, "ok"), _leak_alarm(point.state))
    unfit = _unfit_gpus(view)
    for alarm in standing:
        unfit.setdefault(tray_of(Place(alarm.place)), []).append((alarm.severity, alarm.text))
    return [
        _tray_state(tray, view, axes, leaks.get(tray.place, "ok"), unfit.get(tray.place, [])) for tray in layout.trays
    ]


def latch_alarms(interlocks: InterlockGlance | None) -> list[LastingEvent]:
    """Return what keeps trays off behind a latch, their own or that of a neighbour whose water may have reached them.

    A rack's latch is told of the rack; on each of its trays it would hide what differs.
    """
    if interlocks is None or not interlocks.armed:
        return []
    found = []
    for trip in interlocks.tripped:
        if not trip.latch or not trip.blocks:
            continue
        kept = {trip.place: f"latch {trip.latch} keeps it off"} if len(trip.place.split("/")) > RACK_PARTS else {}
        from_it = f"latch {trip.latch} of {leaf_of(Place(trip.place))} keeps it off, water may have reached it"
        kept |= {place: from_it for place in trip.wet if place != trip.place}
        found += [LastingEvent(p, "latch.stands", "warning", text, trip.since_unix_ns) for p, text in kept.items()]
    return found


def _unfit_gpus(view: RackView | None) -> dict[str, list[tuple[str, str]]]:
    """Return, by tray, the GPUs that their host's driver cannot use now: alarm and words of each."""
    lines = view.columns.by_quantity.get(Quantity.GPU_ACCESS) if view is not None else None
    found: dict[str, list[tuple[str, str]]] = {}
    if view is None or lines is None:
        return found
    for line in lines[view.quality[lines] == Quality.GOOD].tolist():
        word = name_of(Quantity.GPU_ACCESS, view.value(line))
        if word != "ok":
            place = view.columns.series[line].place
            alarm = "critical" if word == "lost" else "warning"
            found.setdefault(tray_of(place), []).append((alarm, f"{leaf_of(place)} {word.replace('_', ' ')}"))
    return found


def _tray_state(
    tray: TrayView, view: RackView | None, axes: dict[str, Axes], leak: str, unfit: list[tuple[str, str]]
) -> TrayState:
    mine = [axes[e.place] for e in tray.endpoints if e.place in axes and e.protocol not in IN_BAND]
    management = _together([a.management for a in mine])
    state = _power_state(tray, view) or _agreed([a.state for a in mine])
    power, quality = view.number(tray.place, Quantity.POWER) if view else (None, "missing")
    alarm, why = _alarm(tray, view, management, leak, mine, unfit)
    return TrayState(
        place=tray.place,
        name=tray.place.rsplit("/", 1)[1],
        kind=tray.kind,
        title=tray.title,
        unit=tray.unit,
        height_u=tray.height_u,
        state=state,
        management=management,
        alarm=alarm,
        why=why,
        power_w=power,
        power_quality=quality,
    )


def _alarm(
    tray: TrayView,
    view: RackView | None,
    management: str,
    leak: str,
    mine: list[Axes],
    unfit: list[tuple[str, str]],
) -> tuple[str, str]:
    health = _worst_health(tray, view)
    reasons = [
        (leak, "leak detector unknown" if leak == "unknown" else f"leak {leak}"),
        (health, f"health {health}"),
        ({"reachable": "ok", "unknown": "unknown"}.get(management, "warning"), _who_is_away(management, mine)),
        *unfit,
        *(("warning", f"{a.subtree} {a.subtree_state}") for a in mine if a.subtree_state in MISSED),
    ]
    worst = max((alarm for alarm, _ in reasons), key=_ALARMS.index)
    return worst, "; ".join(why for alarm, why in reasons if alarm == worst and worst != "ok")


def _who_is_away(management: str, mine: list[Axes]) -> str:
    """Return which of several endpoints do not answer as they should; one alone stands for the tray."""
    away = [f"{leaf_of(Place(a.place))} {a.management}" for a in mine if a.management != "reachable"]
    return ", ".join(away) if away and len(mine) > 1 and management != "unknown" else f"management {management}"


def _worst_health(tray: TrayView, view: RackView | None) -> str:
    if view is None:
        return "unknown"
    worst = "ok"
    for line in view.columns.by_tray.get(tray.place.rsplit("/", 1)[1], ()):
        if view.columns.series[line].quantity is Quantity.HEALTH and view.quality[line] == Quality.GOOD:
            worst = _worse(worst, HEALTH_CODES.get(int(view.values[line]), "unknown"))
    return worst


def _power_state(tray: TrayView, view: RackView | None) -> str | None:
    if view is None:
        return None
    value, quality = view.number(tray.place, Quantity.POWER_STATE)
    return name_of(Quantity.POWER_STATE, value) if quality == "good" else None


def _leak_alarm(state: str) -> str:
    return "ok" if state == "dry" else state


def _worse(one: str, other: str) -> str:
    return max(one, other, key=_ALARMS.index)


def _together(words: list[str]) -> str:
    """Several endpoints as one word: all alike, or degraded as soon as they differ; none at all is unknown."""
    if not words:
        return "unknown"
    return words[0] if len(set(words)) == 1 else "degraded"


def _agreed(words: list[str]) -> str:
    return words[0] if len(set(words)) == 1 else "unknown"
