"""Faults of event delivery: what a device tells comes twice, late, or never, to streams and subscribers alike.

A lost event is lost in the device: who comes back to its stream is not told of it either.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter

from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import FaultTable, pick

Tell = Callable[[], None]
STRIKES = frozenset({FaultKind.DUPLICATE_EVENT, FaultKind.LATE_EVENT, FaultKind.LOST_EVENT})


@dataclass(slots=True)
class EventStrikes:
    """The event faults of one process.  `time` gives emulated seconds."""

    faults: FaultTable
    time: Callable[[], float]
    _late: list[tuple[float, Tell]] = field(default_factory=list)

    def pass_on(self, place: str, origin: str, tell: Tell) -> None:
        """Let an event of the device at `place`, about the resource `origin`, go its way: `tell` sends it."""
        armed = [a for a in self.faults.on_events(place) if a.fault.what in STRIKES]
        fault = pick(armed, origin, self.time()) if armed else None
        if fault is None:
            tell()
        elif fault.what is FaultKind.DUPLICATE_EVENT:
            tell()
            tell()
        elif fault.what is FaultKind.LATE_EVENT:
            self._late.append((self.time() + fault.seconds, tell))

    def look(self) -> None:
        """Send what was held back long enough, the longest first."""
        now = self.time()
        due = [entry for entry in self._late if entry[0] <= now]
        if due:
            self._late = [entry for entry in self._late if entry[0] > now]
        for _, tell in sorted(due, key=itemgetter(0)):
            tell()
