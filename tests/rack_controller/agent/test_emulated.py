"""Emulated hosts over the emulator's control socket: values of the plant, faults as data, silence when off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from support.patience import PATIENCE

from firmware_bridge.emulator.control_server import ControlServer
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.hall import Hall
from firmware_bridge.emulator.harness import running_emulator
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.wire.nvml.grants import HeldGpu
from firmware_bridge.wire.nvml.message import HostReport
from firmware_bridge.wire.nvml.plan import READABLE
from rack_controller.agent.emulated import EmulatedHosts
from rack_controller.run.clock import SystemClock

RACK = "emulated/a/r01/k01"


@asynccontextmanager
async def followed(state: Path) -> AsyncIterator[tuple[Hall, EmulatedHosts]]:
    """An emulator that stands still, and its hosts."""
    async with running_emulator(state, speed=0) as emulator:
        control = ControlServer(emulator.hall)
        await control.start()
        try:
            hosts = EmulatedHosts(state, SystemClock())
            await hosts.places()
            yield emulator.hall, hosts
            hosts.close()
        finally:
            await control.stop()


async def test_limits_are_set_in_band_and_the_lowest_is_enforced(tmp_path: Path) -> None:
    async with followed(tmp_path) as (hall, hosts):
        bench, host = hall.benches["gb200-nvl72"], hosts.hosts[f"{RACK}/u11/host"]
        assert await host.keep_limits({0: 700.0, 3: 800.0}) == [HeldGpu(0, 700.0, 700.0), HeldGpu(3, 800.0, 800.0)]
        bench.board_caps[0, 0, 3] = 500.0  # what the BMC was told
        assert await host.keep_limits({3: 800.0}) == [HeldGpu(3, 800.0, 500.0)]
        hall.set_demand(1.0)
        hall.advance(30.0)
        drawn = bench.state.gpu_power[0, 0]
        assert drawn[0] <= 700.0
        assert drawn[3] <= 500.0
        assert drawn[1] > 1000.0
        (beyond,) = await host.keep_limits({0: 99.0})
        assert (beyond.limit_w, beyond.refused) == (400.0, "99 W is outside what it takes")
        (none,) = await host.keep_limits({7: 700.0})
        assert none.refused == "no such GPU"


async def test_what_resets_reloads_and_lost_power_cost_follows_from_the_generation(tmp_path: Path) -> None:
    async with followed(tmp_path) as (hall, hosts):
        bench, host = hall.benches["gb200-nvl72"], hosts.hosts[f"{RACK}/u12/host"]
        bench.board_caps[0, 1] = bench.asked_caps[0, 1] = 900.0
        for fault, in_band in (
            (Fault(FaultKind.DRIVER_RELOAD, where="*/u12/gpu0"), [1200.0, 700.0, 700.0, 700.0]),
            (Fault(FaultKind.GPU_RESET, where="*/u12"), [1200.0] * 4),
            (Fault(FaultKind.TRAY_OFF, where="*/u12"), [1200.0] * 4),
        ):
            await host.keep_limits(dict.fromkeys(range(4), 700.0))
            hall.faults.set([fault])
            hall.advance(1.0)
            assert bench.driver_caps[0, 1].tolist() == in_band, fault
            assert bench.board_caps[0, 1].tolist() == [900.0] * 4, fault  # limit_outlives: [reset]
            hall.faults.set([])
            hall.advance(1.0)
        bench.forget_limits(TrayKind.COMPUTE, 0, 1)  # standby power gone
        assert bench.board_caps[0, 1].tolist() == [1200.0] * 4


async def test_a_host_that_may_not_set_limits_says_so(tmp_path: Path) -> None:
    async with followed(tmp_path) as (hall, hosts):
        host = hosts.hosts[f"{RACK}/u13/host"]
        hall.faults.set(
            [Fault(FaultKind.LIMIT_FORBIDDEN, where="*/u13/host"), Fault(FaultKind.GPU_LOST, where="*/u13/gpu2")]
        )
        one, lost = await host.keep_limits({0: 700.0, 2: 700.0})
        assert (one.limit_w, one.refused) == (1200.0, "no permission")
        assert (lost.limit_w, lost.refused) == (None, "gpu_lost")


async def test_an_emulator_that_is_away_takes_no_limits(tmp_path: Path) -> None:
    (gone,) = await EmulatedHosts(tmp_path, SystemClock()).keep(f"{RACK}/u11/host", {0: 700.0})
    assert gone.refused.startswith("no emulator")


def gpus(report: HostReport | None) -> list[str]:
    assert report is not None
    return [gpu.access for gpu in report.gpus]


async def test_hosts_say_what_the_plant_and_the_faults_say(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, speed=0) as emulator:
        hall, control = emulator.hall, ControlServer(emulator.hall)
        await control.start()
        try:
            hosts = EmulatedHosts(tmp_path, SystemClock())
            assert len(await hosts.places()) == 18
            first = hosts.hosts[f"{RACK}/u11/host"]
            report = await first.sample()
            assert report is not None
            assert set(report.gpus[0].values) == READABLE
            power = hall.benches["gb200-nvl72"].state.gpu_power[0, 0, 2]
            assert report.gpus[2].values["power_average"] == round(float(power), 1)
            assert report.gpus[2].values["nvlinks_up"] == 18
            assert report.gpus[2].serial == "EMU-EMULATED_A_R01_K01_U11-GPU2"
            hall.faults.set(
                [
                    Fault(FaultKind.GPU_LOST, where="*/u11/gpu1"),
                    Fault(FaultKind.RESET_PENDING, where="*/u11/gpu2"),
                    Fault(FaultKind.NVML_MISSING, where="*/u12"),
                    Fault(FaultKind.AGENT_SILENT, where="*/u13/host"),
                    Fault(FaultKind.TRAY_OFF, where="*/u14"),
                    Fault(FaultKind.PORT_DOWN, where="*/u19/acp1"),
                    Fault(FaultKind.XID, where="*/u15/gpu3", xid=149),
                ]
            )
            hall.advance(1.0)
            await hosts._follow(once=True)
            now = {place.split("/")[4]: host for place, host in hosts.hosts.items()}
            assert gpus(await now["u11"].sample()) == ["ok", "lost", "reset_required", "ok"]
            missing = await now["u12"].sample()
            assert missing is not None
            assert (missing.library, missing.gpus) == ("library_not_found", [])
            assert await now["u13"].sample() is None
            assert await now["u14"].sample() is None
            lost_link = await now["u11"].sample()
            assert lost_link is not None
            assert (lost_link.gpus[0].values["nvlinks_up"], lost_link.gpus[0].links_down) == (17, [0])
            await asyncio.wait_for(now["u15"].news.wait(), 5 * PATIENCE)
            assert [(e.kind, e.gpu, e.number) for e in now["u15"].happened()] == [("xid", 3, 149)]
            hall.advance(5.0)
            await hosts._follow(once=True)
            assert now["u15"].happened() == [], "an XID happens once"
        finally:
            await control.stop()
