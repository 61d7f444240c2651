"""Which interlock rows cannot be judged where, for lack of what they look at; and which sensors no row looks at.  Pure.

A row that sees nothing holds nowhere, which looks like all is well.  So what it lacks is said, for each place and as of
now: a sensor that is not there, or that nobody hears at the moment.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from rack_controller.decide.picture import Picture, TraySight
from rack_controller.model.interlock import RACK_WIDE, Condition, InterlockPolicy, Row


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A row that cannot be judged at `places`, and what is missing there."""

    row: Row
    why: str
    places: tuple[Place, ...]


def unjudged(picture: Picture, policy: InterlockPolicy, *, building: bool) -> list[Unjudged]:
    """Return the rows that cannot be judged now, in the policy's order; places that lack the same are one.

    `building`: whether a building is agreed with; without one its rows have nothing to look at.
    """
    found: list[Unjudged] = []
    for row in policy.rows:
        by_why: dict[str, list[Place]] = {}
        for place, why in _lacking(picture, row, building=building):
            by_why.setdefault(why, []).append(place)
        found += [Unjudged(row, why, tuple(places)) for why, places in by_why.items()]
    return found


def lacking(picture: Picture, row: Row) -> dict[Place, str]:
    """Return where a row cannot be judged now, each with what is missing there; a building is taken to be agreed."""
    return dict(_lacking(picture, row, building=True))


def can_be_judged(picture: Picture, row: Row, *, building: bool = False) -> bool:
    """Return whether a row can be judged at every place that it is for."""
    return not any(True for _ in _lacking(picture, row, building=building))


def uncovered(picture: Picture, detectors: Iterable[Place]) -> list[Place]:
    """Return the leak detectors that no row looks at: those of neither a compute or switch tray nor a coolant unit."""
    covered = {tray.place for tray in picture.trays} | set(picture.loop.units)
    return sorted(d for d in detectors if tray_of(d) not in covered)


def _lacking(picture: Picture, row: Row, *, building: bool) -> Iterable[tuple[Place, str]]:
    if row.when in _BUILDING:
        if not building:
            yield picture.rack, "no building is agreed with for this rack"
        elif why := _BUILDING[row.when](picture):
            yield picture.rack, why
    elif row.when in RACK_WIDE:
        if row.when in _RACK and (why := _RACK[row.when](picture)):
            yield picture.rack, why
    elif row.when in _TRAY:
        for tray in picture.trays:
            if (not row.trays or tray.kind in row.trays) and (why := _TRAY[row.when](picture, tray)):
                yield tray.place, why


def _no_detector(picture: Picture, tray: TraySight) -> str:
    if tray.detectors:
        return ""
    return "its leak detectors were not heard yet" if tray.planned else "no leak detector"


def _no_fall(picture: Picture, tray: TraySight) -> str:
    return _no_detector(picture, tray) or ("" if picture.loop.fall is not None else "no pressure or level of the loop")


def _no_margin(picture: Picture, tray: TraySight) -> str:
    needed = tray.kind is TrayKind.COMPUTE and tray.off is not True and tray.margin_k is None
    return "no GPU says how far it is from its slowdown" if needed else ""


def _no_power_state(picture: Picture, tray: TraySight) -> str:
    return "its power state is not read" if tray.off is None else ""


def _no_tray_detectors(picture: Picture) -> str:
    return "" if any(tray.detectors for tray in picture.trays) else "no tray has a leak detector"


def _no_unit(picture: Picture) -> str:
    return "" if picture.loop.units else "no coolant unit"


def _no_flow(picture: Picture) -> str:
    return _no_unit(picture) or ("" if picture.loop.flow is not None else f"no flow of {_units(picture)}")


def _no_unit_leak(picture: Picture) -> str:
    seen = picture.loop.unit_detectors or picture.loop.told
    return _no_unit(picture) or ("" if seen else f"neither a leak detector nor an alarm word of {_units(picture)}")


def _no_pumps(picture: Picture) -> str:
    seen = picture.loop.pumps_told or picture.loop.told
    return _no_unit(picture) or ("" if seen else f"{_units(picture)} does not say how its pumps are")


def _no_supply(picture: Picture) -> str:
    known = picture.loop.supply is not None
    return _no_unit(picture) or ("" if known else f"no supply temperature of {_units(picture)}")


def _no_dew_point(picture: Picture) -> str:
    return _no_supply(picture) or ("" if picture.loop.dew_point is not None else "no dew point of the rack's air")


def _no_draw(picture: Picture) -> str:
    return "" if picture.draw is not None else "not every shelf says what it delivers"


def _no_liquid_word(picture: Picture) -> str:
    said = picture.building.liquid_isolated
    return "" if said is not None else "the building does not say whether the coolant is closed"


def _nothing(picture: Picture) -> str:
    return ""


def _units(picture: Picture) -> str:
    return ", ".join(leaf_of(unit) for unit in picture.loop.units)


_TRAY: Mapping[Condition, Callable[[Picture, TraySight], str]] = {
    Condition.LEAK_CRITICAL: _no_detector,
    Condition.LEAK_WARNING: _no_detector,
    Condition.DETECTOR_FAULTY: _no_detector,
    Condition.DETECTORS_ALL_FAULTY: _no_detector,
    Condition.FAULTY_AND_NEIGHBOUR_LEAKS: _no_detector,
    Condition.FAULTY_AND_LOOP_FALLS: _no_fall,
    Condition.MARGIN_BELOW: _no_margin,
    Condition.TRAY_ON_WHILE_LATCHED: _no_power_state,
}
_RACK: Mapping[Condition, Callable[[Picture], str]] = {
    Condition.TRAYS_LEAKING: _no_tray_detectors,
    Condition.RACK_LEAKING: _no_tray_detectors,
    Condition.UNIT_LEAKING: _no_unit_leak,
    Condition.FLOW_BELOW: _no_flow,
    Condition.FLOW_UNKNOWN: _no_unit,
    Condition.PUMPS_NOT_REDUNDANT: _no_pumps,
    Condition.SUPPLY_WARM: _no_supply,
    Condition.NEAR_DEW_POINT: _no_dew_point,
    Condition.SHELVES_OVERLOADED: _no_draw,
}
_BUILDING: Mapping[Condition, Callable[[Picture], str]] = {
    Condition.ISOLATED: _no_liquid_word,
    Condition.ISOLATED_NOT_OFF: _no_liquid_word,
    Condition.BUILDING_SILENT: _nothing,
    Condition.BUILDING_SENSOR_FAULTY: _nothing,
    Condition.ISOLATION_UNCONFIRMED: _nothing,
}
SEES_ITSELF = frozenset({Condition.BLIND, Condition.EMERGENCY_STOP})
"""Conditions that need no sensor: what is missing is what one of them looks at, and a person says the other."""
