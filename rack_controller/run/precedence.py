"""Strikes first: while an interlock's requests go out, what can wait does not begin.  One for all racks of a process.

Whoever reads a hall keeps one core busy most of the time, and each hop of a strike waits for its turn behind what was
begun before it.  Safety readings, judgements and commands never give way.
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Order
from rack_controller.run.guard.carrying import Came, Carry

LASTS = Seconds(0.4)
"""How long everybody gives way after the last strike began: it has been taken long before."""
MOST = Seconds(1.5)
"""How long at a stretch; then routine has as long again: a hall that leaks everywhere must still be seen."""
LONG_AGO = Seconds(float("-inf"))
SPREAD = Seconds(0.5)
"""Over how long what has waited begins again."""


@dataclass(slots=True)
class Precedence:
    """See the module."""

    clock: Clock
    _since: Seconds = LONG_AGO
    _until: Seconds = LONG_AGO

    def claim(self) -> None:
        """Go first from now on, for a moment."""
        now = self.clock.now()
        if now >= self._since + 2.0 * MOST:
            self._since = now
        self._until = max(self._until, Seconds(min(now + LASTS, self._since + MOST)))

    def before(self, carry: Carry) -> Carry:
        """Return what carries an order out as `carry` does, and first."""

        def carried(order: Order) -> Coroutine[Any, Any, Came]:
            self.claim()
            return carry(order)

        return carried

    async def give_way(self, phase: float = 0.0) -> None:
        """Return once nothing goes first; `phase` (0 to 1) keeps those who have waited from beginning at once."""
        while self.clock.now() < self._until:
            await self.clock.sleep_until(Seconds(self._until + phase * SPREAD))
