"""A server-sent event stream as a bare ASGI response: writes when there is something, a comment when there is not."""

import asyncio
import contextlib
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from datacenter_api.events.broadcast import Broadcaster, Subscriber

HEARTBEAT_S = 10.0
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
        gone = asyncio.create_task(_until_gone(receive))
        gone.add_done_callback(lambda _task: reader.wake.set())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            await _write(send, b"retry: 1000\n\n" + self._first)
            while not (gone.done() or reader.closed or reader.lost) and self._welcome():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.wake.wait(), HEARTBEAT_S)
                await _write(send, reader.take() or b": still here\n\n")
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            self._broadcaster.unsubscribe(self._topic, reader)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
