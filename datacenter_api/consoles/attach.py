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

from datacenter_api.consoles.hands import Hands
from datacenter_api.consoles.relay import Watcher
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, RackwrightError
from rack_controller.model.console import ConsoleStatus

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
    hands: Hands
    welcome: Callable[[], bool]
    _told: tuple[ConsoleStatus, bool] | None = None
    _missed: int = 0

    @property
    def watcher(self) -> Watcher:
        """Return where this client is."""
        return self.hands.watcher

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
            await self.hands.let_go("the connection ended")

    async def _show(self) -> None:
        watcher = self.watcher
        while True:
            if not self.welcome():
                await self.socket.close(_UNWELCOME, "this login has ended")
                return
            await self._tell_status()
            try:
                data = await self.hands.relay.take(watcher)
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
            if message["type"] != "websocket.receive" or not self.welcome():
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
        wrote = self.watcher.writes
        try:
            await self.hands.type(typed)
        except RackwrightError as err:
            await self._say({**_refused(err), "type": "lost" if wrote and not self.watcher.writes else "refused"})

    async def _do(self, wish: Wish) -> None:
        try:
            if wish.do == "open":
                await self.hands.open(wish.reason)
                await self._say({"type": "granted"})
            elif wish.do == "break":
                await self.hands.send_break()
            elif wish.do == "close":
                await self.hands.close()
            else:
                raise ArgumentsInvalid(f"nothing called {wish.do[:40]!r}", advice="open, break, close")
        except RackwrightError as err:
            await self._say(_refused(err))

    async def _tell_status(self) -> None:
        status = self.hands.relay.status.get(self.watcher.place)
        if status is None:
            return
        if self.hands.relay.put_out(self.watcher):
            message = f"{status.writer or 'nobody'} writes now"
            await self._say({"type": "lost", "code": "writer_taken", "message": message, "advice": ""})
        seen = msgspec.structs.replace(status, since_s=0.0, writer_since_s=None, end=0, first=0), self.watcher.writes
        if seen == self._told:
            return
        self._told = seen
        await self._say(
            {
                "type": "status",
                "state": status.state,
                "error": status.error,
                "writer": status.writer,
                "you": self.watcher.writes,
            }
        )

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
