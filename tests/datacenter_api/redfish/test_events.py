"""The event stream: one event per block with ids that a reader can come back with; it ends with its subscription."""

import asyncio
import base64
from typing import Any

import orjson
from support.api import PASSWORD
from support.patience import PATIENCE
from support.play import until
from support.redfish_hall import Hall

from datacenter_api.events.broadcast import MOST_READERS
from datacenter_api.redfish.events import STREAM, TEST_EVENT
from rack_controller.model.event import Event, Severity
from rack_controller.model.roles import Role


class Reader:
    """Reads the stream through the gate as an ASGI server would."""

    def __init__(self, hall: Hall, user: str = "admin", query: str = "", **headers: str) -> None:
        self.status, self.headers, self.body, self.ended = 0, {}, b"", False
        self._gone = asyncio.Event()
        login = base64.b64encode(f"{user}:{PASSWORD}".encode())
        sent = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        scope = {
            "type": "http",
            "method": "GET",
            "path": STREAM,
            "raw_path": STREAM.encode(),
            "scheme": "https",
            "query_string": query.encode(),
            "client": ("192.0.2.7", 4711),
            "headers": [(b"authorization", b"Basic " + login), *sent],
        }
        self.task = asyncio.create_task(hall.api.gate(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        self.body += message.get("body", b"")
        self.ended |= not message.get("more_body")

    def leave(self) -> None:
        self._gone.set()

    async def until(self, part: bytes) -> None:
        await until(lambda: part in self.body, within=20)

    def events(self) -> list[tuple[str, Any]]:
        """Return id and Event of each block that has data."""
        found = []
        for block in self.body.split(b"\n\n"):
            lines = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
            if b"data" in lines:
                found.append((lines[b"id"].decode(), orjson.loads(lines[b"data"])))
        return found


def happen(hall: Hall, number: int, kind: str = "leak.critical") -> None:
    """Let the API hear of an event as the bus link would."""
    event = Event(f"{number}-k01-{number}", 10**18 + number, "lab1/a/r01/k01/u12/leak1", kind, Severity.CRITICAL, "wet")
    hall.api.services.events.add(event)
    hall.api.services.bus.on_event(event)


async def test_each_event_is_one_block_with_its_id(hall: Hall) -> None:
    reader = Reader(hall, accept="text/event-stream")
    await reader.until(b"retry")
    happen(hall, 11)
    happen(hall, 12, "something.new")
    await reader.until(b"id: 12-k01-12")
    (first, event), (second, other) = reader.events()
    assert (reader.status, reader.headers[b"content-type"].split(b";")[0]) == (200, b"text/event-stream")
    assert (first, second) == ("11-k01-11", "12-k01-12")
    assert (event["@odata.type"], event["Id"]) == ("#Event.v1_13_0.Event", first)
    (record,) = event["Events"]
    assert (record["MessageId"], record["MessageSeverity"]) == ("Rackwright.1.0.LeakCritical", "Critical")
    assert record["OriginOfCondition"] == {"@odata.id": "/redfish/v1/Chassis/k01-u12"}
    assert other["Events"][0]["MessageId"] == "Rackwright.1.0.Event"
    reader.leave()
    await asyncio.wait_for(reader.task, 20 * PATIENCE)


async def test_a_reader_that_comes_back_gets_what_it_missed_and_nothing_twice(hall: Hall) -> None:
    for number in (11, 12, 13):
        happen(hall, number)
    reader = Reader(hall, last_event_id="11-k01-11")
    await reader.until(b"id: 13-k01-13")
    happen(hall, 14)
    await reader.until(b"id: 14-k01-14")
    assert [name for name, _ in reader.events()] == ["12-k01-12", "13-k01-13", "14-k01-14"]
    reader.leave()
    await asyncio.wait_for(reader.task, 20 * PATIENCE)


async def test_an_open_stream_is_a_subscription_and_ends_when_that_is_deleted(hall: Hall) -> None:
    reader = Reader(hall)
    await reader.until(b"retry")
    (member,) = (await hall.get("/EventService/Subscriptions"))["Members"]
    body = await hall.get(member["@odata.id"].removeprefix("/redfish/v1"))
    assert (body["SubscriptionType"], body["Destination"]) == ("SSE", "redfish-sse://192.0.2.7:4711")
    async with hall.api.client(hall.api.user_for(Role.VIEWER)) as viewer:
        assert (await viewer.delete(member["@odata.id"])).status_code == 404, "another user's stream is not theirs"
    async with hall.api.client() as client:
        assert (await client.delete(member["@odata.id"])).status_code == 204
    await asyncio.wait_for(reader.task, 20 * PATIENCE)
    assert reader.ended
    assert (await hall.get("/EventService/Subscriptions"))["Members"] == []


async def test_a_reader_that_leaves_takes_its_subscription_along(hall: Hall) -> None:
    reader = Reader(hall)
    await reader.until(b"retry")
    reader.leave()
    await asyncio.wait_for(reader.task, 20 * PATIENCE)
    assert (await hall.get("/EventService/Subscriptions"))["Members"] == []
    assert hall.api.services.broadcaster.readers == 0


WISHES = [
    ("", "application/json", 406),
    ("$filter=MessageId%20eq%20'x'", "text/event-stream", 200),
    ("$filter=Name eq 'x'", "text/event-stream", 400),
    ("$filter=MessageId eq", "text/event-stream", 400),
    ("$filter=MessageId eq 'x'&$filter=MessageId eq 'y'", "text/event-stream", 400),
    ("$top=1", "text/event-stream", 501),
    ("", "text/event-stream;q=1, */*", 200),
]


async def test_what_a_stream_cannot_be_is_refused(hall: Hall) -> None:
    for query, accept, status in WISHES:
        reader = Reader(hall, query=query, accept=accept)
        await until(lambda reader=reader: reader.status, within=20)
        assert reader.status == status, query
        reader.leave()
        await asyncio.wait_for(reader.task, 20 * PATIENCE)


async def test_one_stream_too_many_is_told_when_to_come_back(hall: Hall) -> None:
    broadcaster = hall.api.services.broadcaster
    readers = [broadcaster.subscribe("x") for _ in range(MOST_READERS)]
    reader = Reader(hall)
    await asyncio.wait_for(reader.task, 20 * PATIENCE)
    assert (reader.status, reader.headers[b"retry-after"]) == (503, b"10")
    assert len(readers) == broadcaster.readers


async def test_a_filtered_stream_shows_what_passes_also_of_what_was_missed(hall: Hall) -> None:
    for number, kind in ((11, "leak.critical"), (12, "something.new"), (13, "leak.critical")):
        happen(hall, number, kind)
    leaks = Reader(hall, query="$filter=MessageId eq 'Rackwright.1.0.LeakCritical'", last_event_id="11-k01-11")
    of_tray = "OriginResource eq '/redfish/v1/Chassis/k01'"
    rack = Reader(hall, query=f"$filter={of_tray} and SubordinateResources eq true")
    alone = Reader(hall, query=f"$filter={of_tray}")
    await leaks.until(b"id: 13-k01-13")
    await rack.until(b"retry")
    await alone.until(b"retry")
    happen(hall, 14, "something.new")
    happen(hall, 15)
    await leaks.until(b"id: 15-k01-15")
    await rack.until(b"id: 15-k01-15")
    assert [name for name, _ in leaks.events()] == ["13-k01-13", "15-k01-15"]
    assert [name for name, _ in rack.events()] == ["14-k01-14", "15-k01-15"]
    assert alone.events() == []
    for reader in (leaks, rack, alone):
        reader.leave()
        await asyncio.wait_for(reader.task, 20 * PATIENCE)
    assert list(hall.world.streams.filters()) == []


async def test_a_reader_whose_last_event_is_too_old_is_told_that_events_were_lost(hall: Hall) -> None:
    happen(hall, 11)
    reader = Reader(hall, last_event_id="nobody knows")
    await reader.until(b"EventBufferExceeded")
    ((name, _),) = reader.events()
    happen(hall, 12)
    again = Reader(hall, last_event_id=name)
    await again.until(b"id: 12-k01-12")
    assert [name for name, _ in again.events()] == ["12-k01-12"]
    for open_one in (reader, again):
        open_one.leave()
        await asyncio.wait_for(open_one.task, 20 * PATIENCE)


async def test_a_test_event_reaches_the_stream_and_no_log(hall: Hall) -> None:
    reader = Reader(hall)
    await reader.until(b"retry")
    async with hall.api.client() as client:
        asked = {
            "MessageId": "Rackwright.1.0.Event",
            "Message": "hello",
            "OriginOfCondition": "/redfish/v1/Chassis/k01",
        }
        assert (await client.post(TEST_EVENT, json=asked)).status_code == 204
        await reader.until(b"hello")
        ((_, event),) = reader.events()
        assert event["Events"][0]["OriginOfCondition"] == {"@odata.id": "/redfish/v1/Chassis/k01"}
        for wrong, code in (
            ({}, "ActionParameterMissing"),
            ({"MessageId": 3}, "ActionParameterValueTypeError"),
            ({"MessageId": "x", "EventType": "Odd"}, "ActionParameterValueNotInList"),
            ({"MessageId": "x", "Odd": 1}, "ActionParameterNotSupported"),
        ):
            answer = await client.post(TEST_EVENT, json=wrong)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, f"Base.1.19.{code}")
    async with hall.api.client(hall.api.user_for(Role.OPERATOR)) as operator:
        assert (await operator.post(TEST_EVENT, json=asked)).status_code == 403
    assert len(hall.api.services.events.newest(99)) == 2
    reader.leave()
    await asyncio.wait_for(reader.task, 20 * PATIENCE)


async def test_the_stream_is_no_resource(hall: Hall) -> None:
    async with hall.api.client() as client:
        for method in ("POST", "HEAD"):
            answer = await client.request(method, STREAM, json={})
            assert answer.status_code == 405
            assert "GET" in answer.headers["allow"]
