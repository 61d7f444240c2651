"""Power limits over Redfish on an emulated tray: where, between what, set in one go and read back."""

from typing import Any

import pytest
from support.served_tray import served_tray

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.ports.set_points import SetPointed
from firmware_bridge.vocabulary.errors import EndpointRefused, ResourceMissing
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits
from firmware_bridge.vocabulary.place import Place, join_place, tray_of
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds, Watts
from rack_controller.run.clock import SystemClock


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
            with pytest.raises(ResourceMissing, match="has no power limit"):
                await driver.ask_values({tray: Watts(650.0)})
        finally:
            await driver.close()
