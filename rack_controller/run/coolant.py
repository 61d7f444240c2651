"""Targets of a rack's coolant units: by command or interlock; how they are kept is in `run/set_points.py`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from rack_controller.decide.coolant import (
    COOLS,
    QUANTITIES,
    CoolantWish,
    LoopNow,
    decide_coolant,
    decide_raise,
    find_target,
    higher_only,
    turns_down,
)
from rack_controller.decide.interlock import Order
from rack_controller.decide.loop import coolant_units
from rack_controller.decide.notice import Finding
from rack_controller.model.command import Command
from rack_controller.model.event import Severity
from rack_controller.model.lease import Direction, Facet, LeaseClass
from rack_controller.model.limit import LimitRow, LimitState, SetPoint
from rack_controller.run.guard.carrying import Came
from rack_controller.run.guard.trail import Fate
from rack_controller.run.set_points import SetPoints

Verb = Callable[[Command], Awaitable[dict[str, object]]]
_FELL_SHORT = (LimitState.REFUSED, LimitState.REQUESTED)


@dataclass(slots=True)
class Coolant(SetPoints):
    """The coolant units of one rack.  `held(quantity)`: why such a target is not turned down, empty when
    it may be; `need()`: the flow
    that the heat needs now, in L/min, None when nobody knows."""

    quantities: ClassVar[frozenset[Quantity]] = QUANTITIES
    facet: ClassVar[Facet] = Facet.COOLING

    held: Callable[[Quantity], str] = field(default=lambda _quantity: "")
    need: Callable[[], float | None] = field(default=lambda: None)

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {"coolant": self.coolant}

    def rows(self) -> list[LimitRow]:
        """Return every target that can be set, from memory."""
        found = [
            LimitRow(
                *(place, endpoint, point.least, point.most, point.default),
                *(self.shown(point), self.wanted.get(place), self.held(point.quantity), point.quantity),
            )
            for place, (endpoint, point) in self.points().items()
        ]
        return sorted(found, key=lambda row: row.place)

    async def coolant(self, command: Command) -> dict[str, object]:
        """Set a target of a unit, or with `clear` want none any more (the unit keeps what it has); armed racks only.

        Raises CommandRefused; what the unit did not take is in the answer.
        """
        self.view.check_armed()
        said, unit = command.arguments, self._unit(Place(command.target))
        clear, value, what = bool(said.get("clear", False)), said.get("value"), str(said.get("what", ""))
        if clear is (value is not None):
            raise ArgumentsInvalid("coolant needs either a value or clear", advice="for example what: flow, value: 90")
        points = {place: point for place, (_, point) in self.points().items()}
        if clear:
            return {"coolant": self._cleared(find_target(unit, what, points).place, command.actor)}
        wish = CoolantWish(unit, what, float(str(value)))
        target = find_target(unit, what, points)
        shown = (await self.read_now(target.place)).get(target.place)
        now = LoopNow(self.need(), self._others(unit), self.held(target.quantity))
        point = decide_coolant(wish, points, shown, now)
        safe = point.quantity in COOLS and not turns_down(point, wish.value, shown)
        direction = Direction.SAFE if safe else Direction.NEUTRAL
        wanted = self.wishes({point.place: wish.value}, command.actor)
        done = await self.ask(wanted, LeaseClass.OPERATOR, command.actor, direction)
        self.told(done, command.actor)
        return {"coolant": [msgspec.to_builtins(s) for s in done]}

    async def turn_up(self, order: Order) -> Came:
        """Carry out an interlock's raise of flow or supply: all units at once.  Raises RackwrightError."""
        points = {place: point for place, (_, point) in self.points().items()}
        shown = {place: value for place, p in points.items() if (value := self.shown(p)) is not None}
        values = decide_raise(order, points, shown)
        if not values:
            raise TargetUnknown("no coolant unit there has such a target that can be set")
        wanted = self.wishes(higher_only(values, self.wanted, shown), f"interlock {order.cause}")
        done = await self.ask(wanted, LeaseClass.INTERLOCK, f"interlock {order.cause}", Direction.SAFE)
        bad = {tray_of(Place(s.place)): s.detail for s in done if s.state in _FELL_SHORT}
        able = {tray_of(place) for place in values}
        fates = {
            unit: (Fate.FAILED, bad[unit]) if unit in bad else (Fate.TAKEN if unit in able else Fate.SPARED, "")
            for unit in order.targets
        }
        words = _said(done) if done else "it is at that already"
        return Came("; ".join([words, *(f"{leaf_of(u)}: {why}" for u, why in bad.items())]), fates)

    def told(self, done: list[SetPoint], by: str) -> None:
        """Tell what became of targets, unit by unit."""
        for unit in sorted({tray_of(Place(s.place)) for s in done}):
            mine = [s for s in done if tray_of(Place(s.place)) == unit]
            bad = [s for s in mine if s.state in _FELL_SHORT]
            text = f"{leaf_of(unit)}: {_said(mine)} by {by}"
            text += f"; {len(bad)} not: {bad[0].detail}" if bad else ""
            self.tell(Finding(Place(unit), "coolant.set", Severity.WARNING if bad else Severity.OK, text))

    def _cleared(self, place: Place, actor: str) -> list[object]:
        wanted = self.wanted.get(place)
        if wanted is None:
            return []
        self.drop([place])
        text = f"{leaf_of(tray_of(place))}: {leaf_of(place)} is wanted by nobody any more: {actor}"
        self.tell(Finding(tray_of(place), "coolant.set", Severity.OK, text))
        return [msgspec.to_builtins(wanted)]

    def _unit(self, place: Place) -> Place:
        unit = tray_of(place)
        if unit not in coolant_units(self.view.layout):
            units = [leaf_of(Place(t.place)) for t in self.view.layout.trays if t.kind == TrayKind.COOLANT_UNIT]
            raise TargetUnknown(f"{place} is no coolant unit", advice=f"units are {', '.join(units) or 'none'}")
        return unit

    def _others(self, unit: Place) -> float | None:
        """Return what the rack's other units move now, in L/min; None when one of them does not say."""
        snapshot = self.view.snapshot
        if snapshot is None:
            return None
        flows = [snapshot.good(u, Quantity.FLOW) for u in coolant_units(self.view.layout) if u != unit]
        known = [flow for flow in flows if flow is not None]
        return sum(known) if len(known) == len(flows) else None


def _said(done: list[SetPoint]) -> str:
    return ", ".join(f"{leaf_of(Place(s.place))} {s.value:g} {SPECS[s.quantity].unit}" for s in done)
