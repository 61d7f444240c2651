"""A part swapped on real listeners: from the lock to the tray that is back, over a restart and another certificate."""

import asyncio
import datetime
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.patience import PATIENCE
from support.real_rack import RACK, RealRack, eventually, real_rack

from firmware_bridge.drivers.redfish import examine
from firmware_bridge.drivers.redfish.link import NORMAL
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree
from firmware_bridge.emulator.recorded import RecordedTree
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.redfish_service.source import Document, Principal
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.swap import Stage, Swap
from rack_controller.model.roles import Role
from rack_controller.run.enrolment.examiner import Examiner

ROOT = "/redfish/v1"
U12 = f"{RACK}/u12/bmc"
CHASSIS, SYSTEM = f"{ROOT}/Chassis/Chassis_0", f"{ROOT}/Systems/System_0"
MANAGER, POLICY = f"{ROOT}/Managers/m", f"{CHASSIS}/Oem/Nvidia/Policies/LeakDetectionPolicy"
DETECTORS, FIRMWARE = f"{CHASSIS}/LeakDetectors", f"{ROOT}/UpdateService/FirmwareInventory"
WRITABLE = ("SerialNumber", "PowerState", "LocationIndicatorActive", "DetectorState", "Version")


class Living(RecordedTree):
    """A recorded tree whose manager has a clock that goes."""

    def get(self, uri: str, principal: Principal | None) -> Document | None:
        document = super().get(uri, principal)
        if document is None or uri != MANAGER:
            return document
        return replace(document, raw=msgspec.json.encode({**document.body, "DateTime": now()}))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "PATIENT", NORMAL)  # a look gives way to polling, which never rests here


def tree(detectors: int = 4) -> RecordedTree:
    def link(uri: str) -> dict[str, str]:
        return {"@odata.id": uri}

    body: dict[str, Any] = {
        ROOT: {name: link(f"{ROOT}/{name}") for name in ("Chassis", "Systems", "Managers", "UpdateService")},
        f"{ROOT}/Chassis": {"Members": [link(CHASSIS)]},
        CHASSIS: {
            "SerialNumber": "SN-1",
            "Links": {"ComputerSystems": [link(SYSTEM)]},
            "LeakDetectors": link(DETECTORS),
        },
        DETECTORS: {"Members": [link(f"{DETECTORS}/{n}") for n in range(detectors)]},
        **{f"{DETECTORS}/{n}": {"Id": f"L{n}", "DetectorState": "OK"} for n in range(detectors)},
        POLICY: {"PolicyEnabled": True},
        f"{ROOT}/Managers": {"Members": [link(MANAGER)]},
        MANAGER: {"DateTime": now(), "NetworkProtocol": link(f"{MANAGER}/NetworkProtocol")},
        f"{MANAGER}/NetworkProtocol": {"IPMI": {"ProtocolEnabled": False}},
        f"{ROOT}/UpdateService": {"FirmwareInventory": link(FIRMWARE)},
        FIRMWARE: {"Members": [link(f"{FIRMWARE}/BMC")]},
        f"{FIRMWARE}/BMC": {"Id": "BMC", "Version": "1.0"},
        f"{ROOT}/Systems": {"Members": [link(SYSTEM)]},
        SYSTEM: {"PowerState": "On", "LocationIndicatorActive": False, "PowerRestorePolicy": "AlwaysOff"},
    }
    return Living({uri: {"@odata.id": uri, **b} for uri, b in body.items()}, writable=WRITABLE)


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


async def change(source: RecordedTree, uri: str, **values: object) -> None:
    await source.patch(uri, values, None)  # type: ignore[arg-type]


async def swap_of(rack: RealRack) -> Swap:
    return msgspec.json.decode(await rack.ask("swaps"), type=list[Swap])[0]


def works_at(rack: RealRack) -> str:
    enrolled = rack.controlled._state._desks.enrolled
    assert enrolled is not None
    return enrolled.works_at(tray_of(U12))


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
            assert works_at(rack) == "the swap by ada", "its tray's alarms are expected"
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
            await eventually(lambda: state_is(rack, "off"))
            off = await go_on(rack)
            assert (off.code, "it is off" in off.reason) == ("precondition_failed", True), off.reason
            assert read_site(rack.site).endpoints[0].pin == held.shown
            await change(source, SYSTEM, PowerState="On")
            await eventually(lambda: state_is(rack, "on"))
            await change(source, f"{DETECTORS}/3", DetectorState="Warning")
            await eventually(lambda: leaks(rack))
            assert "leak3 is not known to be dry" in (await go_on(rack)).reason
            await change(source, f"{DETECTORS}/3", DetectorState="OK")
            reply = await eventually(lambda: back(rack))
            assert reply.result["stage"] == "done"
            assert (await rack.status(U12)).maintenance == works_at(rack) == ""
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


async def test_what_is_not_known_keeps_a_swap_open(tmp_path: Path) -> None:
    source = tree(detectors=3)
    async with serve_tree(source, place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: state_is(rack, "on"))
        swapping = rack.controlled._commands._verbs["swap"].__self__  # type: ignore[attr-defined]
        swap = Swap(U12, "ada", "dead", "x", Stage.VERIFY, 0, 0, identified_unix_ns=time.time_ns())
        missing = await eventually(lambda: missing_but_firmware(swapping, swap))
        assert missing == ["3 of 4 leak detectors are shown"]
        later = msgspec.structs.replace(swap, identified_unix_ns=time.time_ns() + 10**12)
        assert "its firmware was not read since it was identified" in await swapping._missing(later)
        served.faults.set([Fault(FaultKind.STATUS, uri=f"{MANAGER}/NetworkProtocol", status=404)])
        assert "ipmi is not known" in await swapping._missing(swap)
        served.faults.set([Fault(FaultKind.RESET)])
        assert any("settings cannot be read" in line for line in await swapping._missing(swap))


async def missing_but_firmware(swapping: Any, swap: Swap) -> list[str]:
    missing: list[str] = await swapping._missing(swap)
    return [] if any("firmware" in line for line in missing) else missing


async def test_an_abort_while_a_step_is_under_way_is_refused_and_nothing_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: state_is(rack, "on"))
        await change_power(served, rack)
        began, may_go_on, look = asyncio.Event(), asyncio.Event(), Examiner.examine

        async def held_up(examiner: Examiner, place: Place) -> None:
            began.set()
            await may_go_on.wait()
            await look(examiner, place)

        monkeypatch.setattr(Examiner, "examine", held_up)
        step = asyncio.create_task(go_on(rack, serial="SN-1"))
        await asyncio.wait_for(began.wait(), 20 * PATIENCE)
        abort = await rack.do("swap", U12, action="abort", reason="no spare")
        assert (abort.code, "swap continue of" in abort.reason) == ("refused", True)
        may_go_on.set()
        assert (await step).result["stage"] == "verify"
        assert (await rack.do("swap", U12, action="abort", reason="no spare")).result["stage"] == "aborted"
        assert (await swap_of(rack)).stage == "aborted"


async def change_power(served: ServedEndpoint, rack: RealRack) -> None:
    """Bring a swap to the stage `identify`: the tray says nothing while somebody says that it is off."""
    served.faults.set([Fault(FaultKind.RESET)])
    await rack.do("swap", U12, action="start", reason="dead", contact="x")
    await eventually(lambda: state_is(rack, "unknown"))
    assert (await go_on(rack, off="pulled")).result["stage"] == "replace"
    assert (await go_on(rack)).result["stage"] == "identify"
    served.faults.set([])


async def hold_of(rack: RealRack) -> Any:
    return (await rack.status(U12)).held


async def leaks(rack: RealRack) -> bool:
    snapshot = rack.controlled._view.snapshot
    reading = None if snapshot is None else snapshot.reading(Place(f"{RACK}/u12/leak3"), Quantity.LEAK)
    return reading is not None and reading.value == 1.0


async def back(rack: RealRack) -> Any:
    """Return the reply once the tray is back; firmware and readings come a moment after it answers."""
    reply = await go_on(rack)
    return reply if reply.accepted else None
