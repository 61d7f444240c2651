"""One supply of an emulated shelf: switched by the schema's own action where it is offered, seen, its watts gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.served_tray import served_tray

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.ports.power import PowerSwitch, SupplySwitch
from firmware_bridge.vocabulary.errors import ActionNotOffered, EndpointRefused, ResourceMissing, TargetUnknown
from firmware_bridge.vocabulary.generation import EndpointSpec, TrayKind
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerState
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.wire.redfish.resets import SUPPLY_RESETS, reset_points, supply_state
from rack_controller.run.clock import SystemClock
from rack_controller.run.operate.switches import SupplyAsSwitch, supply_at, switch_at


@asynccontextmanager
async def shelf(sound: bool) -> AsyncIterator[tuple[Any, Bench, Place]]:
    async with served_tray(TrayKind.POWER_SHELF, sound=sound) as (served, bench):
        site = SiteEndpoint(Place(served.place), served.address, served.port, pin=served.pin)
        login = Credential(served.user, served.password)
        spec = EndpointSpec("pmc", "redfish", "redfish/power_shelf")
        driver: Any = make_driver(spec, tray_of(site.place), site, login, SystemClock())
        try:
            await driver.discover()
            yield driver, bench, site.place
        finally:
            await driver.close()


async def test_a_supply_goes_off_and_on_again_and_the_others_carry_its_share() -> None:
    async with shelf(sound=True) as (driver, bench, endpoint):
        assert isinstance(driver, SupplySwitch)
        assert not isinstance(driver, PowerSwitch)
        both = frozenset({PowerAction.ON, PowerAction.FORCE_OFF})
        assert driver.supply_actions == {f"psu{n}": both for n in range(6)}
        psu3 = Place(f"{tray_of(endpoint)}/psu3")
        switch = switch_at({endpoint: driver}, psu3)
        assert isinstance(switch, SupplyAsSwitch)
        assert switch.power_actions == both
        before = bench.state.psu_output[0, 0].copy()
        assert (await switch.observe_power()).state is PowerState.ON
        assert (await switch.switch_power(PowerAction.FORCE_OFF)).accepted
        with pytest.raises(EndpointRefused):  # it is on its way
            await switch.switch_power(PowerAction.ON)
        bench.advance(3.0)
        off = await switch.observe_power()
        assert (off.state, off.allowed) == (PowerState.OFF, both)
        after = bench.state.psu_output[0, 0]
        assert after[3] == 0.0 < before[3]
        assert after[2] > before[2]
        told = {(r.place, r.quantity): r.value for r in await driver.read(ReadingClass.SLOW)}
        assert told[psu3, Quantity.POWER_STATE] == 0.0
        assert told[psu3, Quantity.HEALTH] == 0.0  # off is no fault
        assert told[Place(f"{tray_of(endpoint)}/psu2"), Quantity.POWER_STATE] == 1.0
        assert (await switch.switch_power(PowerAction.ON)).accepted
        assert (await switch.observe_power()).state is PowerState.POWERING_ON
        bench.advance(6.0)
        assert (await switch.observe_power()).state is PowerState.ON
        assert bench.state.psu_output[0, 0][3] == pytest.approx(before[3], rel=0.02)


async def test_a_supply_that_failed_is_neither_on_nor_off() -> None:
    async with shelf(sound=True) as (driver, bench, endpoint):
        bench.advance(1.0, (Fault(FaultKind.PSU_FAIL, f"{tray_of(endpoint)}/psu1"),))
        assert (await driver.observe_supply("psu1")).state is PowerState.UNKNOWN
        with pytest.raises(ActionNotOffered):
            await driver.switch_supply("psu1", PowerAction.GRACEFUL_OFF)


async def test_the_recorded_shelf_offers_nothing_of_the_kind() -> None:
    async with shelf(sound=False) as (driver, _bench, endpoint):
        assert driver.supply_actions == {}
        found = supply_at({endpoint: driver}, Place(f"{tray_of(endpoint)}/psu3"))
        assert found is not None
        assert found[1].power_actions == frozenset()
        with pytest.raises(ResourceMissing):
            await driver.observe_supply("psu3")
        with pytest.raises(ActionNotOffered):
            await driver.switch_supply("psu3", PowerAction.ON)
        with pytest.raises(TargetUnknown):
            switch_at({}, Place(f"{tray_of(endpoint)}/psu3"))


@pytest.mark.parametrize(
    ("document", "state"),
    [
        ({"PowerState": "Off", "Status": {"State": "Enabled"}}, PowerState.OFF),
        ({"PowerState": True}, PowerState.ON),
        ({"PowerState": 7, "Status": {"State": "Enabled"}}, PowerState.UNKNOWN),
        ({"Status": {"State": "Enabled"}}, PowerState.ON),
        ({"Status": {"State": "Disabled"}}, PowerState.OFF),
        ({"Status": {"State": "UnavailableOffline"}}, PowerState.UNKNOWN),
        ({"Status": "Enabled"}, PowerState.UNKNOWN),
        ({}, PowerState.UNKNOWN),
    ],
)
def test_what_a_supply_says_of_itself(document: dict[str, object], state: PowerState) -> None:
    assert supply_state(document) is state


def test_what_is_allowed_is_what_is_offered() -> None:
    action = {"target": "/r", "ResetType@Redfish.AllowableValues": ["ForceOff", "PowerCycle"]}
    (point,) = reset_points({"Actions": {"#PowerSupply.Reset": action}}, SUPPLY_RESETS)
    assert point.words() == {PowerAction.FORCE_OFF: "ForceOff"}
    (unsaid,) = reset_points({"Actions": {"#PowerSupply.Reset": {"target": "/r"}}}, SUPPLY_RESETS)
    assert unsaid.words() == {PowerAction.ON: "On", PowerAction.FORCE_OFF: "ForceOff"}
