"""Subscriptions and streams of the engine, asked over real HTTPS."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.https_client import fetch

from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree
from firmware_bridge.redfish_service.event_hub import MOST_SUBSCRIPTIONS, SERVICE, SUBSCRIPTIONS, TEST_EVENT, EventHub
from firmware_bridge.redfish_service.event_stream import MOST_WAITING, EventStream
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import Principal

TREE = {"/redfish/v1": {"@odata.id": "/redfish/v1"}, SERVICE: {"@odata.id": SERVICE, "ServerSentEventUri": "/sse"}}
WANTED = {"Destination": "https://127.0.0.1:9/x", "Protocol": "Redfish", "Context": "mine"}


@asynccontextmanager
async def served() -> AsyncIterator[tuple[ServedEndpoint, EventHub, list[tuple[str, bytes]]]]:
    sent: list[tuple[str, bytes]] = []
    hub = EventHub(
        f"{SERVICE}/SSE", lambda: "2026-01-01T00:00:00Z", lambda to, body: sent.append((to.destination, body))
    )
    async with serve_tree(TREE, events=hub) as endpoint:
        yield endpoint, hub, sent


async def test_a_subscription_is_made_listed_told_and_deleted() -> None:
    async with served() as (endpoint, hub, sent):
        auth = (endpoint.user, endpoint.password)
        secret = {**WANTED, "HttpHeaders": [{"X-Key": "s3cret"}]}
        made = await fetch(endpoint.url + SUBSCRIPTIONS, method="POST", auth=auth, body=secret)
        assert (made.status, made.headers["location"]) == (201, f"{SUBSCRIPTIONS}/1")
        assert b"s3cret" not in made.raw
        listed = (await fetch(endpoint.url + SUBSCRIPTIONS, auth=auth)).body
        assert listed["Members"] == [{"@odata.id": f"{SUBSCRIPTIONS}/1"}]
        test = {"MessageId": "Base.1.0.Test", "OriginOfCondition": "/redfish/v1"}
        assert (await fetch(endpoint.url + TEST_EVENT, method="POST", auth=auth, body=test)).status == 204
        ((to, raw),) = sent
        assert to == WANTED["Destination"]
        event = json.loads(raw)
        assert (event["Context"], event["Events"][0]["OriginOfCondition"]) == ("mine", {"@odata.id": "/redfish/v1"})
        gone = await fetch(endpoint.url + f"{SUBSCRIPTIONS}/1", method="DELETE", auth=auth)
        assert (gone.status, hub.subscriptions) == (204, {})
        assert (await fetch(endpoint.url + f"{SUBSCRIPTIONS}/1", auth=auth)).status == 404


@pytest.mark.parametrize(
    ("uri", "body", "status"),
    [
        (SUBSCRIPTIONS, {"Protocol": "Redfish"}, 400),
        (SUBSCRIPTIONS, {**WANTED, "Protocol": "SNMPv1"}, 400),
        (SUBSCRIPTIONS, {**WANTED, "Destination": "ftp://x"}, 400),
        (SUBSCRIPTIONS, {**WANTED, "Odd": 1}, 400),
        (SUBSCRIPTIONS, {**WANTED, "HttpHeaders": [{"X": "a\r\nB: c"}]}, 400),
        (SUBSCRIPTIONS, {**WANTED, "HttpHeaders": "x"}, 400),
        (TEST_EVENT, {}, 400),
        (TEST_EVENT, {"MessageId": 3}, 400),
        (TEST_EVENT, {"MessageId": "x", "Odd": 1}, 400),
    ],
)
async def test_what_is_wrong_is_refused_and_leaves_nothing(uri: str, body: dict[str, Any], status: int) -> None:
    async with served() as (endpoint, hub, sent):
        auth = (endpoint.user, endpoint.password)
        assert (await fetch(endpoint.url + uri, method="POST", auth=auth, body=body)).status == status
        assert (hub.subscriptions, sent) == ({}, [])
        assert (await fetch(endpoint.url + uri, method="POST", body=body)).status == 401


async def test_the_stream_needs_a_login_and_takes_its_subscription_with_it() -> None:
    async with served() as (endpoint, hub, _):
        assert (await fetch(endpoint.url + hub.stream_uri)).status == 401
        streaming = asyncio.create_task(
            fetch(endpoint.url + hub.stream_uri, auth=(endpoint.user, endpoint.password), within=30)
        )
        async with asyncio.timeout(20):
            while not hub.subscriptions:  # noqa: ASYNC110 - a value, not an event
                await asyncio.sleep(0.01)
        (subscription,) = hub.subscriptions.values()
        assert subscription.body()["SubscriptionType"] == "SSE"
        hub.publish([{"MessageId": "Base.1.0.Test"}])
        hub.beat()
        await hub.delete(f"{SUBSCRIPTIONS}/{subscription.id}", Principal("root"))
        answer = await streaming
        assert answer.headers["content-type"] == "text/event-stream"
        assert b"id: 1\ndata: {" in answer.raw
        assert b": alive" in answer.raw
        assert hub.subscriptions == {}


async def test_a_stream_begins_after_the_last_event_that_was_seen() -> None:
    hub = EventHub("/sse", lambda: "t")
    hub.drop(hub.open_stream("a", ""))
    for _ in range(3):
        hub.publish([{}])
    again = hub.open_stream("a", "1")
    assert again.stream is not None
    assert len(again.stream._waiting) == 2
    assert not hub.open_stream("b", "nonsense").stream._waiting  # type: ignore[union-attr]


def test_a_reader_that_never_reads_is_cut_off_and_the_number_of_subscriptions_is_bounded() -> None:
    stream = EventStream()
    for _ in range(MOST_WAITING + 10):
        stream.put(b"x")
    assert (len(stream._waiting), stream._ended) == (MOST_WAITING, True)
    hub = EventHub("/sse", lambda: "t")
    for _ in range(MOST_SUBSCRIPTIONS):
        hub.open_stream("a", "")
    with pytest.raises(RequestRefused):
        hub.open_stream("a", "")
