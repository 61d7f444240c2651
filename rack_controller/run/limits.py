"""Power limits of one rack: by command or interlock; how they are kept is in `run/set_points.py`."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.vocabulary.units import Watts
from rack_controller.decide.interlock import Order
from rack_controller.decide.limits import LimitWish, decide_cap, decide_limits, lower_only, wish_of
from rack_controller.decide.notice import Finding
from rack_controller.model.command import Command
from rack_controller.model.event import Severity
from rack_controller.model.lease import Direction, Facet, LeaseClass
from rack_controller.model.limit import LimitRow, LimitState, SetPoint
from rack_controller.run.guard.carrying import Came
from rack_controller.run.guard.trail import Fate
from rack_controller.run.set_points import SetPoints

Verb = Callable[[Command], Awaitable[dict[str, object]]]


@dataclass(slots=True)
class Limits(SetPoints):
    """The power limits of one rack.  `held(tray)`: why nothing is raised there now, empty when it may be.  `grants`:
    what an armed power budget lets places have, W; empty where none does."""

    quantities: ClassVar[frozenset[Quantity]] = frozenset({Quantity.POWER_LIMIT})
    facet: ClassVar[Facet] = Facet.POWER_LIMIT

    held: Callable[[Place], str] = field(default=lambda _tray: "")
    grants: Mapping[Place, float] = field(default_factory=dict)

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {"limit": self.limit}

    def granted(self, place: Place) -> float | None:
        """Return what a power budget lets a place have, None where none does."""
        return self.grants.get(place)

    def settable(self) -> dict[Place, Settable]:
        """Return every place whose power can be limited."""
        return {place: point for place, (_, point) in self.points().items()}

    def rows(self) -> list[LimitRow]:
        """Return every place whose power can be limited, from memory."""
        found = []
        for place, (endpoint, point) in self.points().items():
            shows, held = self.shown(point), self.held(tray_of(place))
            said = (point.least, point.most, point.default, shows, self.wanted.get(place), held)
            found.append(LimitRow(place, endpoint, *said))
        return sorted(found, key=lambda row: row.place)

    async def limit(self, command: Command) -> dict[str, object]:
        """Set limits, or with `clear` take them back to what the device had; armed racks only.

        Raises CommandRefused; what a device did not take is in the answer.
        """
        self.view.check_armed()
        wish = wish_of(Place(command.target), command.arguments)
        caps, raised = await self.decided(wish)
        done = await self._set(caps, command.actor, raised=raised)
        if wish.watts is None:
            self.forget(done)
        return {"limits": [msgspec.to_builtins(s) for s in done]}

    async def decided(self, wish: LimitWish) -> tuple[dict[Place, Watts], bool]:
        """Return the limits that a wish comes to now, and whether any goes up.

        Raises TargetUnknown, ArgumentsInvalid or PreconditionFailed.
        """
        points = self.settable()
        held = {tray: why for tray in {tray_of(place) for place in points} if (why := self.held(tray))}
        shown = await self.read_now(wish.target)
        caps = decide_limits(wish, points, shown, held)
        return caps, any((now := shown.get(place)) is None or w > now for place, w in caps.items())

    async def set_now(self, caps: Mapping[Place, float], actor: str, *, tell: bool = True) -> list[SetPoint]:
        """Set limits that were decided before, if they still may be.  Raises CommandRefused."""
        raised = False
        for place, watts in caps.items():
            raised |= (await self.decided(LimitWish(place, watts)))[1]
        return await self._set(caps, actor, raised=raised, tell=tell)

    async def _set(self, caps: Mapping[Place, float], actor: str, *, raised: bool, tell: bool = True) -> list[SetPoint]:
        direction = Direction.ENERGISED if raised else Direction.SAFE
        done = await self.ask(self.wishes(caps, actor), LeaseClass.OPERATOR, actor, direction)
        if tell:
            self.told(done, actor)
        return done

    async def cap(self, order: Order) -> Came:
        """Carry out an interlock's cap: all trays at once.  Raises RackwrightError when none took it."""
        points = self.settable()
        kept = {p: shown for p, point in points.items() if p not in self.grants and (shown := self.shown(point))}
        caps = lower_only(decide_cap(order.share or 1.0, order.targets, points), self.wanted, kept)
        holder = holder_of(order.cause)
        done = await self.ask(self.wishes(caps, holder), LeaseClass.INTERLOCK, holder, Direction.SAFE, hurry=True)
        return came_of(done, order, points)

    async def hold(self, order: Order) -> Came:
        """Hold caps: while the row stands nothing is raised (see `held`)."""
        return Came("nothing is raised while it stands", dict.fromkeys(order.targets, (Fate.TAKEN, "")))

    def told(self, done: list[SetPoint], by: str) -> None:
        """Tell what became of limits, tray by tray."""
        for tray in sorted({tray_of(Place(s.place)) for s in done}):
            mine = [s for s in done if tray_of(Place(s.place)) == tray]
            bad = [s for s in mine if s.state in (LimitState.REFUSED, LimitState.REQUESTED)]
            watts = sorted({s.value for s in mine})
            text = f"{leaf_of(tray)}: {len(mine)} power limits {', '.join(f'{w:g} W' for w in watts)} by {by}"
            text += f"; {len(bad)} not: {bad[0].detail}" if bad else ""
            self.tell(Finding(Place(tray), "limit.set", Severity.WARNING if bad else Severity.OK, text))


def holder_of(cause: str) -> str:
    """Return as whom a cause's set-points are wanted."""
    return f"interlock {cause}"


def came_of(done: list[SetPoint], order: Order, points: Collection[Place]) -> Came:
    """Return what came of an order whose limits are `done`.  Raises TargetUnknown where none of its trays has any."""
    bad = {tray_of(Place(s.place)): s.detail for s in done if s.state in (LimitState.REFUSED, LimitState.REQUESTED)}
    able = {tray_of(place) for place in points}
    if not able & set(order.targets):
        raise TargetUnknown("nothing there has a power limit that can be set")
    fates = {
        tray: (Fate.FAILED, bad[tray]) if tray in bad else (Fate.TAKEN if tray in able else Fate.SPARED, "")
        for tray in order.targets
    }
    words = f"{len(done) - len(bad)} of {len(done)} limits set" if done else "nothing there is above that"
    return Came("; ".join([words, *(f"{leaf_of(t)}: {why}" for t, why in list(bad.items())[:3])]), fates)
