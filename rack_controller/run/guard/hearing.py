"""What one rack's leak detectors said, kept until a person clears what they tripped."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import Detector, dried, hear, says_nothing_new
from rack_controller.decide.heard import Heard, hear_all
from rack_controller.model.interlock import DetectorRules
from rack_controller.model.latch import Evidence
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.guard.absent import Absent


@dataclass(slots=True)
class Hearing:
    """The memory of the detectors of `rack`."""

    rack: Place
    rules: DetectorRules
    heard: Heard = field(default_factory=Heard)
    _absent: Absent = field(default_factory=Absent)

    @property
    def places(self) -> Collection[Place]:
        """Return the detectors that were heard."""
        return self.heard.detectors.keys()

    def look(self, snapshot: Snapshot) -> None:
        """Take what a tick heard, and forget dry detectors that are gone."""
        self.heard = hear_all(self.heard, snapshot, self.rules)
        forgotten = self._absent.forgotten(self.heard.detectors, snapshot.table.leak_places, snapshot.now)
        if forgotten:
            self.heard = self.heard.without(forgotten)

    def hear(self, readings: Iterable[Reading], now: Seconds) -> bool:
        """Take words between two ticks, and tell whether they change a verdict."""
        changed = False
        for reading in readings:
            if reading.quantity is not Quantity.LEAK:
                continue
            before = self.heard.detectors.get(reading.place) or Detector()
            code = None if reading.value is None else float(reading.value)
            if says_nothing_new(before, code, reading.quality):
                continue  # the next tick hears it from the snapshot
            meant = self.heard.verdict(reading.place, now, self.rules)
            after = hear(before, code, reading.quality, reading.taken_at, self.rules)
            self.heard = self.heard.told({reading.place: after})
            changed |= meant is not self.heard.verdict(reading.place, now, self.rules)
        return changed

    def fresh(self, now: Seconds) -> Heard:
        """Return them as they speak now, old critical words left aside.

        One that is gone can never say dry again and counts as dry; the latch's record tells what it said.
        """
        wet = {p: d._replace(critical_since=None) for p, d in self.heard.detectors.items() if p not in self.heard.dry}
        fresh = self.heard.told(wet)
        gone = self._absent.gone(fresh.detectors, now)
        return fresh.told({place: dried(fresh.detectors[place], now) for place in gone})

    def gone_with(self, place: Place, now: Seconds, unix_ns: int) -> list[Evidence]:
        """Return the detectors of a tray, or of the rack, that were wet and are no longer there, with words for it."""
        return [
            Evidence(
                at, f"{leaf_of(at)} was {self.heard.verdict(at, now, self.rules)}, and is no longer there", unix_ns
            )
            for at in sorted(self._absent.gone(self.heard.detectors, now))
            if place in (tray_of(at), self.rack)
        ]

    def cleared(self, place: Place, gone: Iterable[Evidence]) -> None:
        """Judge the detectors of a tray, or of the rack, anew by what they say from now on; forget those `gone`."""
        self.heard = self.heard.without({evidence.place for evidence in gone})
        mine = {
            at: detector._replace(critical_since=None, cleared_to=detector.heard_at)
            for at, detector in self.heard.detectors.items()
            if at not in self.heard.dry and place in (tray_of(at), self.rack)
        }
        self.heard = self.heard.told(mine)
