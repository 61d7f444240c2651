"""A server-sent event stream as a bare ASGI response: writes when there is something, a comment when there is not."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from datacenter_api.events.broadcast import Broadcaster, Subscriber

HEARTBEAT_S = 10.0
MOST_UNSENT = 256 * 1024
"""Bytes that a connection may keep for a reader who does not read."""
TRANSPORT = "rackwright.transport"
"""Key of an ASGI scope: the connection's transport, where the server gives it away."""
_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


class StreamResponse(Response):
    """Sends `first` (what the reader missed), then everything published on `topic` until either side has enough.

    `opened` is told the queue that the reader is served from, so that its stream can be ended from outside.
    """

    def __init__(
        self,
        broadcaster: Broadcaster,
        topic: str,
        first: bytes,
        welcome: Callable[[], bool],
        *,
        latest_only: bool = False,
        opened: Callable[[Subscriber], None] = lambda _reader: None,
    ) -> None:
        super().__init__()
        self._broadcaster, self._topic, self._first = broadcaster, topic, first
        self._welcome, self._latest_only, self._opened = welcome, latest_only, opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves, its login ends, it falls behind, or the server stops."""
        reader = self._broadcaster.subscribe(self._topic, latest_only=self._latest_only)
        self._opened(reader)
        gone = asyncio.ensure_future(_until_gone(receive))
        gone.add_done_callback(lambda _task: reader.wake.set())
        transport = scope.get(TRANSPORT)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            await _write(send, b"retry: 1000\n\n" + self._first)
            if transport is not None and not self._latest_only:
                reader.direct = self._straight(reader, transport)
            while not (gone.done() or reader.closed or reader.lost) and self._welcome():
                await _woken(reader, self._welcome)
                waiting = reader.take()
                if waiting or not reader.wrote:
                    await _write(send, waiting or b": still here\n\n")
                reader.wrote = False
            if reader.lost and transport is not None:
                transport.abort()  # it would never read that this is the end
            elif not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            self._broadcaster.unsubscribe(self._topic, reader)

    def _straight(self, reader: Subscriber, transport: Any) -> Callable[[bytes], bool]:
        """Return what writes a message to a chunked answer that is under way.

        It writes nothing to a reader whose login has ended, and sends one away whose connection keeps too much.
        """

        def write(message: bytes) -> bool:
            if reader.closed or not self._welcome():
                reader.closed = True
            elif transport.get_write_buffer_size() > MOST_UNSENT:
                reader.lost = True
            else:
                transport.write(_chunk(message))
                return True
            reader.wake.set()
            return True

        return write


@lru_cache(maxsize=4)
def _chunk(message: bytes) -> bytes:
    """Return a message as a chunk of an HTTP/1.1 answer; kept, because a thousand readers get the same."""
    return b"%x\r\n%b\r\n" % (len(message), message)


async def _woken(reader: Subscriber, welcome: Callable[[], bool]) -> None:
    """Wait until something is to do for a reader: an end, something that waits, or a sign of life that is due.

    A reader who was written to since the last look needs no sign of life, and nothing wakes for it.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal timer
        if reader.wrote and welcome():
            reader.wrote = False
            timer = loop.call_later(HEARTBEAT_S, look)
        else:
            reader.wake.set()

    timer = loop.call_later(HEARTBEAT_S, look)
    try:
        await reader.wake.wait()
    finally:
        timer.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
