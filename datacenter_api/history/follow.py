"""The durable consumer of one rack's telemetry: frames in order, acknowledged once on disk, else asked for again.

Knows JetStream; decides nothing about windows.
"""

import asyncio
import contextlib
import logging

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from datacenter_api.history.intake import Intake
from datacenter_api.history.ledger import Ledger
from rack_controller.model.frame import decode_frame
from rack_controller.model.subjects import TELEMETRY_STREAM, RackSubjects

log = logging.getLogger(__name__)

DURABLE = "history"
_TRY_AGAIN_S = 1.0
_BATCH = 256
_LINGER_S = 1.0
# Nothing is delivered twice by itself: what must come again is asked for by a new consumer from the last
# acknowledged message on, at once and not after a time-out.  So this may be long, and as many as the stream holds.
_ACK_WAIT_S = 3_600.0
_MOST_PENDING = 8_000


async def follow_rack(client: Client, site: str, intake: Intake) -> None:
    """Feed an intake for ever, resuming where the disk ends after any fault."""
    js = client.jetstream(timeout=2)
    said = ""
    while True:
        pull = None
        try:
            pull = await _begin(js, site, intake.rack)
            ledger = Ledger()
            while True:
                await _feed(await _next(pull), intake, ledger)
                await intake.turn()
                if (reply := ledger.settle()) is not None:
                    await client.publish(reply, b"+ACK")
                said = ""
        except (NatsError, OSError, TimeoutError, ValueError) as err:
            if (why := f"{type(err).__name__}: {err}") != said:
                log.info("the frames of %s are asked for again: %s", intake.rack, why)
                said = why
            if pull is not None:
                with contextlib.suppress(NatsError, OSError):
                    await pull.unsubscribe()
            await asyncio.sleep(_TRY_AGAIN_S)
            await intake.turn()


async def _begin(js: JetStreamContext, site: str, rack: str) -> JetStreamContext.PullSubscription:
    """Make the rack's consumer anew, behind the last message that the one before it acknowledged."""
    subject, durable = RackSubjects(site, rack).telemetry, f"{DURABLE}-{rack}"
    last = (await js.stream_info(TELEMETRY_STREAM)).state.last_seq
    floor = 0
    with contextlib.suppress(NotFoundError):
        info = await js.consumer_info(TELEMETRY_STREAM, durable)
        floor = info.ack_floor.stream_seq if info.ack_floor is not None else 0
        await js.delete_consumer(TELEMETRY_STREAM, durable)
    # Killed here, there is no consumer: the next one starts at the stream's begin, and what is held is told apart.
    config = ConsumerConfig(
        durable_name=durable,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        # A stream that is shorter than what was acknowledged is a new one: start over.
        opt_start_seq=floor + 1 if floor <= last else 1,
        ack_policy=AckPolicy.ALL,
        ack_wait=_ACK_WAIT_S,
        max_ack_pending=_MOST_PENDING,
        filter_subject=subject,
    )
    await js.add_consumer(TELEMETRY_STREAM, config)
    return await js.pull_subscribe_bind(durable, TELEMETRY_STREAM)


async def _next(pull: JetStreamContext.PullSubscription) -> list[Msg]:
    try:
        return await pull.fetch(_BATCH, timeout=_LINGER_S)
    except (NatsTimeout, TimeoutError):
        await pull.consumer_info()  # raises when a restarted server has forgotten the consumer
        return []


async def _feed(messages: list[Msg], intake: Intake, ledger: Ledger) -> None:
    for message in messages:
        mark = ledger.mark(message.metadata.sequence.consumer, message.reply)
        try:
            frame = decode_frame(message.data)
        except ValueError as err:
            log.warning("%s: frame discarded: %s", intake.rack, err)
            intake.discarded += 1
            mark.done = True
            continue
        intake.take(frame, mark)
        await asyncio.sleep(0)  # a long backlog must not hold up everything else
