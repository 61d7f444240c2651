"""Whether the controller itself keeps its beat: what is late may look silent, old or slow and is none of it.  Pure.

Measured is by how much a tick begins after it was due.  A machine with too much else to do, or too many racks on one
controller, makes every tick late; a single one (garbage collected, a disk that hung) is nothing to tell of.
"""

from collections import deque
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity

LATE = Seconds(0.5)
"""A tick that begins later than this is late: half of a safety period."""
TICKS, MOST_LATE = 10, 3
"""The controller is late when more than three of the last ten ticks were …"""
ON_TIME_TICKS = 30
"""… and on time again after thirty in a row that were not: flapping would be worse than a slow all-clear."""


@dataclass(slots=True)
class Lateness:
    """How late one rack's ticks were of late."""

    rack: Place
    late: bool = False
    _seen: deque[float] = field(default_factory=lambda: deque(maxlen=TICKS))
    _on_time: int = 0

    def look(self, by: float) -> list[Finding]:
        """Take note of a tick that began `by` s after it was due, and return what there is to tell."""
        self._seen.append(by)
        self._on_time = 0 if by > LATE else self._on_time + 1
        if not self.late and sum(late > LATE for late in self._seen) > MOST_LATE:
            self.late = True
            most = max(self._seen)
            text = (
                f"the controller is late, by up to {most:.1f} s: its machine has too much else to do or it has "
                "too many racks; readings are older and devices may look silent that are not"
            )
            return [Finding(self.rack, "controller.late", Severity.WARNING, text, {"late_s": round(most, 2)})]
        if self.late and self._on_time >= ON_TIME_TICKS:
            self.late = False
            return [Finding(self.rack, "controller.on_time", Severity.OK, "the controller keeps its beat again")]
        return []
