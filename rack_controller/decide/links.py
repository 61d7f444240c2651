"""Which NVLink ports went down, came back, flap or wear out.  Pure.

What people hear of: a port that goes down or up (a flapping one once), an error ratio or a rate of recoveries over its
limit.  What is told of managers and versions is decided in fabric.py; this module keeps the memory of both.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.fabric import notice_managers, notice_versions
from rack_controller.decide.notice import Finding
from rack_controller.decide.trend import Rise, keep_rise, per_hour
from rack_controller.model.event import Severity
from rack_controller.model.layout import WornLink
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.table import SeriesTable
from rack_controller.model.wiring import Wiring

TOLD_ONE_BY_ONE = 4
"""So many ports of a tray that change at once are told each; more become one finding."""
FLAPS, FLAP_WINDOW = 4, Seconds(300.0)
"""A port that changed so often within the window flaps, and is told again only when it has been quiet for as long."""
CALM = 0.1  # a ratio under limit × CALM, a rate under limit × 0.5: well again
_OK, _WARNING, _CRITICAL = Severity.OK, Severity.WARNING, Severity.CRITICAL


@dataclass(frozen=True, slots=True)
class LinkColumns:
    """Where a series table keeps its ports: columns of gauges and counters, in the order of `ports`."""

    table_id: int
    ports: tuple[Place, ...]
    link: NDArray[np.intp]
    ratio: NDArray[np.intp]
    recoveries: NDArray[np.intp]
    managers: tuple[tuple[Place, int], ...]


@dataclass(frozen=True, slots=True)
class LinkMemory:
    """What was noticed before: states told last, ports over a limit, recent changes, the counters' rise."""

    columns: LinkColumns | None = None
    up: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    changes: Mapping[Place, tuple[Seconds, ...]] = field(default_factory=dict)
    high: frozenset[Place] = frozenset()
    wearing: frozenset[Place] = frozenset()
    managers: Mapping[Place, float] = field(default_factory=dict)
    versions: Mapping[Place, str] = field(default_factory=dict)  # as last judged
    versioned: frozenset[Place] = frozenset()  # the endpoints whose version was known last
    rise: Rise | None = None


def columns_of(table: SeriesTable) -> LinkColumns:
    """Return where the ports stand in a table.  A port that lacks one of its series is left out."""
    gauges, counters = table.gauge_index, table.counter_index
    ports = [
        s.place
        for s in table.gauges
        if s.quantity is Quantity.LINK
        and (s.place, Quantity.BIT_ERROR_RATIO) in gauges
        and (s.place, Quantity.NVLINK_RECOVERIES) in counters
    ]
    managers = tuple((s.place, n) for n, s in enumerate(table.gauges) if s.quantity is Quantity.FABRIC_MANAGER)
    return LinkColumns(
        table.table_id,
        tuple(ports),
        np.array([gauges[p, Quantity.LINK] for p in ports], dtype=np.intp),
        np.array([gauges[p, Quantity.BIT_ERROR_RATIO] for p in ports], dtype=np.intp),
        np.array([counters[p, Quantity.NVLINK_RECOVERIES] for p in ports], dtype=np.intp),
        managers,
    )


def notice_links(
    memory: LinkMemory, after: Snapshot, wirings: Sequence[Wiring], versions: Mapping[Place, str]
) -> tuple[LinkMemory, list[Finding]]:
    """Return what is to be remembered, and what people must hear of now.

    `versions` are the switch systems' versions by endpoint, empty where not yet read.  A port that becomes unknown is
    no change; it is told when it comes back other than it was.
    """
    columns = memory.columns
    fresh = columns is None or columns.table_id != after.table.table_id
    if columns is None or fresh:
        memory = _moved(memory, columns_of(after.table))
        columns = memory.columns
    assert columns is not None
    if not columns.ports and not columns.managers:
        return memory, []
    up, changed = _changes(memory, columns, after)
    changes, told = _told(memory, columns, up, changed, after.now, wirings)
    rise = keep_rise(memory.rise, after.now, after.counters[columns.recoveries])
    high, wearing, worn = _wear(memory, columns, after, rise, wirings)
    managers, wrong = notice_managers(memory.managers, columns.managers, after, wirings)
    known = {place: text for place, text in versions.items() if text}
    # While trays are being met their versions come one by one: judged once no further one has come.
    still = frozenset(known) == memory.versioned
    findings = [*told, *worn, *wrong, *(notice_versions(memory.versions, known) if still else ())]
    judged = known if still else memory.versions
    return LinkMemory(columns, up, changes, high, wearing, managers, judged, frozenset(known), rise), findings


def _moved(memory: LinkMemory, columns: LinkColumns) -> LinkMemory:
    """Carry what is remembered over to another table."""
    was = dict(zip(memory.columns.ports, memory.up.tolist(), strict=True)) if memory.columns else {}
    up = np.array([was.get(place, np.nan) for place in columns.ports])
    same = memory.columns is not None and memory.columns.ports == columns.ports
    return LinkMemory(
        columns,
        up,
        memory.changes,
        memory.high,
        memory.wearing,
        memory.managers,
        memory.versions,
        memory.versioned,
        memory.rise if same else None,
    )


def _changes(memory: LinkMemory, columns: LinkColumns, after: Snapshot) -> tuple[NDArray[np.float64], list[int]]:
    """Return the states known now and which ports changed; one that is first met counts when it is down."""
    now = after.gauges[columns.link]
    known = ~np.isnan(now)
    differs = known & np.where(np.isnan(memory.up), now == 0.0, now != memory.up)
    return np.where(known, now, memory.up), np.flatnonzero(differs).tolist()


def _told(
    memory: LinkMemory,
    columns: LinkColumns,
    up: NDArray[np.float64],
    changed: list[int],
    now: Seconds,
    wirings: Sequence[Wiring],
) -> tuple[dict[Place, tuple[Seconds, ...]], list[Finding]]:
    recent = {p: kept for p, t in memory.changes.items() if (kept := tuple(x for x in t if now - x <= FLAP_WINDOW))}
    findings: list[Finding] = []
    groups: dict[tuple[Place, bool], list[Place]] = {}
    for n in changed:
        place = columns.ports[n]
        times = (*recent.get(place, ()), now)
        recent[place] = times[-FLAPS - 1 :]
        if len(times) < FLAPS:
            groups.setdefault((tray_of(place), up[n] > 0), []).append(place)
        elif len(times) == FLAPS:
            text = f"{_port(place)} flaps: {FLAPS} changes within {FLAP_WINDOW:.0f} s{_behind(place, wirings)}"
            findings.append(Finding(place, "link.flapping", _WARNING, text))
    for (tray, is_up), places in groups.items():
        findings += _group(tray, is_up, places, wirings)
    return recent, findings


def _group(tray: Place, is_up: bool, places: list[Place], wirings: Sequence[Wiring]) -> Iterator[Finding]:
    word, severity = ("up", _OK) if is_up else ("down", _WARNING)
    if len(places) <= TOLD_ONE_BY_ONE:
        for place in places:
            text = f"{_port(place)} is {word}{_behind(place, wirings)}"
            yield Finding(place, f"link.{word}", severity, text)
        return
    places = sorted(places, key=_natural)
    listed = ", ".join(leaf_of(p) for p in places[:6]) + (", …" if len(places) > 6 else "")
    peers = {tray_of(peer[0]) for p in places if (peer := _peer(p, wirings))}
    towards = f", all towards {leaf_of(next(iter(peers)))}" if len(peers) == 1 else ""
    text = f"{leaf_of(tray)}: {len(places)} NVLink ports are {word}{towards} ({listed})"
    yield Finding(tray, f"link.{word}", severity, text)


def _wear(
    memory: LinkMemory, columns: LinkColumns, after: Snapshot, rise: Rise, wirings: Sequence[Wiring]
) -> tuple[frozenset[Place], frozenset[Place], list[Finding]]:
    """Compare error ratios and rates of recovery with their limits."""
    plan = {place: w.plan for w in wirings for place in w.switches}
    if not columns.ports or not plan:
        return memory.high, memory.wearing, []
    any_plan = next(iter(plan.values()))
    ratio, rate = after.gauges[columns.ratio], per_hour(rise)
    findings: list[Finding] = []
    high, wearing = set(memory.high), set(memory.wearing)
    limit = any_plan.ber_high
    for n in np.flatnonzero(ratio >= limit * CALM).tolist():
        place = columns.ports[n]
        if ratio[n] >= limit and place not in high:
            high.add(place)
            grows = "" if rate is None or np.isnan(rate[n]) else f", {rate[n]:.0f} recoveries an hour"
            text = f"{_port(place)} has a bit error ratio of {ratio[n]:.1e}, limit {limit:.0e}{grows}"
            findings.append(Finding(place, "ber.high", _WARNING, text + _behind(place, wirings)))
    for place in _fallen(high, columns, ratio < limit * CALM):
        high.discard(place)
        findings.append(Finding(place, "ber.normal", _OK, f"{_port(place)} has a normal bit error ratio again"))
    most = any_plan.recoveries_per_hour_high
    if rate is not None:
        for n in np.flatnonzero(rate >= most).tolist():
            place = columns.ports[n]
            if place not in wearing:
                wearing.add(place)
                text = f"{_port(place)} recovers {rate[n]:.0f} times an hour, limit {most:g}{_behind(place, wirings)}"
                findings.append(Finding(place, "link.recovering", _WARNING, text))
        for place in _fallen(wearing, columns, rate < most / 2):
            wearing.discard(place)
            findings.append(Finding(place, "link.steady", _OK, f"{_port(place)} recovers no more often than usual"))
    return frozenset(high), frozenset(wearing), findings


def _fallen(told: Iterable[Place], columns: LinkColumns, well: NDArray[np.bool_]) -> list[Place]:
    named = set(told)
    if not named:
        return []
    return [place for place, is_well in zip(columns.ports, well.tolist(), strict=True) if is_well and place in named]


def worn_links(memory: LinkMemory, after: Snapshot, wirings: Sequence[Wiring]) -> list[WornLink]:
    """Return the ports that are over a limit or flap, each once and with its numbers; what `state` tells of them."""
    columns = memory.columns
    if columns is None or not (memory.high or memory.wearing or memory.changes):
        return []
    rate = per_hour(memory.rise)
    found = []
    for place in sorted(memory.high | memory.wearing | _flapping(memory, after.now), key=_natural):
        if place not in columns.ports:
            continue
        n = columns.ports.index(place)
        ratio = float(after.gauges[columns.ratio[n]])
        told = [f"bit error ratio {ratio:.1e}"] if place in memory.high and ratio == ratio else []
        told += [f"{rate[n]:.0f} recoveries an hour"] if rate is not None and rate[n] == rate[n] else []
        kind = "ber.high" if place in memory.high else "link.recovering" if place in memory.wearing else "link.flapping"
        text = f"{_port(place)}: {', '.join(told) or 'it flaps'}{_behind(place, wirings)}"
        found.append(WornLink(place, kind, text))
    return found


def _flapping(memory: LinkMemory, now: Seconds) -> frozenset[Place]:
    recent = {p: sum(now - at <= FLAP_WINDOW for at in times) for p, times in memory.changes.items()}
    return frozenset(p for p, count in recent.items() if count >= FLAPS)


def _peer(port: Place, wirings: Sequence[Wiring]) -> tuple[Place, int] | None:
    return next((peer for w in wirings if (peer := w.peer_of(port)) is not None), None)


def _behind(port: Place, wirings: Sequence[Wiring]) -> str:
    for wiring in wirings:
        peer = wiring.peer_of(port)
        if peer is not None:
            gpu, link = peer
            sure = "" if wiring.plan.confirmed else " by the assumed wiring"
            return f"; it leads to {leaf_of(tray_of(gpu))} {leaf_of(gpu)} link {link}{sure}"
    return ""


def _natural(place: Place) -> list[tuple[int, str]]:
    return [(int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", place)]


def _port(place: Place) -> str:
    return f"{leaf_of(tray_of(place))} {leaf_of(place)}"
