"""Every request gets an answer, in its own time: a slow one holds up nobody, and a bug of ours is a refusal."""

import asyncio
import json
import logging
from dataclasses import dataclass, field
from typing import cast

import pytest
from nats.aio.msg import Msg
from nats.errors import MaxPayloadError
from support.patience import PATIENCE

from rack_controller.model.command import decode_reply
from rack_controller.run.bus import Answer, _answering


@dataclass
class Request:
    """A message as the bus hands it over; keeps what was answered."""

    data: bytes
    subject: str = "rw.v1.lab1.k01.state"
    reply: str = "inbox"
    most_bytes: int = 1_000_000
    answers: "asyncio.Queue[bytes]" = field(default_factory=asyncio.Queue)

    async def respond(self, body: bytes) -> None:
        if len(body) > self.most_bytes:
            raise MaxPayloadError
        self.answers.put_nowait(body)

    async def answer(self) -> bytes:
        return await asyncio.wait_for(self.answers.get(), 5 * PATIENCE)


async def ask(answer: Answer, *requests: Request) -> None:
    serve = _answering(answer)
    for request in requests:
        await serve(cast("Msg", request))


async def test_a_slow_request_does_not_hold_up_the_next_one() -> None:
    gate = asyncio.Event()

    async def answer(body: bytes) -> bytes:
        if body == b"report":
            await gate.wait()
        return body

    report, layout = Request(b"report"), Request(b"layout")
    await asyncio.wait_for(ask(answer, report, layout), 5 * PATIENCE)
    assert await layout.answer() == b"layout"
    assert report.answers.empty()
    gate.set()
    assert await report.answer() == b"report"


async def test_a_bug_of_ours_is_a_refusal_with_a_code_and_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(body: bytes) -> bytes:
        raise ZeroDivisionError("a bug")

    request = Request(b"layout")
    with caplog.at_level(logging.ERROR):
        await ask(answer, request)
        body = await request.answer()
    assert body.startswith(b'{"error"')  # what the API tells a refused question by
    said = json.loads(body)
    assert (said["code"], said["status"]) == ("internal_error", 500)
    reply = decode_reply(body)
    assert (reply.accepted, reply.code) == (False, "internal_error")
    assert "ZeroDivisionError" in reply.reason
    assert "a bug" in caplog.text


async def test_an_answer_that_the_bus_does_not_take_is_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(body: bytes) -> bytes:
        return b"x" * 2_000

    request = Request(b"layout", most_bytes=1_000)
    await ask(answer, request)
    assert json.loads(await request.answer())["code"] == "internal_error"
    assert "MaxPayloadError" in caplog.text
