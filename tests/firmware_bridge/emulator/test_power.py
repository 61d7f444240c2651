"""Power of hosts, trays and shelves: a table, in emulated time, with watts that fall when it is really off."""

import asyncio
from pathlib import Path

import pytest
from support.https_client import Reply, fetch
from support.patience import PATIENCE

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.harness import RunningEmulator, running_emulator
from firmware_bridge.emulator.host import Host
from firmware_bridge.emulator.power import MOVES, POWER_CODES, Ask, Power, PowerData, power_data
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place

R = "/redfish/v1"
RESET = f"{R}/Systems/System_0/Actions/ComputerSystem.Reset"
AUX = f"{R}/Chassis/BMC_0/Actions/Oem/NvidiaChassis.AuxPowerReset"
SHELF = f"{R}/Chassis/powershelf"


@pytest.fixture
def bench() -> Bench:
    return Bench(load_generation("gb200-nvl72"), [Place("emu/a/r01/k01")], None)


def host(bench: Bench, **data: object) -> Host:
    return bench.host(TrayKind.COMPUTE, 0, 3, power_data({"off_s": 3.0, "on_s": 4.0, "dark_s": 2.0, **data}))


def test_the_table_has_every_request_for_every_resting_state() -> None:
    assert {key[0] for key in MOVES} == {Power.ON, Power.OFF}
    assert all((state, ask) in MOVES for state in (Power.ON, Power.OFF) for ask in Ask)
    assert [str(p) for p in POWER_CODES] == ["Off", "On", "PoweringOff", "PoweringOn"]


def test_off_takes_its_time_and_watts_fall_only_then(bench: Bench) -> None:
    one = host(bench)
    assert one.ask(Ask.FORCE_OFF)
    bench.advance(2.5)
    assert (one.state, one.powered) == (Power.POWERING_OFF, True)
    assert bench.state.tray_power[0, 3] > 500
    assert not one.ask(Ask.ON)  # on its way
    bench.advance(1.0)
    assert one.state is Power.OFF
    bench.advance(1.0)
    assert bench.state.tray_power[0, 3] < 1.0
    assert bench.state.tray_power[0, 2] > 500
    assert one.ask(Ask.FORCE_OFF)  # it is so already
    assert one.ask(Ask.ON)
    bench.advance(3.9)
    assert bench.state.tray_power[0, 3] < 1.0
    bench.advance(1.0)
    assert one.state is Power.ON
    assert bench.state.tray_power[0, 3] > 500


def test_a_hand_puts_hosts_on_or_off_and_ends_what_was_under_way(bench: Bench) -> None:
    one = host(bench)
    assert one.ask(Ask.FORCE_OFF)
    assert bench.put_hosts("*/k01/u14", on=True) == 1
    bench.advance(5.0)
    assert one.state is Power.ON
    assert bench.put_hosts("*/k01/u1?", on=False) == 1
    bench.advance(1.0)
    (told,) = bench.told_hosts()
    assert (told["place"], told["state"], told["asked"]) == ("emu/a/r01/k01/u14", Power.OFF, Ask.FORCE_OFF)
    assert told["power_w"] == pytest.approx(0.0, abs=1.0)
    assert one.asked_at is not None
    assert one.off_at is not None
    assert one.asked_at <= one.off_at


def test_a_cycle_in_one_long_step_happens_at_its_moments(bench: Bench) -> None:
    one = host(bench)
    assert one.ask(Ask.POWER_CYCLE)
    energy = float(bench.state.gpu_energy[0, 3].sum())
    other = float(bench.state.gpu_energy[0, 2].sum())
    bench.advance(60.0)
    assert one.state is Power.ON
    spent, usual = bench.state.gpu_energy[0, 3].sum() - energy, bench.state.gpu_energy[0, 2].sum() - other
    assert spent == pytest.approx(usual * (60 - 6) / 60, rel=0.02)  # dark for 2 s, coming up for 4 s


def test_some_say_off_on_acceptance(bench: Bench) -> None:
    early, honest = host(bench, reports="accepted"), bench.host(TrayKind.COMPUTE, 0, 4, PowerData())
    for one in (early, honest):
        assert one.ask(Ask.GRACEFUL_SHUTDOWN)
        assert one.powered
    assert [POWER_CODES[one.shown] for one in (early, honest)] == [Power.OFF, Power.POWERING_OFF]


@pytest.mark.parametrize(
    ("policy", "before", "after"), [("last", True, True), ("last", False, False), ("on", False, True)]
)
def test_after_a_cut_the_restore_policy_rules(bench: Bench, policy: str, before: bool, after: bool) -> None:
    one = host(bench)
    one.ask(Ask.FORCE_RESTART if before else Ask.FORCE_OFF)  # what is under way is forgotten, what was meant is not
    bench.advance(1.0)
    one.cut(20.0, policy)
    bench.advance(19.0)
    assert one.state is Power.OFF
    bench.advance(10.0)
    assert (one.state is Power.ON) is after


@pytest.mark.parametrize("stated", [{"off": 1}, {"off_s": -1}, {"off_s": "long"}, {"reports": "never"}])
def test_power_data_that_cannot_be_is_refused(stated: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="power"):
        power_data(stated)


class Bmc:
    """One endpoint of a running emulator, asked over HTTPS."""

    def __init__(self, emulator: RunningEmulator, ending: str) -> None:
        self.hall, endpoint = emulator.hall, emulator.endpoint(ending)
        credential = emulator.credential(endpoint)
        self.url, self.auth = endpoint.url, (credential.user, credential.secret)

    async def get(self, uri: str) -> Reply:
        return await fetch(self.url + uri, auth=self.auth)

    async def post(self, uri: str, **body: str) -> int:
        return (await fetch(self.url + uri, method="POST", auth=self.auth, body=body)).status

    async def power_state(self, uri: str = f"{R}/Systems/System_0") -> str:
        return str((await self.get(uri)).body["PowerState"])

    async def until_it_answers(self) -> None:
        deadline = asyncio.get_running_loop().time() + 20 * PATIENCE
        while True:
            try:
                await self.get(R)
                return
            except OSError:
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.02)


async def test_a_host_over_redfish(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        tray, switch = Bmc(emulator, "u11/bmc"), Bmc(emulator, "u19/bmc")
        assert await tray.post(RESET, ResetType="GracefulShutdown") == 204
        assert await tray.power_state() == "PoweringOff"
        assert await tray.post(RESET, ResetType="On") == 409
        assert await switch.post(RESET, ResetType="ForceOff") == 204
        assert await switch.power_state() == "Off"  # this one says so before it is
        assert emulator.hall.benches["gb200-nvl72"].state.switch_power[0, 0] > 100
        emulator.hall.advance(11.0)
        assert await tray.power_state() == "Off"
        assert emulator.hall.benches["gb200-nvl72"].state.switch_power[0, 0] < 1
        assert await tray.post(RESET, ResetType="Explode") == 400


async def test_an_auxiliary_power_cycle_takes_host_bmc_and_sessions_away(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        tray = Bmc(emulator, "u11/bmc")
        login = {"UserName": tray.auth[0], "Password": tray.auth[1]}
        sessions = f"{tray.url}{R}/SessionService/Sessions"
        token = (await fetch(sessions, method="POST", body=login)).headers["x-auth-token"]
        system = f"{tray.url}{R}/Systems/System_0"
        policy = {"PowerRestorePolicy": "LastState"}
        assert (await fetch(system, method="PATCH", auth=tray.auth, body=policy)).status == 200
        limits = emulator.hall.benches["gb200-nvl72"]
        limits.caps[0, 0] = limits.asked_caps[0, 0] = 500.0
        assert await tray.post(AUX, ResetType="AuxPowerCycle") == 204
        assert limits.caps[0, 0, 0] == 1200  # a limit does not outlive the power of the tray
        emulator.hall.advance(60.0)
        assert emulator.hall.benches["gb200-nvl72"].state.tray_power[0, 0] < 1
        with pytest.raises(OSError, match=r".*"):
            await tray.get(R)
        emulator.hall.advance(31.0)
        await tray.until_it_answers()
        early = await fetch(sessions, method="POST", body=login)
        assert (early.status, early.headers["retry-after"]) == (503, "14")
        emulator.hall.advance(15.0)
        assert (await fetch(tray.url + f"{R}/Chassis", headers={"x-auth-token": token})).status == 401
        assert (await fetch(sessions, method="POST", body=login)).status == 201
        gpu = f"{R}/Systems/HGX_Baseboard_0/Processors/GPU_0"
        assert (await tray.get(gpu)).status == 404  # what is behind the BMC comes later still
        emulator.hall.advance(30.0)
        assert (await tray.get(gpu)).status == 200
        assert await tray.power_state() == "On"


async def test_a_manager_restarts_without_its_host(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        tray = Bmc(emulator, "u12/bmc")
        assert await tray.post(f"{R}/Managers/HGX_BMC_0/Actions/Manager.Reset", ResetType="ForceRestart") == 204
        assert (await tray.get(f"{R}/Chassis/HGX_GPU_0")).status == 404
        assert (await tray.get(f"{R}/Chassis/Chassis_0")).status == 200
        assert await tray.post(f"{R}/Managers/BMC_0/Actions/Manager.Reset", ResetType="GracefulRestart") == 204
        emulator.hall.advance(60.0)
        await tray.until_it_answers()
        assert await tray.power_state() == "On"
        assert emulator.hall.benches["gb200-nvl72"].state.tray_power[0, 1] > 500


async def test_a_shelf_is_switched_and_the_others_take_its_load(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        shelf, bench = Bmc(emulator, "u06/pmc"), emulator.hall.benches["gb200-nvl72"]
        assert await shelf.post(f"{SHELF}/Actions/Chassis.ForceOff") == 204
        emulator.hall.advance(3.0)
        assert await shelf.power_state(SHELF) == "Off"
        assert bench.state.psu_output[0, 0].sum() == 0
        assert bench.state.psu_output[0, 1:].sum() == pytest.approx(
            bench.state.tray_power.sum() + bench.state.switch_power.sum(), rel=0.01
        )
        assert (await shelf.get(f"{SHELF}/PowerSubsystem/PowerSupplies/2")).body["PowerState"] is False
        assert await shelf.post(f"{SHELF}/Actions/Chassis.On", Why="not") == 400
        assert await shelf.post(f"{SHELF}/Actions/Chassis.On") == 204
        emulator.hall.advance(4.0)
        assert bench.state.psu_output[0, 0].sum() > 0


async def test_a_limit_holds_after_a_moment_and_a_boot_target_out_of_a_list(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        tray, bench = Bmc(emulator, "u13/bmc"), emulator.hall.benches["gb200-nvl72"]
        uri = f"{tray.url}{R}/Systems/HGX_Baseboard_0/Processors/GPU_1/EnvironmentMetrics"
        body = {"PowerLimitWatts": {"SetPoint": 600}}
        shown = await fetch(uri, method="PATCH", auth=tray.auth, body=body)
        assert shown.body["PowerLimitWatts"]["SetPoint"] == 600
        assert bench.caps[0, 2, 1] == 1200
        emulator.hall.advance(0.3)
        assert bench.caps[0, 2, 1] == 600
        system = f"{tray.url}{R}/Systems/System_0"
        for target, status in (("Pxe", 200), ("Moon", 400)):
            body = {"Boot": {"BootSourceOverrideTarget": target}}
            assert (await fetch(system, method="PATCH", auth=tray.auth, body=body)).status == status
        assert (await tray.get(f"{R}/Systems/System_0")).body["Boot"]["BootSourceOverrideTarget"] == "Pxe"
