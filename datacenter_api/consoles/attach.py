"""One WebSocket on one console: bytes to the watcher, keys from the writer, and who writes, as JSON text.

To the client: binary frames are the console's bytes; text frames are JSON with `type`: `status` (state, error, writer,
you), `granted`, `lost` (somebody else writes now), `refused` (code, message, advice), `missed` (bytes).
From the client: binary frames are typed; text frames are JSON `{"do": "open", "reason": …}`, `break` or `close`.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.auth.store import Store
from datacenter_api.consoles.relay import ConsoleRelay, Watcher
from firmware_bridge.ports.hosts import MOST_SENT
from firmware_bridge.vocabulary.errors import CommandRefused, RackwrightError, WriterTaken
from rack_controller.model.console import MOST_REASON, ConsoleStatus, Verb

LOOK_S = 2.0
MOST_FRAME = 64 * 1024
SEND_WITHIN_S = 30.0
_TOO_LARGE, _UNWELCOME, _GOING = 1009, 1008, 1001


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What a client asks for besides typing."""

    do: str
    reason: str = ""


@dataclass
class Attachment:
    """A watcher at one end of a WebSocket."""

    socket: WebSocket
    relay: ConsoleRelay
    watcher: Watcher
    who: Principal
    store: Store
    welcome: Callable[[], bool]
    _told: ConsoleStatus | None = None
    _missed: int = 0

    async def serve(self, wish: Wish | None) -> None:
        """Serve until either side has enough; `wish` is done first."""
        if wish is not None:
            await self._do(wish)
        works = [asyncio.create_task(work) for work in (self._show(), self._hear())]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                    task.result()
        finally:
            for task in works:
                task.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            await self._stop_writing()

    async def _show(self) -> None:
        watcher = self.watcher
        while True:
            if not self.welcome():
                await self.socket.close(_UNWELCOME, "this login has ended")
                return
            await self._tell_status()
            try:
                data = await self.relay.take(watcher)
            except RackwrightError as err:
                await self._say(_refused(err))
                await asyncio.sleep(LOOK_S)
                continue
            if watcher.missed > self._missed:
                await self._say({"type": "missed", "bytes": watcher.missed - self._missed})
                self._missed = watcher.missed
            if data:
                await self._send_bytes(data)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(watcher.wake.wait(), LOOK_S)

    async def _hear(self) -> None:
        while True:
            message = await self.socket.receive()
            if message["type"] != "websocket.receive":
                return
            typed, text = message.get("bytes"), message.get("text")
            if max(len(typed or b""), len(text or "")) > MOST_FRAME:
                await self.socket.close(_TOO_LARGE, f"at most {MOST_FRAME} bytes at once")
                return
            if typed is not None:
                await self._type(typed)
            elif text is not None:
                try:
                    await self._do(msgspec.json.decode(text, type=Wish))
                except msgspec.MsgspecError as err:
                    await self._say({"type": "refused", "code": "malformed", "message": str(err), "advice": ""})

    async def _type(self, typed: bytes) -> None:
        for at in range(0, len(typed), MOST_SENT):
            try:
                await self._ask(Verb.SEND, data=typed[at : at + MOST_SENT])
            except RackwrightError as err:
                await self._lost(err)
                return

    async def _do(self, wish: Wish) -> None:
        verbs = {"open": Verb.OPEN, "break": Verb.BREAK, "close": Verb.CLOSE}
        verb = verbs.get(wish.do)
        if verb is None:
            said = f"nothing called {wish.do[:40]!r}"
            await self._say({"type": "refused", "code": "malformed", "message": said, "advice": ", ".join(verbs)})
            return
        reason = wish.reason[:MOST_REASON]
        what = "console take" if reason and verb is Verb.OPEN else f"console {verb}"
        try:
            await self._ask(verb, reason=reason)
        except RackwrightError as err:
            self._audit(what, "refused", err.what)
            await self._lost(err)
            return
        self._audit(what, "ok", reason)
        if verb is not Verb.BREAK:
            self.watcher.writes = verb is Verb.OPEN
        await self._say({"type": "granted" if verb is Verb.OPEN else "done", "do": wish.do})

    async def _lost(self, err: RackwrightError) -> None:
        if isinstance(err, WriterTaken) and self.watcher.writes:
            self.watcher.writes = False
            await self._say({**_refused(err), "type": "lost"})
        else:
            await self._say(_refused(err))

    async def _tell_status(self) -> None:
        status = self.relay.status.get(self.watcher.place)
        if status is None:
            return
        seen = msgspec.structs.replace(status, since_s=0.0, writer_since_s=None, end=0, first=0)
        if seen == self._told:
            return
        self._told = seen
        if self.watcher.writes and status.writer_session != self.watcher.session:
            self.watcher.writes = False
            message = f"{status.writer or 'nobody'} writes now"
            await self._say({"type": "lost", "code": "writer_taken", "message": message, "advice": ""})
        await self._say(
            {
                "type": "status",
                "state": status.state,
                "error": status.error,
                "writer": status.writer,
                "you": self.watcher.writes,
            }
        )

    async def _stop_writing(self) -> None:
        if self.watcher.writes:
            self.watcher.writes = False
            with contextlib.suppress(RackwrightError):
                await self._ask(Verb.CLOSE)
            self._audit("console close", "ok", "the connection ended")

    async def _ask(self, verb: Verb, **more: object) -> None:
        await self.relay.ask(self.watcher.place, self.who, verb, session=self.watcher.session, **more)

    def _audit(self, what: str, outcome: str, reason: str = "") -> None:
        self.store.audit(self.who.user, self.who.address, what, self.watcher.place, outcome, reason)

    async def _say(self, message: dict[str, object]) -> None:
        async with asyncio.timeout(SEND_WITHIN_S):
            await self.socket.send_text(msgspec.json.encode(message).decode())

    async def _send_bytes(self, data: bytes) -> None:
        """Wait for a slow client as long as it takes something within the deadline; then it is left."""
        async with asyncio.timeout(SEND_WITHIN_S):
            await self.socket.send_bytes(data)


def _refused(err: RackwrightError) -> dict[str, object]:
    code = err.code if isinstance(err, CommandRefused) else "unavailable"
    return {"type": "refused", "code": code, "message": err.what, "advice": err.advice}
