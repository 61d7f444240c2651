"""The controller's side of NATS: streams, what is said live, and request/reply.  Racks run without it."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NoStreamResponseError

from rack_controller.model.command import internal_refusal
from rack_controller.model.outbox import OutboxReport, encode_report
from rack_controller.model.subjects import EVENT_STREAM, ROOT, TELEMETRY_STREAM, live_subject
from rack_controller.run.ending import run_until_one_ends
from rack_controller.run.outbox import Outbox

_log = logging.getLogger(__name__)

RETRY_SECONDS = 0.25
ACK_SECONDS = 5.0
DEDUPLICATE_SECONDS = 120.0
LOOK_SECONDS = 0.5
REPORT_SECONDS = 5.0
Hear = Callable[[str, bytes], None]
Answer = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class BusAddress:
    """Where NATS answers and as whom we come: URL and the file with the user's nkey seed."""

    url: str
    seed_file: Path


class Bus:
    """Connects for ever, owns the two streams, drains outboxes, answers requests.

    A stream that takes nothing (a full disk) holds up neither answers nor what is said live.
    """

    def __init__(self, address: BusAddress, site: str, name: str) -> None:
        self._address, self._site, self._name = address, site, name
        self._client: Client | None = None
        self._answers: dict[str, Answer] = {}
        self._heard: dict[str, Hear] = {}
        self._listening, self._storing = False, False

    @property
    def connected(self) -> bool:
        """Return whether NATS answers now."""
        return self._client is not None and self._client.is_connected

    @property
    def serving(self) -> bool:
        """Return whether streams exist and requests are answered."""
        return self._listening and self._storing and self.connected

    def answer(self, subject: str, answer: Answer) -> None:
        """Answer requests on `subject`; call before `run`."""
        self._answers[subject] = answer

    def hear(self, subject: str, hear: Hear) -> None:
        """Hand every message on `subject` (wildcards allowed) to `hear(subject, body)`; call before `run`."""
        self._heard[subject] = hear

    async def run(self, outboxes: Mapping[str, Outbox]) -> None:
        """Serve until cancelled.  `outboxes` are named by the subject that their messages are for."""
        client = await self._connect()
        try:
            for subject, answer in self._answers.items():
                await client.subscribe(subject, cb=_answering(answer))
            for subject, hear in self._heard.items():
                await client.subscribe(subject, cb=_hearing(hear), pending_msgs_limit=1024)
            await client.flush()
            self._listening = True
            works = [self._store(client, outboxes), self._report(outboxes)]
            await run_until_one_ends([*works, *(self._tell_stuck(s, outbox) for s, outbox in outboxes.items())])
        finally:
            # The server may end at the same time: uvloop says RuntimeError of a transport that is closed already.
            with contextlib.suppress(NatsError, OSError, RuntimeError):
                await client.close()

    async def tell(self, subject: str, body: bytes) -> None:
        """Publish without a stream; dropped silently when nobody is there to hear it."""
        if self._client is not None and self._client.is_connected:
            await self._client.publish(subject, body)

    async def _connect(self) -> Client:
        while True:
            try:
                self._client = await nats.connect(
                    self._address.url,
                    name=self._name,
                    nkeys_seed=str(self._address.seed_file),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RETRY_SECONDS,
                    connect_timeout=2,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    allow_reconnect=True,
                    error_cb=_log_error,
                )
            except (NatsError, OSError, TimeoutError) as err:
                _log.debug("bus not there yet: %s", err)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return self._client

    async def _store(self, client: Client, outboxes: Mapping[str, Outbox]) -> None:
        await self._own_streams(client, outboxes)
        self._storing = True
        await run_until_one_ends(self._drain(client, subject, outbox) for subject, outbox in outboxes.items())

    async def _own_streams(self, client: Client, outboxes: Mapping[str, Outbox]) -> None:
        """Make both streams, however long it takes; whoever waits for one is told why."""
        stream = client.jetstream()
        for config, what in zip(stream_configs(self._site), ("telemetry", "event"), strict=True):
            held = {s: outbox for s, outbox in outboxes.items() if stream_of(s) == what}
            while True:
                try:
                    await stream.add_stream(config)
                    break
                except (NatsError, JetStreamError, TimeoutError, OSError) as err:
                    for subject, outbox in held.items():
                        _refuse(outbox, subject, f"stream {config.name} is not there: {_said(err)}")
                    await asyncio.sleep(RETRY_SECONDS)

    async def _drain(self, client: Client, subject: str, outbox: Outbox) -> None:
        stream = client.jetstream(timeout=ACK_SECONDS)
        while True:
            message = await outbox.first()
            connections = client.stats["reconnects"]
            try:
                await stream.publish(message.subject, message.body, headers={"Nats-Msg-Id": message.id})
            except (NatsError, JetStreamError, TimeoutError, OSError) as err:
                if client.is_connected and client.stats["reconnects"] == connections:  # else the bus was away
                    _refuse(outbox, subject, _said(err))
                await asyncio.sleep(RETRY_SECONDS)
                if isinstance(err, NoStreamResponseError):
                    await self._own_streams(client, {subject: outbox})  # the server came back without its store
            else:
                if outbox.refusal:
                    _log.warning("%s is stored again, %d wait", subject, len(outbox))
                outbox.done(message)

    async def _tell_stuck(self, subject: str, outbox: Outbox) -> None:
        """Say live what the stream does not take: nobody above goes blind because a disk is full."""
        while True:
            for message in await outbox.untold():
                await self.tell(live_subject(subject), message.body)

    async def _report(self, outboxes: Mapping[str, Outbox]) -> None:
        """Tell how each outbox stands when that changes, and from time to time for whoever came late."""
        told: dict[str, tuple[float, OutboxReport]] = {}
        while True:
            now = asyncio.get_running_loop().time()
            for subject, outbox in outboxes.items():
                report = outbox.report(stream_of(subject))
                at, last = told.get(subject, (float("-inf"), report))
                news = (report.refusal, report.dropped) != (last.refusal, last.dropped)
                if news or now - at >= REPORT_SECONDS:
                    await self.tell(_beside(subject, "outbox"), encode_report(report))
                    told[subject] = now, report
            await asyncio.sleep(LOOK_SECONDS)


def stream_of(subject: str) -> str:
    """Return which stream keeps a subject: `telemetry` or `event`."""
    return subject.rsplit(".", 1)[1]


def _beside(subject: str, word: str) -> str:
    return f"{subject.rsplit('.', 1)[0]}.{word}"


def _refuse(outbox: Outbox, subject: str, why: str) -> None:
    if outbox.refusal != why:
        _log.warning("%s is not stored, %d wait: %s", subject, len(outbox), why)
    outbox.refuse(why)


def _said(err: Exception) -> str:
    if isinstance(err, TimeoutError):
        return f"no acknowledgement within {ACK_SECONDS:g} s"
    return str(getattr(err, "description", None) or err) or type(err).__name__


def stream_configs(site: str) -> tuple[StreamConfig, ...]:
    """Return the two streams of a site: telemetry for minutes, events for weeks, both bounded in bytes."""
    return (
        StreamConfig(
            name=TELEMETRY_STREAM,
            subjects=[f"{ROOT}.{site}.*.telemetry"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=1800,
            max_bytes=512 * 1024 * 1024,
            duplicate_window=DEDUPLICATE_SECONDS,
            allow_direct=True,
        ),
        StreamConfig(
            name=EVENT_STREAM,
            subjects=[f"{ROOT}.{site}.*.event"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=30 * 24 * 3600,
            max_bytes=128 * 1024 * 1024,
            duplicate_window=DEDUPLICATE_SECONDS,
            allow_direct=True,
        ),
    )


def _answering(answer: Answer) -> Callable[[Msg], Awaitable[None]]:
    """Answer each request in a task of its own: a slow one (a report) must not hold up the others.

    What fails is our bug: logged whole, and refused instead of left without an answer.
    """
    running: set[asyncio.Task[None]] = set()

    async def reply(message: Msg) -> None:
        try:
            await message.respond(await answer(message.data))
        except Exception as err:  # noqa: BLE001 - logged whole, and refused
            _log.exception("a request on %s could not be answered", message.subject)
            with contextlib.suppress(NatsError, OSError):
                await message.respond(internal_refusal(err))

    async def serve(message: Msg) -> None:
        if message.reply:
            task = asyncio.create_task(reply(message))
            running.add(task)
            task.add_done_callback(running.discard)

    return serve


def _hearing(hear: Hear) -> Callable[[Msg], Awaitable[None]]:
    async def take(message: Msg) -> None:
        try:
            hear(message.subject, message.data)
        except Exception:  # noqa: BLE001 - a bug of ours costs this message only, and is logged whole
            _log.exception("a message on %s could not be taken", message.subject)

    return take


async def _log_error(err: Exception) -> None:
    _log.debug("bus: %s", err)
