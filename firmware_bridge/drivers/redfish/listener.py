"""Where devices without an event stream send their events: one HTTP listener of the process, opened when first needed.

It believes nobody: a path that cannot be guessed, open to the address of its own endpoint alone; caps on the head, the
body, the time and the connections; one request on each.  What a body means is not its business.
"""

import asyncio
import collections
import ipaddress
import secrets
import ssl
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import h11

from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit

MOST_HEAD = 16 * 1024
MOST_CONNECTIONS = 4  # at once from one address
MOST_PENDING, MOST_PENDING_BYTES = 256, 4 << 20
EVENTS_PER_SECOND, BURST = 64.0, 256.0
_SECONDS = 10.0  # for one request, first byte to answer
_HANDSHAKE_SECONDS = 5.0
_CHUNK = 16 * 1024
_LOOPBACK = "127.0.0.1"
_UNASKED = ("address", "busy", "broken")  # refused before there was a request: a stranger, too many at once, gone away
_STATUS = {"gone": 404, "method": 405, "body": 413, "malformed": 400, "slow": 408, "flood": 503}


@dataclass(frozen=True, slots=True)
class ListenAt:
    """Where devices can reach us: an address of this machine, and certificate and key unless it is on loopback."""

    address: str
    port: int
    certificate: Path | None = None
    key: Path | None = None


class Inbox:
    """What one endpoint sends.  Made by `EventListener.open`; `url` is where it sends to, and is never logged.

    `dropped` counts what was refused because nobody took it in time; `heard_at` is the loop's time of the last event.
    """

    def __init__(self, listener: "EventListener", source: str, url: str, path: str, most_bytes: int) -> None:
        self.url, self.source, self.path, self.most_bytes = url, source, path, most_bytes
        self.dropped = 0
        self.heard_at: float | None = None
        self._listener = listener
        self._pending: deque[bytes] = deque()
        self._size = 0
        self._tokens, self._filled_at = BURST, asyncio.get_running_loop().time()
        self._arrived = asyncio.Event()

    async def batch(self, wait: float) -> list[bytes]:
        """Return the bodies that have come since the last call, after at most `wait` seconds."""
        if not self._pending and not self._arrived.is_set():
            try:
                async with asyncio.timeout(max(wait, 0.0)):
                    await self._arrived.wait()
            except TimeoutError:
                return []
        found = list(self._pending)
        self._pending.clear()
        self._size = 0
        self._arrived.clear()
        return found

    def put(self, body: bytes) -> bool:
        """Keep a body; False when there are too many."""
        now = asyncio.get_running_loop().time()
        self.heard_at = now
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * EVENTS_PER_SECOND)
        self._filled_at = now
        if self._tokens < 1 or len(self._pending) >= MOST_PENDING or self._size + len(body) > MOST_PENDING_BYTES:
            self.miss()
            return False
        self._tokens -= 1
        self._pending.append(body)
        self._size += len(body)
        self._arrived.set()
        return True

    def miss(self) -> None:
        """Note that something was not taken: what it said must be read instead."""
        self.dropped += 1
        self._arrived.set()

    def close(self) -> None:
        """Take nothing any more; the last one closes the listener.  Never raises."""
        self._listener.forget(self)


class EventListener:
    """The listener of one process.  `refused` counts by reason what was not taken."""

    def __init__(self, at: ListenAt | None = None) -> None:
        self._at = at
        self._inboxes: dict[str, Inbox] = {}
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._under_way: dict[asyncio.Task[None], str] = {}
        self.refused: collections.Counter[str] = collections.Counter()

    def refusals(self) -> dict[str, int]:
        """Return how many deliveries were refused since the start by reason, those that never came up too."""
        return {reason: self.refused[reason] for reason in (*_UNASKED, *_STATUS)}

    def obstacle(self, source: str) -> str:
        """Return why the device at address `source` cannot send here, nothing when it can."""
        try:
            near = ipaddress.ip_address(source).is_loopback
        except ValueError:
            return "its address in site.yaml is a name: events are taken from an IP address only"
        return "" if near or self._at is not None else "set events.listen in site.yaml"

    async def open(self, source: str, most_bytes: int) -> Inbox:
        """Return a new inbox for the device at address `source`.  Raises ConfigurationError, EnvironmentUnfit."""
        if why := self.obstacle(source):
            raise ConfigurationError("nowhere to send events to", advice=why)
        async with self._opening:
            if self._server is None:
                self._server = await self._listen()
            host, port = self._server.sockets[0].getsockname()[:2]
            path = "/" + secrets.token_urlsafe(24)
            scheme = "http" if self._at is None or self._at.certificate is None else "https"
            shown = f"[{host}]" if ":" in host else host
            inbox = Inbox(self, _plain(source), f"{scheme}://{shown}:{port}{path}", path, most_bytes)
            self._inboxes[path] = inbox
            return inbox

    def forget(self, inbox: Inbox) -> None:
        """Close an inbox, and the listener with the last one."""
        self._inboxes.pop(inbox.path, None)
        if self._inboxes or self._server is None or self._opening.locked():
            return
        self._server.close()
        self._server = None
        for task in list(self._under_way):
            task.cancel()

    async def _listen(self) -> asyncio.Server:
        at = self._at or ListenAt(_LOOPBACK, 0)
        secure = at.certificate is not None
        try:
            return await asyncio.start_server(
                self._accepted,
                at.address,
                at.port,
                limit=_CHUNK,
                ssl=_context(at) if secure else None,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS if secure else None,
            )
        except (OSError, ssl.SSLError) as err:
            raise EnvironmentUnfit(
                f"cannot listen for events at {at.address}:{at.port}: {err.strerror or type(err).__name__}",
                advice="correct `events` in site.yaml",
            ) from err

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        source = _plain(peer[0]) if peer else ""
        task = asyncio.current_task()
        assert task is not None
        strange = not any(inbox.source == source for inbox in self._inboxes.values())
        if strange or sum(s == source for s in self._under_way.values()) >= MOST_CONNECTIONS:
            self.refused["address" if strange else "busy"] += 1
            for inbox in [] if strange else [i for i in self._inboxes.values() if i.source == source]:
                inbox.miss()
            writer.transport.abort()
            return
        self._under_way[task] = source
        try:
            await self._answer(reader, writer, source)
        except (OSError, TimeoutError, asyncio.CancelledError):
            self.refused["broken"] += 1
        finally:
            self._under_way.pop(task, None)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str) -> None:
        wire = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD)
        try:
            async with asyncio.timeout(_SECONDS):
                why = await self._received(wire, reader, writer, source)
        except TimeoutError:
            why = "slow"
        except h11.RemoteProtocolError:
            why = "malformed"
        if why:
            self.refused[why] += 1
        if wire.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        status = _STATUS[why] if why else 204
        headers = [("Connection", "close"), *([("Content-Length", "0")] if why else [])]
        headers += [("Allow", "POST")] if status == 405 else []
        for event in (h11.Response(status_code=status, headers=headers), h11.EndOfMessage()):
            writer.write(wire.send(event) or b"")
        async with asyncio.timeout(_SECONDS):
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    async def _received(
        self, wire: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str
    ) -> str:
        """Take one request; return why it is refused, nothing when it was taken."""
        inbox: Inbox | None = None
        body: list[bytes] = []
        size = 0
        while True:
            event = wire.next_event()
            if event is h11.NEED_DATA:
                if wire.they_are_waiting_for_100_continue:
                    writer.write(wire.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                wire.receive_data(await reader.read(_CHUNK))
            elif isinstance(event, h11.Request):
                inbox = self._inboxes.get(event.target.decode("latin-1"))
                if inbox is None or inbox.source != source:
                    return "gone"
                if event.method != b"POST":
                    return "method"
                if (length := _length_of(event)) is not None and length > inbox.most_bytes:
                    return "body"
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if inbox is None or size > inbox.most_bytes:
                    return "body"
                body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and inbox is not None:
                return "" if inbox.put(b"".join(body)) else "flood"
            else:
                return "malformed"


def _length_of(request: h11.Request) -> int | None:
    value = next((v for name, v in request.headers if name == b"content-length"), b"")
    return int(value) if value.isdigit() else None


def _context(at: ListenAt) -> ssl.SSLContext:
    assert at.certificate is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(at.certificate, at.key)
    return context


def _plain(address: str) -> str:
    """Return an address as it is compared: IPv4 inside IPv6 as IPv4."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)
