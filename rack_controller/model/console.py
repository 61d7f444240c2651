"""What travels on a rack's `console` subjects: questions about consoles and their answers, and live bytes.

Positions count the bytes of one console since its log began; they never go back.  Times are Unix nanoseconds.
"""

import struct
from enum import IntEnum, StrEnum

import msgspec

from rack_controller.model.roles import Privilege, Role

MOST_PAGE = 256 * 1024
"""Bytes of one page of a log."""
MOST_CHUNK = 16 * 1024
"""Bytes of one live message."""
WATCH_FOR_S = 15.0
"""How long (s) a controller goes on saying live bytes after it was last asked to."""
MOST_REASON = 200

_HEAD = struct.Struct(">QQB")


class Said(IntEnum):
    """Whose bytes they are: the console's, or a mark of ours between them."""

    CONSOLE = 0
    MARK = 1


class Verb(StrEnum):
    """What may be asked."""

    LIST = "list"
    READ = "read"
    WATCH = "watch"
    OPEN = "open"
    SEND = "send"
    BREAK = "break"
    CLOSE = "close"
    RETRY = "retry"


# Which privilege a verb asks for.  A console's text may hold what a person typed or a program let slip.
VERBS: dict[Verb, Privilege] = {
    Verb.LIST: Privilege.READ,
    Verb.READ: Privilege.SERVICE,
    Verb.WATCH: Privilege.SERVICE,
    Verb.OPEN: Privilege.OPERATE,
    Verb.SEND: Privilege.OPERATE,
    Verb.BREAK: Privilege.OPERATE,
    Verb.CLOSE: Privilege.OPERATE,
    Verb.RETRY: Privilege.SERVICE,
}


class ConsoleRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """One question.  `session` names a writer's connection; `reason` with `open` takes over.

    `read` gives bytes from `position` on (None: the end), or those before it when `backwards`.  `watch` names the
    `watched` consoles and the writers' `sessions` that still stand.
    """

    verb: Verb
    actor: str
    role: Role
    place: str = ""
    session: str = ""
    reason: str = ""
    data: bytes = b""
    position: int | None = None
    backwards: bool = False
    most: int = MOST_PAGE
    watched: list[str] = []
    sessions: list[str] = []


class ConsoleStatus(msgspec.Struct, frozen=True):
    """One console.  `state`: connected, connecting, lost, held (a person must look), off (not asked by the site file).

    `first` and `end` are the positions that its log holds; `lost` counts bytes that the disk did not take; `writer` is
    who may type, `writer_since_s` (s) for how long.
    """

    place: str
    protocol: str
    address: str
    state: str
    since_s: float
    error: str
    first: int
    end: int
    lost: int
    watched: bool
    writer: str = ""
    writer_since_s: float | None = None
    writer_session: str = ""


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """Bytes from `position` on came at `unix_ns`; `said` as in Said."""

    position: int
    unix_ns: int
    said: int


class ConsolePage(msgspec.Struct, frozen=True):
    """Bytes `start` to `start + len(data)` of a log that holds `first` to `end`."""

    place: str
    start: int
    first: int
    end: int
    data: bytes
    stamps: list[Stamp]


class Chunk(msgspec.Struct, frozen=True):
    """Live bytes at a position."""

    position: int
    unix_ns: int
    said: int
    data: bytes


def encode_chunk(chunk: Chunk) -> bytes:
    """Return the bytes that travel on `console.<slot>.<name>`: position, Unix ns, whose, and the bytes."""
    return _HEAD.pack(chunk.position, chunk.unix_ns, chunk.said) + chunk.data


def decode_chunk(body: bytes) -> Chunk:
    """Read live bytes.  Raises ValueError for anything else."""
    if len(body) < _HEAD.size:
        raise ValueError(f"{len(body)} bytes are no console chunk")
    position, unix_ns, said = _HEAD.unpack_from(body)
    return Chunk(position, unix_ns, said, body[_HEAD.size :])
