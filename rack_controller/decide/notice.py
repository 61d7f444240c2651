"""Which changes between two snapshots people must hear of.  Pure: snapshots in, findings out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity, name_of
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import Seconds, Watts
from rack_controller.model.event import Severity
from rack_controller.model.snapshot import EndpointState, ManagementAxis, Snapshot

_CRITICAL, _WARNING = Severity.CRITICAL, Severity.WARNING
_CRITICAL_CODE = 2
_BAD_CODES: dict[Quantity, dict[float, Severity]] = {
    Quantity.GPU_ACCESS: {0: _CRITICAL, 2: _CRITICAL, 3: _CRITICAL, 4: _WARNING},
    Quantity.FABRIC_STATE: {1: _WARNING, 2: _WARNING},
    Quantity.RECOVERY_ACTION: dict.fromkeys((1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0), _WARNING),
}
"""Codes that people must hear of even when nothing else was known before; every other code of these is good."""
_TOLD_ELSEWHERE = frozenset((Quantity.LINK, Quantity.FABRIC_MANAGER))  # with their plan beside them: decide/links.py
ON_BATTERY_SHARE = 0.01
"""A battery shelf delivers when it gives more than this share of the rack's usable limit …"""
ON_MAINS_SHARE = 0.005
"""… and rests when it gives no more than this one; in between it stays what it was."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One change, before it gets its id and time."""

    place: Place
    kind: str
    severity: Severity
    message: str
    details: dict[str, str | float | int | None] = field(default_factory=dict)


def notice_changes(before: Snapshot | None, after: Snapshot) -> list[Finding]:
    """Return what changed: endpoints coming and going, leaks, power states, health.

    The first snapshot reports only what is wrong.  A value that becomes unknown is not a change of the part.
    """
    return [
        *_endpoint_changes(before, after),
        *_path_changes(before, after),
        *_code_changes(before, after),
        *_alarm_changes(before, after),
    ]


def notice_batteries(
    delivering: frozenset[Place], after: Snapshot, shelves: Iterable[Place], usable: Watts
) -> tuple[frozenset[Place], list[Finding]]:
    """Return which battery shelves deliver now and what changed; `delivering` is the answer of the snapshot before.

    A shelf whose power is unknown stays what it was.  `usable` is the rack's usable limit.
    """
    still, findings = set(delivering), []
    for place in shelves:
        power = after.good(place, Quantity.POWER)
        if power is None:
            continue
        name = leaf_of(place)
        if place not in still and power > usable * ON_BATTERY_SHARE:
            still.add(place)
            text = f"{name} is on battery: it delivers {power_text(power)}"
            findings.append(Finding(place, "power.on_battery", Severity.CRITICAL, text))
        elif place in still and power <= usable * ON_MAINS_SHARE:
            still.discard(place)
            findings.append(Finding(place, "power.on_mains", Severity.OK, f"{name} is on mains again"))
    return frozenset(still), findings


def _endpoint_changes(before: Snapshot | None, after: Snapshot) -> Iterator[Finding]:
    for place, now in after.endpoints.items():
        was = before.endpoints.get(place) if before else None
        if was is not None and was.management is now.management:
            continue
        if was is None and now.management is not ManagementAxis.REACHABLE:
            continue  # still being met for the first time
        if was is None or (was.last_success is None and now.management is ManagementAxis.REACHABLE):
            yield Finding(place, "endpoint.met", Severity.OK, f"{_name(place)} answers for the first time")
        else:
            text = _management_text(place, now, after.now)
            yield Finding(place, f"endpoint.{now.management}", _management_severity(now), text)


def _path_changes(before: Snapshot | None, after: Snapshot) -> Iterator[Finding]:
    """Tell when an endpoint's events stop coming by themselves, and when they come again."""
    for place, now in after.endpoints.items():
        was = before.endpoints.get(place) if before else None
        if was is None or was.events_proven == now.events_proven or now.management is ManagementAxis.ABSENT:
            continue
        if now.events_proven:
            if was.events is not None and was.events.proven_at is not None:
                yield Finding(place, "events.proven", Severity.OK, f"{_name(place)} sends its events again")
            continue
        why = now.events.detail if now.events is not None else ""
        text = f"{_name(place)} sends no events, it is only polled: {why or 'no reason given'}"
        yield Finding(place, "events.lost", Severity.WARNING, text)


def _name(place: Place) -> str:
    return f"{leaf_of(tray_of(place))} {leaf_of(place)}"


def _management_severity(state: EndpointState) -> Severity:
    return Severity.OK if state.management is ManagementAxis.REACHABLE else Severity.WARNING


def _management_text(place: Place, state: EndpointState, now: Seconds) -> str:
    if state.management is ManagementAxis.REACHABLE:
        return f"{_name(place)} answers again"
    silent = "never answered" if state.last_success is None else f"no answer for {now - state.last_success:.0f} s"
    return f"{_name(place)} is {state.management}: {state.error or silent}"


def _code_changes(before: Snapshot | None, after: Snapshot) -> Iterator[Finding]:
    for column in _changed(before, after, after.table.code_columns):
        series, now = after.table.gauges[column], float(after.gauges[column])
        if series.quantity is Quantity.MANAGEMENT and series.place in after.endpoints:
            continue  # an endpoint's own: told with its reason by _endpoint_changes
        if series.quantity in _TOLD_ELSEWHERE:
            continue
        was = _value(before, series)
        if was == now or (was is None and not _wrong(series.quantity, now)):
            continue
        yield _code_finding(series, was, now)


def _alarm_changes(before: Snapshot | None, after: Snapshot) -> Iterator[Finding]:
    """Tell each bit of an alarm word that rose or fell, by its name."""
    for column in _changed(before, after, after.table.alarm_columns):
        series, now = after.table.gauges[column], int(after.gauges[column])
        was = _value(before, series)
        for number, name in enumerate(series.bits):
            informs, up = name.startswith("~"), now >> number & 1
            if not name or up == int(was or 0) >> number & 1 or (informs and was is None):
                continue
            text = f"{_name_of_part(series)}: {name.strip('~').replace('_', ' ')} {'set' if up else 'cleared'}"
            severity = Severity.WARNING if up and not informs else Severity.OK
            yield Finding(series.place, f"alarm.{'set' if up else 'cleared'}", severity, text)


def _changed(before: Snapshot | None, after: Snapshot, columns: NDArray[np.intp]) -> list[int]:
    """Return the columns that are known and differ from before."""
    known = columns[~np.isnan(after.gauges[columns])]
    if before is not None and before.table.table_id == after.table.table_id:
        known = known[after.gauges[known] != before.gauges[known]]  # NaN differs from everything: unknown before
    found: list[int] = known.tolist()
    return found


def _value(snapshot: Snapshot | None, series: Series) -> float | None:
    if snapshot is None:
        return None
    column = snapshot.table.gauge_index.get((series.place, series.quantity))
    if column is None or np.isnan(snapshot.gauges[column]):
        return None
    return float(snapshot.gauges[column])


def _wrong(quantity: Quantity, value: float) -> bool:
    if quantity in _BAD_CODES:
        return value in _BAD_CODES[quantity]
    return quantity in {Quantity.LEAK, Quantity.HEALTH} and value > 0


def _code_finding(series: Series, was: float | None, now: float) -> Finding:
    severity = Severity.OK
    if series.quantity in _BAD_CODES:
        severity = _BAD_CODES[series.quantity].get(now, Severity.OK)
    elif _wrong(series.quantity, now):
        severity = Severity.CRITICAL if now >= _CRITICAL_CODE else Severity.WARNING
    elif series.quantity in {Quantity.POWER_STATE, Quantity.MANAGEMENT} and now == 0:
        severity = Severity.WARNING
    words = name_of(series.quantity, now)
    told = f" ({series.label})" if series.label else ""
    message = f"{_name_of_part(series)}{told} {series.quantity.replace('_', ' ')} is {words}"
    if was is not None:
        message += f", was {name_of(series.quantity, was)}"
    return Finding(series.place, f"{series.quantity}.{words}", severity, message)


def _name_of_part(series: Series) -> str:
    tray = leaf_of(tray_of(series.place))
    leaf = leaf_of(series.place)
    return tray if leaf == tray else f"{tray} {leaf}"
