"""Thermal and Power, read live where an enclosure's sensors do not say the same; nothing is decided here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firmware_bridge.drivers.redfish.enclosure import Enclosure
from firmware_bridge.drivers.redfish.planner import POWER, SLOW, Planner
from firmware_bridge.vocabulary.place import slug
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.wire.redfish.documents import Power, Resource, Thermal
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.legacy import (
    ROWS,
    SAME,
    Row,
    absent,
    label_of,
    line_of,
    members,
    property_of,
    scale_in,
)
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.numbers import health_code, number
from firmware_bridge.wire.redfish.plan import Extract, Line
from firmware_bridge.wire.redfish.units import Scale, of_a_part, scale_of

_KINDS: dict[str, type[Resource]] = {"Thermal": Thermal, "Power": Power}


@dataclass(frozen=True, slots=True)
class Older:
    """One Thermal or Power of an enclosure, and the quantities that the enclosure's own sensors give."""

    uri: str
    schema: str
    document: Document
    sensed: frozenset[Quantity]
    newer: bool = False  # the enclosure links to the subsystem that took its place

    def rows(self, array: str = "") -> Iterator[tuple[Row, int, Document]]:
        """Yield (row, position, member) of what no sensor says, members without a number left out."""
        for row in ROWS:
            if row.schema != self.schema or (array and row.array != array):
                continue
            if not self.sensed.isdisjoint(SAME.get(row.quantity, (row.quantity,))):
                continue
            for index, member in members(self.document, row.array):
                if property_of(row, member) and not absent(member):
                    yield row, index, member


async def older_resources(planner: Planner, found: Enclosure) -> list[Older]:
    """Return every Thermal and Power that the enclosures link to, each once."""
    older: dict[str, Older] = {}
    for _, chassis in found.chassis:
        collection = link_of(chassis, "Sensors")
        sensors = found.sensors.get(tidy(collection), []) if collection else []
        numbered = [(_scale(d).quantity, d) for _, d in sensors if number(d.get("Reading")) is not None]
        # A supply's own watts are not what PowerControl says of the whole.
        sensed = frozenset(q for q, d in numbered if q is not Quantity.POWER or not of_a_part(d.get("PhysicalContext")))
        for schema in _KINDS:
            uri = link_of(chassis, schema)
            document = await planner.tree.get(uri)
            if uri is not None and document is not None:
                newer = f"{schema}Subsystem" in chassis
                older.setdefault(tidy(uri), Older(tidy(uri), schema, document, sensed, newer))
    return list(older.values())


def plan_older_power(planner: Planner, older: Sequence[Older]) -> None:
    """Plan the tray's own power, where nothing newer gives it, from the only PowerControl with a number.

    Of several the only one that does not say that it is about a part (`PhysicalContext`: the CPUs, the memory).  Where
    that leaves several none speaks for the tray: its power is promised and stays unknown.
    """
    power = planner.series("", Quantity.POWER, POWER)
    controls = [(o, row, n, m) for o in older for row, n, m in o.rows("PowerControl")]
    if len(controls) > 1:
        controls = [c for c in controls if not of_a_part(c[3].get("PhysicalContext"))]
    if len(controls) == 1:
        _plan_row(planner, *controls[0], power)
    planner.promise(power)


def plan_older_supplies(planner: Planner, older: Sequence[Older]) -> list[Series]:
    """Plan `psuN` for the supplies that only Power knows; return the series of their output power."""
    outputs: list[Series] = []
    first = 0
    for resource in older:
        for index, member in members(resource.document, "PowerSupplies"):
            if absent(member) or resource.schema != "Power" or resource.newer:
                continue
            name, label = f"psu{first}", label_of(member, index)
            first += 1
            health = planner.series(name, Quantity.HEALTH, SLOW, label)
            line = Line((index,), *line_of(member, resource.document, "PowerSupplies"))
            planner.from_document(
                *(resource.uri, Power),
                Extract(health, "PowerSupplies", part="Status", convert=health_code, ignore_state=True, line=line),
            )
            for row, at, _ in resource.rows("PowerSupplies"):
                if at == index:
                    series = planner.series(name, row.quantity, POWER, label)
                    _plan_row(planner, resource, row, index, member, series)
                    outputs += [series] if row.quantity is Quantity.POWER else []
    return outputs


def plan_older_rows(planner: Planner, older: Sequence[Older]) -> None:
    """Plan every other row under its own name, in the slow class."""
    for resource in older:
        for row, index, member in resource.rows():
            if row.array in ("PowerSupplies", "PowerControl"):
                continue
            scale, _ = scale_in(row, member, property_of(row, member))
            label = label_of(member, index)
            _plan_row(planner, resource, row, index, member, planner.unused(slug(label), scale.quantity, label))


def _plan_row(planner: Planner, resource: Older, row: Row, index: int, member: Document, series: Series) -> None:
    name = property_of(row, member)
    scale, _ = scale_in(row, member, name)
    if scale.unit != series.unit and scale.quantity is not Quantity.VALUE:
        return
    line = Line((index,), *line_of(member, resource.document, row.array))
    extract = Extract(series, row.array, name, factor=scale.factor, offset=scale.offset, line=line)
    planner.from_document(resource.uri, _KINDS[resource.schema], extract)


def _scale(sensor: Document) -> Scale:
    return scale_of(sensor.get("ReadingType"), sensor.get("ReadingUnits"), sensor.get("ReadingBasis"))
