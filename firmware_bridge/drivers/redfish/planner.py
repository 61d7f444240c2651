"""Builds a plan while a driver discovers: core series first, then every other sensor under its own name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.vocabulary.circuit import CIRCUITS, whole
from firmware_bridge.vocabulary.place import Place, join_place, slug
from firmware_bridge.vocabulary.quantities import SPECS, Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.wire.moist_air import WORKED_OUT
from firmware_bridge.wire.redfish.documents import Decoder, Excerpt, MetricValue, Resource, Sensor
from firmware_bridge.wire.redfish.guard import Document, scrub
from firmware_bridge.wire.redfish.links import local_path, tidy
from firmware_bridge.wire.redfish.numbers import UNREADABLE, state_name
from firmware_bridge.wire.redfish.plan import DewPoint, Extract, Fetch, Plan, Sum
from firmware_bridge.wire.redfish.units import Scale, scale_of

_MOST_SENSORS = 2_000
_LEAST_SAVED = 2
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
        self._whole: list[tuple[ReadingClass, Fetch]] = []
        self._sums: list[Sum] = []
        self._absent: list[Series] = []
        self._used: set[str] = set()
        self._sources: dict[tuple[Place, Quantity], str] = {}
        self._dew_points: list[DewPoint] = []
        self._reports: Mapping[str, Mapping[str, str]] = {}

    def use_reports(self, reports: Mapping[str, Mapping[str, str]]) -> None:
        """Take metric reports (`prompt_reports`) into account: where one saves requests, it is read instead."""
        self._reports = reports

    def reported(self, document: Document, name: str) -> bool:
        """Return True when the sensor behind the excerpt `name` of `document` stands in a report, in a known unit."""
        sensor = _source_of(document, name)
        return sensor is not None and self._scale_in_report(sensor) is not None

    def _scale_in_report(self, sensor: str) -> Scale | None:
        """Return how to read a sensor's value in a report, None where no report has it or its unit is not known.

        A report says neither units nor states: a sensor that is not there now is read from its own resource.
        """
        return self._scale_of(sensor) if any(sensor in values for values in self._reports.values()) else None

    def _scale_of(self, sensor: str) -> Scale | None:
        document = self.tree.documents.get(sensor)
        if document is None:
            return None
        status = document.get("Status")
        absent = isinstance(status, dict) and state_name(status.get("State")) in UNREADABLE
        return None if absent else _scale(document)

    def place(self, component: str = "") -> Place:
        """Return the tray itself, or a component of it."""
        return join_place(self.tray, component) if component else self.tray

    def series(
        self, component: str, quantity: Quantity, reading_class: ReadingClass | None = None, label: str = ""
    ) -> Series:
        """Return a series of a whole part of this tray; the class is the quantity's own unless stated."""
        chosen = reading_class or SPECS[quantity].reading_class
        return Series(self.place(component), quantity, chosen, scrub(label, 128), circuit=whole(quantity))

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
            sensor = tidy(extract.member or uri)
            self._used.add(sensor)
            self._sources[series.place, series.quantity] = sensor
        return True

    def excerpt(self, uri: str, kind: type[Resource], name: str, series: Series, **how: Any) -> bool:
        """Read a sensor excerpt of the document at `uri` and regard its source sensor as used."""
        sensor = _source_of(self.tree.documents.get(tidy(uri), {}), name)
        series = _as_stated(series, self.tree.documents.get(sensor or "", {}))
        taken = self.from_document(uri, kind, Extract(series, name, **how))
        if taken and sensor is not None and how.get("part", "Reading") == "Reading":
            self._used.add(sensor)
            self._sources[series.place, series.quantity] = sensor
        return taken

    def sensor(self, uri: str, series: Series, collection: str = "", scale: Scale | None = None) -> bool:
        """Read one sensor as `series`, in the unit that its document states (`scale`, where that is known already)."""
        document = self.tree.documents.get(tidy(uri), {})
        scale = scale or _scale(document)
        series = _as_stated(series, document)
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
            self.sensor(uri, self.unused(slug(name), scale.quantity, name), collection, scale)

    def unused(self, component: str, quantity: Quantity, label: str) -> Series:
        """Return a slow series under a component's name, with a number after it where the name is taken.

        What it is of is not known, so only its own word says over which conductors it goes.
        """
        series = self.series(component, quantity, SLOW, label)
        number = 2
        while not self.wants(series):
            series = self.series(f"{component[:60]}_{number}", quantity, SLOW, label)
            number += 1
        return replace(series, circuit=None)

    def whole(self, reading_class: ReadingClass, fetch: Fetch) -> None:
        """Read a resource as it is for what is not delivered yet; it stays as it is, nothing is moved into reports."""
        wanted = tuple(e for e in fetch.extracts if self.wants(e.series))
        self._taken.update((e.series.place, e.series.quantity) for e in wanted)
        if wanted:
            self._whole.append((reading_class, replace(fetch, extracts=wanted)))

    def add_sum(self, series: Series, parts: Sequence[Series]) -> None:
        """Deliver `series` as the sum of others that are read in the same class."""
        if parts and self.wants(series):
            self._taken.add((series.place, series.quantity))
            self._sums.append(Sum(series, tuple(parts)))

    def read_as(self, sensor: str, quantity: Quantity) -> Series | None:
        """Return as what a sensor of this quantity is read, None when it is not."""
        place = next((p for (p, q), uri in self._sources.items() if uri == tidy(sensor) and q is quantity), None)
        resources = (self._single, self._collected)
        extracts = (e for found in resources for listed in found.values() for e in listed)
        return next((e.series for e in extracts if (e.series.place, e.series.quantity) == (place, quantity)), None)

    def add_dew_point(self, air: Series, humidity: Series) -> None:
        """Deliver the dew point at `humidity`'s place from what is read there, in the same class."""
        series = Series(humidity.place, Quantity.DEW_POINT, humidity.reading_class, WORKED_OUT)
        if air.reading_class is humidity.reading_class and self.wants(series):
            self._taken.add((series.place, series.quantity))
            self._dew_points.append(DewPoint(series, air, humidity))

    def promise(self, series: Series) -> None:
        """Deliver `series` as unknown when the device offers nothing for it."""
        if self.wants(series):
            self._taken.add((series.place, series.quantity))
            self._absent.append(series)

    def plan(self) -> Plan:
        """Return the plan; collections are asked with the endpoint's expand query."""
        sensors = self._told_by_reports()
        fetches: dict[ReadingClass, list[Fetch]] = {}
        for report in self._reports:
            for reading_class in (POWER, SLOW):
                whole = self._moved_to(report, reading_class)
                if whole is not None:
                    fetches.setdefault(reading_class, []).append(whole)
        for key in [*self._collected, *self._single]:
            fetches.setdefault(key[0], []).extend(self._fetches_of(key))
        for reading_class, fetch in self._whole:
            fetches.setdefault(reading_class, []).append(fetch)
        by_class = {c: tuple(f) for c, f in fetches.items()}
        return Plan(by_class, tuple(self._sums), tuple(self._absent), sensors, tuple(self._dew_points))

    def _told_by_reports(self) -> dict[str, tuple[Extract, ...]]:
        """Return how each sensor's value is read where a metric report brings it unasked."""
        found: dict[str, tuple[Extract, ...]] = {}
        for resources in (self._single, self._collected):
            for extract in (e for extracts in resources.values() for e in extracts):
                series = extract.series
                sensor = self._sources.get((series.place, series.quantity), "")
                scale = self._scale_of(sensor) if extract.part == "Reading" and not extract.members else None
                if scale is not None and scale.unit == series.unit:
                    told = Extract(series, "MetricValue", factor=scale.factor, offset=scale.offset, member=sensor)
                    found[sensor] = (*found.get(sensor, ()), told)
        return found

    def _fetches_of(self, key: tuple[ReadingClass, str, type[Resource]]) -> list[Fetch]:
        """Take a resource out of what is collected, as fetches of its own."""
        _, uri, kind = key
        found: list[Fetch] = []
        if extracts := self._collected.pop(key, None):
            array = Decoder(kind, array="Members")
            whole = self.tree.spelled(uri) + self.tree.expand
            found.append(Fetch(whole, array, tuple(extracts), collection=True))
        if extracts := self._single.pop(key, None):
            found.append(Fetch(self.tree.spelled(uri), Decoder(kind), tuple(extracts)))
        return found

    def _moved_to(self, report: str, reading_class: ReadingClass) -> Fetch | None:
        """Take from the plan every resource of a class that `report` makes needless, if it saves requests."""
        values = self._reports[report]
        moved: dict[Any, list[Extract]] = {}
        for resources in (self._single, self._collected):
            for key, extracts in resources.items():
                found = [self._in_report(e, values) for e in extracts] if key[0] is reading_class else [None]
                whole = [e for e in found if e is not None]
                if len(whole) == len(extracts):
                    moved[key] = whole
        if len(moved) < _LEAST_SAVED:
            return None
        instead = [fetch for key in moved for fetch in self._fetches_of(key)]
        reported = tuple(e for whole in moved.values() for e in whole)
        decoder = Decoder(MetricValue, array="MetricValues")
        return Fetch(report, decoder, reported, collection=True, instead=tuple(instead))

    def _in_report(self, extract: Extract, values: Mapping[str, str]) -> Extract | None:
        series = extract.series
        sensor = self._sources.get((series.place, series.quantity), "")
        scale = self._scale_in_report(sensor) if sensor in values and extract.part == "Reading" else None
        if scale is None or scale.unit != series.unit:
            return None
        return Extract(series, "MetricValue", factor=scale.factor, offset=scale.offset, member=values[sensor])


def _as_stated(series: Series, sensor: Document) -> Series:
    """Return the series with the circuit that its sensor states, unchanged where it states none that we know."""
    stated = sensor.get("ElectricalContext")
    circuit = CIRCUITS.get(stated) if isinstance(stated, str) else None
    return series if circuit is None or circuit is series.circuit else replace(series, circuit=circuit)


def _source_of(document: Document, name: str) -> str | None:
    excerpt = document.get(name)
    sensor = excerpt.get("DataSourceUri") if isinstance(excerpt, dict) else None
    return tidy(sensor) if isinstance(sensor, str) else None


def _scale(sensor: Document) -> Scale:
    return scale_of(sensor.get("ReadingType"), sensor.get("ReadingUnits"), sensor.get("ReadingBasis"))


__all__ = ["POWER", "SAFETY", "SLOW", "Excerpt", "Planner"]
