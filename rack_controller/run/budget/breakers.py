"""How warm the breakers of every rack are, followed from cycle to cycle.  Nothing of it outlives the controller: one
that begins takes every reserve as spent until it has cooled before its eyes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from firmware_bridge.plant.breakers import HEAT_TRIP
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.live import LiveDecision
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import RowKind
from rack_controller.decide.supply.heat import Pole, Warmth, lasts, reserve_left, warmed
from rack_controller.decide.supply.usable import Spending, Usable, poles_of
from rack_controller.decide.supply.wiring import Array
from rack_controller.model.power_view import BreakerView

_STEP = 0.05  # of heat: how finely what a rack may use follows it


@dataclass(slots=True)
class BreakerBook:
    """See the module."""

    roster: Roster
    _poles: dict[Place, dict[str, Pole]] = field(default_factory=dict)
    _warmth: dict[Place, Warmth] = field(default_factory=dict)
    _load: dict[Place, float] = field(default_factory=dict)

    def look(self, may: Sequence[Usable], decision: LiveDecision, meters: Array, now: float) -> None:
        """Take a cycle in: `meters` (R,) W of AC, NaN unknown; a load that nobody knows is the most that can be
        asked."""
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

    def spending(self, rack: Place, share: float) -> Spending | None:
        """Return what of its breakers' heat a rack may spend at a loss, None where nothing; coarse, so that it stays
        the same for a while."""
        if share <= 0.0:
            return None
        warmth = self._warmth.get(rack, Warmth())
        return Spending(share, {name: float(np.ceil(h / _STEP) * _STEP) for name, h in warmth.heat.items()})

    def lasts(self, rack: Place) -> float:
        """Return for how many s every breaker of a rack bears what it carries now, infinite where for ever."""
        heat, load = self._warmth.get(rack, Warmth()).heat, self._load.get(rack, 0.0)
        return min((lasts(p, heat[n], load) for n, p in self._poles.get(rack, {}).items() if n in heat), default=np.inf)

    def views(self, rack: Place) -> list[BreakerView]:
        """Return the breakers of a rack, the one with least reserve first."""
        warmth, load = self._warmth.get(rack, Warmth()), self._load.get(rack, 0.0)
        found = []
        for name, pole in self._poles.get(rack, {}).items():
            heat = warmth.heat[name]
            left = lasts(pole, heat, load)
            found.append(
                BreakerView(
                    name=name,
                    rating_w=pole.rating,
                    nominal_w=pole.nominal,
                    load_w=load * pole.carries,
                    heat=heat / HEAT_TRIP,
                    reserve=reserve_left(pole, heat),
                    lasts_s=left if np.isfinite(left) else None,
                    over_s=warmth.over.get(name, 0.0),
                )
            )
        return sorted(found, key=lambda b: (b.reserve, -b.heat, b.name))
