"""An agent speaks once a second, an XID at once; what cannot be said is kept as far as it is an event."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.wire.nvml.grants import HeldGpu
from firmware_bridge.wire.nvml.message import AgentMessage, GpuReport, HostEvent, HostReport, decode_message
from rack_controller.agent.host import EVENTS_KEPT, SAID_AGAIN, HostAgent
from rack_controller.run.ending import end


@dataclass
class ScriptedGpus:
    """A source whose answers a test sets."""

    report: HostReport | None = field(default_factory=lambda: HostReport(gpus=[GpuReport(0)]))
    news: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: list[HostEvent] = field(default_factory=list)
    events_lost: int = 0
    samples: int = 0
    closed: bool = False

    async def sample(self) -> HostReport | None:
        self.samples += 1
        return self.report

    def happened(self) -> list[HostEvent]:
        taken, self.waiting = self.waiting, []
        self.news.clear()
        return taken

    async def keep_limits(self, watts: Mapping[int, float]) -> list[HeldGpu]:
        raise AssertionError("nobody has granted anything")

    async def close(self) -> None:
        self.closed = True

    def raise_xid(self, *ids: int) -> None:
        self.waiting += [HostEvent(n, n, "xid", 0, 79) for n in ids]
        self.news.set()


@dataclass
class Air:
    """What reaches the bus, and whether it does."""

    clock: VirtualClock
    up: bool = True
    said: list[tuple[float, AgentMessage]] = field(default_factory=list)

    async def say(self, subject: str, body: bytes) -> bool:
        assert subject == "rw.v1.lab1.k01.agent.u11.telemetry"
        if self.up:
            self.said.append((self.clock.now(), decode_message(body)))
        return self.up

    @property
    def ids(self) -> list[list[int]]:
        return [[event.id for event in message.events] for _, message in self.said]


def play(story: Callable[[ScriptedGpus, Air], "asyncio.Future[None] | object"]) -> tuple[ScriptedGpus, Air]:
    """Run a story beside one agent, in virtual time."""
    kept: list[tuple[ScriptedGpus, Air]] = []

    async def run() -> None:
        gpus, air = ScriptedGpus(), Air(VirtualClock())
        kept.append((gpus, air))
        agent = HostAgent("rw.v1.lab1.k01.agent.u11.telemetry", gpus, air.say, air.clock, "boot-a")
        task = asyncio.create_task(agent.run())
        await story(gpus, air)  # type: ignore[misc]
        await end([task])

    run_virtually(run())
    return kept[0]


def test_it_speaks_once_a_second_and_counts() -> None:
    async def story(gpus: ScriptedGpus, air: Air) -> None:
        await asyncio.sleep(9.5)

    gpus, air = play(story)
    assert [round(at) for at, _ in air.said] == list(range(10))
    assert [m.sequence for _, m in air.said] == list(range(1, 11))
    assert {m.boot for _, m in air.said} == {"boot-a"}
    assert gpus.samples == 10
    assert gpus.closed


def test_an_xid_is_said_at_once_and_again_for_a_while() -> None:
    async def story(gpus: ScriptedGpus, air: Air) -> None:
        await asyncio.sleep(2.4)
        gpus.raise_xid(1)
        await asyncio.sleep(0.1)
        assert air.ids[-1] == [1], "not with the next second"
        assert gpus.samples == 3, "an event is no reason to read the sensors again"
        await asyncio.sleep(SAID_AGAIN + 3)

    _, air = play(story)
    assert [1] in air.ids
    assert air.ids[-1] == []


def test_while_the_bus_is_away_events_wait_and_readings_do_not() -> None:
    async def story(gpus: ScriptedGpus, air: Air) -> None:
        await asyncio.sleep(1.5)
        air.up = False
        gpus.raise_xid(1, 2)
        await asyncio.sleep(60)
        gpus.raise_xid(3)
        air.said.clear()
        air.up = True
        await asyncio.sleep(1.5)

    _, air = play(story)
    assert air.ids[0] == [1, 2, 3]
    assert len(air.said) <= 3, "no second of the silence is said afterwards"


def test_events_are_bounded_and_the_lost_ones_counted() -> None:
    async def story(gpus: ScriptedGpus, air: Air) -> None:
        air.up = False
        gpus.raise_xid(*range(1, EVENTS_KEPT + 11))
        await asyncio.sleep(3)
        air.up = True
        await asyncio.sleep(1.5)

    _, air = play(story)
    message = air.said[-1][1]
    assert (len(message.events), message.events[0].id, message.events_lost) == (EVENTS_KEPT, 11, 10)


def test_a_host_that_is_not_running_says_nothing() -> None:
    async def story(gpus: ScriptedGpus, air: Air) -> None:
        await asyncio.sleep(1.5)
        gpus.report = None
        air.said.clear()
        await asyncio.sleep(10)

    _, air = play(story)
    assert air.said == []
