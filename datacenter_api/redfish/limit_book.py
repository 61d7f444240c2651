"""What devices allow as power limits, as each rack's controller last said: read when somebody looks, never waited for.

A limit that was set here shows as it read back until the rack's frames carry a later reading.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from datacenter_api.fleet.record import RackRecord
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.limit import LimitRow, SetPoint

log = logging.getLogger(__name__)

LOOK_EVERY = Seconds(60.0)
"""What a device allows changes with its firmware; whoever looks has it asked for no more often."""
AGAIN_AFTER = Seconds(5.0)
"""A rack whose controller said nothing is asked again no sooner."""


@dataclass
class LimitBook:
    """Rows by place.  `ask(rack, want)` is the bus link's, `now` in monotonic seconds."""

    ask: Callable[[str, str], Awaitable[bytes]]
    now: Callable[[], Seconds]
    changes: int = 0
    _rows: dict[str, dict[str, LimitRow]] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)
    _busy: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _set: dict[str, tuple[float, Seconds]] = field(default_factory=dict)

    def knows(self, rack: str) -> bool:
        """Tell whether a rack's controller has said what can be limited there."""
        return rack in self._rows

    def row(self, rack: str, place: str) -> LimitRow | None:
        """Return what is known of the limit of a place (W), None where there is none or nobody has said so yet."""
        return self._rows.get(rack, {}).get(place)

    def read_back(self, place: str) -> tuple[float, Seconds] | None:
        """Return the limit (W) that a place kept when it was set through this service, and when that was."""
        return self._set.get(place)

    def want(self, record: RackRecord) -> None:
        """Somebody looks at this rack's limits: have them read in the background when that was long ago."""
        rack, now = record.token, self.now()
        busy = self._busy.get(rack)
        if now - self._asked.get(rack, float("-inf")) < LOOK_EVERY or (busy is not None and not busy.done()):
            return
        self._asked[rack] = now
        self._busy[rack] = asyncio.get_running_loop().create_task(self._read(rack))

    def learn(self, point: SetPoint) -> None:
        """Note a limit that was just set and read back."""
        if point.read_back is not None:
            self._set[point.place] = point.read_back, self.now()
            self.changes += 1

    async def _read(self, rack: str) -> None:
        try:
            rows = msgspec.json.decode(await self.ask(rack, "limits"), type=list[LimitRow])
        except (RackwrightError, msgspec.MsgspecError) as err:
            log.info("no limits of %s: %s", rack, err)
            self._asked[rack] = self.now() - LOOK_EVERY + AGAIN_AFTER
            return
        found = {row.place: row for row in rows if row.quantity is Quantity.POWER_LIMIT}
        if found != self._rows.get(rack):
            self._rows[rack] = found
            self.changes += 1
