"""The controller's side of NATS: an outbox that loses nothing published, and request/reply.  Racks run without it."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
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
from rack_controller.model.subjects import EVENT_STREAM, ROOT, TELEMETRY_STREAM
from rack_controller.run.ending import run_until_one_ends

_log = logging.getLogger(__name__)

RETRY_SECONDS = 0.25
ACK_SECONDS = 5.0
DEDUPLICATE_SECONDS = 120.0
Answer = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class BusAddress:
    """Where NATS answers and as whom we come: URL and the file with the user's nkey seed."""

    url: str
    seed_file: Path


@dataclass(frozen=True, slots=True)
class Message:
    """One message for a stream; `id` lets the server drop a repeat."""

    subject: str
    id: str
    body: bytes


class Outbox:
    """Messages in order until the stream has acknowledged them.  Bounded: the oldest go first, and are counted."""

    def __init__(self, most: int) -> None:
        self._waiting: deque[Message] = deque()
        self._most = most
        self._ready = asyncio.Event()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Message) -> None:
        """Append; never blocks, never fails."""
        if len(self._waiting) >= self._most:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(message)
        self._ready.set()

    async def first(self) -> Message:
        """Return the oldest message, waiting for one.  It stays until `done`."""
        while not self._waiting:
            self._ready.clear()
            await self._ready.wait()
        return self._waiting[0]

    def done(self, message: Message) -> None:
        """Take out a message that the stream has acknowledged (it may have been dropped meanwhile)."""
        if self._waiting and self._waiting[0] is message:
            self._waiting.popleft()


class Bus:
    """Connects for ever, owns the two streams, drains outboxes, answers requests."""

    def __init__(self, address: BusAddress, site: str, name: str) -> None:
        self._address, self._site, self._name = address, site, name
        self._client: Client | None = None
        self._answers: dict[str, Answer] = {}
        self._serving = False

    @property
    def connected(self) -> bool:
        """Return whether NATS answers now."""
        return self._client is not None and self._client.is_connected

    @property
    def serving(self) -> bool:
        """Return whether streams exist and requests are answered."""
        return self._serving and self.connected

    def answer(self, subject: str, answer: Answer) -> None:
        """Answer requests on `subject`; call before `run`."""
        self._answers[subject] = answer

    async def run(self, outboxes: list[Outbox]) -> None:
        """Serve until cancelled."""
        client = await self._connect()
        try:
            await self._own_streams(client)
            for subject, answer in self._answers.items():
                await client.subscribe(subject, cb=_answering(answer))
            await client.flush()
            self._serving = True
            await run_until_one_ends(self._drain(client, outbox) for outbox in outboxes)
        finally:
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

    async def _own_streams(self, client: Client) -> None:
        stream = client.jetstream()
        for config in stream_configs(self._site):
            while True:
                try:
                    await stream.add_stream(config)
                    break
                except (NatsError, JetStreamError, TimeoutError, OSError) as err:
                    _log.warning("stream %s not ready: %s", config.name, err)
                    await asyncio.sleep(RETRY_SECONDS)

    async def _drain(self, client: Client, outbox: Outbox) -> None:
        stream = client.jetstream(timeout=ACK_SECONDS)
        while True:
            message = await outbox.first()
            try:
                await stream.publish(message.subject, message.body, headers={"Nats-Msg-Id": message.id})
            except (NatsError, JetStreamError, TimeoutError, OSError) as err:
                _log.debug("not acknowledged yet, kept (%d waiting): %s", len(outbox), err)
                await asyncio.sleep(RETRY_SECONDS)
                if isinstance(err, NoStreamResponseError):
                    await self._own_streams(client)  # the server came back without its store
            else:
                outbox.done(message)


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


async def _log_error(err: Exception) -> None:
    _log.debug("bus: %s", err)
