"""Power limits of one rack: by command or interlock; how they are kept is in `run/set_points.py`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, TargetUnknown
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.interlock import Order
from rack_controller.decide.limits import LimitWish, decide_cap, decide_limits, lower_only
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
        said = command.arguments
        clear, watts = bool(said.get("clear", False)), said.get("watts")
        if clear is (watts is not None):
            raise ArgumentsInvalid("limit needs either watts or clear", advice="for example watts: 900")
        wish = LimitWish(Place(command.target), None if clear else float(str(watts)), bool(said.get("each", False)))
        points = self.points()
        trays = {tray_of(place) for place in points}
        held = {tray: why for tray in trays if (why := self.held(tray))}
        shown = await self.read_now(wish.target)
        caps = decide_limits(wish, {place: p for place, (_, p) in points.items()}, shown, held)
        raised = [place for place, w in caps.items() if (now := shown.get(place)) is None or w > now]
        direction = Direction.ENERGISED if raised else Direction.SAFE
        done = await self.ask(self.wishes(caps, command.actor), LeaseClass.OPERATOR, command.actor, direction)
        if clear:
            self.forget(done)
        self.told(done, command.actor)
        return {"limits": [msgspec.to_builtins(s) for s in done]}

    async def cap(self, order: Order) -> Came:
        """Carry out an interlock's cap: all trays at once.  Raises RackwrightError when none took it."""
        points = self.points()
        caps = decide_cap(order.share or 1.0, order.targets, {place: p for place, (_, p) in points.items()})
        caps = lower_only(caps, self.wanted)
        holder = f"interlock {order.cause}"
        done = await self.ask(self.wishes(caps, holder), LeaseClass.INTERLOCK, holder, Direction.SAFE, hurry=True)
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
