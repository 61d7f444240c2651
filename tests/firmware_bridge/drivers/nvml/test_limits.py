"""Limits set through NVML on the stand-in library: set, read back, refused in words, forgotten with the driver."""

from collections.abc import AsyncIterator

import pytest
from support.nvml import FakeGpus

from firmware_bridge.drivers.nvml.host import NvmlHost
from firmware_bridge.wire.nvml.grants import HeldGpu
from rack_controller.run.clock import SystemClock


@pytest.fixture
async def host(fake: FakeGpus) -> AsyncIterator[NvmlHost]:
    host = NvmlHost(SystemClock())
    await host.sample()
    yield host
    await host.close()


async def test_a_limit_is_set_and_read_back_and_the_lowest_is_enforced(host: NvmlHost, fake: FakeGpus) -> None:
    assert await host.keep_limits({0: 800.0, 2: 900.5}) == [HeldGpu(0, 800.0, 800.0), HeldGpu(2, 900.5, 900.5)]
    fake.set(0, "value", "limit_enforced", 650_000)  # the BMC allows less
    assert await host.keep_limits({0: 800.0}) == [HeldGpu(0, 800.0, 650.0)]


async def test_what_is_kept_already_is_not_set_again(host: NvmlHost, fake: FakeGpus) -> None:
    await host.keep_limits({0: 800.0})
    fake.set(0, "code", "nvmlDeviceSetPowerManagementLimit", 4)
    assert await host.keep_limits({0: 800.0}) == [HeldGpu(0, 800.0, 800.0)]


async def test_without_rights_the_reason_says_what_to_do(host: NvmlHost, fake: FakeGpus) -> None:
    fake.set("*", "code", "nvmlDeviceSetPowerManagementLimit", 4)
    (held,) = await host.keep_limits({1: 800.0})
    assert (held.limit_w, held.enforced_w) == (1000.0, 1200.0)
    assert "root" in held.refused
    assert "docs/gpu-agent.md" in held.refused


async def test_beyond_its_range_the_nearest_is_set_and_said(host: NvmlHost) -> None:
    low, high = await host.keep_limits({0: 100.0, 1: 5_000.0})
    assert (low.limit_w, high.limit_w) == (400.0, 1200.0)
    assert low.refused == "100 W is outside what it takes, 400 to 1200 W"
    assert high.refused == "5000 W is outside what it takes, 400 to 1200 W"


async def test_a_driver_that_is_loaded_anew_has_forgotten_it(host: NvmlHost, fake: FakeGpus) -> None:
    await host.keep_limits({0: 800.0})
    fake.set("*", "value", "driver_load", 7)
    assert await host.keep_limits({0: 1000.0}) == [HeldGpu(0, 1000.0, 1200.0)]
    assert await host.keep_limits({0: 800.0}) == [HeldGpu(0, 800.0, 800.0)]


async def test_a_gpu_that_is_not_there_or_hangs_costs_only_itself(host: NvmlHost, fake: FakeGpus) -> None:
    fake.set(0, "hang", "nvmlDeviceSetPowerManagementLimit", 1)
    hung, well, none = await host.keep_limits({0: 800.0, 1: 800.0, 9: 800.0})
    assert (hung.limit_w, hung.refused) == (None, "call: timeout")
    assert well == HeldGpu(1, 800.0, 800.0)
    assert (none.limit_w, none.refused) == (None, "no such GPU")
    assert (await host.sample()).gpus[0].access == "ok"  # readings do not wait for limits
