"""A whole rack on real addresses inside the test's loop, and its control channel."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.https_client import fetch, shown_pin
from support.patience import PATIENCE

from firmware_bridge.emulator.control import EmulatorControl
from firmware_bridge.emulator.control_server import ControlServer
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.hall import read_trace
from firmware_bridge.emulator.harness import RunningEmulator, running_emulator
from firmware_bridge.emulator.power import Power
from firmware_bridge.vocabulary.errors import EnvironmentUnfit, FileInvalid
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.site import SiteEndpoint

R = "/redfish/v1"
GPU = f"{R}/Systems/HGX_Baseboard_0/Processors/GPU_0/EnvironmentMetrics"


async def read(emulator: RunningEmulator, endpoint: SiteEndpoint, uri: str) -> dict[str, object]:
    credential = emulator.credential(endpoint)
    reply = await fetch(endpoint.url + uri, auth=(credential.user, credential.secret))
    assert reply.status == 200
    body: dict[str, object] = reply.body
    return body


async def test_what_is_still_being_answered_ends_with_the_hall_and_without_a_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        streaming, waiting = emulator.endpoint("u11/bmc"), emulator.endpoint("u12/bmc")
        credential, hall = emulator.credential(streaming), emulator.hall
        auth = (credential.user, credential.secret)
        hall.faults.set([Fault(FaultKind.SLOW, where="*/u12/bmc", seconds=3600.0)])
        asked = [
            asyncio.create_task(fetch(streaming.url + f"{R}/EventService/SSE", auth=auth, within=30)),
            asyncio.create_task(fetch(waiting.url + GPU, auth=auth, within=30)),
        ]
        async with asyncio.timeout(20):
            while len(hall.doorway.state.tasks) < len(asked):  # noqa: ASYNC110 - a value, not an event
                await asyncio.sleep(0.01)
        await hall.stop()
        assert hall.doorway.state.tasks == set()
        await asyncio.gather(*asked, return_exceptions=True)
    assert [r.getMessage() for r in caplog.records if r.name.startswith("uvicorn")] == []


async def test_with_every_shelf_switched_off_the_trays_and_their_controllers_go_dark_and_come_back(
    tmp_path: Path,
) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        hall = emulator.hall
        (bench,) = hall.benches.values()
        tray, shelf = emulator.endpoint("u11/bmc"), emulator.endpoint("u06/pmc")
        shelves = [h for (kind, _, _), h in bench.hosts.items() if kind is TrayKind.POWER_SHELF]
        bmc = next(e.device for e in hall.endpoints if e.plan.place == tray.place)
        for host in shelves[1:]:
            host.put(False)
        hall.advance(1.0)
        assert not bmc.life.away, "one shelf carries the bar"
        shelves[0].put(False)
        hall.advance(3.0)
        assert bmc.life.away
        assert float(bench.state.tray_power.sum()) < 1.0
        assert (await read(emulator, shelf, f"{R}/Chassis/powershelf"))["Id"] == "powershelf", "it lives on its feed"
        for host in shelves:
            host.put(True)
        hall.advance(1.0)
        hall.advance(bmc.template.power.bmc_s + 1.0)
        assert not bmc.life.away
        assert bench.hosts[TrayKind.COMPUTE, 0, 0].state is Power.OFF, "it is set to stay off"


async def test_a_rack_is_there_with_site_file_pins_and_passwords(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        assert len(emulator.site.endpoints) == 63
        assert [(r.place, r.armed) for r in emulator.site.racks] == [("emulated/a/r01/k01", True)]
        assert emulator.vault.names() == ("emulated/k01", "emulated/k01-nvos")
        for ending, uri in (
            ("u11/bmc", GPU),
            ("u19/bmc", f"{R}/Chassis/MGX_NVSwitch_0"),
            ("u06/pmc", f"{R}/Chassis/powershelf"),
            ("u01/bmc", f"{R}/ThermalEquipment/CDUs/1"),
        ):
            endpoint = emulator.endpoint(ending)
            assert (await shown_pin(str(endpoint.address), int(endpoint.port or 0)))[0] == endpoint.pin
            assert (await read(emulator, endpoint, uri))["@odata.id"] == uri
        assert "secret" not in emulator.site_path.read_text()
        assert emulator.credential(emulator.endpoint("u11/bmc")).secret not in emulator.site_path.read_text()


async def test_load_follows_the_trace_and_caps_hold_it_down(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("t_s,node1_W\n0,1500\n50,1500\n60,7300\n400,7300\n")
    async with running_emulator(tmp_path / "state", speed=0, load_trace=trace) as emulator:
        endpoint = emulator.endpoint("u11/bmc")
        idle = (await read(emulator, endpoint, GPU))["PowerWatts"]["Reading"]  # type: ignore[index]
        emulator.hall.advance(100)
        busy = (await read(emulator, endpoint, GPU))["PowerWatts"]["Reading"]  # type: ignore[index]
        assert idle < 160
        assert busy > 1100
        credential = emulator.credential(endpoint)
        await fetch(
            endpoint.url + GPU,
            method="PATCH",
            auth=(credential.user, credential.secret),
            body={"PowerLimitWatts": {"SetPoint": 600}},
        )
        emulator.hall.advance(1)
        capped = (await read(emulator, endpoint, GPU))["PowerWatts"]["Reading"]  # type: ignore[index]
        assert capped == pytest.approx(600, abs=1)


async def test_time_moves_by_itself(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=50) as emulator:
        for _ in range(100):
            if emulator.hall.time >= 5.0:
                break
            await asyncio.sleep(0.05)
        assert emulator.hall.time >= 5.0


async def test_a_restart_keeps_addresses_pins_and_passwords_and_loses_sessions(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        before = emulator.site
        endpoint = emulator.endpoint("u11/bmc")
        password = emulator.credential(endpoint).secret
        made = await fetch(
            f"{endpoint.url}{R}/SessionService/Sessions", method="POST", body={"UserName": "root", "Password": password}
        )
        location = made.headers["location"]
    async with running_emulator(tmp_path, speed=0) as emulator:
        assert emulator.site == before
        assert emulator.credential(endpoint).secret == password
        reply = await fetch(endpoint.url + location, auth=("root", password))
        assert reply.status == 404


async def test_a_kept_connection_answers_many_reads_in_order(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        endpoint = emulator.endpoint("u11/bmc")
        login = {"UserName": "root", "Password": emulator.credential(endpoint).secret}
        made = await fetch(f"{endpoint.url}{R}/SessionService/Sessions", method="POST", body=login)
        token = made.headers["x-auth-token"]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection(endpoint.address, endpoint.port, ssl=context)
        uris = [GPU, f"{R}/Nowhere", f"{R}/Chassis", GPU]
        head = f"HTTP/1.1\r\nhost: x\r\nx-auth-token: {token}\r\n"
        writer.write("".join(f"GET {uri} {head}\r\n" for uri in uris).encode())  # pipelined: all at once
        writer.write(f"GET {R} {head}connection: close\r\n\r\n".encode())
        answers = await asyncio.wait_for(reader.read(-1), 5 * PATIENCE)
        writer.transport.abort()
        assert [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]] == [200, 404, 200, 200, 200]


async def test_two_emulators_do_not_meet_and_one_directory_holds_one(tmp_path: Path) -> None:
    async with running_emulator(tmp_path / "one", speed=0) as one, running_emulator(tmp_path / "two", speed=0) as two:
        assert not {e.address for e in one.site.endpoints if not e.agent} & {e.address for e in two.site.endpoints}
        with pytest.raises(EnvironmentUnfit, match="cannot listen"):
            async with running_emulator(tmp_path / "one", speed=0):
                pass


async def until(look: Callable[[], Awaitable[bool]], within: float = 20.0) -> None:
    deadline = asyncio.get_running_loop().time() + within * PATIENCE
    while not await look():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


async def test_a_certificate_changes_while_it_runs_and_comes_back(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        endpoint = emulator.endpoint("u11/bmc")

        async def same() -> bool:
            return (await shown_pin(str(endpoint.address), int(endpoint.port or 0)))[0] == endpoint.pin

        async def other() -> bool:
            return not await same()

        assert await same()
        emulator.hall.faults.add([Fault(what=FaultKind.WRONG_CERTIFICATE, where="*/u11/bmc", lasts=5.0)])
        await until(other)
        emulator.hall.advance(6.0)  # its span ends
        await until(same)


async def test_a_rebooting_bmc_is_gone_from_the_network_and_forgets_its_sessions(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        endpoint = emulator.endpoint("u11/bmc")
        running = next(e for e in emulator.hall.endpoints if e.plan.place == endpoint.place)
        credential = emulator.credential(endpoint)
        login = {"UserName": credential.user, "Password": credential.secret}
        sessions = f"{endpoint.url}{R}/SessionService/Sessions"
        token = (await fetch(sessions, method="POST", body=login)).headers["x-auth-token"]
        emulator.hall.faults.add([Fault(what=FaultKind.REBOOT, where="*/u11/bmc", seconds=30.0, times=1)])
        with pytest.raises((ConnectionError, ssl.SSLError, OSError)):
            await read(emulator, endpoint, GPU)

        async def refused() -> bool:
            try:
                await asyncio.open_connection(endpoint.address, endpoint.port)
            except ConnectionRefusedError:
                return True
            return False

        await until(refused)
        emulator.hall.advance(31.0)

        async def back() -> bool:
            return not await refused()

        await until(back)
        assert (await fetch(endpoint.url + GPU, headers={"x-auth-token": token})).status == 401
        assert (await fetch(sessions, method="POST", body=login)).status == 201
        assert running.listener.door.life.restarts == 1


async def test_certificate_faults_count_at_start(tmp_path: Path) -> None:
    fault = Fault(what=FaultKind.WRONG_CERTIFICATE, where="*/u11/bmc")
    async with running_emulator(tmp_path, speed=0, faults=[fault]) as emulator:
        for ending, same in (("u11/bmc", False), ("u12/bmc", True)):
            endpoint = emulator.endpoint(ending)
            shown = (await shown_pin(str(endpoint.address), int(endpoint.port or 0)))[0]
            assert (shown == endpoint.pin) is same


async def test_the_control_channel(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)  # longer than a UNIX socket's name may be
    async with running_emulator(deep, speed=0) as emulator:
        server = ControlServer(emulator.hall)
        await server.start()
        control = EmulatorControl(deep)
        assert await asyncio.to_thread(control.step, 30.0) == pytest.approx(30.0)
        await asyncio.to_thread(control.set_demand, 1.0)
        await asyncio.to_thread(control.step, 60.0)
        state = await asyncio.to_thread(control.state)
        assert state["racks"][0]["load_w"] > 90_000
        shown = await asyncio.to_thread(control.instruments, state["racks"][0]["place"], ["tray.flow", "no.such"])
        assert list(shown) == ["tray.flow"]
        assert 7.0 < shown["tray.flow"]["u11"] < 9.0
        leak = Fault(what=FaultKind.LEAK, where="*/u11/leak0")
        await asyncio.to_thread(control.set_faults, [leak, {"what": "psu_fail", "where": "*/u06/psu0"}])
        at = f"{R}/Chassis/Chassis_0/ThermalSubsystem/LeakDetection/LeakDetectors/Chassis_0_LeakDetector_0_ColdPlate"
        assert (await read(emulator, emulator.endpoint("u11/bmc"), at))["DetectorState"] == "Critical"
        await asyncio.to_thread(control.clear_faults)
        assert (await read(emulator, emulator.endpoint("u11/bmc"), at))["DetectorState"] == "OK"
        before = state["requests"]
        await read(emulator, emulator.endpoint("u11/bmc"), at)
        assert (await asyncio.to_thread(control.state))["requests"] > before
        assert await asyncio.to_thread(control.drop_sessions, "*/u1[1-8]/bmc") == 8
        assert await asyncio.to_thread(control.put_hosts, "*/u1[1-8]", on=False) == 8
        hosts = await asyncio.to_thread(control.hosts)
        assert sum(h["state"] == "Off" for h in hosts.values()) == 8
        assert await asyncio.to_thread(control.lose_mains, "*/u1[1-8]", 5.0) == 8
        await asyncio.to_thread(control.step, 60.0)
        hosts = await asyncio.to_thread(control.hosts)
        assert sum(h["state"] == "Off" for h in hosts.values()) == 8, "they are set to stay off"
        await asyncio.to_thread(control.speed, 2.0)
        for verb, arguments in (
            ("put_hosts", {"where": "*/u99", "on": True}),
            ("put_hosts", {"where": "*", "on": "yes"}),
            ("lose_mains", {"where": "*/u99", "seconds": 1}),
            ("dance", {}),
            ("speed", {"factor": "nan"}),
            ("step", {"seconds": -1}),
            ("set_faults", {"faults": [{"what": "dance"}]}),
            ("step", {}),
            ("instruments", {"rack": "lab1/a/r09/k09"}),
        ):
            with pytest.raises(ValueError, match=r".+"):
                await asyncio.to_thread(control.ask, verb, **arguments)
        await server.stop()
    with pytest.raises(EnvironmentUnfit):
        EmulatorControl(deep).state()


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n3,4\n", "t_s,n_W\n0,1\n1,x\n"])
def test_a_bad_trace_is_pointed_at(tmp_path: Path, content: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(content)
    with pytest.raises(FileInvalid):
        read_trace(path)
    with pytest.raises(FileInvalid):
        read_trace(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(("name", "racks", "endpoints"), [("gb300-nvl72", 1, 61), ("nvl144", 1, 59)])
async def test_every_other_seed_runs_from_its_folder(tmp_path: Path, name: str, racks: int, endpoints: int) -> None:
    async with running_emulator(tmp_path, name, speed=0) as emulator:
        assert (len(emulator.site.racks), len(emulator.site.endpoints)) == (racks, endpoints)
        gpu = await read(emulator, emulator.endpoint("u11/bmc"), GPU)
        rated = next(iter(emulator.hall.benches.values())).design
        assert gpu["PowerLimitWatts"]["SetPoint"] == rated.limit_default  # type: ignore[index]


async def test_a_pair_of_racks_on_redfish_and_serial_lines(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, "orv3-hpr-nvl36x2", speed=0) as emulator:
        assert [r.domains for r in emulator.site.racks] == [{"nvl0": "k01.nvl0"}] * 2
        assert len(emulator.site.endpoints) == emulator.hall.endpoint_count == 86
        assert emulator.hall.needs == (54, 6 + 36)
        assert sum(e.tty is not None for e in emulator.site.endpoints) == 14
        assert (await read(emulator, emulator.endpoint("k02/u15/bmc"), GPU))["@odata.id"] == GPU
