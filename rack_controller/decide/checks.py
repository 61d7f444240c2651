"""Whether a planned check holds in a snapshot.  Pure.  What is not known does not hold."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import CODES, SPECS, Quantity, code_of, name_of
from firmware_bridge.vocabulary.sequence import Check
from rack_controller.model.layout import TrayView
from rack_controller.model.operation import PlannedCheck
from rack_controller.model.snapshot import Snapshot

TOLD = 3  # places named one by one


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether a check holds, and what was seen, in an operator's words."""

    holds: bool
    text: str


def judge_check(
    check: PlannedCheck,
    snapshot: Snapshot | None,
    versions: Mapping[Place, str],
    without: Collection[str] = (),
) -> Judged:
    """Judge one check.  Places in the trays `without` are left out: what failed there is told elsewhere.

    `versions` are those of endpoints that say one.
    """
    if snapshot is None:
        return Judged(False, f"{check.title}: nothing has been read yet")
    places = [Place(p) for p in check.places if tray_of(Place(p)) not in without]
    if check.versions:
        return _judge_versions(check, places, versions)
    assert check.quantity is not None
    faults: dict[Place, str] = {}
    numbers: list[float] = []
    for place in places:
        value = snapshot.good(place, check.quantity)
        fault = _fault(check, snapshot, place, value)
        if fault:
            faults[place] = fault
        elif value is not None:
            numbers.append(value / (len(well_parts(snapshot, check.per.get(place, ()))) or 1))
    met, needed = len(places) - len(faults), min(check.at_least or len(places), len(check.places))
    if not places or met < needed:
        return Judged(False, f"{check.title}: {_counted(check, met, len(places))}{_told(faults)}")
    error = share_error(numbers, check.share_least) if check.share_error is not None else 0.0
    if check.share_error is not None and error > check.share_error:
        return Judged(False, f"{check.title}: {error:.0%} from the mean, at most {check.share_error:.0%}")
    return Judged(True, f"{check.title}: {_counted(check, met, len(places))}")


def seen_off(snapshot: Snapshot, tray: Place) -> bool:
    """Return whether a tray itself says that it is off.  Silence is not off."""
    return snapshot.good(tray, Quantity.POWER_STATE) == 0.0


def share_error(values: Collection[float], least: float = 0.0) -> float:
    """Return the largest distance from the mean as a share of the mean, or of `least` where the mean is less; 0 where
    nothing is carried."""
    mean = sum(values) / len(values) if values else 0.0
    return max(abs(v - mean) for v in values) / max(mean, least) if mean > 0 else 0.0


def share_least(check: Check, shelves: Iterable[TrayView]) -> float:
    """Return what the distance from the mean is held against at least, W: of the smallest rating that is compared."""
    ratings = [(shelf.output_max_w or 0.0) / (len(parts_of(check, shelf)) or 1) for shelf in shelves]
    return check.share_from * min(ratings, default=0.0)


def parts_of(check: Check, tray: TrayView) -> list[str]:
    """Return the parts of a tray by which its value is compared, none where the check compares whole trays."""
    count = next((c.count for c in tray.components if c.name == check.per), 0)
    return [f"{tray.place}/{check.per}{n}" for n in range(count)]


def well_parts(snapshot: Snapshot, parts: Iterable[str]) -> list[Place]:
    """Return the parts, without those that say they are off or critical."""
    places = [Place(part) for part in parts]
    return [p for p in places if snapshot.good(p, Quantity.POWER_STATE) != 0.0 and not _critical(p, snapshot)]


def _critical(part: Place, snapshot: Snapshot) -> bool:
    return snapshot.good(part, Quantity.HEALTH) == code_of(Quantity.HEALTH, "critical")


def _judge_versions(check: PlannedCheck, places: Collection[Place], versions: Mapping[Place, str]) -> Judged:
    missing = {p: "not known" for p in places if not versions.get(p)}
    found = sorted({versions[p] for p in places if versions.get(p)})
    if missing or not places:
        return Judged(False, f"{check.title}: {len(places) - len(missing)} of {len(places)} known{_told(missing)}")
    return Judged(len(found) == 1, f"{check.title}: {', '.join(found)}")


def fault_at(check: PlannedCheck, snapshot: Snapshot, place: Place) -> str:
    """Return why one place does not meet a check of a quantity now, empty when it does."""
    return "" if check.quantity is None else _fault(check, snapshot, place, snapshot.good(place, check.quantity))


def _fault(check: PlannedCheck, snapshot: Snapshot, place: Place, value: float | None) -> str:
    """Return why a place does not meet the check, empty when it does."""
    quantity = check.quantity
    assert quantity is not None
    if value is None:
        dark = check.dark_when_off and seen_off(snapshot, tray_of(place))
        return "" if dark else "not known"
    said = _said(quantity, value)
    if check.wanted is not None:
        return "" if name_of(quantity, value) == check.wanted else said
    if check.least is not None and value < check.least:
        return f"{said}, at least {check.least:g}"
    if check.most is not None and value > check.most:
        return f"{said}, at most {check.most:g}"
    if check.over_supply_k is not None:
        supply = _coldest_supply(check, snapshot)
        if supply is None:
            return "the coolant's supply temperature is not known"
        if value - supply > check.over_supply_k:
            return f"{value - supply:.1f} K over supply, at most {check.over_supply_k:g}"
    return ""


def _coldest_supply(check: PlannedCheck, snapshot: Snapshot) -> float | None:
    """Return the coldest supply of the units that serve the place, in °C; None where one of them does not say."""
    units = check.supplies or [check.supply]
    supplies = [snapshot.good(Place(unit), Quantity.TEMPERATURE_SUPPLY) for unit in units if unit]
    known = [supply for supply in supplies if supply is not None]
    return min(known) if known and len(known) == len(supplies) else None


def _counted(check: PlannedCheck, met: int, places: int) -> str:
    return f"{met} of {places}" + (f", {check.at_least} needed" if check.at_least else "")


def _said(quantity: Quantity, value: float) -> str:
    return name_of(quantity, value) if quantity in CODES else f"{value:g} {SPECS[quantity].unit}"


def _told(faults: Mapping[Place, str]) -> str:
    if not faults:
        return ""
    named = [f"{_name(p)} {why}" for p, why in list(faults.items())[:TOLD]]
    return f" ({'; '.join(named)}{', …' if len(faults) > TOLD else ''})"


def _name(place: Place) -> str:
    tray = tray_of(place)
    return leaf_of(tray) if tray == place else f"{leaf_of(tray)} {leaf_of(place)}"
