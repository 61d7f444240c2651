"""A shelf by command: who may, what stands in the way, and one at a time."""

from pathlib import Path
from typing import Any

from support.real_rack import RACK, eventually, real_rack
from support.served_tray import served_tray

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import join_place
from rack_controller.model.operation import OperationState
from rack_controller.model.roles import Role


async def test_a_shelf_that_carries_alone_stays_and_is_no_tray_to_switch(tmp_path: Path) -> None:
    async with served_tray(TrayKind.POWER_SHELF, rack=RACK) as (served, bench):
        shelf = served.place.rpartition("/")[0]
        async with real_rack(tmp_path, [served]) as rack:

            async def met() -> bool:
                return (await rack.status(served.place)).state == "on"

            await eventually(met)
            for role in (Role.OPERATOR, Role.SAFETY):
                denied = await rack.do("plan", shelf, role, do="shelf_off")
                assert (denied.accepted, "lacks shelf" in denied.reason) == (False, True), denied
            refused = await rack.do("plan", shelf, do="shelf_off")
            assert "0 other shelves are known to carry, at least 4 must" in refused.reason
            for verb, more in (("power", {"action": "force_off"}), ("plan", {"do": "off"})):
                other = await rack.do(verb, shelf, **more)
                assert not other.accepted, other
            assert bench.hosts[TrayKind.POWER_SHELF, 0, 0].asked is None
            already = await rack.do("plan", shelf, do="shelf_on")
            assert already.result["plan"]["already"] == [shelf]
            u11 = await rack.do("plan", join_place(RACK, "u11"), do="shelf_off")
            assert (u11.accepted, u11.code) == (False, "target_unknown")

            operations: Any = rack.controlled._operations
            (kept,) = operations.newest(5)
            assert kept.state is OperationState.PLANNED
