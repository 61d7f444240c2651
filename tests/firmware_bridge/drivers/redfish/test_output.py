"""A power shelf's output on an emulated shelf: switched as its generation says, seen, and its watts gone."""

from typing import Any

import pytest
from support.served_tray import served_tray

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.generations.load import load_generation
from firmware_bridge.ports.power import OutputSwitch, PowerSwitch
from firmware_bridge.vocabulary.errors import ActionNotOffered
from firmware_bridge.vocabulary.generation import EndpointSpec, TrayKind
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerState
from firmware_bridge.vocabulary.site import SiteEndpoint
from rack_controller.run.clock import SystemClock
from rack_controller.run.operate.switches import OutputAsSwitch, switch_at

SPEC = next(e for t in load_generation("gb200-nvl72").slots_of(TrayKind.POWER_SHELF) for e in t.tray.endpoints)


async def test_a_shelf_goes_off_and_on_again_and_is_no_switch_of_trays() -> None:
    async with served_tray(TrayKind.POWER_SHELF) as (served, bench):
        site = SiteEndpoint(Place(served.place), served.address, served.port, pin=served.pin)
        login = Credential(served.user, served.password)
        driver: Any = make_driver(SPEC, tray_of(site.place), site, login, SystemClock())
        silent: Any = make_driver(
            EndpointSpec("pmc", "redfish", "redfish/power_shelf"), tray_of(site.place), site, login, SystemClock()
        )
        try:
            assert isinstance(driver, OutputSwitch)
            assert not isinstance(driver, PowerSwitch)
            await driver.discover()
            switch = switch_at({site.place: driver}, site.place)
            assert isinstance(switch, OutputAsSwitch)
            assert switch.power_actions == {PowerAction.ON, PowerAction.FORCE_OFF}
            assert (await switch.observe_power()).state is PowerState.ON
            before = float(bench.state.psu_output[0, 0].sum())
            assert (await switch.switch_power(PowerAction.FORCE_OFF)).accepted
            bench.advance(3.0)
            assert (await switch.observe_power()).state is PowerState.OFF
            assert float(bench.state.psu_output[0, 0].sum()) == 0.0 < before
            assert (await switch.switch_power(PowerAction.ON)).accepted
            bench.advance(6.0)
            assert (await switch.observe_power()).state is PowerState.ON
            with pytest.raises(ActionNotOffered):
                await driver.switch_output(PowerAction.GRACEFUL_OFF)
            assert silent.output_actions == frozenset()
        finally:
            await driver.close()
            await silent.close()
