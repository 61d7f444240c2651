"""A coolant unit over Redfish: its mode is set where it offers that, its pumps stand and turn, and it says so."""

from typing import Any

import pytest
from support.served_tray import served_tray

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.ports.power import CoolantSwitch, PowerSwitch
from firmware_bridge.vocabulary.errors import ActionNotOffered, EndpointRefused
from firmware_bridge.vocabulary.generation import EndpointSpec, TrayKind
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerState
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.wire.redfish.resets import mode_words
from rack_controller.run.clock import SystemClock
from rack_controller.run.operate.switches import outputs_of, switch_at

TARGET = "/redfish/v1/ThermalEquipment/CDUs/1/Actions/CoolingUnit.SetMode"


async def test_a_unit_is_disabled_stands_and_is_enabled_again() -> None:
    async with served_tray(TrayKind.COOLANT_UNIT) as (served, bench):
        site = SiteEndpoint(Place(served.place), served.address, served.port, pin=served.pin)
        spec = EndpointSpec("bmc", "redfish", "redfish/coolant_unit")
        login = Credential(served.user, served.password)
        driver: Any = make_driver(spec, tray_of(site.place), site, login, SystemClock())
        try:
            assert driver.unit_actions == frozenset()
            await driver.discover()
            assert isinstance(driver, CoolantSwitch)
            assert not isinstance(driver, PowerSwitch)
            assert outputs_of(driver) == {"": ["force_off", "on"]}
            switch = switch_at({site.place: driver}, site.place)
            assert (await switch.observe_power()).state is PowerState.ON
            assert (await switch.switch_power(PowerAction.FORCE_OFF)).accepted
            bench.advance(30.0)
            assert (await switch.observe_power()).state is PowerState.OFF
            assert float(bench.state.flow[0]) < 1.0
            told = {r.quantity: r.value for r in await driver.read(ReadingClass.SAFETY) if r.place == driver.tray}
            assert (told[Quantity.POWER_STATE], told[Quantity.FLOW]) == (0.0, pytest.approx(0.0, abs=0.1))
            assert (await switch.switch_power(PowerAction.ON)).accepted
            assert (await switch.observe_power()).state is PowerState.POWERING_ON
            with pytest.raises(EndpointRefused):  # it is on its way
                await switch.switch_power(PowerAction.FORCE_OFF)
            bench.advance(20.0)
            assert (await switch.observe_power()).state is PowerState.ON
            assert float(bench.state.flow[0]) > 50.0
            with pytest.raises(ActionNotOffered):
                await switch.switch_power(PowerAction.FORCE_RESTART)
        finally:
            await driver.close()


@pytest.mark.parametrize(
    ("actions", "offers"),
    [
        ({"target": TARGET}, {"Enabled", "Disabled"}),
        ({"target": TARGET, "Mode@Redfish.AllowableValues": ["Enabled"]}, {"Enabled"}),
        ({"target": TARGET, "CoolingUnitMode@Redfish.AllowableValues": ["Disabled", "Turbo"]}, {"Disabled"}),
        ({"target": 7}, None),
        ("nonsense", None),
    ],
)
def test_what_a_unit_says_it_takes(actions: Any, offers: set[str] | None) -> None:
    found = mode_words({"Actions": {"#CoolingUnit.SetMode": actions}})
    assert (None if found is None else set(found[1].values())) == offers
    assert mode_words({}) is None
