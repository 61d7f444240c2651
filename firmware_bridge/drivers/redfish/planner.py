"""Builds a plan while a driver discovers: core series first, then every other sensor under its own name."""

from collections.abc import Mapping, Sequence
from typing import Any

from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.vocabulary.place import Place, join_place, slug
from firmware_bridge.vocabulary.quantities import SPECS, Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.wire.redfish.documents import Decoder, Excerpt, Resource, Sensor
from firmware_bridge.wire.redfish.guard import Document, scrub
from firmware_bridge.wire.redfish.links import local_path, tidy
from firmware_bridge.wire.redfish.plan import Extract, Fetch, Plan, Sum
from firmware_bridge.wire.redfish.units import Scale, scale_of

_MOST_SENSORS = 2_000
SAFETY, POWER, SLOW = ReadingClass.SAFETY, ReadingClass.POWER, ReadingClass.SLOW


class Planner:
    """Collects extracts for one tray and turns them into the fewest fetches.

    Every (place, quantity) is given out once; a second sensor of the same name gets a number after it.
    """

    def __init__(self, tree: Tree, tray: Place, hints: Mapping[str, Any]) -> None:
        self.tree, self.tray, self.hints = tree, tray, hints
        self._taken: set[tuple[Place, Quantity]] = set()
        self._single: dict[tuple[ReadingClass, str, type[Resource]], list[Extract]] = {}
        self._collected: dict[tuple[ReadingClass, str, type[Resource]], list[Extract]] = {}
        self._sums: list[Sum] = []
        self._absent: list[Series] = []
        self._used: set[str] = set()

    def place(self, component: str = "") -> Place:
        """Return the tray itself, or a component of it."""
        return join_place(self.tray, component) if component else self.tray

    def series(
        self, component: str, quantity: Quantity, reading_class: ReadingClass | None = None, label: str = ""
    ) -> Series:
        """Return a series of this tray; the class is the quantity's own unless stated."""
        chosen = reading_class or SPECS[quantity].reading_class
        return Series(self.place(component), quantity, chosen, scrub(label, 128))

    def hint(self, name: str) -> str | None:
        """Return the URI that the generation names for a quantity, None when it names none."""
        found = self.hints.get(name)
        return local_path(found) if isinstance(found, str) else None

    def wants(self, series: Series) -> bool:
        """Return True when nobody delivers this place and quantity yet."""
        return (series.place, series.quantity) not in self._taken

    def from_document(self, uri: str, kind: type[Resource], extract: Extract) -> bool:
        """Read `extract` from the document at `uri`.  Returns False when the series is delivered already."""
        return self._take(self._single, uri, kind, extract)

    def from_member(self, collection: str, kind: type[Resource], extract: Extract) -> bool:
        """Read `extract` from a member of a collection: with the whole collection if it expands, else alone."""
        if self.tree.expands(collection):
            return self._take(self._collected, collection, kind, extract)
        return self._take(self._single, extract.member, kind, extract)

    def _take(self, into: dict[Any, list[Extract]], uri: str, kind: type[Resource], extract: Extract) -> bool:
        series = extract.series
        if not self.wants(series):
            return False
        self._taken.add((series.place, series.quantity))
        into.setdefault((series.reading_class, tidy(uri), kind), []).append(extract)
        if kind is Sensor:
            self._used.add(tidy(extract.member or uri))
        return True

    def excerpt(self, uri: str, kind: type[Resource], name: str, series: Series, **how: Any) -> bool:
        """Read a sensor excerpt of the document at `uri` and regard its source sensor as used."""
        document = self.tree.documents.get(tidy(uri), {})
        source = document.get(name)
        sensor = source.get("DataSourceUri") if isinstance(source, dict) else None
        taken = self.from_document(uri, kind, Extract(series, name, **how))
        if taken and isinstance(sensor, str) and how.get("part", "Reading") == "Reading":
            self._used.add(tidy(sensor))
        return taken

    def sensor(self, uri: str, series: Series, collection: str = "", scale: Scale | None = None) -> bool:
        """Read one sensor as `series`, in the unit that its document states (`scale`, where that is known already)."""
        scale = scale or _scale(self.tree.documents.get(tidy(uri), {}))
        extract = Extract(series, "Reading", factor=scale.factor, offset=scale.offset, member=tidy(uri))
        if collection:
            return self.from_member(collection, Sensor, extract)
        return self.from_document(uri, Sensor, extract)

    def other_sensors(self, collection: str, members: Sequence[tuple[str, Document]]) -> None:
        """Read every sensor of a collection that is not used yet, each under the slug of its id, in the slow class."""
        for uri, document in members:
            if tidy(uri) in self._used or len(self._taken) > _MOST_SENSORS:
                continue
            name = scrub(document.get("Id"), 128) or uri.rsplit("/", 1)[-1]
            scale = _scale(document)
            series = self._unused(slug(name), scale.quantity, name)
            self.sensor(uri, series, collection, scale)

    def _unused(self, component: str, quantity: Quantity, label: str) -> Series:
        series = self.series(component, quantity, SLOW, label)
        number = 2
        while not self.wants(series):
            series = self.series(f"{component[:60]}_{number}", quantity, SLOW, label)
            number += 1
        return series

    def add_sum(self, series: Series, parts: Sequence[Series]) -> None:
        """Deliver `series` as the sum of others that are read in the same class."""
        if parts and self.wants(series):
            self._taken.add((series.place, series.quantity))
            self._sums.append(Sum(series, tuple(parts)))

    def promise(self, series: Series) -> None:
        """Deliver `series` as unknown when the device offers nothing for it."""
        if self.wants(series):
            self._taken.add((series.place, series.quantity))
            self._absent.append(series)

    def plan(self) -> Plan:
        """Return the plan; collections are asked with the endpoint's expand query."""
        fetches: dict[ReadingClass, list[Fetch]] = {}
        for (reading_class, uri, kind), extracts in self._collected.items():
            whole = Fetch(uri + self.tree.expand, Decoder(kind, collection=True), tuple(extracts), collection=True)
            fetches.setdefault(reading_class, []).append(whole)
        for (reading_class, uri, kind), extracts in self._single.items():
            fetches.setdefault(reading_class, []).append(Fetch(uri, Decoder(kind), tuple(extracts)))
        return Plan({c: tuple(f) for c, f in fetches.items()}, tuple(self._sums), tuple(self._absent))


def _scale(sensor: Document) -> Scale:
    return scale_of(sensor.get("ReadingType"), sensor.get("ReadingUnits"), sensor.get("ReadingBasis"))


__all__ = ["POWER", "SAFETY", "SLOW", "Excerpt", "Planner"]
