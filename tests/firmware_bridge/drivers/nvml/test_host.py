"""Our driver on the stand-in library: values in our units, one failure costs one reading, one GPU costs one GPU."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from support.nvml import FakeGpus
from support.patience import PATIENCE

from firmware_bridge.drivers.nvml import host as host_module
from firmware_bridge.drivers.nvml.host import NvmlHost
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from firmware_bridge.wire.nvml.message import GpuReport, HostEvent, HostReport
from firmware_bridge.wire.nvml.plan import ALARM_BITS, FAST, SLOW


@dataclass
class Offset:
    """The real clock, which a test may move on: calls into the library run in real time."""

    ahead: float = 0.0

    def now(self) -> Seconds:
        return Seconds(time.monotonic() + self.ahead)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(time.time_ns())

    async def sleep_until(self, when: Seconds) -> None:
        await asyncio.sleep(max(0.0, when - self.now()))


@pytest.fixture
def clock() -> Offset:
    return Offset()


@pytest.fixture
async def host(fake: FakeGpus, clock: Offset) -> AsyncIterator[NvmlHost]:
    host = NvmlHost(clock)
    yield host
    await host.close()


async def look(host: NvmlHost, clock: Offset, later: float = 11.0) -> HostReport:
    clock.ahead += later
    return await host.sample()


def named(gpu: GpuReport) -> set[str]:
    word = int(gpu.values["alarms"])
    return {name for n, name in enumerate(ALARM_BITS) if word >> n & 1}


async def test_everything_is_read_in_our_units(host: NvmlHost, clock: Offset) -> None:
    report = await look(host, clock)
    assert (report.library, report.driver, len(report.gpus)) == ("ok", "580.65.06", 4)
    gpu = report.gpus[1]
    assert (gpu.access, gpu.serial, gpu.bus_id) == ("ok", "SN1", "00000001:01:00.0")
    assert gpu.values == {
        "power_average": 812.5,
        "power_instant": 903.25,
        "power_module": 1190.0,
        "power_limit_enforced": 1200.0,
        "power_limit_set": 1100.0,
        "temperature_core": 42,
        "temperature_memory": 52,
        "temperature_margin": 45,
        "clock_core": 1.965e9,
        "clock_reasons": 4,
        "utilization": 87,
        "energy_total": 9_000_000_000,
        "ecc_corrected": 2,
        "ecc_uncorrected": 0,
        "ecc_uncorrected_lifetime": 1,
        "rows_remapped": 3,
        "recovery_action": 0,
        "nvlinks_up": 18,
        "nvlink_recoveries": 18,
        "nvlink_errors": 9,
        "fabric_state": 3,
        "alarms": 0,
        "gpu_access": 1,
        "xids": 0,
    }
    assert set(gpu.values) == {str(q) for q in (*FAST, *SLOW)}
    assert gpu.limits_w == {"default": 1000.0, "min": 400.0, "max": 1200.0}
    assert (gpu.clique, gpu.fabric, gpu.failed) == (7, [], {})


async def test_a_call_that_is_not_supported_costs_its_reading(host: NvmlHost, fake: FakeGpus, clock: Offset) -> None:
    fake.set(0, "code", "nvmlDeviceGetMarginTemperature", 3)
    fake.set(0, "code", "nvmlDeviceGetClockInfo", 999)
    fake.set(0, "code", "82:0", 27)
    fake.drop(0, "field", "186:1")
    gpu = (await look(host, clock)).gpus[0]
    assert gpu.access == "ok"
    assert gpu.failed == {
        "power_module": "not_supported",
        "temperature_margin": "not_supported",
        "clock_core": "unknown",
        "temperature_memory": "not_ready",
    }
    assert gpu.values["power_average"] == 812.5


async def test_lost_and_waiting_for_reset_cost_one_gpu(host: NvmlHost, fake: FakeGpus, clock: Offset) -> None:
    await look(host, clock)
    fake.set(1, "code", "*", 15)
    fake.set(2, "code", "*", 16)
    report = await look(host, clock, later=1.0)
    assert [g.access for g in report.gpus] == ["ok", "lost", "reset_required", "ok"]
    assert [g.reason for g in report.gpus] == ["", "gpu_lost", "reset_required", ""]
    assert set(report.gpus[1].values) == {"gpu_access", "xids"}, "nothing of before is said again"
    assert report.gpus[1].serial == "SN1", "who it was is still known"
    fake.drop(1, "code", "*")
    assert (await look(host, clock, later=40.0)).gpus[1].access == "ok", "found again by a new look at the driver"


async def test_a_vanished_gpu_does_not_shift_the_others(host: NvmlHost, fake: FakeGpus, clock: Offset) -> None:
    await look(host, clock)
    fake.set(1, "code", "*", 15)
    await look(host, clock, later=1.0)
    fake.set("*", "value", "count", 3)
    fake.set("*", "order", "1", 2)
    fake.set("*", "order", "2", 3)
    report = await look(host, clock, later=40.0)
    assert [(g.index, g.access) for g in report.gpus] == [(0, "ok"), (1, "lost"), (2, "ok"), (3, "ok")]
    assert [g.serial for g in report.gpus] == ["SN0", "", "SN2", "SN3"]
    assert report.gpus[1].reason == "not_shown_by_driver"


async def test_a_hung_call_costs_its_gpu_only(
    host: NvmlHost, fake: FakeGpus, clock: Offset, monkeypatch: pytest.MonkeyPatch
) -> None:
    await look(host, clock)
    monkeypatch.setattr(host_module, "CALL_WITHIN", Seconds(0.3))
    fake.set(3, "hang", "nvmlDeviceGetClockInfo", 1)
    report = await look(host, clock)
    assert [g.access for g in report.gpus] == ["ok", "ok", "ok", "hung"]
    assert report.gpus[3].reason == "timeout"
    again = await look(host, clock)
    assert [g.access for g in again.gpus] == ["ok", "ok", "ok", "hung"], "nobody waits for it a second time"
    fake.drop(3, "hang", "nvmlDeviceGetClockInfo")
    monkeypatch.setattr(host_module, "CALL_WITHIN", Seconds(20.0))
    until = time.monotonic() + 20
    while (await look(host, clock)).gpus[3].access != "ok":
        assert time.monotonic() < until, "it comes back with the call"


async def test_memory_fabric_and_links_become_alarms(host: NvmlHost, fake: FakeGpus, clock: Offset) -> None:
    fake.set(0, "field", "145:0", 1)
    fake.set(0, "value", "sram_exceeded", 1)
    fake.set(0, "value", "fabric_health", 0x0301)
    fake.set(0, "value", "reasons", 0x80)
    fake.set(0, "link", "5", 0)
    gpu = (await look(host, clock)).gpus[0]
    raised = {"row_remap_failed", "sram_threshold_exceeded", "fabric_bandwidth_degraded", "fabric_misconfigured"}
    assert named(gpu) == raised | {"hw_power_brake"}
    assert (gpu.values["nvlinks_up"], gpu.links_down) == (17, [5])
    assert gpu.fabric == ["bandwidth_degraded", "wrong_chassis_serial"]


async def test_an_alarm_word_whose_bits_nobody_knows_is_unknown(host: NvmlHost, fake: FakeGpus, clock: Offset) -> None:
    fake.set(0, "code", "nvmlDeviceGetCurrentClocksEventReasons", 3)
    gpu = (await look(host, clock)).gpus[0]
    assert "alarms" not in gpu.values
    assert gpu.failed["alarms"] == "not_supported"


async def test_a_library_of_another_shape_costs_a_reading_and_no_agent(
    host: NvmlHost, clock: Offset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_handle: object) -> None:
        raise TypeError("another shape")

    monkeypatch.setattr(host_module, "read_slow", broken)
    gpus = (await look(host, clock)).gpus
    assert {(g.access, g.reason) for g in gpus} == {("failing", "unknown")}


async def test_an_older_driver_has_the_older_struct(host: NvmlHost, fake: FakeGpus, clock: Offset) -> None:
    fake.set(0, "value", "fabric_v2_only", 1)
    fake.set(0, "code", "nvmlDeviceGetTemperatureV", 13)
    gpu = (await look(host, clock)).gpus[0]
    assert (gpu.values["fabric_state"], gpu.values["temperature_core"]) == (3, 41)


async def test_a_sensor_that_stands_still_is_not_new(host: NvmlHost, fake: FakeGpus, clock: Offset) -> None:
    fake.set(0, "stamp", "now", 1_700_000_000_000_000)
    await look(host, clock)
    gpus = (await look(host, clock, later=5.0)).gpus
    assert gpus[0].ages_s["power_average"] >= 5.0
    assert gpus[0].age_s < 5.0
    assert not gpus[1].ages_s


async def test_no_sensor_is_read_more_often_than_it_measures(host: NvmlHost, fake: FakeGpus, clock: Offset) -> None:
    first = (await look(host, clock)).gpus[0]
    fake.set(0, "value", "temperature", 70)
    assert (await host.sample()).gpus[0].values["temperature_core"] == first.values["temperature_core"]
    assert (await look(host, clock, later=0.2)).gpus[0].values["temperature_core"] == 70


async def test_an_xid_is_an_event_and_a_count(host: NvmlHost, fake: FakeGpus, clock: Offset) -> None:
    await look(host, clock)
    fake.fire(2, 79)
    await asyncio.wait_for(host.news.wait(), 20 * PATIENCE)
    (event,) = host.happened()
    assert isinstance(event, HostEvent)
    assert (event.kind, event.gpu, event.number) == ("xid", 2, 79)
    assert host.happened() == []
    assert (await look(host, clock)).gpus[2].values["xids"] == 1


async def test_a_driver_that_is_unloaded_is_opened_again(host: NvmlHost, fake: FakeGpus, clock: Offset) -> None:
    await look(host, clock)
    fake.set("*", "code", "*", 1)
    assert (await look(host, clock)).library == "driver_not_loaded"
    fake.facts[("*", "code", "*")] = "9"
    fake.write()
    assert (await look(host, clock, later=31.0)).library == "driver_not_loaded"
    fake.drop("*", "code", "*")
    assert (await look(host, clock, later=1.0)).library == "driver_not_loaded", "asked every 30 s, not every second"
    report = await look(host, clock, later=31.0)
    assert (report.library, [g.access for g in report.gpus]) == ("ok", ["ok"] * 4)


MISSING = """
import asyncio
from rack_controller.run.clock import SystemClock
from firmware_bridge.drivers.nvml.host import NvmlHost
async def main():
    host = NvmlHost(SystemClock())
    print((await host.sample()).library, (await host.sample()).gpus)
    await host.close()
asyncio.run(main())
"""


def test_without_the_library_the_host_says_so() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    done = subprocess.run([sys.executable, "-c", MISSING], env=environment, capture_output=True, text=True, timeout=30)
    if "library_not_found" not in done.stdout and "NVIDIA" in done.stdout:
        pytest.skip("this machine has the real library")
    assert done.stdout.split() == ["library_not_found", "[]"], done.stderr
