"""An agent keeps what it was granted, reads it back, and falls to the standing limits when nobody renews it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.wire.nvml.grants import GpuGrant, Grant, HeldGpu, encode_grant
from firmware_bridge.wire.nvml.message import AgentMessage, GpuReport, HostEvent, HostReport, decode_message
from rack_controller.agent.host import HostAgent
from rack_controller.run.ending import end

SUBJECT = "rw.v1.lab1.k01.agent.u11.telemetry"
MOST = 1200.0


@dataclass
class Driver:
    """A host of two GPUs whose driver keeps limits until it is loaded anew."""

    limits: dict[int, float] = field(default_factory=lambda: {0: MOST, 1: MOST})
    news: asyncio.Event = field(default_factory=asyncio.Event)
    events_lost: int = 0
    allowed: bool = True
    sets: int = 0

    async def sample(self) -> HostReport:
        return HostReport(gpus=[GpuReport(0), GpuReport(1)])

    def happened(self) -> list[HostEvent]:
        return []

    async def keep_limits(self, watts: Mapping[int, float]) -> list[HeldGpu]:
        said = "" if self.allowed else "no permission"
        for gpu, limit in watts.items():
            if self.limits[gpu] != limit and self.allowed:
                self.limits[gpu] = limit
                self.sets += 1
        return [HeldGpu(gpu, self.limits[gpu], self.limits[gpu], said) for gpu in sorted(watts)]

    async def close(self) -> None:
        return None


@dataclass
class Line:
    """One agent and the other end of its bus."""

    driver: Driver
    clock: VirtualClock
    memory: Path | None = None
    boot: str = "boot-a"
    said: list[tuple[float, AgentMessage]] = field(default_factory=list)
    number: int = 0
    agent: HostAgent = field(init=False)
    task: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.agent = HostAgent(SUBJECT, self.driver, self.say, self.clock, self.boot, self.memory)

    async def say(self, _subject: str, body: bytes) -> bool:
        self.said.append((self.clock.now(), decode_message(body)))
        return True

    def start(self) -> None:
        self.task = asyncio.create_task(self.agent.run())

    async def stop(self) -> None:
        assert self.task is not None
        await end([self.task])

    def grant(self, limit: float, stands: float = 700.0, lasts: float = 5.0, epoch: int = 1) -> None:
        self.number += 1
        heard = self.said[-1][1].sequence
        gpus = [GpuGrant(gpu, limit, stands) for gpu in (0, 1)]
        self.agent.hear(encode_grant(Grant(1, epoch, self.number, self.boot, heard, lasts, gpus)))

    @property
    def held(self) -> AgentMessage:
        return self.said[-1][1]


def play(story: Callable[[Line], Awaitable[None]], memory: Path | None = None) -> Line:
    kept: list[Line] = []

    async def run() -> None:
        line = Line(Driver(), VirtualClock(), memory)
        kept.append(line)
        line.start()
        await asyncio.sleep(1.5)
        await story(line)
        await line.stop()

    run_virtually(run())
    return kept[0]


def test_nothing_is_touched_before_a_controller_has_granted_something() -> None:
    async def story(line: Line) -> None:
        line.driver.limits[0] = 333.0
        await asyncio.sleep(30)

    line = play(story)
    assert line.driver.limits == {0: 333.0, 1: MOST}
    assert all(message.held is None for _, message in line.said)


def test_a_grant_is_set_read_back_and_said_at_once() -> None:
    async def story(line: Line) -> None:
        line.grant(900.0)
        await asyncio.sleep(0.01)
        held = line.held.held
        assert held is not None
        assert [(g.gpu, g.limit_w, g.enforced_w, g.refused) for g in held.gpus] == [
            (0, 900, 900, ""),
            (1, 900, 900, ""),
        ]
        assert (held.epoch, held.number, held.refused) == (1, 1, "")
        assert 4.0 < held.left_s <= 5.0

    play(story)


def test_without_renewal_it_falls_to_the_standing_limit_by_itself_and_says_so() -> None:
    async def story(line: Line) -> None:
        line.grant(900.0)
        await asyncio.sleep(4.3)
        assert set(line.driver.limits.values()) == {900.0}
        await asyncio.sleep(0.4)  # its time counts from the message that it answers, half a second before it
        assert set(line.driver.limits.values()) == {700.0}
        held = line.held.held
        assert held is not None
        assert (held.left_s, [g.limit_w for g in held.gpus]) == (0.0, [700.0, 700.0])
        assert line.said[-1][0] - line.said[-2][0] < 0.9  # at once, not with the next second

    play(story)


def test_renewed_it_stays_and_nothing_is_written_again() -> None:
    async def story(line: Line) -> None:
        for _ in range(20):
            line.grant(900.0)
            await asyncio.sleep(1.0)
            assert set(line.driver.limits.values()) == {900.0}

    assert play(story).driver.sets == 2


def test_what_the_driver_forgot_is_set_again_within_a_second() -> None:
    async def story(line: Line) -> None:
        line.grant(900.0, lasts=30.0)
        await asyncio.sleep(0.1)
        line.driver.limits[1] = MOST
        await asyncio.sleep(1.1)
        assert line.driver.limits == {0: 900.0, 1: 900.0}

    play(story)


def test_a_restarted_agent_stands_at_once_until_it_is_told_anew(tmp_path: Path) -> None:
    async def story(line: Line) -> None:
        line.grant(900.0, lasts=30.0, epoch=4)
        await asyncio.sleep(0.1)
        await line.stop()
        again = Line(line.driver, line.clock, line.memory, "boot-b")
        again.start()
        await asyncio.sleep(0.1)
        assert set(line.driver.limits.values()) == {700.0}
        again.boot = "boot-a"  # a grant that was meant for the agent of before
        again.grant(900.0, epoch=4)
        await asyncio.sleep(0.1)
        assert set(line.driver.limits.values()) == {700.0}
        again.boot = "boot-b"
        again.grant(900.0, epoch=3)  # a controller that was followed by another one
        await asyncio.sleep(0.1)
        assert set(line.driver.limits.values()) == {700.0}
        again.grant(800.0, epoch=5)
        await asyncio.sleep(0.1)
        assert set(line.driver.limits.values()) == {800.0}
        line.task = again.task

    play(story, tmp_path / "standing.json")


def test_a_memory_that_is_none_is_nothing(tmp_path: Path) -> None:
    memory = tmp_path / "standing.json"
    memory.write_text("no json")

    async def story(line: Line) -> None:
        assert set(line.driver.limits.values()) == {MOST}
        line.grant(900.0)
        await asyncio.sleep(0.1)

    play(story, memory)
    assert b"700" in memory.read_bytes()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"version": 9}', b"\xff" * 10])
def test_what_is_no_grant_is_said_and_changes_nothing(body: bytes) -> None:
    async def story(line: Line) -> None:
        line.grant(900.0, lasts=60.0)
        await asyncio.sleep(0.1)
        line.agent.hear(body)
        await asyncio.sleep(0.1)
        held = line.held.held
        assert held is not None
        assert held.refused
        assert set(line.driver.limits.values()) == {900.0}

    play(story)


def test_an_agent_without_rights_says_so() -> None:
    async def story(line: Line) -> None:
        line.driver.allowed = False
        line.grant(900.0)
        await asyncio.sleep(0.1)
        held = line.held.held
        assert held is not None
        assert {(g.limit_w, g.refused) for g in held.gpus} == {(MOST, "no permission")}

    play(story)
