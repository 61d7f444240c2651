"""One road to the source that offers a port, by endpoint and by tray."""

import pytest
from support.fake_power import FakeTray
from support.virtual_time import VirtualClock

from firmware_bridge.ports.power import Bootable, PowerSwitch
from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.place import Place
from rack_controller.run.find import find_source, trays_with

U11, U12 = Place("tx1/a/r03/k07/u11"), Place("tx1/a/r03/k07/u12")
NVOS, BMC = Place(f"{U11}/nvos"), Place(f"{U11}/bmc")


def test_by_endpoint_by_tray_and_what_is_not_there() -> None:
    tray = FakeTray(BMC, VirtualClock())
    sources: dict[Place, object] = {NVOS: object(), BMC: tray}
    assert find_source(sources, U11, PowerSwitch) == find_source(sources, BMC, PowerSwitch) == (BMC, tray)
    assert trays_with(sources, PowerSwitch) == {U11: (BMC, tray)}
    with pytest.raises(TargetUnknown, match="nvos has no power switch"):
        find_source(sources, NVOS, PowerSwitch)
    with pytest.raises(TargetUnknown, match="u12 has no power switch that can be reached"):
        find_source(sources, U12, PowerSwitch)
    with pytest.raises(TargetUnknown, match="u11 has no bootable"):
        find_source(sources, U11, Bootable)
