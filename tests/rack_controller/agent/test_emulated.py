"""Emulated hosts over the emulator's control socket: values of the plant, faults as data, silence when off."""

import asyncio
from pathlib import Path

from firmware_bridge.emulator.control_server import ControlServer
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import running_emulator
from firmware_bridge.wire.nvml.message import HostReport
from firmware_bridge.wire.nvml.plan import READABLE
from rack_controller.agent.emulated import EmulatedHosts
from rack_controller.run.clock import SystemClock

RACK = "emulated/a/r01/k01"


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
            await asyncio.wait_for(now["u15"].news.wait(), 5)
            assert [(e.kind, e.gpu, e.number) for e in now["u15"].happened()] == [("xid", 3, 149)]
            hall.advance(5.0)
            await hosts._follow(once=True)
            assert now["u15"].happened() == [], "an XID happens once"
        finally:
            await control.stop()
