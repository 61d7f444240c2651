"""A job is told at once: its event is on its way before the tick, and who waits hears when the bus has it."""

import asyncio
from typing import Any

from support.patience import PATIENCE

from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.interlock import Order
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.interlock import Act
from rack_controller.run.guard.jobs import JobTeller
from rack_controller.run.outbox import Message, Outbox

U28 = Place("lab1/a/r01/k01/u28")
ORDER = Order(Act.STOP_JOB, "leak.critical", U28, (U28,), "Leak at u28")
FINDING = Finding(U28, "interlock.stop_job", Severity.WARNING, "stop job u28")


def test_without_a_bus_it_is_told_with_the_tick_and_nobody_waits() -> None:
    said: list[Finding] = []
    teller = JobTeller(said.append)
    teller.tell(ORDER, FINDING)
    assert (said, teller.pending(ORDER)) == ([FINDING], None)
    away = JobTeller(said.append, lambda _finding: None)
    away.tell(ORDER, FINDING)
    assert away.pending(ORDER) is None


async def test_what_the_stream_has_taken_is_told() -> None:
    outbox, said = Outbox(10), list[Finding]()
    message = Message("s", "1", b"")

    def publish(_finding: Finding) -> Any:
        outbox.put(message)
        return outbox.taken(message)

    teller = JobTeller(said.append, publish)
    teller.tell(ORDER, FINDING)
    pending = teller.pending(ORDER)
    assert pending is not None
    await asyncio.sleep(0)
    assert not pending.done()
    outbox.done(await outbox.first())
    await asyncio.wait_for(pending, 5 * PATIENCE)
    await asyncio.sleep(0)
    assert (said, teller.pending(ORDER)) == ([], None)


async def test_a_bus_that_fails_is_no_reason_to_wait() -> None:
    async def broken() -> None:
        raise OSError("gone")

    teller = JobTeller(lambda _finding: None, lambda _finding: broken())
    teller.tell(ORDER, FINDING)
    pending = teller.pending(ORDER)
    assert pending is not None
    await asyncio.wait([pending])
    await asyncio.sleep(0)
    assert teller.pending(ORDER) is None
