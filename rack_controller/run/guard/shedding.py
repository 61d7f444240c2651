"""Sheds load for an interlock: hosts go off, the least important first, by the strikes of every other row."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.interlock import Order
from rack_controller.decide.loop import draw_of
from rack_controller.decide.shed import Host, decide_shed
from rack_controller.model.interlock import Act
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.guard.carrying import Came, Carry
from rack_controller.run.guard.trail import Fate
from rack_controller.run.view import RackView


@dataclass(frozen=True, slots=True)
class Shedding:
    """One rack's.  `strike` forces trays off; `priority` of a tray: the smaller one stays on longer."""

    view: RackView
    strike: Carry
    priority: Callable[[Place], int]

    def carry(self, order: Order) -> Coroutine[Any, Any, Came]:
        """Strike the hosts that must go now; their intents are written down before this returns (see `Carry`).

        Raises TargetUnknown, when awaited, where no host is on that could go, and what a strike raises.
        """
        snapshot = self.view.snapshot
        chosen = () if snapshot is None else decide_shed(self._hosts(order, snapshot), self._excess(snapshot))
        coming = self.strike(replace(order, act=Act.FORCE_OFF, targets=chosen)) if chosen else None
        return self._came(order, coming)

    async def _came(self, order: Order, coming: Coroutine[Any, Any, Came] | None) -> Came:
        if coming is None:
            raise TargetUnknown("no host is on that could be shed, or it is not known any more by how much is too much")
        came = await coming
        return Came(came.words, {**dict.fromkeys(order.targets, (Fate.SPARED, "")), **came.fates})

    def _hosts(self, order: Order, snapshot: Snapshot) -> list[Host]:
        """Return the hosts that are not seen off; one that does not say what it draws is taken to draw its rating."""
        found = []
        for view in self.view.layout.trays:
            place = Place(view.place)
            on = snapshot.good(place, Quantity.POWER_STATE) != 0.0
            if view.kind == TrayKind.COMPUTE and place in order.targets and on:
                drawn = snapshot.good(place, Quantity.POWER)
                watts = drawn if drawn is not None else view.power_max_w or 0.0
                found.append(Host(place, watts, self.priority(place)))
        return found

    def _excess(self, snapshot: Snapshot) -> float:
        """Return by how much too much is drawn, in W; 0 when nobody knows."""
        draw = draw_of(self.view.layout, snapshot)
        return 0.0 if draw is None else max(0.0, draw - self.view.layout.busbar_power_usable_w)
