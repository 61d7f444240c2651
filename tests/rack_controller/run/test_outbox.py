"""The outbox by itself: order, the bound, and what it hands out to be said live."""

import asyncio

from rack_controller.model.outbox import OutboxReport, decode_report, encode_report
from rack_controller.run.outbox import MOST_TOLD, Message, Outbox

SUBJECT = "rw.v1.lab1.k01.telemetry"


def filled(outbox: Outbox, *numbers: int) -> Outbox:
    for n in numbers:
        outbox.put(Message(SUBJECT, f"m{n}", str(n).encode()))
    return outbox


async def told(outbox: Outbox) -> list[bytes] | None:
    """Return what is to be said live now, None when nothing is."""
    asking = asyncio.create_task(outbox.untold())
    for _ in range(3):
        await asyncio.sleep(0)
    if asking.done():
        return [message.body for message in asking.result()]
    asking.cancel()
    return None


def test_a_full_outbox_drops_the_oldest_and_counts_it() -> None:
    outbox = filled(Outbox(2), 0, 1, 2)
    assert (len(outbox), outbox.dropped) == (2, 1)


async def test_nothing_is_said_live_while_the_stream_takes_what_comes() -> None:
    outbox = Outbox(9)
    for n in range(3):
        filled(outbox, n)
        assert await told(outbox) is None
        outbox.done(await outbox.first())
    assert await told(outbox) is None


async def test_each_stuck_message_is_said_live_once() -> None:
    outbox = filled(Outbox(9), 0)
    outbox.refuse("full")
    assert await told(outbox) == [b"0"]
    assert await told(outbox) is None
    assert await told(filled(outbox, 1, 2)) == [b"1", b"2"]
    outbox.done(await outbox.first())
    assert outbox.refusal == ""
    assert await told(outbox) is None


async def test_what_waits_behind_another_message_is_said_live_before_anybody_gives_up() -> None:
    assert await told(filled(Outbox(9), 0, 1)) == [b"0", b"1"]


async def test_after_a_long_absence_only_the_newest_are_said_live() -> None:
    told_now = await told(filled(Outbox(900), *range(800)))
    assert told_now == [str(n).encode() for n in range(800 - MOST_TOLD, 800)]


def test_a_report_keeps_its_form_on_the_wire() -> None:
    outbox = filled(Outbox(1), 0, 1)
    outbox.refuse("full")
    body = encode_report(outbox.report("event"))
    assert body == b'{"stream":"event","waiting":1,"dropped":1,"refusal":"full"}'
    assert decode_report(body) == OutboxReport("event", 1, 1, "full")
