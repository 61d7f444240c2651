"""A changed certificate holds: nothing is read until somebody settles it, over restarts too."""

from pathlib import Path
from typing import Any

from support.real_rack import RACK, RealRack, eventually, real_rack

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.vocabulary.place import Place
from rack_controller.model.hold import Hold
from rack_controller.model.roles import Role

ROOT = "/redfish/v1"
U12 = f"{RACK}/u12/bmc"
CHANGED = Fault(FaultKind.WRONG_CERTIFICATE)


def tree(serial: str = "SN-12") -> dict[str, Any]:
    chassis = f"{ROOT}/Chassis/c"
    return {
        ROOT: {"@odata.id": ROOT, "RedfishVersion": "1.17.0", "Chassis": {"@odata.id": f"{ROOT}/Chassis"}},
        f"{ROOT}/Chassis": {"Members": [{"@odata.id": chassis}]},
        chassis: {"@odata.id": chassis, "ChassisType": "RackMount", "SerialNumber": serial, "PowerState": "On"},
    }


async def reachable(rack: RealRack) -> bool:
    return (await rack.status(U12)).management == "reachable"


async def held(rack: RealRack) -> Hold | None:
    return (await rack.status(U12)).held


def change(served: ServedEndpoint, *faults: Fault) -> None:
    served.faults.set(faults)
    served.follow_faults()


async def test_a_certificate_that_changes_holds_and_a_serial_number_settles_it(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        change(served, CHANGED)
        hold = await eventually(lambda: held(rack))
        assert (hold.pinned, hold.subject) == (served.pin, "CN=127.0.0.1")
        assert hold.shown != served.pin
        (event,) = await eventually(lambda: events_of(rack, "endpoint.held"))
        assert (event.place, event.severity) == (U12, "critical")
        assert hold.shown in event.message

        served.seen.clear()
        wrong = await rack.do("repin", U12, Role.TECHNICIAN, pin=hold.shown, serial="SN-13")
        assert (wrong.accepted, wrong.code) == (False, "precondition_failed")
        assert "is SN-12, expected SN-13" in wrong.reason
        stale = await rack.do("repin", U12, pin=served.pin, serial="SN-12")
        assert "confirmed was" in stale.reason
        unsaid = await rack.do("repin", U12, pin=hold.shown)
        assert "a reason" in unsaid.advice
        denied = await rack.do("repin", U12, Role.TECHNICIAN, pin=hold.shown, reason="I saw it")
        assert denied.code == "role_insufficient"
        assert await held(rack) is not None

        reply = await rack.do("repin", U12, Role.TECHNICIAN, pin=hold.shown, serial="sn-12")
        assert (reply.accepted, reply.result["serial"]) == (True, "SN-12")
        await eventually(lambda: reachable(rack))
        assert await held(rack) is None
        assert read_site(rack.site).endpoints[0].pin == hold.shown
        (event,) = await eventually(lambda: events_of(rack, "endpoint.repinned"))
        assert "by ada" in event.message


async def test_a_hold_outlives_the_controller_and_nothing_is_asked_meanwhile(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12) as served:
        async with real_rack(tmp_path, [served]) as rack:
            await eventually(lambda: reachable(rack))
            change(served, CHANGED)
            before = await eventually(lambda: held(rack))
        change(served)  # the old certificate is back: that settles nothing
        served.seen.clear()
        async with real_rack(tmp_path, [served]) as rack:
            assert await eventually(lambda: held(rack)) == before
            await eventually(lambda: ticks(rack, 3))
            assert served.seen == {}
            status = await rack.status(U12)
            assert (status.management, status.state) == ("absent", "unknown")
            reply = await rack.do("repin", U12, Role.ADMIN, pin=served.pin, reason="the old board is back in")
            assert reply.accepted, reply.reason
            await eventually(lambda: reachable(rack))
            assert not rack.journal.kept("hold")


async def test_a_pin_written_into_the_site_file_settles_it_on_reload(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        change(served, CHANGED)
        hold = await eventually(lambda: held(rack))
        rack.site.write_text(rack.site.read_text().replace(served.pin, hold.shown))
        assert (await rack.do("reload", U12, Role.TECHNICIAN)).code == "role_insufficient"
        assert (await rack.do("reload", U12)).accepted
        await eventually(lambda: reachable(rack))
        assert await held(rack) is None


async def test_an_endpoint_that_is_enrolled_while_the_rack_runs_joins_it(tmp_path: Path) -> None:
    async with (
        serve_tree(tree(), place=U12) as served,
        serve_tree(tree("SN-13"), place=f"{RACK}/u13/bmc", password=served.password) as late,
        real_rack(tmp_path, [served]) as rack,
    ):
        await eventually(lambda: reachable(rack))
        unknown = await rack.do("reload", f"{RACK}/u13/bmc")
        assert (unknown.code, unknown.advice) == ("target_unknown", "enrol it first")
        boot = rack.controlled._view.boot
        entry = (
            f"- {{place: {late.place}, address: 127.0.0.1, port: {late.port}, pin: {late.pin}, credential: lab/u12}}\n"
        )
        rack.site.write_text(rack.site.read_text() + entry)
        assert (await rack.do("reload", late.place)).accepted
        await eventually(lambda: joined(rack, late.place))
        listed = {e.place: e for t in rack.controlled._view.layout.trays for e in t.endpoints}
        assert (listed[late.place].enabled, listed[late.place].address) == (True, f"127.0.0.1:{late.port}")
        assert rack.controlled._view.boot != boot  # whoever keeps a layout asks for the new one


async def test_an_expired_certificate_is_refused_and_no_hold(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        change(served, Fault(FaultKind.EXPIRED_CERTIFICATE))
        roster = rack.controlled._enrolling.roster
        roster.collectors[Place(U12)].replace(
            roster.sources[Place(U12)]
        )  # this tree has nothing that is read each second
        await eventually(lambda: refused(rack))
        assert await held(rack) is None
        change(served)
        await eventually(lambda: reachable(rack))


async def refused(rack: RealRack) -> bool:
    status = await rack.status(U12)
    return status.management != "reachable" and "expired" in status.error


async def joined(rack: RealRack, place: str) -> bool:
    snapshot = rack.controlled._view.snapshot
    return snapshot is not None and place in snapshot.endpoints and (await rack.status(place)).management == "reachable"


async def events_of(rack: RealRack, kind: str) -> Any:
    return rack.events(kind)


async def ticks(rack: RealRack, count: int) -> bool:
    return len(rack.controlled.frames) >= count
