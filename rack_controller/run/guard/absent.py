"""Leak detectors that nobody declares any more: dry ones are forgotten, wet ones wait for a person."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import Detector, was_wet

GONE_AFTER = Seconds(60.0)
"""A detector without a column that is heard of no more for so long is gone; laying a table out anew takes less."""


@dataclass(slots=True)
class Absent:
    """Since when which of a rack's detectors have no column in its table.  Times are monotonic."""

    _since: dict[Place, Seconds] = field(default_factory=dict)

    def forget_dry(
        self, detectors: Mapping[Place, Detector], declared: Collection[Place], now: Seconds
    ) -> dict[Place, Detector]:
        """Return the detectors without those that are gone and never said anything but dry since they were judged."""
        self._since = {place: self._since.get(place, now) for place in detectors if place not in declared}
        gone = self.gone(detectors, now) if self._since else ()
        return {place: d for place, d in detectors.items() if place not in gone or was_wet(d)}

    def gone(self, detectors: Mapping[Place, Detector], now: Seconds) -> frozenset[Place]:
        """Return which of the detectors are gone; one that is only heard by event is there."""
        return frozenset(
            place
            for place, since in self._since.items()
            if (d := detectors.get(place)) is not None and now - max(since, d.heard_at or since) >= GONE_AFTER
        )
