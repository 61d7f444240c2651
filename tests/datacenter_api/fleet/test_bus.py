"""The link against a real nats-server with the real accounts: discovery, change, recovery, loss of the bus."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from support.patience import PATIENCE
from support.play import Stage, stage, start_bus, until

from datacenter_api.events.log import EventLog
from datacenter_api.fleet.bus import BusLink
from datacenter_api.fleet.record import REPORTED_FOR
from datacenter_api.fleet.state import FleetState, Storing
from datacenter_api.fleet.summary import summarise
from firmware_bridge.vocabulary.errors import BusUnavailable, TargetUnknown
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.command import Command
from rack_controller.model.event import Event, Severity, encode_event
from rack_controller.model.frame import encode_frame
from rack_controller.model.outbox import OutboxReport, encode_report
from rack_controller.model.roles import Role
from rack_controller.model.subjects import live_subject


@contextlib.asynccontextmanager
async def linked(state: Path) -> AsyncIterator[BusLink]:
    link = BusLink(state, FleetState(), EventLog())
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def live(link: BusLink) -> list[str]:
    now = Seconds(time.monotonic())
    return [r.token for r in link.fleet if r.live(now) and r.endpoints]


async def test_a_rack_is_found_by_its_frames_and_asked_for_the_rest(tmp_path: Path) -> None:
    async with stage(tmp_path, racks=2) as scene, linked(tmp_path) as link:
        async with repeating(scene):
            assert await until(lambda: live(link) == ["k01", "k02"])
        record = link.fleet.find("lab1/a/r01/k02")
        summary = summarise(record, Seconds(time.monotonic()))
        assert summary is not None
        assert summary.endpoints_reachable == 63


async def test_a_change_is_fetched_when_it_is_announced(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene, linked(tmp_path) as link, repeating(scene):
        await until(lambda: live(link))
        rack = scene.racks["k01"]
        rack.absent = {f"{rack.place}/u12/bmc"}
        await scene.say_changed(rack)
        record = link.fleet.find("k01")
        await until(lambda: any(e.management == "absent" for e in record.endpoints), within=3.0)
        assert record.revision == rack.revision


async def test_the_old_layout_counts_until_the_one_of_a_new_controller_was_heard(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene, linked(tmp_path) as link, repeating(scene):
        await until(lambda: live(link))
        rack, record = scene.racks["k01"], link.fleet.find("k01")
        before = record.layout
        assert before is not None
        rack.layout = msgspec.structs.replace(before, trays=before.trays[1:])
        rack.boot = "boot-2"
        scene.answering.clear()
        await scene.say_changed(rack)
        await until(lambda: record.wanted_boot == "boot-2")
        assert record.layout == before
        assert live(link) == ["k01"]
        scene.answering.set()
        await until(lambda: record.boot == "boot-2")
        assert record.layout == rack.layout


async def test_events_said_before_the_api_started_are_there_in_order(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        rack = scene.racks["k01"]
        said = [await scene.say_event(rack, "test.event", Severity.OK, f"number {n}") for n in range(5)]
        async with linked(tmp_path) as link:
            await until(lambda: len(link.events) == 5)
            said.append(await scene.say_event(rack, "test.event", Severity.CRITICAL, "live"))
            await until(lambda: len(link.events) == 6)
            assert [e.id for e in link.events.newest(10)] == [e.id for e in reversed(said)]


async def test_after_a_restart_the_last_frame_is_shown_with_its_true_age(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        async with linked(tmp_path) as first, repeating(scene):
            await until(lambda: live(first))
            await until(lambda: list((tmp_path / "api" / "racks").glob("*.table.json")))
        rack = scene.racks["k01"]
        old = encode_frame(rack.frame(unix_ns=time.time_ns() - 40_000_000_000))
        await scene.client.publish(scene.subjects(rack).telemetry, old)
        await scene.client.close()  # the controller is gone; only the stream remembers
        async with linked(tmp_path) as link:
            record = await until(lambda: next((r for r in link.fleet if r.frame is not None), None))
            assert record.age(Seconds(time.monotonic())) == pytest.approx(40.0, abs=5.0)
            assert record.readable, "layout and table came from the disk"
            assert not record.live(Seconds(time.monotonic()))


async def test_what_the_stream_does_not_take_is_heard_live_and_a_repeat_of_it_does_not_look_new(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene, linked(tmp_path) as link:
        rack = scene.racks["k01"]
        subjects = scene.subjects(rack)
        first, second = encode_frame(rack.frame()), encode_frame(rack.frame())
        record = link.fleet.record("k01")
        await until(lambda: link.connected)

        async def first_heard() -> None:
            while record.frame is None:
                await scene.client.publish(live_subject(subjects.telemetry), first)
                await asyncio.sleep(0.02)

        await asyncio.wait_for(first_heard(), 10 * PATIENCE)
        await scene.client.publish(live_subject(subjects.telemetry), second)
        await until(lambda: record.frame is not None and record.frame.sequence == rack.sequence)
        received = record.received
        report = OutboxReport("telemetry", 12, 3, "no acknowledgement within 5 s")
        for late in (first, second):  # the stream is tried again and again with the oldest
            await scene.client.publish(subjects.telemetry, late)
        await scene.client.publish(subjects.outbox, encode_report(report))
        event = Event("e1", time.time_ns(), rack.place, "test.event", Severity.OK, "said live")
        await scene.client.publish(live_subject(subjects.event), encode_event(event))
        await until(lambda: len(link.events) == 1)
        assert record.received == received
        now = Seconds(time.monotonic())
        assert record.unstored(now) == [report]
        assert link.fleet.storing(now) == Storing("no acknowledgement within 5 s", 12, 3)
        assert record.unstored(Seconds(now + REPORTED_FOR + 1)) == [], "an old report says nothing about now"
        await scene.client.publish(subjects.event, encode_event(event))
        await scene.say_event(rack, "test.event", Severity.OK, "stored")
        await until(lambda: [e.message for e in link.events.newest(9)] == ["stored", "said live"])


async def test_requests_say_why_they_fail(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene, linked(tmp_path) as link:
        rack = scene.racks["k01"]
        with pytest.raises(BusUnavailable):
            await BusLink(tmp_path, FleetState(), EventLog()).ask("k01", "layout")
        await until(lambda: link.connected)
        with pytest.raises(TargetUnknown):
            await link.ask("k01", "report", f"{rack.place}/u99/bmc")
        with pytest.raises(BusUnavailable, match="no controller"):
            await link.ask("k77", "layout")
        reply = await link.command(
            "k01", Command("1", "ann", Role.OPERATOR, "locate", f"{rack.place}/u12", time.time_ns() + 10**9)
        )
        assert reply.accepted
        assert rack.commands == [f"locate {rack.place}/u12 by ann"]


async def test_the_bus_may_come_late_and_go_and_come_back(tmp_path: Path) -> None:
    async with linked(tmp_path) as link:
        assert not link.connected
        _, server = start_bus(tmp_path)
        await until(lambda: link.connected)
        server.kill()
        server.wait()
        await until(lambda: not link.connected)
        _, server = start_bus(tmp_path)
        try:
            await until(lambda: link.connected)
        finally:
            server.kill()
            server.wait()


@contextlib.asynccontextmanager
async def repeating(scene: Stage) -> AsyncIterator[None]:
    async def say() -> None:
        while True:
            for rack in scene.racks.values():
                await scene.say(rack)
            await asyncio.sleep(0.1)

    task = asyncio.create_task(say())
    try:
        yield
    finally:
        task.cancel()
