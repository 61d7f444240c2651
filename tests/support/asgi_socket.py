"""A WebSocket client of an ASGI application in this loop, with time limits instead of a network."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

from support.patience import PATIENCE

WITHIN_S = 20.0


class AsgiSocket:
    """One open socket.  `shown` are the binary bytes, `said` the JSON messages that came so far."""

    def __init__(self) -> None:
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._news = asyncio.Event()
        self.shown = b""
        self.said: list[dict[str, Any]] = []
        self.accepted = False
        self.closed: int | None = None
        self.denied: tuple[int, dict[str, Any]] | None = None
        self.reads = asyncio.Event()  # cleared: a client that reads nothing
        self.reads.set()
        self._status = 0

    async def receive(self) -> dict[str, Any]:
        return await self._to_app.get()

    async def send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        kind = message["type"]
        if kind == "websocket.accept":
            self.accepted = True
        elif kind == "websocket.send":
            if message.get("bytes") is not None:
                self.shown += message["bytes"]
            else:
                self.said.append(json.loads(message["text"]))
        elif kind == "websocket.close":
            self.closed = message.get("code", 1000)
        elif kind == "websocket.http.response.start":
            self._status = message["status"]
        elif kind == "websocket.http.response.body":
            self.denied = (self._status, json.loads(message["body"] or b"{}"))
        self._news.set()

    def type(self, data: bytes) -> None:
        self._to_app.put_nowait({"type": "websocket.receive", "bytes": data})

    def do(self, what: str, **more: Any) -> None:
        self.text(json.dumps({"do": what, **more}))

    def text(self, text: str) -> None:
        self._to_app.put_nowait({"type": "websocket.receive", "text": text})

    async def until(self, true: Callable[["AsgiSocket"], Any]) -> Any:
        async with asyncio.timeout(WITHIN_S * PATIENCE):
            while not (found := true(self)):
                self._news.clear()
                await self._news.wait()
        return found

    async def heard(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Return the newest message of a kind with these fields, waiting for it."""

        def newest(here: "AsgiSocket") -> dict[str, Any] | None:
            fits = [m for m in here.said if m["type"] == kind and fields.items() <= m.items()]
            return fits[-1] if fits else None

        found: dict[str, Any] = await self.until(newest)
        return found


@contextlib.asynccontextmanager
async def open_socket(
    app: Any, path: str, auth: str | None, headers: dict[str, str] | None = None, **query: str
) -> AsyncIterator[AsgiSocket]:
    """Open a WebSocket at `path` as `user:password`; hang up at the end and wait until the application is done."""
    socket = AsgiSocket()
    sent = [(k.encode(), v.encode()) for k, v in {"host": "api.test", **(headers or {})}.items()]
    if auth is not None:
        sent.append((b"authorization", b"Basic " + base64.b64encode(auth.encode())))
    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": "&".join(f"{k}={quote(v)}" for k, v in query.items()).encode(),
        "headers": sent,
        "client": ("127.0.0.1", 1),
        "scheme": "wss",
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    socket._to_app.put_nowait({"type": "websocket.connect"})
    task = asyncio.create_task(app(scope, socket.receive, socket.send))
    try:
        yield socket
    finally:
        socket.reads.set()
        socket._to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(task, WITHIN_S)
