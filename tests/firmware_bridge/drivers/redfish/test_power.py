"""A tray's power switch: found where the device offers it, asked once, and honest about what came of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from support.memory_link import MemoryLink
from support.patience import PATIENCE
from support.served_tray import served_tray

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.drivers.redfish.compute_tray import RedfishComputeTray
from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint
from firmware_bridge.generations.load import load_generation
from firmware_bridge.ports.power import Bootable, PowerSwitch
from firmware_bridge.vocabulary.errors import (
    ActionNotOffered,
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    LoginRefused,
    OutcomeUnknown,
    ResourceMissing,
    TrustRefused,
)
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits, TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import BootFor, PowerAction, PowerDepth, PowerState
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds

RESET = "/redfish/v1/Systems/System_0/Actions/ComputerSystem.Reset"
ALL = frozenset(PowerAction) - {PowerAction.AUX_OFF}
DRIVERS = {TrayKind.COMPUTE: "redfish/compute_tray", TrayKind.SWITCH: "redfish/switch_tray"}


class StillClock:
    def now(self) -> Seconds:
        return Seconds(5.0)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(0)

    async def sleep_until(self, when: Seconds) -> None:
        raise NotImplementedError


@dataclass
class Switched:
    """A driver that has met its emulated tray, and that tray's plant."""

    driver: Any
    served: ServedEndpoint
    bench: Bench

    def posts(self) -> int:
        return self.served.seen.get(RESET, 0)


@asynccontextmanager
async def tray(
    kind: TrayKind = TrayKind.COMPUTE, timeout: float = 2.0, generation: str = "gb200-nvl72"
) -> AsyncIterator[Switched]:
    async with served_tray(kind, generation=generation) as (served, bench):
        limits = RequestLimits(timeout=Seconds(timeout))
        site = SiteEndpoint(Place(served.place), served.address, served.port, pin=served.pin)
        asked = EndpointSpec("bmc", "redfish", DRIVERS[kind], limits=limits)
        driver: Any = make_driver(
            asked, tray_of(site.place), site, Credential(served.user, served.password), StillClock()
        )
        await driver.discover()
        try:
            yield Switched(driver, served, bench)
        finally:
            await driver.close()


@pytest.mark.parametrize("kind", list(DRIVERS))
async def test_a_tray_is_switched_off_and_on_and_seen_on_its_way(kind: TrayKind) -> None:
    async with tray(kind) as it:
        assert isinstance(it.driver, PowerSwitch)
        before = await it.driver.observe_power()
        assert (before.state, before.depth, before.taken_at) == (PowerState.ON, PowerDepth.NONE, 5.0)
        assert before.allowed == (ALL if kind is TrayKind.COMPUTE else ALL - {PowerAction.AUX_CYCLE})
        answer = await it.driver.switch_power(PowerAction.FORCE_OFF)
        assert (answer.accepted, answer.status, answer.task, answer.detail) == (True, 204, "", "ForceOff")
        early = kind is TrayKind.SWITCH  # its controller says Off as soon as it has taken the request
        on_its_way = (await it.driver.observe_power()).state
        assert on_its_way is (PowerState.OFF if early else PowerState.POWERING_OFF)
        with pytest.raises(EndpointRefused, match="409") as refused:
            await it.driver.switch_power(PowerAction.ON)
        assert refused.value.status == 409
        it.bench.advance(60.0)
        off = await it.driver.observe_power()
        assert (off.state, off.depth) == (PowerState.OFF, PowerDepth.HOST_OFF)
        await it.driver.switch_power(PowerAction.ON)
        assert (await it.driver.observe_power()).state is (PowerState.ON if early else PowerState.POWERING_ON)
        it.bench.advance(60.0)
        after = await it.driver.observe_power()
        assert after.state is PowerState.ON
        assert off.boot_marker == before.boot_marker != after.boot_marker
        assert after.controller_marker == before.controller_marker
        assert it.posts() == 3


@pytest.mark.parametrize("generation", ["gb200-nvl72", "orv3-hpr-nvl36x2"])
async def test_a_switch_chip_says_how_warm_it_is_by_the_name_that_the_sequence_asks_for(generation: str) -> None:
    sequence = load_generation(generation).sequence
    assert sequence is not None
    (check,) = [c for c in sequence.power_off[-1].after if c.over == [TrayKind.SWITCH]]
    named = [sensor for sensor in check.sensors if not sensor.startswith("nvos_")]  # those are of another endpoint
    async with tray(TrayKind.SWITCH, generation=generation) as it:
        await it.driver.switch_power(PowerAction.FORCE_OFF)
        it.bench.advance(60.0)
        found = {leaf_of(r.place): r for r in await it.driver.read(ReadingClass.SLOW)}
        assert len(named) == 2
        assert all(found[name].quality is Quality.GOOD for name in named)
        assert {found[name].quantity for name in named} == {check.quantity}


async def test_one_that_is_left_alone_and_asks_to_be_is_switched_all_the_same() -> None:
    async with tray() as it:
        it.driver.be_quiet(Seconds(3600.0), "its firmware is written")
        it.driver.link.governor.refused(429, 300.0, asyncio.get_running_loop().time())
        assert (await it.driver.switch_power(PowerAction.FORCE_OFF)).accepted
        assert it.posts() == 1


async def test_one_that_never_answers_is_given_up_in_time() -> None:
    async with tray(timeout=0.3) as it:
        it.served.faults.set([Fault(FaultKind.HANG, it.served.place)])
        async with asyncio.timeout(5 * PATIENCE):
            with pytest.raises(OutcomeUnknown):
                await it.driver.switch_power(PowerAction.FORCE_OFF)
        assert it.posts() == 1


async def test_what_is_not_offered_is_not_sent() -> None:
    async with tray() as it:
        with pytest.raises(ActionNotOffered):
            await it.driver.switch_power(PowerAction.AUX_OFF)
        assert it.posts() == 0


@pytest.mark.parametrize(
    ("kind", "details", "raised"),
    [
        (FaultKind.LOST_RESPONSE, {}, OutcomeUnknown),
        (FaultKind.RESET, {}, OutcomeUnknown),
        (FaultKind.HANG, {}, OutcomeUnknown),
        (FaultKind.STATUS, {"status": 500}, OutcomeUnknown),
        (FaultKind.STATUS, {"status": 503}, EndpointRefused),
        (FaultKind.STATUS, {"status": 403}, LoginRefused),
        (FaultKind.STATUS, {"status": 404}, ResourceMissing),
        (FaultKind.REDIRECT, {}, TrustRefused),
    ],
)
async def test_each_way_an_answer_fails_has_its_name_and_nothing_is_asked_twice(
    kind: FaultKind, details: dict[str, Any], raised: type[DeviceError]
) -> None:
    async with tray(timeout=0.3) as it:
        await it.driver.observe_power()
        it.served.faults.set([Fault(kind, it.served.place, uri=RESET, **details)])
        with pytest.raises(raised) as said:
            await it.driver.switch_power(PowerAction.FORCE_OFF)
        assert type(said.value) is raised
        assert it.posts() == 1
        it.served.faults.set([])
        acted = (await it.driver.observe_power()).state is not PowerState.ON
        assert acted is (kind is FaultKind.LOST_RESPONSE)


async def test_an_ended_session_is_renewed_but_the_effect_is_left_to_the_caller() -> None:
    async with tray() as it:
        await it.driver.observe_power()
        it.served.sessions.clear()
        with pytest.raises(LoginRefused) as refused:
            await it.driver.switch_power(PowerAction.FORCE_OFF)
        assert (refused.value.status, it.posts()) == (401, 1)
        assert (await it.driver.switch_power(PowerAction.FORCE_OFF)).accepted


async def test_a_silent_controller_is_unreachable_and_never_off() -> None:
    async with tray() as it:
        await it.driver.observe_power()
    with pytest.raises(EndpointUnreachable):
        await it.driver.observe_power()
    with pytest.raises(EndpointUnreachable):
        await it.driver.switch_power(PowerAction.FORCE_OFF)
    assert it.posts() == 0


async def test_the_boot_source_is_read_and_set() -> None:
    async with tray() as it:
        assert isinstance(it.driver, Bootable)
        sight = await it.driver.read_boot()
        assert (sight.target, sight.span) == ("None", BootFor.DISABLED)
        assert "Pxe" in sight.targets
        assert set(sight.spans) == set(BootFor)
        await it.driver.set_boot("Pxe", BootFor.ONCE)
        sight = await it.driver.read_boot()
        assert (sight.target, sight.span) == ("Pxe", BootFor.ONCE)
        with pytest.raises(EndpointRefused) as refused:
            await it.driver.set_boot("Floppy", BootFor.ONCE)
        assert refused.value.status == 400
        await it.driver.set_boot("", BootFor.DISABLED)
        assert (await it.driver.read_boot()).span is BootFor.DISABLED


def small(**parts: Any) -> dict[str, Any]:
    """A root, one system, one chassis; `system` and `chassis` add to them, other keys are further resources."""
    root, system, chassis = "/redfish/v1", "/redfish/v1/Systems/1", "/redfish/v1/Chassis/1"
    tree: dict[str, Any] = {
        root: {
            "@odata.id": root,
            "Systems": {"@odata.id": f"{root}/Systems"},
            "Chassis": {"@odata.id": f"{root}/Chassis"},
        },
        f"{root}/Systems": {"Members": [{"@odata.id": system}]},
        f"{root}/Chassis": {"Members": [{"@odata.id": chassis}]},
        system: {"@odata.id": system, "PowerState": "On"} | parts.pop("system", {}),
        chassis: {"@odata.id": chassis, "ChassisType": "Sled"} | parts.pop("chassis", {}),
    }
    return tree | parts


def reset(name: str, *values: str, info: str = "") -> dict[str, Any]:
    said: dict[str, Any] = {"target": f"/redfish/v1/{name}"}
    if values:
        said["ResetType@Redfish.AllowableValues"] = list(values)
    if info:
        said["@Redfish.ActionInfo"] = info
    return {"Actions": {f"#{name}.Reset": said}}


_SCHEMA = ALL - {PowerAction.AUX_CYCLE}


@pytest.mark.parametrize(
    ("tree", "offered"),
    [
        (small(system=reset("ComputerSystem", "On", "ForceOff", "Nmi")), {"on", "force_off"}),
        (small(system=reset("ComputerSystem", "ForceOn", "PowerCycle")), {"on", "force_restart"}),
        (small(system=reset("ComputerSystem")), {str(a) for a in _SCHEMA}),
        (small(system=reset("ComputerSystem", info="/redfish/v1/nowhere")), {str(a) for a in _SCHEMA}),
        (small(chassis=reset("Chassis", "On", "ForceOff")), {"on", "force_off"}),
        (small(chassis=reset("Chassis", "PowerCycle", "FullPowerCycle")), {"force_restart", "aux_cycle"}),
        (small(system=reset("ComputerSystem", "On"), chassis=reset("Chassis", "ForceOff")), {"on"}),
        (small(), set()),
        (small(system={"Actions": {"#ComputerSystem.Reset": {"target": 7}}}), set()),
        (small(system={"Actions": ["odd"]}), set()),
    ],
)
async def test_what_is_offered_is_what_the_device_says(tree: dict[str, Any], offered: set[str]) -> None:
    link: Any = MemoryLink(tree)
    driver = RedfishComputeTray(Place("s/a/r01/k01/u12"), link, StillClock())
    await driver.discover()
    sight = await driver.observe_power()
    assert sight.allowed == offered
    assert sight.boot_marker == ""
    for action in set(PowerAction) - sight.allowed:
        with pytest.raises(ActionNotOffered):
            await driver.switch_power(action)


@pytest.mark.parametrize(("said", "state"), [("Paused", "unknown"), (None, "unknown"), (3, "unknown"), ("Off", "off")])
async def test_words_that_we_do_not_know_are_unknown(said: object, state: str) -> None:
    link: Any = MemoryLink(small(system={"PowerState": said}))
    driver = RedfishComputeTray(Place("s/a/r01/k01/u12"), link, StillClock())
    await driver.discover()
    assert (await driver.observe_power()).state == state
    with pytest.raises(ResourceMissing):
        await driver.read_boot()


async def test_a_boot_source_for_one_boot_is_used_up_by_a_boot() -> None:
    async with tray() as it:
        await it.driver.set_boot("Pxe", BootFor.ONCE)
        await it.driver.switch_power(PowerAction.FORCE_RESTART)
        assert (await it.driver.read_boot()).span is BootFor.ONCE
        it.bench.advance(60.0)
        await it.driver.observe_power()
        assert (it.driver.boot.target, it.driver.boot.span) == ("None", BootFor.DISABLED)
        await it.driver.set_boot("Pxe", BootFor.CONTINUOUS)
        await it.driver.switch_power(PowerAction.FORCE_RESTART)
        it.bench.advance(60.0)
        assert (await it.driver.read_boot()).span is BootFor.CONTINUOUS
