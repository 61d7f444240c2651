"""Endpoints judged while their rack runs: settings, clocks, strangers, places, parts; written only on command."""

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import msgspec
from support.real_rack import RACK, RealRack, eventually, real_rack

from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.emulator.harness import serve_tree
from firmware_bridge.emulator.recorded import RecordedTree
from rack_controller.model.readiness import Judgement, Readiness, Ready, Verdict
from rack_controller.model.roles import Role

ROOT = "/redfish/v1"
U12, U13 = f"{RACK}/u12/bmc", f"{RACK}/u13/bmc"
WRITABLE = ("PowerRestorePolicy", "DateTime")


def link(uri: str) -> dict[str, str]:
    return {"@odata.id": uri}


def members(*uris: str) -> dict[str, Any]:
    return {"Members": [link(uri) for uri in uris]}


def wall() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def tray(
    slot: int, index: int, serial: str = "SN", *, policy: str = "AlwaysOff", clock: str | None = None, port: str = ""
) -> dict[str, Any]:
    chassis, system, manager = f"{ROOT}/Chassis/Chassis_0", f"{ROOT}/Systems/System_0", f"{ROOT}/Managers/BMC_0"
    strange = f"{ROOT}/EventService/Subscriptions/7"
    oem = {"Nvidia": {"ChassisPhysicalSlotNumber": slot, "ComputeTrayIndex": index}}
    heard = {"SystemName": "oob-a", "PortId": port.encode().hex(":").upper()}
    leak = f"{chassis}/Oem/Nvidia/Policies/LeakDetectionPolicy"
    tree: dict[str, Any] = {
        ROOT: {name: link(f"{ROOT}/{name}") for name in ("Chassis", "Systems", "Managers", "EventService")},
        f"{ROOT}/Chassis": members(f"{ROOT}/Chassis/CBC_0", chassis),
        f"{ROOT}/Chassis/CBC_0": {"ChassisType": "Component", "SerialNumber": "CBC", "Oem": oem},
        chassis: {"SerialNumber": serial, "Links": {"ComputerSystems": [link(system)]}},
        f"{ROOT}/Systems": members(system),
        system: {"PowerRestorePolicy": policy, "PowerState": "On"},
        f"{ROOT}/Managers": members(manager),
        manager: {"DateTime": clock or wall(), "DedicatedNetworkPorts": link(f"{manager}/DedicatedNetworkPorts")},
        f"{manager}/NetworkProtocol": {"IPMI": {"ProtocolEnabled": False}},
        leak: {"PolicyEnabled": True},
        f"{manager}/DedicatedNetworkPorts": members(f"{manager}/DedicatedNetworkPorts/1"),
        f"{manager}/DedicatedNetworkPorts/1": {"Id": "1", "Ethernet": {"LLDPReceive": heard}},
        f"{ROOT}/EventService": {"Subscriptions": link(f"{ROOT}/EventService/Subscriptions")},
        f"{ROOT}/EventService/Subscriptions": members(strange),
        strange: {"Id": "7", "Destination": "https://203.0.113.9/in", "SubscriptionType": "RedfishEvent"},
    }
    return {uri: {"@odata.id": uri, **body} for uri, body in tree.items()}


async def readiness(rack: RealRack, place: str) -> Readiness:
    return msgspec.json.decode(await rack.ask("readiness", place), type=Readiness)


async def judged(rack: RealRack, place: str) -> dict[str, Judgement]:
    assert (await rack.do("check", place, Role.TECHNICIAN)).accepted
    return {j.name: j for j in (await readiness(rack, place)).judgements}


async def met(rack: RealRack, *places: str) -> bool:
    return all([(await rack.status(place)).management == "reachable" for place in places])


async def test_what_differs_is_told_with_what_is_wanted_and_set_on_command(tmp_path: Path) -> None:
    source = RecordedTree(tray(2, 1, policy="LastState", clock="1970-01-01T00:00:42+00:00"), writable=WRITABLE)
    async with serve_tree(source, place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: met(rack, U12))
        found = await judged(rack, U12)
        assert {n: str(j.verdict) for n, j in found.items()} == {
            "power_restore": "differs",
            "leak_policy": "ok",
            "clock": "differs",
            "ipmi": "ok",
            "host_interface": "unknown",
            "subscriptions": "differs",
            "place_chassis_slot": "ok",
            "place_tray_index": "ok",
        }
        assert (found["power_restore"].found, found["power_restore"].wanted) == ("LastState", "AlwaysOff")
        assert found["subscriptions"].found == "https://203.0.113.9/in"
        assert found["clock"].found.startswith("-17")  # 56 years and more
        status = await rack.status(U12)
        assert (status.ready, status.blocked_by) == ("blocked", ["power_restore", "clock"])
        (event,) = await eventually(lambda: told(rack, "endpoint.not_ready"))
        assert event.message == "u12 bmc is not ready: power restore, clock"

        assert (await rack.do("fix", U12, Role.TECHNICIAN)).code == "role_insufficient"
        assert (await rack.do("fix", U12, Role.OPERATOR, name="leak_policy")).code == "target_unknown"
        reply = await rack.do("fix", U12, Role.OPERATOR)
        assert (reply.result["written"], reply.result["left"]) == ("power_restore, clock", "")
        assert (await readiness(rack, U12)).ready is Ready.READY
        assert [e.message for e in await eventually(lambda: told(rack, "endpoint.ready"))] == ["u12 bmc is ready"]
        assert len(await eventually(lambda: told(rack, "setting.written"))) == 2


async def test_a_device_that_refuses_one_setting_is_named_and_the_others_are_set(tmp_path: Path) -> None:
    tree = tray(2, 1, policy="LastState", clock="1970-01-01T00:00:42+00:00")
    source = RecordedTree(tree, writable=("PowerRestorePolicy",))
    async with serve_tree(source, place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: met(rack, U12))
        await judged(rack, U12)
        reply = await rack.do("fix", U12, Role.OPERATOR)
        assert {name: reply.result[name] for name in ("written", "refused", "left")} == {
            "written": "power_restore",
            "refused": "clock",
            "left": "clock",
        }
        reply = await rack.do("fix", U12, Role.OPERATOR, name="clock")
        assert not reply.accepted
        assert "the device does not let its clock be set: HTTP 4" in reply.reason
        assert "device's own way" in reply.advice


async def test_a_rack_that_is_only_observed_is_judged_and_not_written_to(tmp_path: Path) -> None:
    source = RecordedTree(tray(2, 1, policy="LastState"), writable=WRITABLE)
    async with serve_tree(source, place=U12) as served, real_rack(tmp_path, [served], armed=False) as rack:
        await eventually(lambda: met(rack, U12))
        assert (await judged(rack, U12))["power_restore"].verdict is Verdict.DIFFERS
        reply = await rack.do("fix", U12)
        assert (reply.accepted, reply.code) == (False, "precondition_failed")
        assert "only observed" in reply.reason
        assert (await judged(rack, U12))["power_restore"].found == "LastState"


async def test_swapped_trays_are_told_on_both_sides_and_by_themselves(tmp_path: Path) -> None:
    async with (
        serve_tree(tray(2, 1), place=U12, faults=[Fault(what=FaultKind.OTHER_PLACE, text="3/2")]) as lower,
        serve_tree(tray(3, 2), place=U13, faults=[Fault(what=FaultKind.OTHER_PLACE, text="2/1")]) as upper,
        real_rack(tmp_path, [lower, upper]) as rack,
    ):
        events = await eventually(lambda: told(rack, "place.mismatch", 2))  # nobody asked: it looks by itself
        assert {e.place for e in events} == {U12, U13}
        assert all("u12 bmc" in e.message and "u13 bmc" in e.message for e in events[-2:])
        status = await rack.status(U12)
        assert status.ready == "blocked"
        assert "place_chassis_slot" in status.blocked_by
        assert "swapped, or their cables are?" in (await judged(rack, U12))["place_tray_index"].why


async def test_cables_are_compared_with_the_site_file_as_it_is_now(tmp_path: Path) -> None:
    async with (
        serve_tree(tray(2, 1, port="swp13"), place=U12) as lower,
        serve_tree(tray(3, 2, port="swp12"), place=U13) as upper,
        real_rack(tmp_path, [lower, upper]) as rack,
    ):
        await eventually(lambda: met(rack, U12, U13))
        assert "place_neighbour" not in await judged(rack, U12), "the site names none"
        text = rack.site.read_text(encoding="utf-8")
        for place, port in ((U12, "swp12"), (U13, "swp13")):
            text = text.replace(f"place: {place},", f"place: {place}, neighbour: {{system: oob-a, port: {port}}},")
        rack.site.write_text(text, encoding="utf-8")
        for place in (U12, U13):
            assert (await rack.do("reload", place)).accepted
        await eventually(lambda: met(rack, U12, U13))
        await judged(rack, U13)
        found = (await judged(rack, U12))["place_neighbour"]
        assert (found.found, found.wanted, found.required) == ("oob-a swp13", "oob-a swp12", True)
        assert found.why.endswith("swapped, or their cables are?")
        events = await eventually(lambda: told(rack, "place.mismatch", 2))
        assert {e.place for e in events} == {U12, U13}
        assert "place_neighbour" in (await rack.status(U12)).blocked_by


async def test_another_serial_number_is_another_part_and_the_old_one_is_kept(tmp_path: Path) -> None:
    tree = RecordedTree(tray(2, 1, "SN-1"), writable=("SerialNumber",))
    async with serve_tree(tree, place=U12) as served:
        async with real_rack(tmp_path, [served]) as rack:
            await eventually(lambda: met(rack, U12))
            await judged(rack, U12)
            assert (await readiness(rack, U12)).part.serial == "SN-1"
        chassis = f"{ROOT}/Chassis/Chassis_0"
        await tree.patch(chassis, {"SerialNumber": "SN-2"}, None)  # type: ignore[arg-type]
        async with real_rack(tmp_path, [served]) as rack:
            await eventually(lambda: met(rack, U12))
            await judged(rack, U12)
            (event,) = await eventually(lambda: told(rack, "part.swapped"))
            assert event.message == "u12 bmc is another part: serial SN-2, was SN-1"
            seen = (await readiness(rack, U12)).history
            assert [(p.serial, p.until_unix_ns > 0) for p in seen] == [("SN-2", False), ("SN-1", True)]


async def test_what_was_not_looked_at_is_unknown_and_nobody_is_asked_who_does_not_exist(tmp_path: Path) -> None:
    async with serve_tree(tray(2, 1), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: met(rack, U12))
        before = await readiness(rack, U12)
        assert (before.ready, before.age_s) == (Ready.UNKNOWN, None)
        assert b"TargetUnknown" in await rack.ask("readiness", U13)
        assert (await rack.do("check", U13)).code == "target_unknown"


async def told(rack: RealRack, kind: str, least: int = 1) -> Any:
    found = rack.events(kind)
    return found if len(found) >= least else None


async def test_a_first_look_that_nobody_asked_for_ends_no_rack_while_another_is_not_met(tmp_path: Path) -> None:
    async with serve_tree(RecordedTree(tray(2, 1, policy="LastState")), place=U12) as served:
        silent = dataclasses.replace(served, place=U13, port=1)
        async with real_rack(tmp_path, [served, silent]) as rack:

            async def told() -> bool:
                return bool(rack.events("endpoint.not_ready"))

            await eventually(told)
