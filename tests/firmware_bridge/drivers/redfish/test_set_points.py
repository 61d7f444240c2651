"""Set-points over Redfish: limits of an emulated tray, targets of a coolant unit; where, between what, read back."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.memory_link import MemoryLink
from support.served_tray import served_tray
from support.virtual_time import VirtualClock

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.drivers.redfish.coolant_unit import RedfishCoolantUnit
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint
from firmware_bridge.ports.set_points import SetPointed
from firmware_bridge.vocabulary.errors import EndpointRefused, ResourceMissing
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits, TrayKind
from firmware_bridge.vocabulary.place import Place, join_place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds, Watts
from rack_controller.run.clock import SystemClock

RECORDED = Path(__file__).resolve().parents[5] / "shared" / "data" / "captures" / "dmtf-cdu" / "tree.json"


async def test_limits_are_found_set_over_one_connection_and_read_back() -> None:
    async with served_tray() as (served, bench):
        site = SiteEndpoint(Place(served.place), served.address, served.port, pin=served.pin)
        spec = EndpointSpec("bmc", "redfish", "redfish/compute_tray", limits=RequestLimits(timeout=Seconds(2.0)))
        tray = tray_of(site.place)
        driver: Any = make_driver(spec, tray, site, Credential(served.user, served.password), SystemClock())
        gpus = [join_place(tray, f"gpu{n}") for n in range(4)]
        try:
            assert isinstance(driver, SetPointed)
            assert driver.settable == {}
            await driver.discover()
            design = bench.design
            assert driver.settable[gpus[0]] == Settable(
                gpus[0], Watts(design.limit_min), Watts(design.limit_max), Watts(design.limit_default)
            )
            assert await driver.ask_values(dict.fromkeys(gpus, Watts(700.0))) == dict.fromkeys(gpus)
            assert await driver.read_values(gpus) == dict.fromkeys(gpus, 700.0)
            assert bench.asked_caps[0, 0].tolist() == [700.0] * 4

            ends = await driver.ask_values({gpus[0]: Watts(9e5), gpus[1]: Watts(800.0)})
            assert isinstance(ends[gpus[0]], EndpointRefused)
            assert ends[gpus[1]] is None
            assert await driver.read_values(gpus[:2]) == {gpus[0]: 700.0, gpus[1]: 800.0}

            served.sessions.clear()  # its session ended: renewed once, and asked again
            assert await driver.ask_values({gpus[2]: Watts(650.0)}) == {gpus[2]: None}
            served.faults.set([Fault(FaultKind.STATUS, uri="*/GPU_3/EnvironmentMetrics", status=503)])
            ends = await driver.ask_values({gpus[3]: Watts(650.0), gpus[0]: Watts(650.0)})
            assert ([type(e) for e in ends.values()], bench.asked_caps[0, 0, 0]) == (
                [EndpointRefused, type(None)],
                650.0,
            )
            with pytest.raises(ResourceMissing, match="is nothing that can be set"):
                await driver.ask_values({tray: Watts(650.0)})
        finally:
            await driver.close()


async def test_targets_of_a_coolant_unit_are_found_set_and_followed_by_its_plant() -> None:
    async with served_tray(TrayKind.COOLANT_UNIT) as (served, bench):
        driver, unit = coolant_unit(served)
        flow, supply = join_place(unit, "flow_target"), join_place(unit, "supply_target")
        try:
            series = await driver.discover()
            assert {(s.place, s.quantity) for s in series} >= {
                (flow, Quantity.FLOW),
                (supply, Quantity.TEMPERATURE_SUPPLY),
            }
            assert driver.settable == {
                flow: Settable(flow, 60.0, 250.0, quantity=Quantity.FLOW),
                supply: Settable(supply, 20.0, 50.0, quantity=Quantity.TEMPERATURE_SUPPLY),
            }
            assert await driver.read_values([flow, supply]) == {flow: 195.0, supply: 30.0}
            assert await driver.ask_values({flow: 120.0, supply: 35.0}) == {flow: None, supply: None}
            assert await driver.read_values([flow, supply]) == {flow: 120.0, supply: 35.0}
            assert (float(bench.flow_target[0]), float(bench.supply_target[0])) == (120.0, 35.0)
            for _ in range(30):
                bench.advance(1.0, ())
            assert float(bench.state.flow[0]) == pytest.approx(120.0, abs=1.0)
            ends = await driver.ask_values({flow: 5.0})
            assert isinstance(ends[flow], EndpointRefused)
            assert await driver.read_values([flow]) == {flow: 120.0}
        finally:
            await driver.close()


@pytest.mark.parametrize(
    "control",
    [
        {"SetPoint": 30, "AllowableMin": 10, "AllowableMax": 35, "ControlMode": "Disabled"},
        {"SetPoint": 30, "AllowableMax": 35, "ControlMode": "Automatic"},
        {"SetPoint": 30, "ControlMode": "Automatic"},
        {"SetPoint": 30, "AllowableMin": 0, "AllowableMax": 35},
        {"SetPoint": 30, "AllowableMin": 40, "AllowableMax": 35},
        {"AllowableMin": 10, "AllowableMax": 35},
        "30",
    ],
)
async def test_a_target_without_a_range_or_that_is_not_followed_is_read_only(control: Any) -> None:
    assert await settable({"FlowControlLitersPerMinute": control}) == {"supply_target"}


async def test_what_a_recorded_unit_lets_be_set_is_found() -> None:
    assert await settable({}) == {"flow_target", "supply_target"}, "of its pressure it says Disabled"


async def settable(changes: dict[str, Any]) -> set[str]:
    """Return what of the recorded unit may be set, its connector changed."""
    tree = json.loads(RECORDED.read_bytes())
    tree["/redfish/v1/ThermalEquipment/CDUs/1/SecondaryCoolantConnectors/1"] |= changes
    tray = Place("s/a/r01/k01/u01")
    unit = RedfishCoolantUnit(tray=tray, link=MemoryLink(tree), clock=VirtualClock())  # type: ignore[arg-type]
    await unit.discover()
    assert all(point.least and point.most for point in unit.settable.values())
    return {leaf_of(place) for place in unit.settable}


def coolant_unit(served: ServedEndpoint) -> tuple[Any, Place]:
    site = SiteEndpoint(Place(served.place), served.address, served.port, pin=served.pin)
    spec = EndpointSpec("bmc", "redfish", "redfish/coolant_unit", limits=RequestLimits(timeout=Seconds(2.0)))
    unit = tray_of(site.place)
    return make_driver(spec, unit, site, Credential(served.user, served.password), SystemClock()), unit
