"""The building over MQTT: one connection, made again whenever it breaks; what is kept is said again then.

It reads no message and decides nothing.  Frames come from `wire/mqtt`; this is its socket.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.ports.building import BuildingEar
from firmware_bridge.vocabulary.building import BuildingMessage, LinkCounts
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.wire.mqtt.packets import Published, check_topic
from firmware_bridge.wire.mqtt.session import Denied, Event, Granted, Session, Taken, Welcome

_log = logging.getLogger(__name__)

CONNECT_S = 5.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
QUIET_S = 5.0  # a connection that says nothing for so long is asked
DEAD_S = 10.0  # and one that does not answer for so long is over
READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and who we are there.  `authority`: who signs its certificate; None: loopback without TLS."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    authority: Path | None = None


class _Over(Exception):
    """This connection is over, and why."""


class MqttLink:
    """See `BuildingLink`.  `where` is asked before each connection; `client` names us to the broker."""

    def __init__(self, where: Callable[[], BrokerAddress], client: str, filters: Sequence[str], clock: Clock) -> None:
        self._where, self._client, self._filters, self._clock = where, client, tuple(filters), clock
        self._kept: dict[str, bytes] = {}
        self._waiting: dict[str, bytes] = {}
        self._numbers: dict[int, tuple[str, bytes]] = {}
        self._session: Session | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._since: float | None = None
        self._error = "not connected yet"
        self._broker = "unknown"
        self.counts = LinkCounts()

    @property
    def broker(self) -> str:
        """Return host and port."""
        return self._broker

    @property
    def connected(self) -> bool:
        """Return whether login and subscriptions were taken."""
        return self._since is not None

    @property
    def since(self) -> float | None:
        """Return since when it is connected."""
        return self._since

    @property
    def error(self) -> str:
        """Return why it is not connected."""
        return "" if self.connected else self._error

    @property
    def waiting(self) -> int:
        """Return how many topics the broker does not have the newest message of."""
        return len(self._waiting)

    async def run(self, ear: BuildingEar) -> None:
        """Stay connected until cancelled."""
        pause = SHORTEST_PAUSE_S
        while True:
            try:
                await self._connection(ear)
            except (_Over, OSError, ValueError, RuntimeError, RackwrightError, asyncio.IncompleteReadError) as err:
                was_there = self.connected
                self._lost(str(err) or type(err).__name__)
                pause = SHORTEST_PAUSE_S if was_there else min(LONGEST_PAUSE_S, pause * 2)
            await self._clock.sleep_until(type(self._clock.now())(self._clock.now() + pause))

    def say(self, topic: str, payload: bytes, *, kept: bool) -> None:
        """Publish, or keep it for when the broker is there."""
        check_topic(topic)
        if kept:
            self._kept[topic] = payload
            self._waiting[topic] = payload
        if self.connected:
            self._publish(topic, payload, kept=kept)

    def _publish(self, topic: str, payload: bytes, *, kept: bool) -> None:
        assert self._session is not None
        number = self._session.publish(topic, payload, retained=kept)
        self._numbers[number] = topic, payload
        self.counts.published += 1
        self._flush()

    async def _connection(self, ear: BuildingEar) -> None:
        at = self._where()
        self._broker = f"{at.host}:{at.port}"
        context = None if at.authority is None else ssl.create_default_context(cafile=str(at.authority))
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, self._writer = await asyncio.open_connection(at.host, at.port, ssl=context)
        except TimeoutError as err:
            raise _Over(f"{self._broker} does not answer within {CONNECT_S:g} s") from err
        self._session = Session(self._client, at.user, at.password, keep_alive_s=int(DEAD_S * 2))
        try:
            self._session.log_in()
            self._flush()
            await self._listen(reader, self._session, ear)
        finally:
            self._numbers.clear()
            writer, self._writer, self._session = self._writer, None, None
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _listen(self, reader: asyncio.StreamReader, session: Session, ear: BuildingEar) -> None:
        heard = self._clock.now()
        while True:
            try:
                async with asyncio.timeout(QUIET_S):
                    data = await reader.read(READ_BYTES)
            except TimeoutError as err:
                if self._clock.now() - heard >= DEAD_S:
                    raise _Over(f"{self._broker} said nothing for {DEAD_S:g} s") from err
                session.ping()
                self._flush()
                continue
            if not data:
                raise _Over(f"{self._broker} closed the connection")
            heard = self._clock.now()
            for event in session.feed(data):
                self._take(event, session, ear)
            self._flush()

    def _take(self, event: Event, session: Session, ear: BuildingEar) -> None:
        match event:
            case Denied(why):
                raise _Over(f"{self._broker} refused the login: {why}")
            case Welcome():
                session.subscribe(self._filters)
            case Granted(refused) if refused:
                raise _Over(f"{self._broker} does not let us hear {', '.join(refused)}")
            case Granted():
                self._joined()
            case Taken(number) if number in self._numbers:
                self._taken(number, ear)
            case Published():
                self.counts.received += 1
                _told(ear, BuildingMessage(event.topic, event.payload, event.retained, event.size))

    def _joined(self) -> None:
        """Say everything that is kept again: a broker that was away may have forgotten it."""
        self._since, self._error = self._clock.now(), ""
        self.counts.connections += 1
        for topic, payload in self._kept.items():
            if self.counts.connections > 1:
                self.counts.republished += 1
            self._waiting[topic] = payload
            self._publish(topic, payload, kept=True)

    def _taken(self, number: int, ear: BuildingEar) -> None:
        topic, payload = self._numbers.pop(number)
        self.counts.taken += 1
        if self._waiting.get(topic) == payload:
            del self._waiting[topic]
            ear.taken(topic)

    def _lost(self, why: str) -> None:
        if self.connected or self._error != why:
            _log.warning("building: %s", why)
        self._since, self._error = None, why

    def _flush(self) -> None:
        if self._session is not None and self._writer is not None and (out := self._session.take_bytes()):
            self._writer.write(out)


def _told(ear: BuildingEar, message: BuildingMessage) -> None:
    try:
        ear.hear(message)
    except Exception:  # noqa: BLE001 - a bug of ours costs this message only, and is logged whole
        _log.exception("a message on %s could not be taken", message.topic[:200])
