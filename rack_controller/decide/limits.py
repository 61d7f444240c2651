"""Which power limits a wish or a cap comes to, and which of them must be asked for anew.  Pure.

Down anybody may go who may set limits; up only where no interlock caps or holds.  Nothing is asked for that the device
itself would not allow.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.vocabulary.units import Watts
from rack_controller.decide.interlock import Standing
from rack_controller.decide.set_points import AGREES, check_range, name_of
from rack_controller.model.interlock import Act, InterlockPolicy
from rack_controller.model.layout import CAPPED
from rack_controller.model.limit import SetPoint


@dataclass(frozen=True, slots=True)
class LimitWish:
    """What somebody wants: `watts` at `target`, or at `each` place below it that has a limit; None: as the device had
    it."""

    target: Place
    watts: float | None
    each: bool = False


def wish_of(target: Place, arguments: Mapping[str, object]) -> LimitWish:
    """Return what a command's arguments (`watts` or `clear`, `each`) ask for.  Raises ArgumentsInvalid."""
    clear, watts = bool(arguments.get("clear", False)), arguments.get("watts")
    if clear is (watts is not None):
        raise ArgumentsInvalid("limit needs either watts or clear", advice="for example watts: 900")
    return LimitWish(target, None if clear else float(str(watts)), bool(arguments.get("each", False)))


def decide_limits(
    wish: LimitWish, points: Mapping[Place, Settable], shown: Mapping[Place, float | None], held: Mapping[Place, str]
) -> dict[Place, Watts]:
    """Return the limits that a wish asks for.  `shown`: what stands now; `held`: by tray, why nothing is raised there.

    Raises TargetUnknown, ArgumentsInvalid (outside what the device allows) or PreconditionFailed (held).
    """
    meant = _meant(wish, points)
    found: dict[Place, Watts] = {}
    for place in meant:
        point = points[place]
        watts = wish.watts if wish.watts is not None else _usual(point)
        check_range(point, watts)
        why = held.get(tray_of(place), "")
        if why and _raises(watts, shown.get(place)):
            raise PreconditionFailed(f"{name_of(place)} is not raised: {why}", advice="see to that first")
        found[place] = Watts(watts)
    return found


def decide_cap(share: float, trays: Collection[Place], points: Mapping[Place, Settable]) -> dict[Place, Watts]:
    """Return what an interlock's cap comes to: `share` of the most that each allows, and no less than its least."""
    return {
        place: Watts(max(point.least or 0.0, share * point.most))
        for place, point in points.items()
        if tray_of(place) in trays and leaf_of(place).startswith(CAPPED) and point.most is not None
    }


def lower_only(
    caps: Mapping[Place, Watts], wanted: Mapping[str, SetPoint], shown: Mapping[Place, float]
) -> dict[Place, Watts]:
    """Return the caps that lower what is wanted already: of two causes the stricter one counts.

    Where nothing is wanted and the device keeps less (`shown`, W), that becomes the cap: it may be one that a full disk
    kept from being written down.
    """
    return {
        p: w if p in wanted else Watts(min(w, shown.get(p, w)))
        for p, w in caps.items()
        if p not in wanted or wanted[p].value > w
    }


def holds_caps(standings: Collection[Standing], policy: InterlockPolicy, tray: Place, but: str = "") -> str:
    """Return which standing row caps a tray, or holds its caps, empty when none does.  `but`: a cause not looked at."""
    rows = {row.cause: row for row in policy.rows}
    rack = tray.rpartition("/")[0]
    for standing in standings:
        row = rows.get(standing.cause)
        if row is None or standing.tripped_at is None or standing.place not in (tray, rack) or row.cause == but:
            continue
        if any(rung.do in (Act.CAP, Act.HOLD_CAPS) for rung in row.ladder):
            return f"{row.title} at {leaf_of(standing.place)}: {standing.evidence}"
    return ""


def _meant(wish: LimitWish, points: Mapping[Place, Settable]) -> list[Place]:
    if wish.target in points:
        return [wish.target]
    below = [p for p in points if p.startswith(f"{wish.target}/")]
    if not below:
        raise TargetUnknown(f"nothing at {wish.target} has a power limit", advice="see `rackwright limit show`")
    gpus = [p for p in below if leaf_of(p).startswith(CAPPED)] or below
    if not wish.each:
        raise ArgumentsInvalid(
            f"{wish.target} has no power limit of its own", advice=f"--each sets each of its {len(gpus)} parts"
        )
    return gpus


def _usual(point: Settable) -> float:
    usual = point.default if point.default is not None else point.most
    if usual is None:
        raise ArgumentsInvalid(
            f"{name_of(point.place)} does not say what its limit is otherwise", advice="name the watts"
        )
    return usual


def _raises(watts: float, shown: float | None) -> bool:
    """Return whether a limit goes up; from what is not known it does."""
    return shown is None or watts > shown + AGREES[Quantity.POWER_LIMIT]
