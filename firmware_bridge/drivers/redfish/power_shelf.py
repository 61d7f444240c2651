"""A power shelf's controller: shelf totals and every supply become Readings; nothing is decided here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from firmware_bridge.drivers.redfish.air import plan_dew_points
from firmware_bridge.drivers.redfish.enclosure import (
    Enclosure,
    enclosures,
    look_at,
    plan_other_sensors,
    plan_states,
)
from firmware_bridge.drivers.redfish.older import (
    older_resources,
    plan_older_power,
    plan_older_rows,
    plan_older_supplies,
)
from firmware_bridge.drivers.redfish.output import Outputs
from firmware_bridge.drivers.redfish.planner import POWER, SLOW, Planner
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.drivers.redfish.supplies import Supplies, find_supplies, supply_name
from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.wire.redfish.documents import EnvironmentMetrics, PoweredPart, PowerSupplyMetrics
from firmware_bridge.wire.redfish.guard import Document, scrub
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.numbers import health_code, power_state_code, running_code
from firmware_bridge.wire.redfish.plan import Plan, state_extract

_SLOW_PERIOD = 10.0
_RATE_SHARE = 0.9
# PMBus's own words (READ_PIN, READ_VOUT, …) and the plain ones, as whole words of a sensor's id.
_OUT = re.compile(r"(?:^|[_\W])(?:[piv]?out|output)(?:$|[_\W\d])", re.IGNORECASE)
_IN = re.compile(r"(?:^|[_\W])(?:[piv]?in|input)(?:$|[_\W\d])", re.IGNORECASE)
_CORE = {
    ("Power", "out"): Quantity.POWER,
    ("Power", "in"): Quantity.POWER_INPUT,
    ("Voltage", "out"): Quantity.VOLTAGE,
    ("Current", "out"): Quantity.CURRENT,
}
# What a supply measures at its input stands at a part of its own, as on a serial shelf.
_AT_INPUT = {("Voltage", "in"): Quantity.VOLTAGE, ("Current", "in"): Quantity.CURRENT}


@dataclass(frozen=True, slots=True)
class RedfishPowerShelf(Outputs, Supplies, RedfishSource):
    """A PowerShelf over Redfish.

    Hints: `power`, `power_input`, `voltage`, `current`, `temperature` (sensor URIs of the shelf), `power_state`,
    `output_on`, `output_off` (actions that switch its output; without them nothing switches it).
    Without them the shelf's output is its one output power sensor, else the sum of its supplies.
    """

    async def make_plan(self, tree: Tree) -> tuple[Plan, str | None]:
        """Find the shelf's totals, its supplies and all other sensors."""
        planner = Planner(tree, self.tray, self.hints)
        found = await look_at(tree)
        light = await plan_states(planner, found, host_first=False)
        supplies = await find_supplies(tree, found)
        linked = [_sensors_of(s) for _, s in supplies]
        theirs = {u for uris in linked for u in uris}
        theirs.update([u for _, s in supplies for u in await _sources_of(tree, s)])
        await _plan_totals(planner, found, theirs)
        count = sum(len(m) for m in found.sensors.values())
        rate = 2 + len(supplies) + (count + len(supplies)) / _SLOW_PERIOD
        affordable = bool(tree.expand) or rate <= self.link.limits.requests_per_second * _RATE_SHARE
        parts = POWER if affordable else SLOW
        powers = [
            await _plan_supply(planner, found, index, supply, uris, parts)
            for index, (supply, uris) in enumerate(zip(supplies, linked, strict=True))
        ]
        older = await older_resources(planner, found)
        output = planner.series("", Quantity.POWER, parts)
        if supplies:
            planner.add_sum(output, [p for p in powers if p is not None])
            planner.promise(output)
        else:
            planner.add_sum(planner.series("", Quantity.POWER, POWER), plan_older_supplies(planner, older))
            plan_older_power(planner, older)
        plan_other_sensors(planner, found)
        plan_dew_points(planner, found)
        plan_older_rows(planner, older)
        names = (supply_name(index) for index in range(len(supplies)))
        return replace(planner.plan(), supplies=frozenset(planner.place(name) for name in names)), light


def _sensors_of(supply: Document) -> list[str]:
    """Return the sensors that a supply names as its own (a list that some controllers add to the schema)."""
    listed = supply.get("Sensors")
    return [tidy(u) for s in listed if (u := link_of(s)) is not None] if isinstance(listed, list) else []


async def _sources_of(tree: Tree, supply: Document) -> list[str]:
    """Return the sensors that a supply's PowerSupplyMetrics takes its excerpts from: they are its own too."""
    metrics = await tree.get(link_of(supply, "Metrics")) or {}
    excerpts = [e for value in metrics.values() for e in (value if isinstance(value, list) else [value])]
    found = [e.get("DataSourceUri") for e in excerpts if isinstance(e, dict)]
    return [tidy(uri) for uri in found if isinstance(uri, str)]


async def _plan_supply(
    planner: Planner,
    found: Enclosure,
    index: int,
    supply: tuple[str, Document],
    sensors: list[str],
    reading_class: ReadingClass,
) -> Series | None:
    """Plan one supply; return the series of its output power, None when it gives none."""
    uri, document = supply
    name, label = supply_name(index), scrub(document.get("Id"), 128)
    state = planner.series(name, Quantity.POWER_STATE, SLOW, label)
    health = planner.series(name, Quantity.HEALTH, SLOW, label)
    stated = ("Status", running_code) if "PowerState" not in document else ("PowerState", power_state_code)
    planner.from_document(uri, PoweredPart, state_extract(state, *stated))
    planner.from_document(uri, PoweredPart, state_extract(health, "Status", health_code))
    await _plan_metrics(planner, document, name, label, reading_class)
    for sensor, collection, body in _known(found, sensors):
        quantity = _core_quantity(body)
        if quantity is not None:
            chosen = reading_class if quantity is Quantity.POWER else SLOW
            planner.sensor(sensor, planner.series(name, quantity, chosen, label), collection)
        elif (quantity := _input_quantity(body)) is not None:
            planner.sensor(sensor, planner.series(f"{name}_input", quantity, SLOW, label), collection)
    output = planner.series(name, Quantity.POWER, reading_class, label)
    given = not planner.wants(output)
    planner.promise(output)
    return output if given else None


async def _plan_metrics(planner: Planner, supply: Document, name: str, label: str, reading_class: ReadingClass) -> None:
    """Plan what a supply's own PowerSupplyMetrics gives; where it is there, it is the standard's way."""
    metrics = link_of(supply, "Metrics")
    body = await planner.tree.get(metrics)
    if metrics is None or body is None:
        return
    for prop, quantity in (
        ("OutputPowerWatts", Quantity.POWER),
        ("InputPowerWatts", Quantity.POWER_INPUT),
        ("TemperatureCelsius", Quantity.TEMPERATURE),
    ):
        if prop in body:
            planner.excerpt(metrics, PowerSupplyMetrics, prop, planner.series(name, quantity, reading_class, label))


async def _plan_totals(planner: Planner, found: Enclosure, theirs: set[str]) -> None:
    """Plan the shelf's own totals from hints, then from the only sensor of its kind that no supply claims."""
    for name in ("power", "power_input", "voltage", "current", "temperature"):
        hinted = planner.hint(name)
        known = found.sensor(hinted) if hinted is not None else None
        if hinted is not None and known is not None:
            planner.sensor(hinted, _total(planner, Quantity(name)))
    shelf = [(u, d) for members in found.sensors.values() for u, d in members if u not in theirs]
    for quantity in _CORE.values():
        matching = [u for u, d in shelf if _core_quantity(d) is quantity]
        if len(matching) == 1 and planner.wants(_total(planner, quantity)):
            planner.sensor(matching[0], _total(planner, quantity))
    warmth = _total(planner, Quantity.TEMPERATURE)
    for _, chassis in enclosures(found):
        metrics = link_of(chassis, "EnvironmentMetrics")
        body = await planner.tree.get(metrics) if planner.wants(warmth) else None
        if metrics is not None and body is not None and "TemperatureCelsius" in body:
            planner.excerpt(metrics, EnvironmentMetrics, "TemperatureCelsius", warmth)


def _total(planner: Planner, quantity: Quantity) -> Series:
    return planner.series("", quantity, POWER if quantity is Quantity.POWER else SLOW)


def _known(found: Enclosure, sensors: list[str]) -> Iterator[tuple[str, str, Document]]:
    for uri in sensors:
        known = found.sensor(uri)
        if known is not None:
            yield uri, known[0], known[1]


def _core_quantity(sensor: Document) -> Quantity | None:
    """Return which core series a supply's sensor is, None when it is none of them.

    Direction comes from `PhysicalSubContext`, else from the id's own words.
    """
    kind = sensor.get("ReadingType")
    if kind == "Temperature":
        return Quantity.TEMPERATURE
    if kind == "Rotational":
        return Quantity.FAN_SPEED
    return _CORE.get((kind, _direction(sensor))) if isinstance(kind, str) else None


def _input_quantity(sensor: Document) -> Quantity | None:
    """Return what a supply's sensor measures at its input, None when it is none of that.

    A frequency is always the input's: what comes out is DC.
    """
    kind = sensor.get("ReadingType")
    if kind == "Frequency":
        return Quantity.FREQUENCY
    return _AT_INPUT.get((kind, _direction(sensor))) if isinstance(kind, str) else None


def _direction(sensor: Document) -> str:
    stated = {"Input": "in", "Output": "out"}.get(str(sensor.get("PhysicalSubContext")))
    if stated is not None:
        return stated
    name = scrub(sensor.get("Id"), 128)
    return "out" if _OUT.search(name) else "in" if _IN.search(name) else ""
