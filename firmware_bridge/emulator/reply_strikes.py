"""What each reply fault does to one exchange on an endpoint's connection.  One function per kind, in a table."""

import asyncio
import functools
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from firmware_bridge.emulator.door import TRANSPORT
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.emulator.life import Life
from firmware_bridge.emulator.rewrites import REWRITES
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.replies import Receive, Reply, refusal_reply
from firmware_bridge.redfish_service.service import Scope, Send

NESTED_LEVELS = 100_000
HUGE_BYTES = 1 << 30
_CHUNK = b" " * 65536
_ENDLESS_PAUSE_S = 0.002
_JSON = (b"content-type", b"application/json;charset=utf-8")
_PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Log in</body></html>"


class Answering(Protocol):
    """An endpoint's application: a RedfishService or an NvueService."""

    def read_now(self, raw_path: bytes, query_string: bytes, headers: dict[bytes, bytes]) -> Reply | None:
        """Answer a plain read at once, None when it needs `__call__`."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and the ways to answer it."""

    fault: Fault
    service: Answering
    life: Life
    scope: Scope
    receive: Receive
    send: Send

    async def answered(self) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Let the service answer into memory; return status, headers without the length, and body."""
        parts: list[MutableMapping[str, Any]] = []

        async def keep(message: MutableMapping[str, Any]) -> None:
            parts.append(message)

        await self.service(self.scope, self.receive, keep)
        headers = [(n, v) for n, v in parts[0]["headers"] if n != b"content-length"]
        return parts[0]["status"], headers, b"".join(p.get("body", b"") for p in parts[1:])

    async def reply(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Send a whole reply."""
        length = [] if status in (204, 304) else [(b"content-length", b"%d" % len(body))]
        await self.send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
        await self.send({"type": "http.response.body", "body": body})

    async def refuse(self, refused: RequestRefused) -> None:
        """Send an error reply."""
        await self.reply(*refusal_reply(refused))

    async def until_gone(self) -> None:
        """Wait until the caller has hung up."""
        await _until_gone(self.receive)

    async def cut(self) -> None:
        """Reset the connection."""
        await cut(self.scope, self.receive)

    async def pour(self, headers: list[tuple[bytes, bytes]], pieces: Any, pause: float) -> None:
        """Send pieces with a pause between them until they end or the caller is gone."""
        gone = asyncio.ensure_future(self.until_gone())
        try:
            await self.send({"type": "http.response.start", "status": 200, "headers": headers})
            for piece in pieces:
                if gone.done():
                    return
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
                if pause:
                    await asyncio.wait([gone], timeout=pause)
                else:
                    await asyncio.sleep(0)  # other endpoints keep their turn
            await self.send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def cut(scope: Scope, receive: Receive) -> None:
    """End a connection with a reset instead of a farewell, and see it gone."""
    transport = scope["state"][TRANSPORT]
    raw = transport.get_extra_info("socket")
    if raw is not None:
        # No lingering: closing sends RST instead of FIN.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _until_gone(receive)


async def _hang(x: Exchange) -> None:
    await x.until_gone()


async def _reset(x: Exchange) -> None:
    await x.cut()


async def _slow(x: Exchange) -> None:
    await asyncio.sleep(x.fault.seconds)
    await x.service(x.scope, x.receive, x.send)


async def _drip(x: Exchange) -> None:
    _, _, body = await x.answered()
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    await x.pour(headers, (body[n : n + 1] for n in range(len(body))), x.fault.seconds)


async def _half_body(x: Exchange) -> None:
    _, _, body = await x.answered()
    transport = x.scope["state"][TRANSPORT]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    transport.write(head + body[: len(body) // 2])
    transport.close()
    await x.until_gone()


async def _nested(x: Exchange) -> None:
    await x.reply(200, [_JSON], b"[" * NESTED_LEVELS + b"]" * NESTED_LEVELS)


async def _huge(x: Exchange) -> None:
    headers = [_JSON, (b"content-length", b"%d" % HUGE_BYTES)]
    await x.pour(headers, (_CHUNK for _ in range(HUGE_BYTES // len(_CHUNK))), 0.0)


async def _endless(x: Exchange) -> None:
    await x.pour([_JSON], iter(lambda: _CHUNK[:4096], b""), _ENDLESS_PAUSE_S)


async def _gzip(x: Exchange) -> None:
    await x.reply(200, [_JSON, (b"content-encoding", b"gzip")], bomb())


async def _html(exchange: Exchange) -> None:
    await exchange.reply(200, [(b"content-type", b"text/html")], _PAGE)


async def _redirect(x: Exchange) -> None:
    await x.reply(302, [_JSON, (b"location", x.fault.location.encode())], b"")


async def _rewrite(x: Exchange) -> None:
    status, headers, body = await x.answered()
    await x.reply(status, headers, REWRITES[x.fault.what](body, x.fault) if status == 200 else body)


async def _status(x: Exchange) -> None:
    message = "NoValidSession" if x.fault.status == 401 else "InternalError"
    await x.refuse(RequestRefused(message, status=x.fault.status))


async def _absent(x: Exchange) -> None:
    await x.refuse(RequestRefused("ResourceMissingAtURI", str(x.scope.get("path", ""))))


async def _wrong_etag(x: Exchange) -> None:
    if x.scope["method"] not in ("GET", "HEAD") and any(n == b"if-match" for n, _ in x.scope["headers"]):
        await x.refuse(RequestRefused("PreconditionFailed"))
        return
    status, headers, body = await x.answered()
    wrong = [(n, b'"%x"' % zlib.crc32(v + x.fault.what.encode())) if n == b"etag" else (n, v) for n, v in headers]
    await x.reply(status, wrong, body)


async def _lost(x: Exchange) -> None:
    await x.answered()
    await x.cut()


async def _reboot(x: Exchange) -> None:
    x.life.restart(x.fault.seconds, 0.0)
    await x.cut()


@functools.lru_cache(maxsize=1)
def bomb() -> bytes:
    """Return a gzip stream that unpacks to 1 GB of blanks; its blocks are made once and repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(_CHUNK) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(_CHUNK) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * (HUGE_BYTES // len(_CHUNK) - 1) + packer.flush()


Strike = Callable[[Exchange], Awaitable[None]]
STRIKES: dict[FaultKind, Strike] = {
    FaultKind.HANG: _hang,
    FaultKind.RESET: _reset,
    FaultKind.SLOW: _slow,
    FaultKind.DRIP: _drip,
    FaultKind.HALF_BODY: _half_body,
    FaultKind.NESTED: _nested,
    FaultKind.HUGE: _huge,
    FaultKind.ENDLESS: _endless,
    FaultKind.GZIP: _gzip,
    FaultKind.REDIRECT: _redirect,
    FaultKind.STATUS: _status,
    FaultKind.HTML: _html,
    FaultKind.HMC_ABSENT: _absent,
    FaultKind.TASK_VANISHES: _absent,
    FaultKind.WRONG_ETAG: _wrong_etag,
    FaultKind.LOST_RESPONSE: _lost,
    FaultKind.REBOOT: _reboot,
    **dict.fromkeys(REWRITES, _rewrite),
}
