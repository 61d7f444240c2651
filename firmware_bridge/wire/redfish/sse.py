"""Server-sent events (WHATWG HTML §9.2, as DSP0266 §13.5 uses them): bytes in, whole messages out.  Pure, capped."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import DocumentTooLarge

MOST_LINE = 1024 * 1024
MOST_MESSAGE = 1024 * 1024
MOST_ID = 128


@dataclass(frozen=True, slots=True)
class SseMessage:
    """One message: the sender's id (empty: it gave none) and its data, lines joined."""

    id: str
    data: bytes


class SseParser:
    """Takes chunks as they come; `last_id` is what a reconnect should name.

    `alive` counts everything that was heard, comments included.  An id that could not stand in a header is dropped.
    """

    __slots__ = ("_data", "_ended_in_cr", "_line", "_most_line", "_most_message", "_size", "alive", "last_id")

    def __init__(self, most_message: int = MOST_MESSAGE, most_line: int = MOST_LINE) -> None:
        self._most_message, self._most_line = most_message, most_line
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._ended_in_cr = False
        self.last_id = ""
        self.alive = 0

    def feed(self, chunk: bytes) -> list[SseMessage]:
        """Return the messages that `chunk` completes.  Raises DocumentTooLarge for an endless line or message."""
        self.alive += 1
        found: list[SseMessage] = []
        if self._ended_in_cr and chunk[:1] == b"\n":
            chunk, self._ended_in_cr = chunk[1:], False
        if chunk:
            self._ended_in_cr = chunk[-1:] == b"\r"
        *whole, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            if self._line:
                line, self._line = bytes(self._line) + line, bytearray()
            if len(line) > self._most_line:
                raise DocumentTooLarge(f"a line of the event stream over {self._most_line} bytes")
            message = self._take(line)
            if message is not None:
                found.append(message)
        self._line += rest
        if len(self._line) > self._most_line:
            raise DocumentTooLarge(f"a line of the event stream over {self._most_line} bytes")
        return found

    def _take(self, line: bytes) -> SseMessage | None:
        if not line:
            return self._finish()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value) + 1
            if self._size > self._most_message:
                raise DocumentTooLarge(f"an event over {self._most_message} bytes")
            self._data.append(value)
        elif name == b"id":
            # It goes back to the device in a header: nothing but plain characters may.
            text = value.decode("latin-1")
            self.last_id = text if len(text) <= MOST_ID and text.isascii() and scrub(text) == text else self.last_id
        return None

    def _finish(self) -> SseMessage | None:
        if not self._data:
            return None
        data, self._data, self._size = b"\n".join(self._data), [], 0
        return SseMessage(self.last_id, data)
