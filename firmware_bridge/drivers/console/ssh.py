"""A console behind a management controller's SSH port (OpenBMC: 2200).  The one place that touches asyncssh.

The host key must be the pinned one.  Nothing of the user who runs us is used: no agent, no keys, no known_hosts, no
configuration, no forwarding.  asyncssh is imported when the first such console is opened: a rack without one pays
nothing for it.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.console.inbox import Inbox
from firmware_bridge.ports.hosts import MOST_SENT
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    EnvironmentUnfit,
    LoginRefused,
    TrustRefused,
)
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.console.lines import LineSplitter, plain_line

OPEN_WITHIN = Seconds(15.0)
SEND_WITHIN = Seconds(5.0)
CLOSE_WITHIN = Seconds(1.0)
ALIVE_EVERY_S = 15  # a BMC that loses power says no goodbye
ALIVE_MISSED = 2
WINDOW = 64 * 1024  # what a far end may send before we have taken it
BREAK_MS = 500

logging.getLogger("asyncssh").setLevel(logging.CRITICAL)  # what it would say comes back as our own errors


@dataclass
class SshConsole:
    """One console at `address`:`port`; `host_key` is the pinned fingerprint (`SHA256:…`), None refuses to log in.

    `credential` may be where it is to be asked for: then each login takes it as it is at that moment.
    """

    place: Place
    address: str
    port: int
    host_key: str | None
    credential: Credential | Callable[[], Credential]
    _link: Any = None
    _channel: Any = None
    _inbox: Inbox | None = None
    _drained: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def endpoint(self) -> Place:
        """Return the console's place."""
        return self.place

    async def open(self) -> None:
        """Connect, check the host key, log in and ask for a terminal.

        Raises TrustRefused, LoginRefused, EndpointRefused (it has no console for us) or EndpointUnreachable.
        """
        await self.close()
        if self.host_key is None:
            raise TrustRefused(
                self.place, "open", "its host key is not pinned", advice="compare `rackwright console key`, then pin it"
            )
        shown: list[str] = []
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                await self._connect(shown)
        except TimeoutError as err:
            await self.close()
            raise EndpointUnreachable(self.place, "open", f"no console within {OPEN_WITHIN:g} s") from err
        except BaseException as err:
            await self.close()
            if isinstance(err, Exception):
                raise self._named(err, shown) from err
            raise

    async def receive(self) -> bytes:
        """Return what has come.  Raises EndpointUnreachable when the connection is gone."""
        if self._inbox is None:
            raise EndpointUnreachable(self.place, "receive", "not open")
        try:
            return await self._inbox.take()
        except EOFError as err:
            raise EndpointUnreachable(self.place, "receive", str(err)) from err

    async def send(self, data: bytes) -> None:
        """Send bytes, at most `MOST_SENT`.  Raises EndpointUnreachable when it takes none in time."""
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await self._drained.wait()  # what was sent before is still on its way
            self._open_channel("send").write(data[:MOST_SENT])
        except TimeoutError as err:
            raise EndpointUnreachable(self.place, "send", f"it took nothing for {SEND_WITHIN:g} s") from err
        except OSError as err:
            raise EndpointUnreachable(self.place, "send", str(err)) from err

    async def send_break(self) -> None:
        """Ask the controller to break its serial line for half a second (RFC 4335)."""
        try:
            self._open_channel("break").send_break(BREAK_MS)
        except OSError as err:
            raise EndpointUnreachable(self.place, "break", str(err)) from err

    async def lines(self) -> AsyncIterator[str]:
        """Yield printable lines as they arrive."""
        splitter = LineSplitter()
        while True:
            for line in splitter.feed(await self.receive()):
                yield plain_line(line)

    async def close(self) -> None:
        """Hang up.  Never raises, and waits no longer than a second."""
        link, self._link, self._channel, self._inbox = self._link, None, None, None
        if link is None:
            return
        with contextlib.suppress(Exception):
            link.close()
            async with asyncio.timeout(CLOSE_WITHIN):
                await link.wait_closed()
            return
        with contextlib.suppress(Exception):
            link.abort()

    def _login(self) -> Credential:
        if isinstance(self.credential, Credential):
            return self.credential
        try:
            return self.credential()
        except EnvironmentUnfit as err:
            raise EndpointRefused(self.place, "open", err.what, advice=err.advice) from err

    async def _connect(self, shown: list[str]) -> None:
        import asyncssh

        pinned = self.host_key

        class Client(asyncssh.SSHClient):
            def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
                shown.append(key.get_fingerprint())
                return shown[-1] == pinned

        login = self._login()
        self._link, _ = await asyncssh.create_connection(
            Client,
            self.address,
            self.port,
            config=[],
            known_hosts=([], [], []),
            agent_path=None,
            client_keys=None,
            x509_trusted_certs=None,
            gss_host=None,
            username=login.user,
            password=login.secret,
            preferred_auth="password,keyboard-interactive",
            compression_algs=None,
            keepalive_interval=ALIVE_EVERY_S,
            keepalive_count_max=ALIVE_MISSED,
            login_timeout=OPEN_WITHIN,
        )
        self._channel, _ = await self._link.create_session(
            self._session_kind(asyncssh),
            term_type="vt100",
            encoding=None,
            window=WINDOW,
            max_pktsize=WINDOW // 4,
        )

    def _session_kind(self, asyncssh: Any) -> Any:
        owner = self
        drained = self._drained = asyncio.Event()
        drained.set()

        class Session(asyncssh.SSHClientSession):  # type: ignore[misc]
            def connection_made(self, channel: Any) -> None:
                owner._inbox = self.inbox = Inbox(channel.pause_reading, channel.resume_reading)

            def data_received(self, data: bytes, _datatype: Any) -> None:
                self.inbox.put(data)

            def pause_writing(self) -> None:
                drained.clear()

            def resume_writing(self) -> None:
                drained.set()

            def eof_received(self) -> bool:
                self.inbox.end("it ended the session")
                return False

            def connection_lost(self, error: Exception | None) -> None:
                self.inbox.end(scrub(error, 200) or "the connection was closed")
                drained.set()

        return Session

    def _open_channel(self, verb: str) -> Any:
        if self._channel is None or self._channel.is_closing():
            raise EndpointUnreachable(self.place, verb, "not open")
        return self._channel

    def _named(self, err: Exception, shown: list[str]) -> DeviceError:
        import asyncssh

        detail = scrub(getattr(err, "reason", "") or err, 200) or type(err).__name__
        if isinstance(err, DeviceError):
            return err
        if shown and shown[-1] != self.host_key:
            said = f"its host key is {shown[-1]}, pinned is {self.host_key}"
            return TrustRefused(self.place, "open", said, advice="find out why it changed before it is pinned anew")
        if isinstance(err, asyncssh.PermissionDenied):
            return LoginRefused(self.place, "open", detail, status=403, advice="check its credential")
        if isinstance(err, asyncssh.ChannelOpenError):
            return EndpointRefused(self.place, "open", detail)
        return EndpointUnreachable(self.place, "open", detail)


async def read_host_key(address: str, port: int) -> str:
    """Return the fingerprint of the host key that is shown at `address`:`port` now; logs in nowhere.

    Raises EndpointUnreachable.
    """
    import asyncssh

    where = f"{address}:{port}"
    try:
        async with asyncio.timeout(OPEN_WITHIN):
            key = await asyncssh.get_server_host_key(address, port, config=[])
    except TimeoutError as err:
        raise EndpointUnreachable(where, "host key", f"no answer within {OPEN_WITHIN:g} s") from err
    except (OSError, asyncssh.Error) as err:
        raise EndpointUnreachable(where, "host key", scrub(err, 200) or type(err).__name__) from err
    if key is None:
        raise EndpointUnreachable(where, "host key", "it shows none")
    return str(key.get_fingerprint())
