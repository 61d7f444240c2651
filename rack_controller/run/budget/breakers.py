"""How warm breakers are, those of every rack and those above the racks, followed from cycle to cycle.  Nothing of it
outlives the controller: one that begins takes every reserve as spent until it has cooled before its eyes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from firmware_bridge.plant.breakers import HEAT_TRIP
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.upstream import SupplyNode
from rack_controller.decide.budget.live import LiveDecision
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import RowKind
from rack_controller.decide.supply.heat import SPENT, Pole, Warmth, borrowed, lasts, reserve_left, warmed
from rack_controller.decide.supply.usable import Spending, Usable, poles_of
from rack_controller.decide.supply.wiring import Array
from rack_controller.model.power_view import BreakerView

_STEP = 0.05  # of heat: how finely what a rack may use follows it
_NOBODY = np.zeros(0)
NONE_ABOVE: Mapping[str, Array] = {}


@dataclass(slots=True)
class BreakerBook:
    """See the module.  `above`: nodes above the racks, of which those with a rating are breakers."""

    roster: Roster
    above: Sequence[SupplyNode] = ()
    _poles: dict[Place, dict[str, Pole]] = field(default_factory=dict)
    _warmth: dict[Place, Warmth] = field(default_factory=dict)
    _load: dict[Place, float] = field(default_factory=dict)
    _shares: Mapping[str, Array] = field(default_factory=dict)
    _node_warmth: dict[str, Warmth] = field(default_factory=dict)
    _node_load: dict[str, float] = field(default_factory=dict)

    def look(
        self,
        may: Sequence[Usable],
        decision: LiveDecision,
        meters: Array,
        now: float,
        shares: Mapping[str, Array] = NONE_ABOVE,
    ) -> None:
        """Take a cycle in: `meters` (R,) W of AC, NaN unknown; a load that nobody knows is the most that can be
        asked.  shares: of every rack's power that each node above carries, (R,)."""
        asked = {
            int(np.flatnonzero(row.share)[0]): float(charged)
            for row, charged in zip(decision.rows, decision.step.charged, strict=True)
            if row.kind is RowKind.RACK
        }
        for r, rack in enumerate(self.roster.racks):
            load = float(meters[r]) if np.isfinite(meters[r]) else asked.get(r, 0.0)
            poles = self._poles[rack.place] = poles_of(may[r])
            self._warmth[rack.place] = warmed(self._warmth.get(rack.place, Warmth()), poles, load, now)
            self._load[rack.place] = load
        self._shares = shares
        loads = np.array([self._load[rack.place] for rack in self.roster.racks])
        for name, pole in self._nodes():
            load = float(shares[name] @ loads)
            self._node_warmth[name] = warmed(self._node_warmth.get(name, Warmth()), {name: pole}, load, now)
            self._node_load[name] = load

    def lent(self, share: float, seconds: float) -> dict[str, float]:
        """Return, by node above the racks, by which factor it may be loaded for so long where that may spend `share` of
        its reserve; coarse, and only of those that may be."""
        found = {}
        for name, pole in self._nodes() if share > 0.0 else ():
            heat = self._node_warmth.get(name, Warmth()).heat.get(name, SPENT)
            factor = borrowed(pole, float(np.ceil(heat / _STEP) * _STEP), seconds, share)
            if factor > 1.0:
                found[name] = factor
        return found

    def _nodes(self) -> Iterator[tuple[str, Pole]]:
        """Yield the breakers above the racks that carry any of them."""
        for node in self.above:
            if node.rating is not None and self._shares.get(node.name, _NOBODY).any():
                yield node.name, Pole(node.name, node.rating, node.limit, 1.0)

    def spending(self, rack: Place, share: float) -> Spending | None:
        """Return what of its breakers' heat a rack may spend at a loss, None where nothing; coarse, so that it stays
        the same for a while."""
        if share <= 0.0:
            return None
        warmth = self._warmth.get(rack, Warmth())
        return Spending(share, {name: float(np.ceil(h / _STEP) * _STEP) for name, h in warmth.heat.items()})

    def lasts(self, rack: Place) -> float:
        """Return for how many s every breaker of a rack bears what it carries now, infinite where for ever."""
        return min((lasts(pole, heat, load) for pole, heat, load, _ in self._under(rack)), default=np.inf)

    def views(self, rack: Place) -> list[BreakerView]:
        """Return the breakers of a rack and those above it, the one with least reserve first."""
        found = []
        for pole, heat, load, over in self._under(rack):
            left = lasts(pole, heat, load)
            found.append(
                BreakerView(
                    name=pole.name,
                    rating_w=pole.rating,
                    nominal_w=pole.nominal,
                    load_w=load * pole.carries,
                    heat=heat / HEAT_TRIP,
                    reserve=reserve_left(pole, heat),
                    lasts_s=left if np.isfinite(left) else None,
                    over_s=over,
                )
            )
        return sorted(found, key=lambda b: (b.reserve, -b.heat, b.name))

    def _under(self, rack: Place) -> Iterator[tuple[Pole, float, float, float]]:
        """Yield every breaker that a rack hangs on: its heat, the load that it carries its share of, W, and for how
        many s it was over."""
        warmth, load = self._warmth.get(rack, Warmth()), self._load.get(rack, 0.0)
        for name, pole in self._poles.get(rack, {}).items():
            if name in warmth.heat:
                yield replace(pole, name=name), warmth.heat[name], load, warmth.over.get(name, 0.0)
        at = next((n for n, each in enumerate(self.roster.racks) if each.place == rack), None)
        for name, pole in self._nodes():
            seen = self._node_warmth.get(name)
            if at is not None and seen is not None and self._shares[name][at] > 0.0:
                yield pole, seen.heat[name], self._node_load[name], seen.over.get(name, 0.0)
