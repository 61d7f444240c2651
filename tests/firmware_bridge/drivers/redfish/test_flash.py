"""Firmware over Redfish on an emulated tray: what runs, an image pushed once, its task, and what is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from support.packages import BMC, CPU, package
from support.served_tray import served_tray

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint
from firmware_bridge.ports.firmware import FirmwareTarget
from firmware_bridge.vocabulary.errors import EndpointBusy, EndpointRefused, OutcomeUnknown
from firmware_bridge.vocabulary.firmware import UpdatePhase, UpdateSight
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerAction
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds

PUSH = "/redfish/v1/UpdateService/update-multipart"
FW = "/redfish/v1/UpdateService/FirmwareInventory"
LARGE = package((BMC, "GB200Nvl-25.10-1"), image=b"\x00\xffabcdef\r\n" * 100_000)


class StillClock:
    def now(self) -> Seconds:
        return Seconds(5.0)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(0)

    async def sleep_until(self, when: Seconds) -> None:
        raise NotImplementedError


@dataclass
class Flashed:
    driver: Any
    served: ServedEndpoint
    bench: Bench

    async def version(self, part: str) -> str:
        sight = await self.driver.observe_firmware(f"{FW}/{part}")
        return str(sight.parts[0].version)


@asynccontextmanager
async def tray() -> AsyncIterator[Flashed]:
    async with served_tray() as (served, bench):
        site = SiteEndpoint(Place(served.place), served.address, served.port, pin=served.pin)
        limits = RequestLimits(timeout=Seconds(2.0))
        spec = EndpointSpec("bmc", "redfish", "redfish/compute_tray", limits=limits)
        driver: Any = make_driver(
            spec, tray_of(site.place), site, Credential(served.user, served.password), StillClock()
        )
        await driver.discover()
        try:
            yield Flashed(driver, served, bench)
        finally:
            await driver.close()


async def test_an_image_is_pushed_written_and_runs_once_the_controller_has_started_anew() -> None:
    async with tray() as it:
        assert isinstance(it.driver, FirmwareTarget)
        before = await it.driver.observe_firmware()
        parts = {p.id: p for p in before.parts}
        assert (before.offers, before.most_bytes, before.tasks, before.remembers) == (True, 209_715_200, (), True)
        assert (parts["FW_BMC_0"].version, parts["FW_BMC_0"].software_id) == ("GB200Nvl-24.12-8", "0x0010")
        assert not parts["HGX_InfoROM_GPU_0"].updateable
        task = await it.driver.push_image(LARGE, f"{FW}/FW_BMC_0")
        assert (it.served.seen[PUSH], task) == (1, "/redfish/v1/TaskService/Tasks/1")
        assert await it.driver.observe_update(task) == UpdateSight(
            UpdatePhase.RUNNING, 0, "The task with Id '1' has started."
        )
        it.bench.advance(50.0)
        assert (await it.driver.observe_update(task)).percent == 40
        during = await it.driver.observe_firmware(f"{FW}/FW_BMC_0")
        assert (during.tasks, during.running) == ((task,), (task,))
        with pytest.raises(EndpointBusy):
            await it.driver.push_image(LARGE, f"{FW}/FW_BMC_0")
        # it is written in the background: its host is switched all the same, at once
        assert (await it.driver.switch_power(PowerAction.FORCE_OFF)).accepted
        it.bench.advance(41.0)
        assert (await it.driver.observe_update(task)).phase is UpdatePhase.DONE
        assert await it.version("FW_BMC_0") == "GB200Nvl-24.12-8"
        it.bench.advance(3.0)  # it starts anew, and forgets its tasks
        assert await it.version("FW_BMC_0") == "GB200Nvl-25.10-1"
        assert (await it.driver.observe_update(task)).phase is UpdatePhase.GONE


async def test_what_the_device_does_not_take_it_says_why() -> None:
    async with tray() as it:
        with pytest.raises(EndpointRefused) as refused:
            await it.driver.push_image(LARGE, f"{FW}/HGX_InfoROM_GPU_0")
        assert refused.value.status == 404
        for image, part, said in (
            (b"no package", "FW_BMC_0", "too few"),
            (package((CPU, "1")), "FW_BMC_0", "No component of the package"),
        ):
            task = await it.driver.push_image(image, f"{FW}/{part}")
            it.bench.advance(91.0)
            sight = await it.driver.observe_update(task)
            assert (sight.phase, said in sight.said) == (UpdatePhase.FAILED, True), sight
        assert await it.version("FW_BMC_0") == "GB200Nvl-24.12-8"


async def test_a_controller_that_restarts_while_it_writes_keeps_what_it_had() -> None:
    async with tray() as it:
        task = await it.driver.push_image(LARGE, f"{FW}/FW_BMC_0")
        reset = "/redfish/v1/Managers/BMC_0/Actions/Manager.Reset"
        await it.driver.link.effect(reset, {"ResetType": "ForceRestart"})
        it.bench.advance(200.0)
        assert (await it.driver.observe_update(task)).phase is UpdatePhase.GONE
        assert await it.version("FW_BMC_0") == "GB200Nvl-24.12-8"


async def test_a_lost_answer_is_told_apart_from_a_refusal_and_nothing_is_sent_twice() -> None:
    async with tray() as it:
        it.served.faults.set([Fault(FaultKind.LOST_RESPONSE, uri="*/update-multipart")])
        with pytest.raises(OutcomeUnknown):
            await it.driver.push_image(LARGE, f"{FW}/FW_BMC_0")
        it.served.faults.set([])
        sight = await it.driver.observe_firmware(f"{FW}/FW_BMC_0")
        assert (it.served.seen[PUSH], sight.tasks) == (1, ("/redfish/v1/TaskService/Tasks/1",))
