"""The agent's line to the rack's bus: connects for ever, says what it can, keeps nothing back."""

import asyncio
import contextlib
import ipaddress
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from firmware_bridge.vocabulary.errors import ConfigurationError

_log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class BusLogin:
    """URL, the file with the agents' nkey seed, and the authority that signed the bus's certificate (None: no TLS)."""

    url: str
    seed_file: Path
    ca_file: Path | None = None


class AgentBus:
    """`run` keeps the connection, `say` uses it, `hear` is told beforehand who listens to what."""

    def __init__(self, login: BusLogin, name: str) -> None:
        self._login, self._name = login, name
        self._client: Client | None = None
        self._heard: dict[str, Callable[[bytes], None]] = {}
        self._tls = _context(login.ca_file)
        if self._tls is None and not _is_loopback(login.url):
            advice = "copy <state>/nats/tls/ca.pem of the controller, and give it with --ca"
            raise ConfigurationError(f"--bus {login.url}: another machine is reached with TLS only", advice=advice)

    async def run(self) -> None:
        """Connect, and stay connected until cancelled."""
        client = await self._connect()
        try:
            for subject, hear in self._heard.items():
                await client.subscribe(subject, cb=_hearing(hear), pending_msgs_limit=64)
            await asyncio.Event().wait()
        finally:
            # The server may end at the same time: uvloop says RuntimeError of a transport that is closed already.
            with contextlib.suppress(NatsError, OSError, RuntimeError):
                await client.close()

    def hear(self, subject: str, hear: Callable[[bytes], None]) -> None:
        """Hand every message on `subject` to `hear`, which never raises; call before `run`."""
        self._heard[subject] = hear

    async def say(self, subject: str, body: bytes) -> bool:
        """Publish, if there is a connection now; tell whether it went out."""
        client = self._client
        if client is None or not client.is_connected:
            return False
        try:
            await client.publish(subject, body)
        except (NatsError, OSError) as err:
            _log.debug("not said: %s", err)
            return False
        return True

    async def _connect(self) -> Client:
        said = ""
        while True:
            try:
                self._client = await nats.connect(
                    _tls_url(self._login.url) if self._tls is not None else self._login.url,
                    name=self._name,
                    nkeys_seed=str(self._login.seed_file),
                    tls=self._tls,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RETRY_SECONDS,
                    connect_timeout=2,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    error_cb=_log_error,
                )
            except (NatsError, OSError, TimeoutError) as err:
                text = f"{type(err).__name__}: {err}"
                if text != said:
                    _log.warning("the bus at %s cannot be reached: %s", self._login.url, text)
                said = text
                await asyncio.sleep(RETRY_SECONDS)
            else:
                _log.info("on the bus at %s", self._login.url)
                return self._client


def _hearing(hear: Callable[[bytes], None]) -> Callable[[Msg], Awaitable[None]]:
    async def take(message: Msg) -> None:
        hear(message.data)

    return take


def _tls_url(url: str) -> str:
    """Return the URL with a scheme that has no way back: a server that offers no TLS is not spoken to."""
    return "tls://" + url.partition("://")[2] if "://" in url else f"tls://{url}"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url if "://" in url else f"nats://{url}").hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _context(ca_file: Path | None) -> ssl.SSLContext | None:
    if ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as err:
        raise ConfigurationError(f"--ca {ca_file}: {err}", advice="name the PEM file of the bus's authority") from err


async def _log_error(err: Exception) -> None:
    # Wrong rights show here and nowhere else: the server drops what may not be said.
    _log.warning("bus: %s", err)
