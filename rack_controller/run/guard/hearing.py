"""What one rack's leak detectors said, kept until a person clears what they tripped."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import Detector, dried, hear, judge, says_nothing_new
from rack_controller.decide.picture import hear_all
from rack_controller.model.interlock import DetectorRules
from rack_controller.model.latch import Evidence
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.guard.absent import Absent


@dataclass(slots=True)
class Hearing:
    """The memory of the detectors of `rack`, by place."""

    rack: Place
    rules: DetectorRules
    detectors: dict[Place, Detector] = field(default_factory=dict)
    _absent: Absent = field(default_factory=Absent)

    def look(self, snapshot: Snapshot) -> None:
        """Take what a tick heard, and forget dry detectors that are gone."""
        heard = hear_all(self.detectors, snapshot, self.rules)
        table = snapshot.table
        declared = {table.gauges[column].place for column in table.columns_by_quantity.get(Quantity.LEAK, ())}
        self.detectors = self._absent.forget_dry(heard, declared, snapshot.now)

    def hear(self, readings: Iterable[Reading], now: Seconds) -> bool:
        """Take words between two ticks, and tell whether they change a verdict."""
        changed = False
        for reading in readings:
            if reading.quantity is not Quantity.LEAK:
                continue
            before = self.detectors.get(reading.place) or Detector()
            code = None if reading.value is None else float(reading.value)
            if says_nothing_new(before, code, reading.quality):
                continue  # the next tick hears it from the snapshot
            after = hear(before, code, reading.quality, reading.taken_at, self.rules)
            self.detectors[reading.place] = after
            changed |= judge(before, now, self.rules) is not judge(after, now, self.rules)
        return changed

    def fresh(self, now: Seconds) -> dict[Place, Detector]:
        """Return them as they speak now, old critical words left aside.

        One that is gone can never say dry again and counts as dry; the latch's record tells what it said.
        """
        fresh = {place: d._replace(critical_since=None) for place, d in self.detectors.items()}
        return fresh | {place: dried(fresh[place], now) for place in self._absent.gone(fresh, now)}

    def gone_with(self, place: Place, now: Seconds, unix_ns: int) -> list[Evidence]:
        """Return the detectors of a tray, or of the rack, that were wet and are no longer there, with words for it."""
        return [
            Evidence(
                at, f"{leaf_of(at)} was {judge(self.detectors[at], now, self.rules)}, and is no longer there", unix_ns
            )
            for at in sorted(self._absent.gone(self.detectors, now))
            if place in (tray_of(at), self.rack)
        ]

    def cleared(self, place: Place, gone: Iterable[Evidence]) -> None:
        """Judge the detectors of a tray, or of the rack, anew by what they say from now on; forget those `gone`."""
        for evidence in gone:
            self.detectors.pop(evidence.place, None)
        for at, detector in self.detectors.items():
            if place in (tray_of(at), self.rack):
                self.detectors[at] = detector._replace(critical_since=None)
