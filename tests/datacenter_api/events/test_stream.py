"""Streams: shared bytes, bounded queues, what was missed comes first, an ended login ends the stream."""

import asyncio
from typing import Any

import msgspec
import pytest
from support.patience import PATIENCE
from support.play import until

from datacenter_api.events.broadcast import EVENTS, MOST_WAITING, Broadcaster, sse
from datacenter_api.events.log import EventLog
from datacenter_api.events.stream import StreamResponse
from rack_controller.model.event import Event, Severity


def event(number: int, place: str = "s/a/r/k01/u12", severity: Severity = Severity.OK) -> Event:
    return Event(f"{number:06d}", number, place, "test.event", severity, f"number {number}")


class Reader:
    """Reads a StreamResponse as an ASGI server would."""

    def __init__(self, response: StreamResponse) -> None:
        self.body = b""
        self.ended = False
        self._gone = asyncio.Event()
        self.task = asyncio.create_task(response({"type": "http"}, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.body += message.get("body", b"")
        self.ended |= message["type"] == "http.response.body" and not message.get("more_body")

    def leave(self) -> None:
        self._gone.set()

    async def until(self, part: bytes) -> None:
        await until(lambda: part in self.body)


async def test_a_reader_gets_what_it_missed_and_then_what_comes() -> None:
    broadcaster = Broadcaster()
    reader = Reader(StreamResponse(broadcaster, EVENTS, sse("event", b"1", "a"), lambda: True))
    await reader.until(b"id: a\nevent: event\ndata: 1\n\n")
    broadcaster.publish(EVENTS, sse("event", b"2", "b"))
    await reader.until(b"id: b\nevent: event\ndata: 2\n\n")
    reader.leave()
    await asyncio.wait_for(reader.task, 5 * PATIENCE)
    assert broadcaster.readers == 0


async def test_the_server_stopping_ends_every_stream() -> None:
    broadcaster = Broadcaster()
    readers = [Reader(StreamResponse(broadcaster, EVENTS, b"", lambda: True)) for _ in range(3)]
    await asyncio.gather(*(r.until(b"retry") for r in readers))
    broadcaster.close()
    await asyncio.wait_for(asyncio.gather(*(r.task for r in readers)), 5 * PATIENCE)
    assert all(r.ended for r in readers)


async def test_an_ended_login_ends_the_stream() -> None:
    broadcaster, welcome = Broadcaster(), [True]
    reader = Reader(StreamResponse(broadcaster, EVENTS, b"", lambda: welcome[0]))
    await reader.until(b"retry")
    welcome[0] = False
    broadcaster.publish(EVENTS, b"last")
    await asyncio.wait_for(reader.task, 5 * PATIENCE)
    assert reader.ended


def test_a_slow_reader_of_summaries_gets_only_the_latest() -> None:
    broadcaster = Broadcaster()
    reader = broadcaster.subscribe("k01", latest_only=True)
    for n in range(1_000):
        broadcaster.publish("k01", b"%d" % n)
    assert reader.take() == b"999"


def test_a_slow_reader_of_events_is_sent_away_rather_than_kept_in_memory() -> None:
    broadcaster = Broadcaster()
    reader = broadcaster.subscribe(EVENTS)
    for n in range(MOST_WAITING + 10):
        broadcaster.publish(EVENTS, b"x")
        assert reader.lost == (n >= MOST_WAITING)
    assert len(reader.take()) == MOST_WAITING


def test_the_log_keeps_the_newest_and_takes_nothing_twice() -> None:
    log = EventLog(kept=5)
    assert [log.add(event(n)) for n in (1, 1, 2)] == [True, False, True]
    for n in range(3, 10):
        log.add(event(n))
    assert [e.unix_ns for e in log.newest(10)] == [9, 8, 7, 6, 5]
    assert [e.unix_ns for e in log.after("000007")] == [8, 9]
    assert list(log.after("000001")) == []
    assert log.add(event(1)), "what was forgotten may come again"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"rack": "s/a/r/k01"}, [3, 1]),
        ({"since_ns": 3}, [4, 3]),
        ({"at_least": Severity.WARNING}, [4, 2]),
        ({"limit": 1}, [4]),
    ],
)
def test_events_are_filtered(query: dict[str, Any], expected: list[int]) -> None:
    log = EventLog()
    log.add(event(1))
    log.add(event(2, "s/a/r/k011/u1", Severity.WARNING))
    log.add(event(3))
    log.add(event(4, "s/a/r/k02", Severity.CRITICAL))
    assert [e.unix_ns for e in log.newest(**{"limit": 10, **query})] == expected


def test_an_event_of_many_lines_stays_one_message() -> None:
    two_lines = msgspec.json.encode(Event("1", 1, "p", "k", Severity.OK, "one\ntwo\r\nthree"))
    assert sse("event", two_lines, "1").count(b"\n") == 4
