"""Where each condition of an interlock row holds now: a picture and a row in, places with what was seen out.  Pure."""

from collections.abc import Callable, Mapping, Sequence

from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.decide.detectors import UNSEEN, WET, DetectorSight, Verdict, leaks_critically
from rack_controller.decide.picture import Picture, TraySight
from rack_controller.model.interlock import SWITCHES_OFF, Condition, Row

MOST_NAMED = 3
"""So many detectors that say the same are named."""

Held = dict[Place, str]
"""Places where a condition holds, each with what was seen, in operator's words."""


def holding(picture: Picture, row: Row, latched: frozenset[Place] = frozenset()) -> Held:
    """Return where `row`'s condition holds.  `latched`: trays that a latch stands against."""
    if row.when is Condition.TRAY_ON_WHILE_LATCHED:
        found = {
            t.place: "it is on and a latch stands against it"
            for t in picture.trays
            if t.place in latched and t.off is False
        }
    elif (row.when in _OF_DETECTORS and picture.all_well) or row.when is Condition.EMERGENCY_STOP:
        return {}
    elif row.when in _TRAY:
        tells = _TRAY[row.when]
        found = {t.place: text for t in picture.trays if (text := tells(picture, row, t))}
    else:
        text = _RACK[row.when](picture, row)
        return {picture.rack: text} if text else {}
    if not found or not row.trays:
        return found
    kinds = {t.place: t.kind for t in picture.trays}
    return {p: text for p, text in found.items() if kinds[p] in row.trays}


def _leak_critical(picture: Picture, row: Row, tray: TraySight) -> str:
    return _words(tray.detectors, WET) if tray.leaks else ""


def _leak_warning(picture: Picture, row: Row, tray: TraySight) -> str:
    return "" if tray.dry or tray.leaks else _words(tray.detectors, WET)


def _detector_faulty(picture: Picture, row: Row, tray: TraySight) -> str:
    if tray.met and not tray.answers:
        return "its controller does not answer: nobody sees its leak detectors"
    if tray.met and len(tray.detectors) < tray.planned:
        return f"{len(tray.detectors)} of its {tray.planned} leak detectors are there"
    if tray.dry:
        return ""
    if tray.met and len(tray.detectors) > 1 and set(tray.verdicts) == {Verdict.SILENT}:
        # It may still answer a connection, as a hung one does; detectors do not all fall silent by themselves.
        return f"its controller tells nothing of its {len(tray.detectors)} leak detectors"
    return _words(tray.detectors, UNSEEN)


def _detectors_all_faulty(picture: Picture, row: Row, tray: TraySight) -> str:
    """Only faults that the detectors themselves show: a controller that starts or is silent is no reason to kill.

    One that says wet beside faulty ones is no witness of dryness.
    """
    said = set(tray.verdicts)
    if tray.dry or not tray.answers or Verdict.FAULTY not in said or not said <= WET | {Verdict.FAULTY}:
        return ""
    words = _words(tray.detectors, frozenset(Verdict))
    return words if len(said) == 1 else f"none of its {len(tray.detectors)} leak detectors says dry: {words}"


def _faulty_and_neighbour(picture: Picture, row: Row, tray: TraySight) -> str:
    if not _unseen(tray):
        return ""
    beside = [t for t in picture.trays if t.place != tray.place and _touches(t, tray) and t.leaks]
    return f"nobody sees its leak detectors and {leaf_of(beside[0].place)} beside it leaks" if beside else ""


def _faulty_and_loop(picture: Picture, row: Row, tray: TraySight) -> str:
    fall = picture.loop.fall
    if fall is None or row.share is None or fall < row.share or not _unseen(tray):
        return ""
    return f"nobody sees its leak detectors and the loop's pressure or level fell by {fall:.0%}"


def _margin_below(picture: Picture, row: Row, tray: TraySight) -> str:
    if tray.margin_k is None or row.margin_k is None or tray.margin_k >= row.margin_k or tray.off is True:
        return ""
    return f"a GPU is {tray.margin_k:.1f} K from its slowdown"


def _trays_leaking(picture: Picture, row: Row) -> str:
    leaking = [leaf_of(t.place) for t in picture.trays if t.leaks]
    return f"{', '.join(leaking)} leak" if row.count is not None and len(leaking) >= row.count else ""


def _rack_leaking(picture: Picture, row: Row) -> str:
    if picture.building.leak:
        return "the building reports a leak at this rack"
    spread = next((t.drip.rack for t in picture.trays if t.drip is not None and t.drip.rack), "")
    if spread:
        return spread
    wet = picture.loop.rack_detectors
    return _words(wet, WET) if leaks_critically([d.verdict for d in wet]) else ""


def _unit_leaking(picture: Picture, row: Row) -> str:
    if picture.loop.stops:
        return f"the coolant unit says {', '.join(picture.loop.stops).replace('_', ' ')}"
    wet = picture.loop.unit_detectors
    return _words(wet, WET) if leaks_critically([d.verdict for d in wet]) else ""


def _flow_below(picture: Picture, row: Row) -> str:
    """Heat that nobody knows needs all the flow, but nothing is switched off for that: a row that does goes by the heat
    that was known last, and the GPUs' margins stand for what came since."""
    loop, need = picture.loop, picture.loop.need
    if loop.need_known is not None and any(rung.do in SWITCHES_OFF for rung in row.ladder):
        need = loop.need_known
    if loop.flow is None or row.share is None or need <= 0 or loop.flow >= row.share * need:
        return ""
    return f"coolant flows at {loop.flow:.0f} L/min, {loop.flow / need:.0%} of the {need:.0f} needed"


def _flow_unknown(picture: Picture, row: Row) -> str:
    return "nobody knows whether coolant flows" if picture.loop.units and picture.loop.flow is None else ""


def _pumps_not_redundant(picture: Picture, row: Row) -> str:
    failed, all_of_them = picture.loop.pumps_failed, picture.loop.pumps
    if failed and not all_of_them:
        return "the coolant unit says that a pump failed"
    return f"{failed} of {all_of_them} pumps failed" if failed else ""


def _supply_warm(picture: Picture, row: Row) -> str:
    loop = picture.loop
    if loop.supply is None or row.margin_k is None or loop.supply <= loop.supply_nominal + row.margin_k:
        return ""
    return f"coolant comes at {loop.supply:.1f} °C, the design says {loop.supply_nominal:.1f} °C"


def _near_dew_point(picture: Picture, row: Row) -> str:
    supply, dew_point = picture.loop.supply_coldest, picture.loop.dew_point
    if supply is None or dew_point is None or row.margin_k is None or supply >= dew_point + row.margin_k:
        return ""
    return f"coolant comes at {supply:.1f} °C, the air's dew point is {dew_point:.1f} °C"


def _shelves_overloaded(picture: Picture, row: Row) -> str:
    if picture.draw is None or row.share is None or picture.usable <= 0:
        return ""
    if picture.draw <= row.share * picture.usable:
        return ""
    return f"the shelves deliver {power_text(picture.draw)} of {power_text(picture.usable)} usable"


def _isolated(picture: Picture, row: Row) -> str:
    return "the building closed the coolant" if picture.building.liquid_isolated is True else ""


def _isolated_not_off(picture: Picture, row: Row) -> str:
    """Without power from the building a tray that nobody sees any more is off; one that is seen on is on all the
    same, whatever the building says."""
    building = picture.building
    if building.liquid_isolated is not True:
        return ""
    dark = building.electrically_isolated is True
    on = [leaf_of(t.place) for t in picture.trays if t.off is False or (t.off is None and not dark)]
    return f"the building closed the coolant, {', '.join(on)} not observed off" if on else ""


def _building_silent(picture: Picture, row: Row) -> str:
    return picture.building.silent


def _building_sensor_faulty(picture: Picture, row: Row) -> str:
    return picture.building.sensor_fault


def _isolation_unconfirmed(picture: Picture, row: Row) -> str:
    asked = " and ".join(picture.building.unconfirmed)
    return f"the building was asked for {asked} isolation and does not confirm it" if asked else ""


def _blind(picture: Picture, row: Row) -> str:
    return "no endpoint of the rack answers any more" if picture.blind else ""


def _unseen(tray: TraySight) -> bool:
    """Tell whether nobody sees this tray's detectors: its controller is silent, or none says dry and one is unheard."""
    if tray.met and not tray.answers:
        return True
    said = set(tray.verdicts)
    return bool(said & UNSEEN) and said <= (UNSEEN | WET) - {Verdict.UNMET}


def _touches(one: TraySight, other: TraySight) -> bool:
    return other.unit + other.height == one.unit or one.unit + one.height == other.unit


def _words(detectors: tuple[DetectorSight, ...], verdicts: frozenset[Verdict]) -> str:
    """Return which of a place's `detectors` say one of `verdicts`; many that say the same are counted, not named."""
    alike: dict[Verdict, list[DetectorSight]] = {}
    for detector in detectors:
        if detector.verdict in verdicts:
            alike.setdefault(detector.verdict, []).append(detector)
    return ", ".join(_said(same, verdict, len(detectors)) for verdict, same in alike.items())


def _said(same: Sequence[DetectorSight], verdict: Verdict, total: int) -> str:
    every = len(same) == total > 1
    # Where it is wet matters, so few wet ones are named even when there are no others.
    if len(same) > MOST_NAMED or (every and verdict not in WET):
        whose = f"its {total}" if every else f"{len(same)} of its {total}"
        return f"{whose} leak detectors are {verdict}"
    return ", ".join(f"{leaf_of(d.place)}{f' ({d.label})' if d.label else ''} is {verdict}" for d in same)


_TRAY: Mapping[Condition, Callable[[Picture, Row, TraySight], str]] = {
    Condition.LEAK_CRITICAL: _leak_critical,
    Condition.LEAK_WARNING: _leak_warning,
    Condition.DETECTOR_FAULTY: _detector_faulty,
    Condition.DETECTORS_ALL_FAULTY: _detectors_all_faulty,
    Condition.FAULTY_AND_NEIGHBOUR_LEAKS: _faulty_and_neighbour,
    Condition.FAULTY_AND_LOOP_FALLS: _faulty_and_loop,
    Condition.MARGIN_BELOW: _margin_below,
}
_OF_DETECTORS = _TRAY.keys() - {Condition.MARGIN_BELOW}
_RACK: Mapping[Condition, Callable[[Picture, Row], str]] = {
    Condition.TRAYS_LEAKING: _trays_leaking,
    Condition.RACK_LEAKING: _rack_leaking,
    Condition.UNIT_LEAKING: _unit_leaking,
    Condition.FLOW_BELOW: _flow_below,
    Condition.FLOW_UNKNOWN: _flow_unknown,
    Condition.PUMPS_NOT_REDUNDANT: _pumps_not_redundant,
    Condition.SUPPLY_WARM: _supply_warm,
    Condition.NEAR_DEW_POINT: _near_dew_point,
    Condition.SHELVES_OVERLOADED: _shelves_overloaded,
    Condition.ISOLATED: _isolated,
    Condition.ISOLATED_NOT_OFF: _isolated_not_off,
    Condition.BUILDING_SILENT: _building_silent,
    Condition.BUILDING_SENSOR_FAULTY: _building_sensor_faulty,
    Condition.ISOLATION_UNCONFIRMED: _isolation_unconfirmed,
    Condition.BLIND: _blind,
}
