"""Asks an ASGI application in memory."""

import base64
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def message(self) -> str:
        return str(self.body["error"]["@Message.ExtendedInfo"][0]["MessageId"])


async def ask(
    app: Any, method: str, target: str, body: Any = None, auth: str | None = "root:secret", **headers: str
) -> Answer:
    """Send one request; `body` becomes JSON unless it is bytes; header names take `_` for `-`."""
    path, _, query = target.partition("?")
    sent = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    if auth is not None:
        sent.append((b"authorization", b"Basic " + base64.b64encode(auth.encode())))
    raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": sent,
        "client": ("127.0.0.1", 1),
    }
    parts: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: Any) -> None:
        parts.append(message)

    await app(scope, receive, send)
    shown = {k.decode(): v.decode() for k, v in parts[0]["headers"]}
    return Answer(parts[0]["status"], shown, b"".join(p["body"] for p in parts[1:]))
