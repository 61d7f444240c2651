"""One open server-sent event stream (DSP0266 §13.5): frames queue up, one task writes them, a slow reader is cut."""

import asyncio
from collections import deque

from firmware_bridge.redfish_service.replies import NO_CACHE, ODATA, Receive
from firmware_bridge.redfish_service.source import Send

MOST_WAITING = 1024
_TYPE = (b"content-type", b"text/event-stream")


class EventStream:
    """Frames on their way to one reader.  `put` and `end` never wait; `run` serves until either side ends it."""

    __slots__ = ("_ended", "_waiting", "_wake")

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._ended = False

    def put(self, frame: bytes) -> None:
        """Queue one frame (a whole event with its blank line); a reader that is too slow is cut off."""
        if len(self._waiting) >= MOST_WAITING:
            self.end()
            return
        self._waiting.append(frame)
        self._stir()

    def end(self) -> None:
        """End the stream from this side."""
        self._ended = True
        self._stir()

    async def run(self, receive: Receive, send: Send) -> None:
        """Write what is put until the reader goes or the stream is ended."""
        await send({"type": "http.response.start", "status": 200, "headers": [_TYPE, NO_CACHE, ODATA]})
        gone = asyncio.ensure_future(_until_gone(receive))
        gone.add_done_callback(lambda _: self._stir())
        try:
            # The head goes out with the first part of the body: say something, so that the reader knows it is open.
            await send({"type": "http.response.body", "body": b": open\n\n", "more_body": True})
            while not gone.done():
                if self._waiting:
                    body = b"".join(self._waiting)
                    self._waiting.clear()
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                    continue
                if self._ended:
                    await send({"type": "http.response.body", "body": b""})
                    return
                self._wake = asyncio.get_running_loop().create_future()
                await self._wake
        finally:
            gone.cancel()

    def _stir(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
