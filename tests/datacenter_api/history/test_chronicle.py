"""History on a real bus: followed, acknowledged after the disk, resumed after kills; answers without a seam."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from nats.js.api import StreamConfig
from support.bus_server import SITE, NatsProcess, until
from support.history import BEGIN_S, PERIODS, PLACE, POWER, RACK, TEMPERATURE, Desk, frame_at, small_table
from support.patience import PATIENCE

from datacenter_api.cli.nats_config import write_bus_config
from datacenter_api.history.chronicle import Chronicle
from datacenter_api.history.question import Span
from datacenter_api.history.settings import HistorySettings
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.frame import encode_frame
from rack_controller.model.subjects import ROOT, TELEMETRY_STREAM
from rack_controller.model.table import SeriesTable

TABLE = small_table()
SUBJECT = f"{ROOT}.{SITE}.{RACK}.telemetry"


class Times:
    """Clocks that a test turns."""

    now_s = 0.0

    def now(self) -> Seconds:
        return Seconds(self.now_s)

    def wall_s(self) -> float:
        return BEGIN_S + self.now_s


def chronicle(root: Path, times: Times) -> Chronicle:
    settings = HistorySettings(window_s=60, grace_s=5.0, retry_s=0.1)
    return Chronicle(root, lambda: [RACK], lambda _rack: (TABLE, PERIODS), settings, times.now, times.wall_s)


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[NatsProcess]:
    folder = tmp_path / "nats"
    process = NatsProcess(folder, write_bus_config(folder, SITE))
    process.start()
    yield process
    process.kill()


async def publish(bus: NatsProcess, seconds: range) -> None:
    client = await bus.connect("controller")
    js = client.jetstream()
    await js.add_stream(StreamConfig(name=TELEMETRY_STREAM, subjects=[f"{ROOT}.{SITE}.*.telemetry"]))
    for second in seconds:
        await js.publish(SUBJECT, encode_frame(frame_at(second, TABLE)))
    await client.close()


@asynccontextmanager
async def running(bus: NatsProcess, history: Chronicle) -> AsyncIterator[None]:
    client = await bus.connect("api")
    task = asyncio.create_task(history.run(client, SITE))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()


async def floor(bus: NatsProcess) -> int:
    client = await bus.connect("api")
    try:
        info = await client.jetstream().consumer_info(TELEMETRY_STREAM, f"history-{RACK}")
        return info.ack_floor.stream_seq if info.ack_floor else 0
    finally:
        await client.close()


async def eventually(look: Callable[[], Awaitable[bool]], within: float = 15.0) -> None:
    deadline = time.monotonic() + within * PATIENCE
    while not await look():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.05)


async def test_kills_of_api_and_bus_lose_nothing_and_repeat_nothing(bus: NatsProcess, tmp_path: Path) -> None:
    root, times = tmp_path / "history", Times()
    await publish(bus, range(60))
    first = chronicle(root, times)
    async with running(bus, first):
        await until(lambda: sum(len(r.frames) for r in first.intake(RACK).rings) == 60)
        times.now_s = 60.0
        await publish(bus, range(60, 90))
        await until(lambda: sum(len(r.frames) for r in first.intake(RACK).rings) == 90)
        times.now_s = 66.0  # the first minute is over, the second runs
        await until(lambda: first.intake(RACK).points > 0)

        async def acknowledged() -> bool:
            return await floor(bus) == 60

        await eventually(acknowledged)
    # The API was killed: thirty frames were in memory only.  Then the bus is killed, too, while nobody looks.
    second = chronicle(root, times)
    async with running(bus, second):
        await until(lambda: sum(len(r.frames) for r in second.intake(RACK).rings) == 30)
        assert second.intake(RACK).repeats == 0, "what is on disk is not even asked for again"
        bus.kill()
    bus.start()
    await publish(bus, range(90, 130))
    third = chronicle(root, times)
    async with running(bus, third):
        await until(lambda: sum(len(r.frames) for r in third.intake(RACK).rings) == 70)
        times.now_s = 200.0
        await until(lambda: not third.intake(RACK).rings and third.intake(RACK).points > 0)

        async def all_acknowledged() -> bool:
            return await floor(bus) == 130

        await eventually(all_acknowledged)
    assert Desk(root).powers() == [float(s) for s in range(130)]


async def test_a_consumer_that_was_forgotten_starts_over_and_repeats_nothing(bus: NatsProcess, tmp_path: Path) -> None:
    root, times = tmp_path / "history", Times()
    await publish(bus, range(70))
    history = chronicle(root, times)
    async with running(bus, history):
        await until(lambda: sum(len(r.frames) for r in history.intake(RACK).rings) == 70)
        times.now_s = 200.0
        await until(lambda: not history.intake(RACK).rings and history.intake(RACK).points > 0)
    client = await bus.connect("api")
    await client.jetstream().delete_consumer(TELEMETRY_STREAM, f"history-{RACK}")
    await client.close()
    again = chronicle(root, times)
    async with running(bus, again):
        await until(lambda: again.intake(RACK).repeats == 70)
    assert Desk(root).powers() == [float(s) for s in range(70)]


async def test_an_answer_has_no_seam_between_disk_and_memory(tmp_path: Path) -> None:
    times = Times()
    history = chronicle(tmp_path / "history", times)
    history.archive.open()
    intake = history.intake(RACK)
    from datacenter_api.history.ledger import Mark

    for second in range(150):
        intake.take(frame_at(second, TABLE), Mark(""))
        if second == 100:
            times.now_s = 66.0
            await intake.turn()
    assert len(intake.rings) == 2
    for step, buckets in ((1, 150), (60, 3), (7, 30)):
        begin = BEGIN_S // step * step
        (answer,) = await history.read(RACK, [POWER], Span(begin, step, buckets))
        assert answer.count.sum() == 150
        assert np.nansum(answer.mean * answer.count) == sum(range(150))
    (slow,) = await history.read(RACK, [TEMPERATURE], Span(BEGIN_S, 60, 3))
    assert slow.count.tolist() == [6, 6, 3]


async def test_an_answer_while_windows_are_written_counts_each_point_once(tmp_path: Path) -> None:
    times = Times()
    history = chronicle(tmp_path / "history", times)
    history.archive.open()
    intake = history.intake(RACK)
    from datacenter_api.history.ledger import Mark

    for second in range(300):
        intake.take(frame_at(second, TABLE), Mark(""))
    writing = asyncio.create_task(intake.turn(all_of_it=True))
    for step in itertools.cycle((1, 60)):
        (answer,) = await history.read(RACK, [POWER], Span(BEGIN_S, step, 300 // step))
        assert answer.count.sum() == 300
        if writing.done():
            break
    assert not intake.rings


async def test_an_unusable_folder_is_named_and_tried_again(tmp_path: Path, bus: NatsProcess) -> None:
    (tmp_path / "history").write_text("a file where the folder should be")
    times = Times()
    history = chronicle(tmp_path / "history", times)
    await publish(bus, range(10))
    async with running(bus, history):
        await until(lambda: bool(history.figures().trouble))
        (tmp_path / "history").unlink()
        await until(lambda: not history.figures().trouble and bool(history.intakes))
        await until(lambda: sum(len(r.frames) for r in history.intake(RACK).rings) == 10)
    assert PLACE.endswith(RACK)


async def test_frames_under_a_table_of_before_are_explained_by_the_controller(bus: NatsProcess, tmp_path: Path) -> None:
    """As after a kill: what waits in the stream was said under a table that is not today's."""
    older, times, asked = small_table("u12/inlet"), Times(), []

    async def ask_table(rack: str, table_id: int) -> SeriesTable | None:
        asked.append((rack, table_id))
        return older if len(asked) > 1 and table_id == older.table_id else None  # away at first

    client = await bus.connect("controller")
    js = client.jetstream()
    await js.add_stream(StreamConfig(name=TELEMETRY_STREAM, subjects=[f"{ROOT}.{SITE}.*.telemetry"]))
    for second in range(10):
        await js.publish(SUBJECT, encode_frame(frame_at(second, older)))
    await client.close()
    history = chronicle(tmp_path / "history", times)
    history.ask_table = ask_table
    async with running(bus, history):
        await until(lambda: bool(history.intakes) and history.figures().unexplained == 10)
        await until(lambda: history.figures().unexplained == 0)
        times.now_s = 70.0
        await until(lambda: history.figures().points > 0)
    assert set(asked) == {(RACK, older.table_id)}
    desk = Desk(tmp_path / "history")
    assert desk.powers() == [float(s) for s in range(10)]
