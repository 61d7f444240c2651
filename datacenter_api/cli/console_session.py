"""One attachment to a console from the command line: bytes between a WebSocket and this terminal or pipe."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from datacenter_api.cli.connection import Connection, error_of
from datacenter_api.cli.console_terminal import HELP, Escapes, Key
from firmware_bridge.vocabulary.errors import (
    AuthenticationRequired,
    CommandRefused,
    EnvironmentUnfit,
    RackwrightError,
    RoleInsufficient,
    WriterTaken,
)

OPEN_WITHIN_S = 15.0
QUIET_S = 1.5
"""After the end of piped input: how long (s) the console must be silent before we leave."""
_READ = 4096
_UNWELCOME = 1008
_REFUSALS: dict[str, type[CommandRefused]] = {"writer_taken": WriterTaken, "role_insufficient": RoleInsufficient}


@dataclass
class ConsoleSession:
    """`writes`: type when nobody else does; `take`: the reason for taking over; `is_tty`: a person is at the keys."""

    link: Connection
    path: str
    query: dict[str, Any]
    writes: bool
    take: str
    is_tty: bool
    show: Callable[[bytes], None]
    say: Callable[[str], None]
    _granted: asyncio.Event = field(default_factory=asyncio.Event)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Attach and serve until the person, the pipe or the server ends it.  Raises errors of the tree."""
        address, headers, trust = self.link.socket_terms(self.path, **self.query)
        try:
            with self.link.named():
                socket = await connect(
                    address,
                    additional_headers=headers,
                    ssl=trust,
                    open_timeout=OPEN_WITHIN_S,
                    close_timeout=2,
                    max_size=1 << 20,
                    proxy=None,
                    user_agent_header=None,
                )
        except InvalidStatus as err:
            raise error_of(err.response.status_code, bytes(err.response.body or b"")) from err
        except InvalidHandshake as err:
            raise EnvironmentUnfit(f"{self.link.server.url} speaks no WebSocket: {err}") from err
        try:
            await self._serve(socket)
        except ConnectionClosed as err:
            raise _ended(err) from err
        finally:
            with contextlib.suppress(ConnectionClosed, OSError):
                await socket.close()

    async def _serve(self, socket: ClientConnection) -> None:
        works = [asyncio.create_task(self._hear(socket))]
        if self.writes:
            await socket.send(json.dumps({"do": "open", "reason": self.take}))
            works.append(asyncio.create_task(self._send(socket)))
        elif self.is_tty:
            works.append(asyncio.create_task(self._send(socket)))
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in works:
                task.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def _hear(self, socket: ClientConnection) -> None:
        async for message in socket:
            if isinstance(message, bytes):
                self._heard.set()
                self.show(message)
            else:
                self._take(json.loads(message))
        raise EnvironmentUnfit("the server ended the connection", advice="attach again")

    def _take(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "granted":
            self._granted.set()
            self.say("you write; ~? for help" if self.is_tty else "you write")
        elif kind == "status":
            writer = "you write" if message["you"] else f"{message['writer']} writes" if message["writer"] else ""
            parts = [message["state"], message["error"], writer]
            self.say("; ".join(p for p in parts if p))
        elif kind == "missed":
            self.say(f"{message['bytes']} bytes were gone before they could be shown")
        elif kind in ("refused", "lost"):
            self._refused(message)

    def _refused(self, message: dict[str, Any]) -> None:
        said = _REFUSALS.get(message["code"], CommandRefused)(message["message"], advice=message["advice"])
        if not self.is_tty and self.writes:
            raise said
        self.say(f"{said}" + ("; --take REASON takes over" if isinstance(said, WriterTaken) else ""))

    async def _send(self, socket: ClientConnection) -> None:
        escapes = Escapes()
        if not self.is_tty:
            await self._granted.wait()
        while typed := await _read_input():
            for piece in escapes.feed(typed) if self.is_tty else [typed]:
                if isinstance(piece, bytes):
                    if self.writes:
                        await socket.send(piece)
                elif piece is Key.END:
                    return
                elif piece is Key.BREAK:
                    await socket.send(json.dumps({"do": "break"}))
                else:
                    self.show(b"\r\n" + HELP.encode())
        if self.is_tty:
            return
        while True:  # what was typed last may still be answered
            self._heard.clear()
            try:
                await asyncio.wait_for(self._heard.wait(), QUIET_S)
            except TimeoutError:
                return


async def _read_input() -> bytes:
    """Return what comes on standard input, empty at its end."""
    loop, handle = asyncio.get_running_loop(), sys.stdin.fileno()
    ready = asyncio.Event()
    try:
        loop.add_reader(handle, ready.set)
    except (OSError, ValueError):  # a plain file is always ready, and epoll takes none
        return os.read(handle, _READ)
    try:
        await ready.wait()
        return os.read(handle, _READ)
    finally:
        loop.remove_reader(handle)


def _ended(err: ConnectionClosed) -> RackwrightError:
    if err.rcvd is not None and err.rcvd.code == _UNWELCOME:
        return AuthenticationRequired("this login has ended", advice="run `rackwright login`")
    said = err.rcvd.reason if err.rcvd is not None and err.rcvd.reason else "the connection ended"
    return EnvironmentUnfit(said, advice="attach again")
