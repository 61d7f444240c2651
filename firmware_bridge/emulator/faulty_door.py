"""An endpoint's application with its reply faults in front; without faults it adds one comparison per request."""

import asyncio
import re
import socket
import struct
from collections.abc import Callable, MutableMapping
from typing import Any

from firmware_bridge.emulator.door import TRANSPORT
from firmware_bridge.emulator.faults import Fault, FaultKind, FaultTable, pick
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.replies import Receive, Reply, refusal_reply
from firmware_bridge.redfish_service.service import RedfishService, Scope, Send

NESTED_LEVELS = 100_000
HUGE_BYTES = 1 << 30
_CHUNK = b" " * 65536
_JSON = (b"content-type", b"application/json;charset=utf-8")
_NUMBER = re.compile(rb'"(Reading|MetricValue|SetPoint|Members@odata\.count)":-?[0-9.eE+-]+')


class FaultyDoor:
    """One endpoint as ASGI application.  `place` is the endpoint's place; `now` is emulated seconds."""

    def __init__(self, service: RedfishService, place: str, faults: FaultTable, now: Callable[[], float]) -> None:
        self.service, self.place, self.faults, self.now = service, place, faults, now
        self._version, self._mine = -1, faults.replies_at(place)

    def read_now(self, raw_path: bytes, query_string: bytes, headers: dict[bytes, bytes]) -> Reply | None:
        """Answer a plain read at once while nothing is wrong here; None otherwise (see RedfishService.read_now)."""
        self._renew()
        return None if self._mine else self.service.read_now(raw_path, query_string, headers)

    def _renew(self) -> None:
        if self._version != self.faults.version:
            self._version, self._mine = self.faults.version, self.faults.replies_at(self.place)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or strike it with the fault that is due."""
        self._renew()
        fault = pick(self._mine, scope.get("path", ""), self.now()) if self._mine else None
        if fault is None:
            await self.service(scope, receive, send)
        else:
            await self._strike(fault, scope, receive, send)

    async def _strike(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        what = fault.what
        if what is FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
            await self.service(scope, receive, send)
        elif what is FaultKind.HANG:
            await _until_gone(receive)
        elif what is FaultKind.RESET:
            _reset(scope)
            await _until_gone(receive)
        elif what is FaultKind.HALF_BODY:
            await self._half_body(scope, receive)
        elif what is FaultKind.NAN:
            _, body = await self._answer(scope, receive)
            wrong = _NUMBER.sub(rb'"\1":NaN', body, count=1)
            await _reply(send, 200, wrong if wrong != body else b'{"Reading":NaN}')
        elif what is FaultKind.NESTED:
            await _reply(send, 200, b"[" * NESTED_LEVELS + b"]" * NESTED_LEVELS)
        elif what is FaultKind.HUGE:
            await _huge(receive, send)
        elif what is FaultKind.REDIRECT:
            await _reply(send, 302, b"", (b"location", fault.location.encode()))
        else:
            await self._refuse(fault, scope, send)

    async def _refuse(self, fault: Fault, scope: Scope, send: Send) -> None:
        if fault.what is FaultKind.HMC_ABSENT:
            refused = RequestRefused("ResourceMissingAtURI", str(scope.get("path", "")))
        elif fault.status == 401:
            refused = RequestRefused("NoValidSession")
        else:
            refused = RequestRefused("InternalError", status=fault.status)
        status, headers, body = refusal_reply(refused)
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _half_body(self, scope: Scope, receive: Receive) -> None:
        _, body = await self._answer(scope, receive)
        transport = scope["state"][TRANSPORT]
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        transport.write(head + body[: len(body) // 2])
        transport.close()
        await _until_gone(receive)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        """Let the service answer into memory."""
        parts: list[MutableMapping[str, Any]] = []

        async def keep(message: MutableMapping[str, Any]) -> None:
            parts.append(message)

        await self.service(scope, receive, keep)
        return parts[0]["status"], b"".join(p.get("body", b"") for p in parts[1:])


async def _reply(send: Send, status: int, body: bytes, *more: tuple[bytes, bytes]) -> None:
    headers = [_JSON, (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _huge(receive: Receive, send: Send) -> None:
    headers = [_JSON, (b"content-length", str(HUGE_BYTES).encode())]
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for _ in range(HUGE_BYTES // len(_CHUNK)):
            if gone.done():
                return
            await send({"type": "http.response.body", "body": _CHUNK, "more_body": True})
            await asyncio.sleep(0)  # other endpoints keep their turn
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _reset(scope: Scope) -> None:
    transport = scope["state"][TRANSPORT]
    raw = transport.get_extra_info("socket")
    if raw is not None:
        # No lingering: closing sends RST instead of FIN.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
