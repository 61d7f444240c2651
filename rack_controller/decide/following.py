"""Caps that follow what is seen: down at once, up by steps, and back to what was wanted before.  Pure.

A following cap raises only what it lowered itself, and never above what somebody else wants there.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.vocabulary.units import Watts
from rack_controller.decide.interlock import Standing
from rack_controller.decide.loop import LoopSight
from rack_controller.decide.picture import Picture
from rack_controller.decide.unjudged import can_be_judged
from rack_controller.model.interlock import Follows, InterlockPolicy, Rung
from rack_controller.model.layout import CAPPED
from rack_controller.model.limit import SetPoint

BACK_S = 30.0
"""How long after its row a cap goes back that the policy of today knows no more."""
STEP = 0.02
"""A cap is not changed for less than this share of the most: what is seen is never quite still."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Limits to ask for, W: those that go `down`, and those that go `up`."""

    down: Mapping[Place, Watts]
    up: Mapping[Place, Watts]


def decide_following(
    share: float,
    trays: Collection[Place],
    points: Mapping[Place, Settable],
    wanted: Mapping[str, SetPoint],
    shown: Mapping[Place, float],
    holder: str,
) -> Changes:
    """Return what the caps of `holder` at these trays change to: `share` of what each part may usually draw.

    `shown`, in W: what devices keep now; what keeps less than the cap is left alone, whoever brought it there.
    """
    down: dict[Place, Watts] = {}
    up: dict[Place, Watts] = {}
    for place, point in points.items():
        usual = usual_of(point)
        if usual is None or tray_of(place) not in trays or not leaf_of(place).startswith(CAPPED):
            continue
        watts, now = max(point.least or 0.0, share * usual), wanted.get(place)
        if now is not None and now.follows and now.by == holder:
            most = usual if now.before is None else now.before
            if watts < now.value - STEP * usual:
                down[place] = Watts(watts)
            elif watts > now.value + STEP * usual or most <= watts > now.value:
                up[place] = Watts(min(watts, most))
        elif watts < (now.value if now is not None else min(usual, shown.get(place, usual)) - STEP * usual):
            down[place] = Watts(watts)
    return Changes(down, up)


def laid_upon(point: SetPoint, now: SetPoint | None, shown: float | None) -> SetPoint:
    """Return a following cap that remembers what it lies upon: what is wanted at its place and is no following cap
    itself, else what the device keeps (`shown`)."""
    if now is None:
        return msgspec.structs.replace(point, follows=True, before=shown)
    if not now.follows:
        return msgspec.structs.replace(point, follows=True, before=now.value, before_by=now.by)
    took = sorted({*now.took, now.by} - {point.by})
    return msgspec.structs.replace(point, follows=True, before=now.before, before_by=now.before_by, took=took)


def decide_back(
    points: Mapping[Place, Settable], wanted: Mapping[str, SetPoint], over: Callable[[str], bool]
) -> dict[Place, Watts]:
    """Return what following caps go back to whose row is `over` (asked by who wants them), and those of all caps that
    they lie upon: what was there before, else what the device usually has."""
    found: dict[Place, Watts] = {}
    for name, now in wanted.items():
        place = Place(name)
        if not now.follows or place not in points or not all(over(holder) for holder in (now.by, *now.took)):
            continue
        back = usual_of(points[place]) if now.before is None else now.before
        if back is not None:
            found[place] = Watts(back)
    return found


def back_after(
    cause: str, standings: Iterable[Standing], picture: Picture | None, policy: InterlockPolicy
) -> float | None:
    """Return how long after its row a following cap goes back, in s; None while the row holds or stands, or cannot be
    judged: that nobody sees a failed pump is no reason to believe in it."""
    if picture is None or any(standing.cause == cause for standing in standings):
        return None
    row = next((row for row in policy.rows if row.cause == cause), None)
    if row is None:
        return BACK_S
    rung = next((rung for rung in row.ladder if rung.follows is not None), None)
    if not can_be_judged(picture, row) or (rung is not None and not _is_proven(rung, picture.loop)):
        return None
    return BACK_S if rung is None else rung.back_s


def _is_proven(rung: Rung, loop: LoopSight) -> bool:
    """Return whether flow carries what comes back with the limits.  A capped rack needs little flow: that it has it
    proves nothing, and the cap would come and go for ever."""
    return rung.follows is not Follows.FLOW or (
        loop.flow is not None and loop.flow >= (rung.back_share or 1.0) * loop.need_most
    )


def usual_of(point: Settable) -> float | None:
    """Return what a part may draw when nobody limits it, in W; None where the device does not say."""
    return point.default if point.default is not None else point.most
