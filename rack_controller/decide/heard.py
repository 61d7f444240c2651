"""What is kept of a rack's leak detectors, and one tick's words into it.  Pure.

Nearly every detector is dry all its life.  One whose newest word is dry and that never said anything else is in `dry`:
it costs a comparison of columns and nothing more, and its memory is brought up to date only when that ends.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import CRITICAL, DRY, Detector, DetectorSight, Verdict, hear, is_plain, judge
from rack_controller.model.interlock import DetectorRules
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.table import SeriesTable

NEVER = Seconds(float("-inf"))
_GOOD = int(Quality.GOOD)
_QUALITIES = {int(quality): quality for quality in Quality}
Sights = Mapping[Place, tuple[DetectorSight, ...]]
"""The detectors of each tray with their verdicts."""


@dataclass(frozen=True)
class Heard:
    """The memory of every detector by place, with those that are `dry`: at the tick `at` all of them said so, lately
    enough.  Their own `heard_at` may lag behind."""

    detectors: Mapping[Place, Detector] = field(default_factory=dict)
    dry: frozenset[Place] = frozenset()
    at: Seconds = NEVER

    def told(self, changed: Mapping[Place, Detector]) -> "Heard":
        """Return it with the memory of some detectors replaced: they are judged by it from now on."""
        if not changed:
            return self
        return replace(self, detectors={**self.detectors, **changed}, dry=self.dry.difference(changed))

    def without(self, gone: Collection[Place]) -> "Heard":
        """Return it without some detectors."""
        if not gone:
            return self
        left = {place: d for place, d in self.detectors.items() if place not in gone}
        return replace(self, detectors=left, dry=self.dry.difference(gone))

    def verdict(self, place: Place, now: Seconds, rules: DetectorRules) -> Verdict:
        """Return what one detector means at `now`."""
        return Verdict.DRY if place in self.dry else judge(self.detectors.get(place) or Detector(), now, rules)

    def sights(self, now: Seconds, rules: DetectorRules, blind: Collection[Place] = ()) -> Sights:
        """Return what every detector means at `now`, by tray; `blind`: trays whose controller cannot know yet."""
        if not self.doubtful:
            return self._dry_sights
        seen = dict(self._dry_sights)
        for tray, detectors in self.doubtful.items():
            seen[tray] = tuple(
                DetectorSight(
                    place,
                    detector.label,
                    Verdict.DRY if place in self.dry else judge(detector, now, rules, blind=tray in blind),
                )
                for place, detector in detectors.items()
            )
        return seen

    @cached_property
    def _by_tray(self) -> dict[Place, dict[Place, Detector]]:
        found: dict[Place, dict[Place, Detector]] = {}
        for place, detector in self.detectors.items():
            found.setdefault(tray_of(place), {})[place] = detector
        return found

    @cached_property
    def doubtful(self) -> Mapping[Place, Mapping[Place, Detector]]:
        """Return the trays of which not every detector is `dry`, each with all of its detectors."""
        return {tray: them for tray, them in self._by_tray.items() if not self.dry.issuperset(them)}

    @cached_property
    def _dry_sights(self) -> dict[Place, tuple[DetectorSight, ...]]:
        return {
            tray: tuple(DetectorSight(place, d.label, Verdict.DRY) for place, d in them.items())
            for tray, them in self._by_tray.items()
            if tray not in self.doubtful
        }

    @cached_property
    def _dry_columns(self) -> dict[int, NDArray[np.bool_]]:
        return {}

    def dry_columns(self, table: SeriesTable) -> NDArray[np.bool_]:
        """Return which of the table's leak columns belong to detectors that are `dry`."""
        known = self._dry_columns.get(table.table_id)
        if known is None:
            places = [table.gauges[column].place for column in leak_columns(table)]
            known = self._dry_columns[table.table_id] = np.array([p in self.dry for p in places], dtype=np.bool_)
        return known


def leak_columns(table: SeriesTable) -> NDArray[np.intp]:
    """Return the columns of a table that hold words of leak detectors."""
    return table.columns_of(Quantity.LEAK)


def hear_all(before: Heard, snapshot: Snapshot, rules: DetectorRules) -> Heard:
    """Return the memory after this snapshot; the very same object, later, when everybody was dry and is."""
    table, columns = snapshot.table, leak_columns(snapshot.table)
    taken_at, values, quality = snapshot.taken_at[columns], snapshot.gauges[columns], snapshot.quality[columns]
    lately = snapshot.now - taken_at <= rules.silent_s
    plain = (values == DRY) & (quality == _GOOD) & lately
    news = ~(plain & before.dry_columns(table))
    lost = before.dry.difference(table.leak_places)
    if not lost and not news.any():
        return before if before.at == snapshot.now else _later(before, snapshot.now)
    changed = {place: before.detectors[place]._replace(heard_at=before.at) for place in lost}
    dry = set(before.dry - lost)
    for n in np.flatnonzero(news).tolist():
        series = table.gauges[columns[n]]
        place, known = series.place, before.detectors.get(series.place)
        after = _hear(known, series.label, values.item(n), quality.item(n), taken_at.item(n), rules)
        if after is not known:
            changed[place] = after
        if plain.item(n) and is_plain(after):
            dry.add(place)
        else:
            dry.discard(place)
    if not changed and dry == before.dry:
        return _later(before, snapshot.now)
    return Heard({**before.detectors, **changed}, frozenset(dry), snapshot.now)


def _later(heard: Heard, now: Seconds) -> Heard:
    """Return the same at a later tick, with all that was worked out of it."""
    later = Heard(heard.detectors, heard.dry, now)
    later.__dict__.update({**heard.__dict__, "at": now})
    return later


def _hear(
    before: Detector | None, label: str, value: float, quality: int, taken_at: float, rules: DetectorRules
) -> Detector:
    """Return a detector's memory after the word that stands in its column."""
    known = before or Detector()
    if known.label != label:  # its first word may have come before it had a column
        known = known._replace(label=label)
    if taken_at != taken_at or (taken_at == known.heard_at and value != CRITICAL):  # else it was heard when it came
        return known
    return hear(known, None if value != value else value, _QUALITIES[quality], Seconds(taken_at), rules)
