"""What every tray's tree has: systems, chassis, sensors, leaks, a locate light.  Found by links, not by names."""

from dataclasses import dataclass

from firmware_bridge.drivers.redfish.planner import POWER, SAFETY, Planner
from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.redfish.documents import EnvironmentMetrics, PoweredPart
from firmware_bridge.wire.redfish.enclosures import Listed, can_be_reset, holders
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.numbers import locate_code, power_state_code
from firmware_bridge.wire.redfish.plan import Extract, state_extract
from firmware_bridge.wire.redfish.units import of_a_part


@dataclass(frozen=True, slots=True)
class Enclosure:
    """The top of an endpoint's tree.  `sensors` maps each sensor collection to its members."""

    systems: Listed
    chassis: Listed
    sensors: dict[str, Listed]

    @property
    def host(self) -> tuple[str, Document] | None:
        """Return the system that can be switched: the one with a reset action, else the first."""
        for uri, document in self.systems:
            if can_be_reset(document):
                return uri, document
        return self.systems[0] if self.systems else None

    def sensor(self, uri: str) -> tuple[str, Document] | None:
        """Return (collection, document) of a sensor."""
        for collection, members in self.sensors.items():
            for member, document in members:
                if member == tidy(uri):
                    return collection, document
        return None


async def look_at(tree: Tree) -> Enclosure:
    """Fetch systems, chassis and all their sensors: one request per collection where `$expand` works."""
    root = tree.documents[ROOT]
    systems = await tree.below(root, "Systems")
    chassis = await tree.below(root, "Chassis")
    sensors = [u for _, document in chassis if (u := link_of(document, "Sensors")) is not None]
    return Enclosure(systems, chassis, await tree.listings(sensors))


async def plan_states(planner: Planner, found: Enclosure, host_first: bool = True) -> str | None:
    """Plan power state and locate light of the tray; return where the light is: the URI, `#` and its property.

    `host_first` false: the enclosure's own state counts, as for a shelf whose controller shows a system of no meaning.
    """
    power, light = planner.hint("power_state"), planner.hint("locate")
    host = [found.host] if found.host is not None else []
    candidates = [*host, *enclosures(found)] if host_first else [*enclosures(found), *host]
    if power is None:
        power = next((u for u, d in candidates if "PowerState" in d), None)
    lamp = "LocationIndicatorActive"
    if light is None:
        light = next((u for u, d in candidates if isinstance(d.get(lamp), bool)), None)
    if light is None and (older := next((u for u, d in candidates if isinstance(d.get("IndicatorLED"), str)), None)):
        light, lamp = older, "IndicatorLED"
    state = planner.series("", Quantity.POWER_STATE, SAFETY)
    if power is None:
        planner.promise(state)
    else:
        planner.from_document(power, PoweredPart, state_extract(state, "PowerState", power_state_code))
    if light is not None:
        series = planner.series("", Quantity.LOCATE, SAFETY if light == power else None)
        planner.from_document(light, PoweredPart, state_extract(series, lamp, locate_code))
    return f"{planner.tree.spelled(tidy(light))}#{lamp}" if light is not None else None


async def plan_tray_power(planner: Planner, found: Enclosure) -> None:
    """Plan the tray's own power.

    In this order: the generation's hint; `EnvironmentMetrics.PowerWatts` of an enclosure; the only power sensor that an
    enclosure has, those left out that say they are a part's.  Several power sensors and no hint: none, because a wrong
    choice would look like a measurement; what is left then is an older Power (`plan_older_power`).
    """
    series = planner.series("", Quantity.POWER, POWER)
    hinted = planner.hint("power")
    if hinted is not None:
        known = found.sensor(hinted)
        if known is None:
            await planner.tree.get(hinted)
        if known is not None or hinted in planner.tree.documents:
            planner.sensor(hinted, series)
    for _, document in enclosures(found):
        if not planner.wants(series):
            return
        metrics = link_of(document, "EnvironmentMetrics")
        body = await planner.tree.get(metrics)
        if metrics is not None and body is not None and _has_reading(body, "PowerWatts"):
            planner.excerpt(metrics, EnvironmentMetrics, "PowerWatts", series)
            return
        collection = link_of(document, "Sensors")
        members = found.sensors.get(tidy(collection), []) if collection else []
        powers = [(u, d) for u, d in members if d.get("ReadingType") == "Power"]
        watts = [u for u, d in powers if not of_a_part(d.get("PhysicalContext"))]
        if len(watts) == 1:
            planner.sensor(watts[0], series)


def enclosures(found: Enclosure) -> Listed:
    """Return the chassis that hold the host: those that say so first, inner parts left out."""
    return holders(found.chassis, None if found.host is None else tidy(found.host[0]))


def _has_reading(document: Document, name: str) -> bool:
    excerpt = document.get(name)
    return isinstance(excerpt, dict) and "Reading" in excerpt


def plan_other_sensors(planner: Planner, found: Enclosure) -> None:
    """Plan every sensor that nothing else reads."""
    for collection, members in found.sensors.items():
        planner.other_sensors(collection, members)


__all__ = [
    "Enclosure",
    "Extract",
    "Listed",
    "enclosures",
    "look_at",
    "plan_other_sensors",
    "plan_states",
    "plan_tray_power",
]
