"""MQTT 3.1.1 packets of a client as bytes and back.  Pure: no socket, no clock.

Speaks protocol level 4, QoS 0 and 1; QoS 2 is neither asked for nor taken.  A packet larger than `MOST_BODY` is read
over, never held: of a message only its head is kept, so that whoever hears it can say which topic it was.
Source: MQTT Version 3.1.1, OASIS Standard; clauses stand beside what they rule.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

MOST_BODY = 64 * 1024
MOST_REMAINING = 268_435_455  # 2.2.3: four bytes of length
_LENGTH_BYTES = 4
_LEVEL = 4


class Kind(IntEnum):
    """The packet types of 2.2.1 that a client sends or gets."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class Packet(NamedTuple):
    """One packet as it came.  `size`: bytes after its fixed header; `body` holds fewer where it was too large."""

    kind: int
    flags: int
    body: bytes
    size: int


class Published(NamedTuple):
    """What a PUBLISH says.  `number` is None at QoS 0; `size`: of the payload, of which `payload` may be the head."""

    topic: str
    payload: bytes
    retained: bool
    number: int | None
    size: int

    @property
    def whole(self) -> bool:
        """Return whether the payload was small enough to be held."""
        return self.size == len(self.payload)


class Reader:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._head: tuple[int, int] | None = None  # first byte and size of the packet that is being read
        self._over = 0  # bytes of a packet that is too large, still to come

    def feed(self, data: bytes) -> list[Packet]:
        """Take what came and return the packets that are complete with it.  Raises ValueError for what is none."""
        self._held += data
        found = []
        while (packet := self._next()) is not None:
            found.append(packet)
        return found

    def _next(self) -> Packet | None:
        if self._over:
            skipped = min(self._over, len(self._held))
            del self._held[:skipped]
            self._over -= skipped
            if self._over:
                return None
        if self._head is None:
            self._head = self._read_head()
            if self._head is None:
                return None
        first, size = self._head
        kept = min(size, MOST_BODY)
        if len(self._held) < kept:
            return None
        body = bytes(self._held[:kept])
        del self._held[:kept]
        self._head, self._over = None, size - kept
        return Packet(first >> 4, first & 0x0F, body, size)

    def _read_head(self) -> tuple[int, int] | None:
        size = 0
        for n in range(_LENGTH_BYTES):
            if len(self._held) < n + 2:
                return None
            byte = self._held[n + 1]
            size |= (byte & 0x7F) << (7 * n)
            if not byte & 0x80:
                first = self._held[0]
                del self._held[: n + 2]
                return first, size
        raise ValueError("a packet's length has more than four bytes")


def connect(client: str, user: str, password: str, keep_alive_s: int) -> bytes:
    """Return a CONNECT with a clean session and no will (3.1)."""
    flags = 0b1100_0010  # user name, password, clean session
    head = _text("MQTT") + bytes([_LEVEL, flags]) + struct.pack(">H", keep_alive_s)
    return _packet(Kind.CONNECT, 0, head + _text(client) + _text(user) + _text(password))


def subscribe(number: int, filters: Sequence[str], qos: int) -> bytes:
    """Return a SUBSCRIBE for `filters`, each at `qos` (3.8)."""
    body = b"".join(_text(one) + bytes([qos]) for one in filters)
    return _packet(Kind.SUBSCRIBE, 0b0010, struct.pack(">H", number) + body)


def publish(topic: str, payload: bytes, *, retained: bool, number: int | None, again: bool = False) -> bytes:
    """Return a PUBLISH; with a `number` at QoS 1 (3.3).  Raises ValueError for a topic that none can be."""
    check_topic(topic)
    flags = (0b1000 if again else 0) | (0b0010 if number is not None else 0) | (0b0001 if retained else 0)
    head = _text(topic) + (b"" if number is None else struct.pack(">H", number))
    return _packet(Kind.PUBLISH, flags, head + payload)


def puback(number: int) -> bytes:
    """Return a PUBACK (3.4)."""
    return _packet(Kind.PUBACK, 0, struct.pack(">H", number))


def pingreq() -> bytes:
    """Return a PINGREQ (3.12)."""
    return _packet(Kind.PINGREQ, 0, b"")


def disconnect() -> bytes:
    """Return a DISCONNECT (3.14)."""
    return _packet(Kind.DISCONNECT, 0, b"")


def published(packet: Packet) -> Published:
    """Return what a PUBLISH says.  Raises ValueError where it breaks the protocol."""
    qos = packet.flags >> 1 & 0b11
    if qos > 1:
        raise ValueError(f"a message at QoS {qos}, which was not asked for")
    topic, at = _read_text(packet.body)
    number = None
    if qos:
        number = _read_number(packet.body[at : at + 2])
        at += 2
    return Published(topic, packet.body[at:], bool(packet.flags & 1), number, packet.size - at)


def numbered(packet: Packet) -> int:
    """Return which packet a PUBACK or SUBACK answers.  Raises ValueError where there is no number."""
    return _read_number(packet.body[:2])


def check_topic(topic: str) -> None:
    """Raise ValueError for what is no topic to publish on: empty, with a wildcard, or with what a server splits at.

    `*` and `>` are no wildcards of MQTT, but of NATS, whose server does not escape them.
    """
    found = sorted({c for c in topic if c in "+#*> \t" or not c.isprintable()})
    if found or not topic or len(topic) > 0xFFFF:
        what = f"has {' '.join(map(repr, found))} in it" if found else "is empty or too long"
        raise ValueError(f"topic {topic[:120]!r} {what}")


def _packet(kind: Kind, flags: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    if size > MOST_REMAINING:
        raise ValueError(f"a packet of {size} bytes: at most {MOST_REMAINING} can be said")
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (0x80 if size else 0))
        if not size:
            return bytes([kind << 4 | flags]) + bytes(length) + body


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def _read_number(raw: bytes) -> int:
    if len(raw) < 2:
        raise ValueError("a packet without its number")
    number: int = struct.unpack(">H", raw)[0]
    return number


def _read_text(raw: bytes) -> tuple[str, int]:
    size = _read_number(raw[:2])
    if len(raw) < 2 + size:
        raise ValueError("a text is cut off")
    try:
        return raw[2 : 2 + size].decode(), 2 + size
    except UnicodeDecodeError as err:
        raise ValueError("a text is no UTF-8") from err
