"""A host as the controller sees it: readings from messages, silence is unknown and never off."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.drivers.nvml.gpu_host import AgentGpuHost
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.wire.nvml.message import AgentMessage, GpuReport, HostEvent, HostReport, encode_message

TRAY = Place("tx1/a/r03/k07/u11")
HOST = Place(f"{TRAY}/host")
Q = Quantity


def body(
    sequence: int = 1, *, boot: str = "a", host: HostReport | None = None, events: tuple[HostEvent, ...] = ()
) -> bytes:
    usual = HostReport(driver="580", gpus=[gpu(0), gpu(1)])
    return encode_message(AgentMessage(1, boot, sequence, 1, 1.0, host or usual, list(events)))


def gpu(index: int, **changes: object) -> GpuReport:
    values = {"power_average": 800.0 + index, "energy_total": 7, "gpu_access": 1}
    facts: dict[str, object] = {"index": index, "serial": f"S{index}", "values": values, "slow_age_s": 2.0, **changes}
    return GpuReport(**facts)  # type: ignore[arg-type]


def play(story: Callable[[AgentGpuHost, VirtualClock], Awaitable[None]], numbers: tuple[int, ...] = (1, 0)) -> None:
    async def run() -> None:
        clock = VirtualClock()
        await story(AgentGpuHost(TRAY, HOST, numbers, clock), clock)

    run_virtually(run())


async def read(host: AgentGpuHost) -> dict[tuple[str, Quantity], Reading]:
    return {(r.place.rsplit("/", 1)[1], r.quantity): r for r in await host.read(ReadingClass.SAFETY)}


def test_the_order_of_gpus_is_the_generations() -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        host.deliver(body())
        assert {s.place.rsplit("/", 1)[1] for s in await host.discover()} == {"gpu0", "gpu1"}
        readings = await read(host)
        assert readings["gpu0", Q.POWER_AVERAGE].value == 801.0
        assert readings["gpu1", Q.POWER_AVERAGE].value == 800.0
        assert readings["gpu0", Q.TEMPERATURE_CORE].value is None
        assert readings["gpu0", Q.TEMPERATURE_CORE].quality is Quality.MISSING
        assert readings["gpu0", Q.ENERGY_TOTAL].taken_at == clock.now() - 2.0
        assert await read(host) == {}, "one message, one reading"

    play(story)


def test_the_first_message_tells_which_gpu_has_which_address() -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        assert host.gpus_at() == {}
        gpus = [gpu(0, bus_id="00000008:01:00.0"), gpu(1), gpu(7, bus_id="00000018:01:00.0")]
        host.deliver(body(host=HostReport(gpus=gpus)))
        assert host.gpus_at() == {"00000008:01:00.0": f"{TRAY}/gpu1"}, "without address or place in the tray: none"

    play(story)


def test_ages_travel_and_clocks_do_not() -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        await asyncio.sleep(100)
        aged = gpu(0, age_s=0.25, ages_s={"power_average": 4.0})
        host.deliver(body(host=HostReport(gpus=[aged, gpu(1)])))
        readings = await read(host)
        assert readings["gpu1", Q.GPU_ACCESS].taken_at == clock.now() - 0.25
        assert readings["gpu1", Q.POWER_AVERAGE].taken_at == clock.now() - 4.0

    play(story)


def test_numbers_that_cannot_be_are_refused_and_nothing_comes_from_the_future() -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        await asyncio.sleep(100)
        wild = gpu(
            0, age_s=-1e9, slow_age_s=-5.0, values={"power_average": 1e300, "energy_total": 2**63, "gpu_access": 1}
        )
        host.deliver(body(host=HostReport(gpus=[wild, gpu(1)])))
        readings = await read(host)
        for quantity in (Q.POWER_AVERAGE, Q.ENERGY_TOTAL):
            assert (readings["gpu1", quantity].value, readings["gpu1", quantity].quality) == (None, Quality.REFUSED)
        assert all(r.taken_at <= clock.now() for r in readings.values())

    play(story)


def test_silence_is_said_with_its_length_and_ends_with_the_next_message() -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        with pytest.raises(EndpointUnreachable, match="has not been heard"):
            await host.discover()
        host.deliver(body())
        await host.read(ReadingClass.SAFETY)
        await asyncio.sleep(7)
        with pytest.raises(EndpointUnreachable, match="silent for 7 s"):
            await host.read(ReadingClass.SAFETY)
        waiting = asyncio.create_task(host.discover())
        await asyncio.sleep(2)
        host.deliver(body(2))
        assert len(await waiting) == 48, "met again with the message, not with the next try"

    play(story)


def test_a_lost_gpu_and_a_missing_library_are_faults_and_unknown() -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        lost = gpu(1, access="lost", reason="gpu_lost", values={"gpu_access": 0})
        host.deliver(body(host=HostReport(gpus=[gpu(0), lost])))
        readings = await read(host)
        assert readings["gpu0", Q.GPU_ACCESS].value == 0
        assert readings["gpu0", Q.ENERGY_TOTAL].value is None
        assert "lost: gpu_lost" in host.faults["gpu0"].detail
        host.deliver(body(2, host=HostReport(library="library_not_found")))
        assert "library_not_found" in host.faults["library"].detail
        assert {r.value for r in await host.read(ReadingClass.SAFETY)} == {None}
        host.deliver(body(3))
        assert not host.faults

    play(story)


@pytest.mark.parametrize("noise", [b"", b"{", b'{"version":9}', b"\x00" * 300_000])
def test_a_malformed_message_is_a_fault_and_changes_nothing(noise: bytes) -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        host.deliver(body())
        host.deliver(noise)
        assert list(host.faults) == ["message"]
        assert isinstance(host.faults["message"], DeviceError)
        assert (await read(host))["gpu0", Q.POWER_AVERAGE].value == 801.0
        host.deliver(body(2))
        assert not host.faults

    play(story)


def test_an_event_is_taken_once_however_often_it_is_said() -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        first, second = HostEvent(1, 5, "xid", 0, 79), HostEvent(2, 6, "xid", 9, 13)
        host.deliver(body(1, events=(first,)))
        host.deliver(body(2, events=(first, second)))
        assert [(e.id, e.gpu) for e in host.happened()] == [(1, 1), (2, None)]
        host.deliver(body(3, events=(first, second)))
        assert host.happened() == []
        host.deliver(body(1, boot="b", events=(first,)))
        assert [e.id for e in host.happened()] == [1], "another boot counts anew"

    play(story)


def test_an_older_message_does_not_overtake() -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        host.deliver(body(5))
        host.deliver(body(4, host=HostReport(library="unknown")))
        assert not host.faults

    play(story)


def test_two_agents_with_one_place_are_found_out() -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        host.deliver(body(1, boot="a"))
        host.deliver(body(1, boot="b"))
        assert not host.faults, "a restart"
        host.deliver(body(2, boot="a"))
        assert "two agents" in host.faults["rivals"].detail

    play(story)


def test_the_report_lists_gpus_limits_and_everything_odd() -> None:
    async def story(host: AgentGpuHost, clock: VirtualClock) -> None:
        odd = gpu(
            1,
            failed={"temperature_memory": "not_supported"},
            links_down=[3, 7],
            fabric=["no_partition"],
            limits_w={"max": 1200.0},
        )
        host.deliver(body(host=HostReport(driver="580.65", gpus=[odd, gpu(4)])))
        report = await host.report()
        assert [(i.id, i.serial_number) for i in report.inventory] == [("gpu0", "S1"), ("number4", "S4")]
        assert [(v.id, v.value) for v in report.readings] == [("gpu0 max", 1200.0)]
        assert report.firmware[0].version == "580.65"
        said = {(n.uri, n.property, n.what) for n in report.notes}
        assert ("nvml:gpu0", "temperature_memory", "not read: not_supported") in said
        assert ("nvml:gpu0", "nvlinks_up", "links down: 3, 7") in said
        assert ("nvml:gpu0", "fabric", "no_partition") in said
        assert ("nvml:number4", "index", "the driver shows more GPUs than this tray is to have") in said
        assert ("nvml:gpu1", "index", "the driver does not show it") in said

    play(story)
