"""An interlock's caps that follow what is seen, on their way to one rack's devices and back again.

Down they go as every cap of an interlock does.  Up, and back when the row is over, they go tray by tray as the loop's
own doing, and only where no other row caps, no latch stands and nobody has locked the tray; what cannot go up stays
capped and is tried again.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.errors import CommandRefused, EnvironmentUnfit
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.following import Changes, decide_back, decide_following, laid_upon
from rack_controller.decide.interlock import Order
from rack_controller.model.lease import Direction, LeaseClass
from rack_controller.model.limit import SetPoint
from rack_controller.run.guard.carrying import Came
from rack_controller.run.limits import Limits, came_of, holder_of

_log = logging.getLogger(__name__)

AGAIN_S = Seconds(10.0)
NEVER = Seconds(float("-inf"))


@dataclass(slots=True)
class Following:
    """The following caps of one rack.

    `held(tray, cause)`: which other row caps there, or what keeps the tray off; `over(cause)`: how long after its row
    such a cap goes back, in s, None while the row stands or cannot be judged.
    """

    limits: Limits
    held: Callable[[Place, str], str] = lambda _tray, _cause: ""
    over: Callable[[str], float | None] = lambda _cause: None
    _over_since: dict[str, Seconds] = field(default_factory=dict)
    _tried: Seconds = NEVER
    _said: dict[str, Came] = field(default_factory=dict)

    async def cap(self, order: Order) -> Came:
        """Carry out a cap; one that follows goes down all at once, and up where it may.  Raises RackwrightError."""
        if not order.follows:
            return await self.limits.cap(order)
        limits, holder = self.limits, holder_of(order.cause)
        await limits.end(self.limits.ledger.rack)  # what would still be given back
        points = limits.settable()
        shown = {place: watts for place, p in points.items() if (watts := limits.shown(p)) is not None}
        share = 1.0 if order.share is None else order.share
        changes = decide_following(share, order.targets, points, limits.wanted, shown, holder)
        if not changes.down and not changes.up and order.cause in self._said:
            return self._said[order.cause]
        wanted = [
            laid_upon(point, limits.wanted.get(point.place), shown.get(Place(point.place)))
            for point in limits.wishes(changes.down, holder)
        ]
        done = await limits.ask(wanted, LeaseClass.INTERLOCK, holder, Direction.SAFE, hurry=True) if wanted else []
        done += await self._up(self._raised(changes, holder), order.cause)
        came = came_of(done, order, points)
        words = f"{came.words}: {share:.0%} of what GPUs may draw{f'; {order.why}' if order.why else ''}"
        self._said[order.cause] = Came(words, came.fates)
        return self._said[order.cause]

    def look(self, now: Seconds) -> None:
        """Begin to give back what is over for long enough; a cap whose row stands again stays."""
        holders = {by for point in self.limits.wanted.values() if point.follows for by in (point.by, *point.took)}
        for holder in list(self._over_since):
            if holder not in holders or self._after(holder) is None:
                del self._over_since[holder]
        for holder in holders:
            if self._after(holder) is not None:
                self._over_since.setdefault(holder, now)
        due = {
            holder
            for holder, since in self._over_since.items()
            if (after := self._after(holder)) is not None and now - since >= after
        }
        limits, rack = self.limits, self.limits.ledger.rack
        if due and now - self._tried >= AGAIN_S and limits.view.layout.armed and not limits.busy(rack):
            self._tried = now
            limits.begin(rack, self._give_back(due))

    def _after(self, holder: str) -> float | None:
        return self.over(cause_of(holder))

    async def _give_back(self, due: set[str]) -> None:
        """Give back what may go back now.  What cannot, or a bug of ours, leaves the caps: it is tried again."""
        try:
            for holder in due:
                await self._give_back_of(holder, due)
        except EnvironmentUnfit as err:
            _log.warning("caps of %s are not given back yet: %s", self.limits.ledger.rack, err)
        except Exception:  # noqa: BLE001 - logged whole; the caps stand meanwhile
            _log.exception("%s: caps were not given back", self.limits.ledger.rack)

    async def _give_back_of(self, holder: str, due: set[str]) -> None:
        limits = self.limits
        self._said.pop(cause_of(holder), None)
        mine = {place: point for place, point in limits.wanted.items() if point.by == holder}
        back = decide_back(limits.settable(), mine, due.__contains__)
        points = [_goes_back(point, limits.wanted[point.place], holder) for point in limits.wishes(back, holder)]
        done = await self._up(points, cause_of(holder))
        if done:
            limits.told(done, f"{holder}, which is over")
        if nobodys := [point for point in done if point.follows]:
            limits.forget(nobodys)

    def _raised(self, changes: Changes, holder: str) -> list[SetPoint]:
        wanted = self.limits.wanted
        return [
            msgspec.structs.replace(point, follows=True, before=now.before, before_by=now.before_by, took=now.took)
            for point in self.limits.wishes(changes.up, holder)
            for now in [wanted[point.place]]
            if all(self._after(other) is not None for other in now.took)
        ]

    async def _up(self, points: list[SetPoint], cause: str) -> list[SetPoint]:
        """Ask for limits that go up, tray by tray; return what became of those that may."""
        by_tray: dict[Place, list[SetPoint]] = {}
        for point in points:
            tray = tray_of(Place(point.place))
            if not self.held(tray, cause):
                by_tray.setdefault(tray, []).append(point)
        ended = await asyncio.gather(*(self._up_at(tray, mine) for tray, mine in by_tray.items()))
        return [point for done in ended for point in done]

    async def _up_at(self, tray: Place, points: list[SetPoint]) -> list[SetPoint]:
        try:
            return await self.limits.ask(points, LeaseClass.THERMAL, points[0].by, Direction.NEUTRAL)
        except (CommandRefused, EnvironmentUnfit) as err:
            _log.info("limits of %s are not given back yet: %s", leaf_of(tray), err)
            return []


def cause_of(holder: str) -> str:
    """Return the cause out of what an interlock's set-points are wanted by."""
    return holder.removeprefix(holder_of(""))


def _goes_back(point: SetPoint, now: SetPoint, holder: str) -> SetPoint:
    """Return a set-point of whoever wanted it before; of nobody: then it is wanted no more once the device has it."""
    if now.before_by:
        return msgspec.structs.replace(point, by=now.before_by)
    return msgspec.structs.replace(point, by=holder, follows=True, before=now.before)
