"""How damp the air is: a dew point that a device says, else one from humidity and temperature at the same place.

A dew point belongs to air, so the two must be of the same air: the pair that an EnvironmentMetrics names, or a humidity
sensor and the only temperature of its collection with the same PhysicalContext.  Two that might belong together do not
make a dew point: a warm board's temperature with the room's humidity would look like a measurement.
"""

from collections.abc import Iterable

from firmware_bridge.drivers.redfish.enclosure import Enclosure, Listed
from firmware_bridge.drivers.redfish.planner import SLOW, Planner
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.wire.redfish.documents import EnvironmentMetrics
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.units import scale_of

_STATED, _AIR, _HUMIDITY = "DewPointCelsius", "TemperatureCelsius", "HumidityPercent"
_PLACE = "air"


async def plan_air(planner: Planner, holders: Iterable[Document]) -> None:
    """Plan what the EnvironmentMetrics of units and chassis say of the air; after all sensors have their names."""
    for holder in holders:
        uri = link_of(holder, "EnvironmentMetrics")
        metrics = await planner.tree.get(uri)
        if uri is None or metrics is None:
            continue
        if _number_of(metrics, _STATED):
            planner.excerpt(uri, EnvironmentMetrics, _STATED, planner.series(_PLACE, Quantity.DEW_POINT, SLOW, _STATED))
        elif _number_of(metrics, _HUMIDITY) and _number_of(metrics, _AIR):
            air = _read(planner, uri, metrics, _AIR, Quantity.TEMPERATURE)
            humidity = _read(planner, uri, metrics, _HUMIDITY, Quantity.HUMIDITY)
            if air is not None and humidity is not None:
                planner.add_dew_point(air, humidity)


def plan_dew_points(planner: Planner, found: Enclosure) -> None:
    """Plan the dew point at every humidity sensor that has one temperature beside it."""
    for members in found.sensors.values():
        for uri, document in members:
            humidity = planner.read_as(uri, Quantity.HUMIDITY) if _is(document, Quantity.HUMIDITY) else None
            if humidity is None:
                continue
            air = planner.read_as(beside, Quantity.TEMPERATURE) if (beside := _beside(document, members)) else None
            if air is not None:
                planner.add_dew_point(air, humidity)


def _read(planner: Planner, uri: str, metrics: Document, name: str, quantity: Quantity) -> Series | None:
    """Return as what an excerpt is read: its sensor, where that is read already, else the excerpt itself."""
    excerpt = metrics[name]
    sensor = excerpt.get("DataSourceUri") if isinstance(excerpt, dict) else None
    known = planner.read_as(sensor, quantity) if isinstance(sensor, str) else None
    if known is not None:
        return known
    series = planner.series(_PLACE, quantity, SLOW, name)
    return series if planner.excerpt(uri, EnvironmentMetrics, name, series) else None


def _beside(humidity: Document, members: Listed) -> str:
    """Return the only temperature of a sensor's collection that is measured where it is, empty for none or several."""
    context = humidity.get("PhysicalContext")
    near = [u for u, d in members if _is(d, Quantity.TEMPERATURE) and d.get("PhysicalContext") == context]
    return tidy(near[0]) if len(near) == 1 else ""


def _is(sensor: Document, quantity: Quantity) -> bool:
    scale = scale_of(sensor.get("ReadingType"), sensor.get("ReadingUnits"), sensor.get("ReadingBasis"))
    return scale.quantity is quantity


def _number_of(metrics: Document, name: str) -> bool:
    excerpt = metrics.get(name)
    return isinstance(excerpt, dict) and "Reading" in excerpt
