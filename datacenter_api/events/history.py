"""What JetStream kept while nobody listened: the last frame of each rack, and events in order without a gap."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from datacenter_api.events.log import KEPT
from datacenter_api.fleet.record import said_at
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.model.event import Event, decode_event
from rack_controller.model.frame import Frame, decode_frame
from rack_controller.model.subjects import EVENT_STREAM, ROOT, TELEMETRY_STREAM

log = logging.getLogger(__name__)

_TRY_AGAIN = 1.0
_WAIT = 5.0
_DRAIN = 0.1
_BATCH = 256


async def recover_frames(client: Client, site: str, take: Callable[[str, Frame, Seconds], None]) -> None:
    """Fetch the last frame of each rack once, as soon as the stream exists; `take(rack, frame, said_at)`."""
    js = client.jetstream(timeout=2)
    while True:
        try:
            info = await js.stream_info(TELEMETRY_STREAM, subjects_filter=f"{ROOT}.{site}.*.telemetry")
            for subject in info.state.subjects or {}:
                message = await js.get_last_msg(TELEMETRY_STREAM, subject)
                frame = decode_frame(message.data or b"")
                now, wall = Seconds(time.monotonic()), UnixNanoseconds(time.time_ns())
                take(subject.split(".")[3], frame, said_at(frame, now, wall))
            return
        except (NatsError, OSError, TimeoutError, ValueError) as err:
            log.info("frames not recovered yet: %s", type(err).__name__)
            await asyncio.sleep(_TRY_AGAIN)


async def follow_events(client: Client, site: str, take: Callable[[Event], None]) -> None:
    """Read the event stream from its last `KEPT` messages on, for ever, resuming where it stopped after any fault."""
    js = client.jetstream(timeout=2)
    after = 0
    while True:
        pull = None
        try:
            state = (await js.stream_info(EVENT_STREAM)).state
            # A stream that is shorter than what was read already is a new one: start over.
            start = after + 1 if 0 < after <= state.last_seq else max(1, state.last_seq - KEPT + 1)
            pull = await _consumer(js, f"{ROOT}.{site}.*.event", start)
            while True:
                for message in await _next(pull):
                    after = message.metadata.sequence.stream
                    _take(message.data, take)
        except (NatsError, OSError, TimeoutError) as err:
            log.info("events not followed yet: %s", type(err).__name__)
            if pull is not None:
                with contextlib.suppress(NatsError, OSError):
                    await pull.unsubscribe()
            await asyncio.sleep(_TRY_AGAIN)


async def _consumer(js: JetStreamContext, subject: str, start: int) -> JetStreamContext.PullSubscription:
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=start,
        ack_policy=AckPolicy.NONE,
        filter_subject=subject,
        inactive_threshold=12 * _WAIT,
    )
    return await js.pull_subscribe(subject, stream=EVENT_STREAM, config=config)


async def _next(pull: JetStreamContext.PullSubscription) -> list[Msg]:
    """Return what came: one at a time while it is quiet (answered at once), then whatever else is there."""
    try:
        first = await pull.fetch(1, timeout=_WAIT)
    except (NatsTimeout, TimeoutError):
        await pull.consumer_info()  # raises when a restarted server has forgotten the consumer
        return []
    try:
        return first + await pull.fetch(_BATCH, timeout=_DRAIN)
    except (NatsTimeout, TimeoutError):
        return first


def _take(body: bytes, take: Callable[[Event], None]) -> None:
    try:
        take(decode_event(body))
    except ValueError as err:
        log.warning("event discarded: %s", err)
