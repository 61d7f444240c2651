"""One MQTT connection of a client, without its socket: bytes in, events and bytes out.

Who holds the socket writes what `take_bytes` returns after every call.  A connection that broke is over: the next one
is a new session, and what was not acknowledged is published again by whoever wants it known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware_bridge.wire.mqtt import packets
from firmware_bridge.wire.mqtt.packets import Kind, Packet, Published

_REFUSED = 0x80
_CODES = {
    1: "it speaks another version of MQTT",
    2: "it does not take this client's name",
    3: "it is not ready",
    4: "user or password is wrong",
    5: "this user may not log in",
}  # 3.2.2.3


class Welcome(NamedTuple):
    """The server took the login."""


class Denied(NamedTuple):
    """The server refused the login; the connection is over."""

    why: str


class Granted(NamedTuple):
    """The server answered a subscription; `refused` are the filters that it does not grant."""

    refused: tuple[str, ...]


class Taken(NamedTuple):
    """The server has a message that was published with this number."""

    number: int


class Alive(NamedTuple):
    """The server answered a ping."""


Event = Welcome | Denied | Granted | Taken | Alive | Published


@dataclass(slots=True)
class Session:
    """One connection.  `client` names it to the server, which ends an older one of that name."""

    client: str
    user: str
    password: str = field(repr=False)
    keep_alive_s: int = 30
    open: bool = False  # the login was taken
    _reader: packets.Reader = field(default_factory=packets.Reader)
    _out: bytearray = field(default_factory=bytearray)
    _number: int = 0
    _asked: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _unacknowledged: set[int] = field(default_factory=set)

    def log_in(self) -> None:
        """Begin."""
        self._out += packets.connect(self.client, self.user, self.password, self.keep_alive_s)

    def subscribe(self, filters: Sequence[str]) -> None:
        """Ask for messages at QoS 1."""
        number = self._next()
        self._asked[number] = tuple(filters)
        self._out += packets.subscribe(number, filters, 1)

    def publish(self, topic: str, payload: bytes, *, retained: bool) -> int:
        """Say something at QoS 1 and return its number; `Taken` tells when the server has it.

        Raises ValueError for a topic with a wildcard in it.
        """
        number = self._next()
        self._out += packets.publish(topic, payload, retained=retained, number=number)
        self._unacknowledged.add(number)
        return number

    def ping(self) -> None:
        """Ask whether the server is there."""
        self._out += packets.pingreq()

    def log_out(self) -> None:
        """End."""
        self._out += packets.disconnect()

    def take_bytes(self) -> bytes:
        """Return what is to be written now, once."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def feed(self, data: bytes) -> list[Event]:
        """Take what came; acknowledge what asks for it.  Raises ValueError where the server breaks the protocol."""
        events = []
        for packet in self._reader.feed(data):
            event = self._event(packet)
            if isinstance(event, Published) and event.number is not None:
                self._out += packets.puback(event.number)
            events.append(event)
        return events

    def _event(self, packet: Packet) -> Event:
        match packet.kind:
            case Kind.CONNACK if not self.open:
                return self._welcomed(packet)
            case _ if not self.open:
                raise ValueError(f"packet type {packet.kind} before the login was answered")
            case Kind.PUBLISH:
                return packets.published(packet)
            case Kind.PUBACK:
                number = packets.numbered(packet)
                self._unacknowledged.discard(number)
                return Taken(number)
            case Kind.SUBACK:
                asked = self._asked.pop(packets.numbered(packet), ())
                return Granted(tuple(f for f, code in zip(asked, packet.body[2:], strict=False) if code == _REFUSED))
            case Kind.PINGRESP:
                return Alive()
            case _:
                raise ValueError(f"packet type {packet.kind} is none that a client is sent")

    def _welcomed(self, packet: Packet) -> Welcome | Denied:
        if len(packet.body) < 2:
            raise ValueError("an answer to the login without its code")
        code = packet.body[1]
        if code:
            return Denied(_CODES.get(code, f"it says {code}"))
        self.open = True
        return Welcome()

    def _next(self) -> int:
        while True:
            self._number = self._number % 0xFFFF + 1
            if self._number not in self._unacknowledged and self._number not in self._asked:
                return self._number
