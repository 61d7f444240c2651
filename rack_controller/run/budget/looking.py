"""Between two decisions: waits for the next one, and ends early when what feeds a rack is seen to be another.

What devices and agents say by themselves wakes it; what is polled is looked at every tenth of a second.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.units import Seconds

LOOK_S = 0.1
WOKEN_S = 0.01  # the least between two looks: several say something at once
ALIKE_S, MOST_ALIKE_S = 0.04, 0.15  # shelves of a feed are seen one by one: one wave of limits for what goes together
SPARED = 30.0  # times as long as a look took, before the next one: hundreds of racks are looked at less often


@dataclass(slots=True)
class Looking:
    """`glance()`: what gives nothing now; `hear()`: takes in what agents said; `seen`: the glance of the last decision,
    None while there is nothing to compare with."""

    clock: Clock
    glance: Callable[[], bytes]
    hear: Callable[[], None]
    seen: bytes | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look soon: a device or an agent said something by itself."""
        self._woken.set()

    async def until(self, due: Seconds) -> None:
        """Return at `due`, or as soon as what is lost, or is back, stands still."""
        took = 0.0
        while (now := self.clock.now()) < due:
            spared = SPARED * took
            await self.clock.sleep_until(Seconds(min(due, now + max(WOKEN_S, spared))))
            await self._woken_by(Seconds(min(due, now + max(LOOK_S, spared))))
            if self.seen is None:
                continue
            began = self.clock.now()
            if self.glance() != self.seen:
                await self._alike()
                return
            self.hear()
            took = self.clock.now() - began

    async def _woken_by(self, when: Seconds) -> None:
        """Return at `when`, or as soon as somebody wakes."""
        sleeping = asyncio.ensure_future(self.clock.sleep_until(when))
        waking = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait((sleeping, waking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
        self._woken.clear()

    async def _alike(self) -> None:
        """Return once two glances are alike, after `MOST_ALIKE_S` at most."""
        before, until = self.glance(), self.clock.now() + MOST_ALIKE_S
        while (now := self.clock.now()) < until:
            await self.clock.sleep_until(Seconds(now + ALIKE_S))
            glance = self.glance()
            if glance == before:
                return
            before = glance
