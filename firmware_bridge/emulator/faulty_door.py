"""An endpoint's application with its reply faults in front; without faults it adds one comparison per request."""

import math
from collections.abc import Callable

from firmware_bridge.emulator.faults import FaultTable, pick
from firmware_bridge.emulator.life import Life
from firmware_bridge.emulator.reply_strikes import STRIKES, Answering, Exchange, cut
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.replies import Receive, Reply, refusal_reply
from firmware_bridge.redfish_service.service import OPEN, Scope, Send


class FaultyDoor:
    """One endpoint as ASGI application.  `place` is the endpoint's place; `now` is emulated seconds.

    While its `life` is away every connection is reset; until it is ready all but the service root answers 503.
    """

    def __init__(
        self,
        service: Answering,
        place: str,
        faults: FaultTable,
        now: Callable[[], float],
        life: Life | None = None,
    ) -> None:
        self.service, self.place, self.faults, self.now = service, place, faults, now
        self.life = life if life is not None else Life(now)
        self._version, self._mine = -1, faults.replies_at(place)

    def read_now(self, raw_path: bytes, query_string: bytes, headers: dict[bytes, bytes]) -> Reply | None:
        """Answer a plain read at once while nothing is wrong here; None otherwise (see RedfishService.read_now)."""
        self._renew()
        if self._mine or not self.life.ready:
            return None
        return self.service.read_now(raw_path, query_string, headers)

    def _renew(self) -> None:
        if self._version != self.faults.version:
            self._version, self._mine = self.faults.version, self.faults.replies_at(self.place)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or strike it with the fault that is due."""
        self._renew()
        if not self.life.ready:
            await self._unready(scope, receive, send)
            return
        fault = pick(self._mine, scope.get("path", ""), self.now()) if self._mine else None
        if fault is None:
            await self.service(scope, receive, send)
        else:
            await STRIKES[fault.what](Exchange(fault, self.service, self.life, scope, receive, send))

    async def _unready(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.life.away:
            await cut(scope, receive)
        elif scope.get("path", "").rstrip("/") in OPEN:
            await self.service(scope, receive, send)
        else:
            wait = str(math.ceil(self.life.seconds_to_ready()))
            refused = RequestRefused(
                "ServiceTemporarilyUnavailable", wait, headers=((b"retry-after", wait.encode("ascii")),)
            )
            status, headers, body = refusal_reply(refused)
            headers.append((b"content-length", b"%d" % len(body)))
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
