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

    def forgotten(
        self, detectors: Mapping[Place, Detector], declared: Collection[Place], now: Seconds
    ) -> frozenset[Place]:
        """Return which detectors are gone and never said anything but dry since they were judged: nobody needs them."""
        missing = detectors.keys() - declared
        if not missing:
            self._since.clear()
            return frozenset()
        self._since = {place: self._since.get(place, now) for place in missing}
        return frozenset(place for place in self.gone(detectors, now) if not was_wet(detectors[place]))

    def gone(self, detectors: Mapping[Place, Detector], now: Seconds) -> frozenset[Place]:
        """Return which of the detectors are gone; one that is only heard by event is there."""
        return frozenset(
            place
            for place, since in self._since.items()
            if (d := detectors.get(place)) is not None and now - max(since, d.heard_at or since) >= GONE_AFTER
        )
