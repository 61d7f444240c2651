"""SSH ports of emulated consoles: a listening socket each, and asyncssh only once somebody connects.

A password opens a session on the one terminal; several sessions see the same, as behind OpenBMC's console server.
"""

import asyncio
import contextlib
import errno
import hmac
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

logging.getLogger("asyncssh").setLevel(logging.CRITICAL)  # who breaks off a handshake is not our trouble

MOST_SESSIONS = 15  # MaxConcurrentSessions of bmcweb's SerialConsole
LOGIN_WITHIN_S = 30
_BACKLOG = 8


@dataclass(slots=True, eq=False)
class SshDoor:
    """One console's port.  `typed`, `broken` get what sessions send; `say` gives bytes to all of them.

    `key` returns the host key in OpenSSH's form, asked anew for every connection.
    """

    address: str
    port: int
    user: str
    secret: str
    key: Callable[[], bytes]
    typed: Callable[[bytes], None]
    broken: Callable[[], None]
    sessions: set[Any] = field(default_factory=set)
    _socket: socket.socket | None = None
    _links: set[Any] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def is_open(self) -> bool:
        """Tell whether it listens."""
        return self._socket is not None

    def open(self) -> None:
        """Listen; on a port of the kernel's choice when the usual one is taken.  Raises EnvironmentUnfit."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            try:
                listener.bind((self.address, self.port))
            except OSError as err:
                if err.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                listener.bind((self.address, 0))
            listener.listen(_BACKLOG)
        except OSError as err:
            listener.close()
            where = f"{self.address}:{self.port}"
            raise EnvironmentUnfit(f"cannot listen at {where}: {err.strerror}", advice="--address-block") from err
        listener.setblocking(False)
        self._socket, self.port = listener, listener.getsockname()[1]
        asyncio.get_running_loop().add_reader(listener.fileno(), self._accept)

    def shut(self) -> None:
        """Stop listening and drop every connection."""
        listener, self._socket = self._socket, None
        if listener is not None:
            asyncio.get_running_loop().remove_reader(listener.fileno())
            listener.close()
        for link in list(self._links):
            link.abort()
        for task in list(self._tasks):
            task.cancel()
        self.sessions.clear()

    def say(self, data: bytes) -> None:
        """Give bytes to every session; one that does not take them misses them."""
        for session in list(self.sessions):
            if session.flows:
                session.channel.write(data)

    @property
    def flows(self) -> bool:
        """Tell whether every session takes more."""
        return all(session.flows for session in self.sessions)

    def _accept(self) -> None:
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            taken, _ = self._socket.accept()
            taken.setblocking(False)
            task = asyncio.get_running_loop().create_task(self._serve(taken))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, taken: socket.socket) -> None:
        import asyncssh

        try:
            await asyncssh.run_server(
                taken,
                config=[],
                server_factory=lambda: _login(self, asyncssh),
                server_host_keys=[asyncssh.import_private_key(self.key())],
                encoding=None,
                line_editor=False,
                login_timeout=LOGIN_WITHIN_S,
                compression_algs=None,
                agent_forwarding=False,
                x11_forwarding=False,
                allow_scp=False,
                gss_host=None,
            )
        except (OSError, asyncssh.Error, asyncio.CancelledError):
            taken.close()


def _login(door: SshDoor, asyncssh: Any) -> Any:
    class Server(asyncssh.SSHServer):  # type: ignore[misc]
        def connection_made(self, link: Any) -> None:
            self.link = link
            door._links.add(link)

        def connection_lost(self, _error: Exception | None) -> None:
            door._links.discard(self.link)

        def begin_auth(self, _user: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, user: str, password: str) -> bool:
            fits = hmac.compare_digest(password.encode(), door.secret.encode())
            return fits and user == door.user

        def session_requested(self) -> Any:
            return _session(door, asyncssh) if len(door.sessions) < MOST_SESSIONS else False

    return Server()


def _session(door: SshDoor, asyncssh: Any) -> Any:
    class Session(asyncssh.SSHServerSession):  # type: ignore[misc]
        flows = True

        def connection_made(self, channel: Any) -> None:
            self.channel = channel

        def pty_requested(self, *_args: Any) -> bool:
            return True

        def shell_requested(self) -> bool:
            return True

        def session_started(self) -> None:
            door.sessions.add(self)

        def data_received(self, data: bytes, _datatype: Any) -> None:
            door.typed(data)

        def break_received(self, _milliseconds: int) -> bool:
            door.broken()
            return True

        def pause_writing(self) -> None:
            self.flows = False

        def resume_writing(self) -> None:
            self.flows = True

        def connection_lost(self, _error: Exception | None) -> None:
            door.sessions.discard(self)

    return Session()
