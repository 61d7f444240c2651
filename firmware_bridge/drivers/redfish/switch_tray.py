"""An NVLink switch tray's BMC: power, leak detectors and sensors become Readings; nothing is decided here."""

from dataclasses import dataclass

from firmware_bridge.drivers.redfish.air import plan_dew_points
from firmware_bridge.drivers.redfish.enclosure import (
    look_at,
    plan_other_sensors,
    plan_states,
    plan_tray_power,
)
from firmware_bridge.drivers.redfish.flashed import Flashed
from firmware_bridge.drivers.redfish.leaks import plan_leaks
from firmware_bridge.drivers.redfish.older import (
    older_resources,
    plan_older_power,
    plan_older_rows,
    plan_older_supplies,
)
from firmware_bridge.drivers.redfish.planner import Planner
from firmware_bridge.drivers.redfish.powered import Powered
from firmware_bridge.drivers.redfish.source import Locating, RedfishSource
from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.wire.redfish.plan import Plan


@dataclass(frozen=True, slots=True)
class RedfishSwitchTray(Flashed, Powered, Locating, RedfishSource):
    """A SwitchTray over Redfish.  Hints as for the compute tray."""

    async def make_plan(self, tree: Tree) -> tuple[Plan, str | None]:
        """Find power state, leak detectors and sensors."""
        planner = Planner(tree, self.tray, self.hints)
        found = await look_at(tree)
        light = await plan_states(planner, found)
        await plan_leaks(planner, found)
        older = await older_resources(planner, found)
        await plan_tray_power(planner, found)
        plan_older_power(planner, older)
        plan_other_sensors(planner, found)
        plan_dew_points(planner, found)
        plan_older_supplies(planner, older)
        plan_older_rows(planner, older)
        return planner.plan(), light
