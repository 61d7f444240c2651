"""A coolant distribution unit: loops, pumps, reservoirs, leak detectors, targets; nothing is decided here.

What may be set are the targets of the rack's side, where the unit states a range, and its mode, where it offers that.
"""

from dataclasses import dataclass

from firmware_bridge.drivers.redfish.air import plan_air, plan_dew_points
from firmware_bridge.drivers.redfish.enclosure import (
    Enclosure,
    Listed,
    enclosures,
    look_at,
    plan_other_sensors,
    plan_states,
)
from firmware_bridge.drivers.redfish.leaks import plan_leaks
from firmware_bridge.drivers.redfish.older import older_resources, plan_older_rows
from firmware_bridge.drivers.redfish.planner import SAFETY, SLOW, Planner
from firmware_bridge.drivers.redfish.set_points import SET_POINT, SetPoints
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.drivers.redfish.unit_mode import UnitModes, units_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.redfish.documents import CoolantConnector, Pump, Reservoir, Resource
from firmware_bridge.wire.redfish.guard import scrub
from firmware_bridge.wire.redfish.links import link_of
from firmware_bridge.wire.redfish.numbers import health_code, running_code
from firmware_bridge.wire.redfish.plan import Extract, Plan, state_extract

# One connector is one request: everything on it is read as often as its flow.
_CONNECTOR = (
    ("FlowLitersPerMinute", Quantity.FLOW, 1.0),
    ("SupplyTemperatureCelsius", Quantity.TEMPERATURE_SUPPLY, 1.0),
    ("ReturnTemperatureCelsius", Quantity.TEMPERATURE_RETURN, 1.0),
    ("DeltaTemperatureCelsius", Quantity.TEMPERATURE_DELTA, 1.0),
    ("SupplyPressurekPa", Quantity.PRESSURE_SUPPLY, 1.0),
    ("ReturnPressurekPa", Quantity.PRESSURE_RETURN, 1.0),
    ("DeltaPressurekPa", Quantity.PRESSURE_DELTA, 1.0),
    ("HeatRemovedkW", Quantity.HEAT, 1000.0),
)
# What the unit's own regulation aims for on the rack's side (CoolantConnector 1.1 and later).
_TARGETS = (
    ("FlowControlLitersPerMinute", Quantity.FLOW, "flow_target"),
    ("SupplyTemperatureControlCelsius", Quantity.TEMPERATURE_SUPPLY, "supply_target"),
    ("DeltaPressureControlkPa", Quantity.PRESSURE_DELTA, "pressure_target"),
)
_PROMISED = (
    Quantity.FLOW,
    Quantity.TEMPERATURE_SUPPLY,
    Quantity.TEMPERATURE_RETURN,
    Quantity.PRESSURE_SUPPLY,
    Quantity.PRESSURE_RETURN,
    Quantity.PRESSURE_DELTA,
    Quantity.HEAT,
)


@dataclass(frozen=True, slots=True)
class RedfishCoolantUnit(UnitModes, SetPoints, RedfishSource):
    """A CoolantUnit over Redfish (CoolingUnit, CoolantConnector, Pump, Reservoir).  Hint: `leak_detectors`."""

    async def make_plan(self, tree: Tree) -> tuple[Plan, str | None]:
        """Find the loops, pumps, reservoirs, leak detectors and all other sensors."""
        planner = Planner(tree, self.tray, self.hints)
        units = await units_of(tree)
        found = await look_at(tree)
        for _, unit in units:
            _plan_loop(planner, "", await tree.members(link_of(unit, "SecondaryCoolantConnectors")))
            _plan_loop(planner, "primary", await tree.members(link_of(unit, "PrimaryCoolantConnectors")))
            await _plan_pumps(planner, link_of(unit, "Pumps"))
            await _plan_reservoirs(planner, link_of(unit, "Reservoirs"))
        await plan_leaks(planner, found, units)
        _plan_power_state(planner, found, units)
        light = await plan_states(planner, found)
        for quantity in _PROMISED:
            planner.promise(planner.series("", quantity, SAFETY))
        plan_other_sensors(planner, found)
        await plan_air(planner, [d for _, d in (*units, *found.chassis)])
        plan_dew_points(planner, found)
        plan_older_rows(planner, await older_resources(planner, found))
        return planner.plan(), light


def _plan_power_state(planner: Planner, found: Enclosure, units: Listed) -> None:
    """Plan the unit's own state where no chassis has a PowerState; of several units none speaks for all."""
    if planner.hint("power_state") is not None or any("PowerState" in d for _, d in enclosures(found)):
        return
    if len(units) == 1 and "Status" in units[0][1]:
        state = planner.series("", Quantity.POWER_STATE, SAFETY)
        planner.from_document(units[0][0], Resource, state_extract(state, "Status", running_code))


def _plan_loop(planner: Planner, component: str, connectors: Listed) -> None:
    """Plan one loop; its first connector carries the loop's name, further ones a number after it."""
    for index, (uri, document) in enumerate(connectors):
        name = component if index == 0 else f"{component or 'secondary'}{index}"
        for prop, quantity, factor in _CONNECTOR:
            if prop in document:
                series = planner.series(name, quantity, SAFETY, scrub(document.get("Name"), 128))
                planner.excerpt(uri, CoolantConnector, prop, series, factor=factor)
        for prop, quantity, target in _TARGETS if not name else ():
            if prop in document:
                series = planner.series(target, quantity, SAFETY, scrub(document.get("Name"), 128))
                planner.excerpt(uri, CoolantConnector, prop, series, part=SET_POINT)
        if name and "Status" in document:  # the tray's own health is not that of its rack side
            health = planner.series(name, Quantity.HEALTH, SAFETY, scrub(document.get("Name"), 128))
            planner.from_document(uri, CoolantConnector, state_extract(health, "Status", health_code))


async def _plan_pumps(planner: Planner, collection: str | None) -> None:
    for index, (uri, document) in enumerate(await planner.tree.members(collection)):
        label = scrub(document.get("Name"), 128)
        speed = planner.series(f"pump{index}", Quantity.PUMP_SPEED, SLOW, label)
        health = planner.series(f"pump{index}", Quantity.HEALTH, SLOW, label)
        planner.from_member(collection or "", Pump, Extract(speed, "PumpSpeedPercent", member=uri))
        planner.from_member(collection or "", Pump, state_extract(health, "Status", health_code, uri))


async def _plan_reservoirs(planner: Planner, collection: str | None) -> None:
    for index, (uri, document) in enumerate(await planner.tree.members(collection)):
        label = scrub(document.get("Name"), 128)
        level = planner.series(f"reservoir{index}", Quantity.LEVEL, SLOW, label)
        health = planner.series(f"reservoir{index}", Quantity.HEALTH, SLOW, label)
        if "Status" in document:
            planner.from_member(collection or "", Reservoir, state_extract(health, "Status", health_code, uri))
        if "FluidLevelPercent" in document:
            planner.from_member(collection or "", Reservoir, Extract(level, "FluidLevelPercent", member=uri))
        else:
            planner.promise(level)
