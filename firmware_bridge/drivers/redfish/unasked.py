"""What a device's metric reports brought since a class was read last: it is not asked for again.

Safety readings are asked for in any case: that nobody reports a leak proves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.plan import Fetch


@dataclass(slots=True)
class Unasked:
    """The newest reading of each series that a report brought, and when each class was read last (monotonic)."""

    newest: dict[tuple[Place, Quantity], Reading] = field(default_factory=dict)
    read_at: dict[ReadingClass, Seconds] = field(default_factory=dict)

    def take(self, readings: Sequence[Reading]) -> None:
        """Keep what a report brought, as far as it is good."""
        for reading in readings:
            if reading.quality is Quality.GOOD:
                self.newest[reading.place, reading.quantity] = reading

    def spared(
        self, reading_class: ReadingClass, due: Sequence[Fetch], now: Seconds
    ) -> tuple[list[Fetch], list[Reading]]:
        """Return what must be asked for now, and the readings that save the rest of what is due.

        A fetch is saved when a report brought everything that it yields since its class was read last.
        """
        last = self.read_at.get(reading_class)
        self.read_at[reading_class] = now
        if last is None or not self.newest or reading_class is ReadingClass.SAFETY:
            return list(due), []
        asked: list[Fetch] = []
        brought: list[Reading] = []
        for fetch in due:
            found = [self.newest.get((e.series.place, e.series.quantity)) for e in fetch.extracts]
            fresh = [r for r in found if r is not None and r.taken_at > last]
            if len(fresh) == len(found):
                brought += fresh
            else:
                asked.append(fetch)
        return asked, brought
