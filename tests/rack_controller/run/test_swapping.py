"""A part swapped on real listeners: from the lock to the tray that is back, over a restart and another certificate."""

from pathlib import Path
from typing import Any

import msgspec
from support.real_rack import RACK, RealRack, eventually, real_rack

from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.emulator.harness import serve_tree
from firmware_bridge.emulator.recorded import RecordedTree
from firmware_bridge.generations.site_file import read_site
from rack_controller.decide.swap import Swap
from rack_controller.model.roles import Role

ROOT = "/redfish/v1"
U12 = f"{RACK}/u12/bmc"
CHASSIS, SYSTEM = f"{ROOT}/Chassis/c", f"{ROOT}/Systems/s"
WRITABLE = ("SerialNumber", "PowerState", "LocationIndicatorActive")


def tree() -> RecordedTree:
    def link(uri: str) -> dict[str, str]:
        return {"@odata.id": uri}

    body: dict[str, Any] = {
        ROOT: {name: link(f"{ROOT}/{name}") for name in ("Chassis", "Systems")},
        f"{ROOT}/Chassis": {"Members": [link(CHASSIS)]},
        CHASSIS: {"SerialNumber": "SN-1", "Links": {"ComputerSystems": [link(SYSTEM)]}},
        f"{ROOT}/Systems": {"Members": [link(SYSTEM)]},
        SYSTEM: {"PowerState": "On", "LocationIndicatorActive": False, "PowerRestorePolicy": "AlwaysOff"},
    }
    return RecordedTree({uri: {"@odata.id": uri, **b} for uri, b in body.items()}, writable=WRITABLE)


async def change(source: RecordedTree, uri: str, **values: object) -> None:
    await source.patch(uri, values, None)  # type: ignore[arg-type]


async def swap_of(rack: RealRack) -> Swap:
    return msgspec.json.decode(await rack.ask("swaps"), type=list[Swap])[0]


async def state_is(rack: RealRack, state: str) -> bool:
    return (await rack.status(U12)).state == state


async def go_on(rack: RealRack, **said: str) -> Any:
    return await rack.do("swap", U12, Role.TECHNICIAN, action="continue", **said)


async def test_a_swap_from_the_lock_to_the_tray_that_is_back(tmp_path: Path) -> None:
    source = tree()
    async with serve_tree(source, place=U12) as served:
        async with real_rack(tmp_path, [served]) as rack:
            await eventually(lambda: state_is(rack, "on"))
            assert (await rack.do("check", U12)).accepted
            assert (await go_on(rack)).code == "precondition_failed"
            nameless = await rack.do("swap", U12, Role.TECHNICIAN, action="start", reason="dead GPU")
            assert nameless.code == "arguments_invalid"
            begun = await rack.do("swap", U12, Role.TECHNICIAN, action="start", reason="dead GPU", contact="+1 555")
            assert begun.result["stage"] == "power_down"
            assert "swap by ada (+1 555), power_down" in (await rack.status(U12)).maintenance
            again = await rack.do("swap", U12, action="start", reason="me too", contact="x")
            assert "is being swapped by ada" in again.reason

            assert "is on" in (await go_on(rack, off="I pulled it")).reason  # a tray that says on is on
            await change(source, SYSTEM, PowerState="Off")
            await eventually(lambda: state_is(rack, "off"))
            assert (await go_on(rack)).result["stage"] == "replace"
            assert source.get(SYSTEM, None).body["LocationIndicatorActive"] is True  # type: ignore[union-attr]

        await change(source, CHASSIS, SerialNumber="SN-2")  # the new part comes with a certificate of its own
        served.faults.set([Fault(FaultKind.WRONG_CERTIFICATE)])
        served.follow_faults()
        async with real_rack(tmp_path, [served]) as rack:
            swap = await swap_of(rack)
            assert (swap.stage, swap.old_serial, swap.owner) == ("replace", "SN-1", "ada")
            assert (await go_on(rack)).result["stage"] == "identify"
            held = await eventually(lambda: hold_of(rack))
            assert "expected SN-3" in (await go_on(rack, serial="SN-3")).reason
            assert (await go_on(rack, serial="SN-2")).result["stage"] == "verify"
            assert read_site(rack.site).endpoints[0].pin == held.shown
            await change(source, SYSTEM, PowerState="On")
            await eventually(lambda: state_is(rack, "on"))
            reply = await eventually(lambda: back(rack))
            assert reply.result["stage"] == "done"
            assert (await rack.status(U12)).maintenance == ""
            swap = await swap_of(rack)
            assert (swap.old_serial, swap.new_serial, len(swap.log)) == ("SN-1", "SN-2", 4)
            assert [e.message for e in rack.events("part.swapped")] == [
                "u12 bmc is another part: serial SN-2, was SN-1"
            ]
            assert source.get(SYSTEM, None).body["LocationIndicatorActive"] is False  # type: ignore[union-attr]


async def test_silence_is_not_off_and_a_swap_can_be_aborted(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12) as served:
        pass
    async with real_rack(tmp_path, [served]) as rack:
        await rack.do("swap", U12, action="start", reason="dead", contact="x", hours="1")
        unknown = await go_on(rack)
        assert (unknown.code, "is not known" in unknown.reason) == ("precondition_failed", True)
        said = await go_on(rack, off="cable pulled, I hold it")
        assert said.result["stage"] == "replace"
        assert "cable pulled" in (await swap_of(rack)).log[0]
        assert (await rack.do("swap", U12, action="abort")).code == "arguments_invalid"
        assert (await rack.do("swap", U12, action="abort", reason="no spare")).result["stage"] == "aborted"
        assert (await rack.status(U12)).maintenance == ""
        assert (await rack.do("swap", U12, Role.VIEWER, action="start")).code == "role_insufficient"
        assert (await rack.do("swap", U12, action="dance")).code == "arguments_invalid"


async def hold_of(rack: RealRack) -> Any:
    return (await rack.status(U12)).held


async def back(rack: RealRack) -> Any:
    """Return the reply once the tray is back; firmware and readings come a moment after it answers."""
    reply = await go_on(rack)
    return reply if reply.accepted else None
