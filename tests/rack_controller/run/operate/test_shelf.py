"""A shelf, and one supply, by command: who may, what stands in the way, and one at a time."""

from pathlib import Path
from typing import Any

from support.real_rack import RACK, eventually, real_rack
from support.served_tray import served_tray, served_trays

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place, tray_of
from rack_controller.model.operation import OperationState, StepState
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
                assert (denied.accepted, "may not switch power shelves" in denied.reason) == (False, True), denied
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


async def test_a_supply_goes_off_while_the_others_carry(tmp_path: Path) -> None:
    async with served_trays([TrayKind.POWER_SHELF] * 6, rack=RACK, sound=True) as (served, bench):
        bench.set_demand(0.6)  # at light load shelves share less evenly
        bench.advance(5.0)
        psu3 = Place(f"{tray_of(Place(served[0].place))}/psu3")
        async with real_rack(tmp_path, served) as rack:

            async def all_known() -> bool:
                seen = await rack.do("plan", psu3, do="psu_off", dry_run=True)
                return seen.accepted and len(seen.result["plan"]["stages"][0]["after"][0]["places"]) == len(served)

            async def seen_off() -> bool:
                bench.advance(0.5)
                (newest,) = operations.newest(1)
                (step,) = newest.plan.steps
                return bool(newest.progress(step.id).state is StepState.SETTLING)

            operations: Any = rack.controlled._operations
            await eventually(all_known)
            operation = (await rack.do("plan", psu3, do="psu_off")).result["operation"]
            for role in (Role.OPERATOR, Role.SAFETY):
                denied = await rack.do("approve", RACK, role, operation=operation)
                assert (denied.accepted, "may not switch power shelves" in denied.reason) == (False, True), denied
            before = bench.state.psu_output[0, 0].copy()
            assert (await rack.do("approve", RACK, operation=operation)).accepted
            under_way = await rack.do("plan", tray_of(psu3), do="shelf_off")
            assert f"{operation} (psu_off {psu3}) is under way" in under_way.reason
            await eventually(seen_off)
            after = bench.state.psu_output[0, 0]
            assert after[3] == 0.0 < before[3]
            assert after[2] > before[2]
            missing = await rack.do("plan", Place(f"{tray_of(psu3)}/psu9"), do="psu_on")
            assert (missing.code, "its supplies are psu0 to psu5" in missing.reason + missing.advice) == (
                "target_unknown",
                True,
            )


async def test_a_shelf_that_switches_no_supply_says_so(tmp_path: Path) -> None:
    async with (
        served_tray(TrayKind.POWER_SHELF, rack=RACK) as (served, _bench),
        real_rack(tmp_path, [served]) as rack,
    ):

        async def said() -> bool:
            refused = await rack.do("plan", f"{tray_of(Place(served.place))}/psu3", do="psu_off")
            return "its shelf offers no way to do that to a single supply" in refused.reason

        await eventually(said)
