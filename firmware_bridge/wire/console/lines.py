"""Lines out of a console's bytes, and a line made fit for people.  Pure: bytes in, lines out; keeps no time."""

import re
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.text import scrub

MOST_LINE = 4096
"""Bytes of one line; a longer one is cut there and goes on as the next."""

_ENDS = re.compile(rb"[\r\n]+")
# ECMA-48: CSI sequences, strings (OSC, DCS, SOS, PM, APC) up to their end, two-character escapes.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])|\x1b"
)


@dataclass(slots=True)
class LineSplitter:
    """Cuts a stream into lines without their ends; empty lines are left out.  Holds at most one line."""

    _held: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes."""
        self._held += data
        if len(self._held) < MOST_LINE and b"\n" not in data and b"\r" not in data:
            return []
        *whole, rest = _ENDS.split(bytes(self._held))
        lines = [piece for line in whole for piece in _pieces(line)]
        while len(rest) >= MOST_LINE:
            lines.append(rest[:MOST_LINE])
            rest = rest[MOST_LINE:]
        self._held[:] = rest
        return lines

    def rest(self) -> list[bytes]:
        """Return what was begun and will not be ended, and forget it: the line is gone."""
        begun = bytes(self._held)
        self._held.clear()
        return _pieces(begun)


def plain_line(raw: bytes) -> str:
    """Return one printable line: no escape sequences, no control or direction characters, bad UTF-8 replaced."""
    text = raw[:MOST_LINE].decode("utf-8", "replace")
    return scrub(_ESCAPES.sub("", text) if "\x1b" in text else text, MOST_LINE)


def _pieces(line: bytes) -> list[bytes]:
    return [line[at : at + MOST_LINE] for at in range(0, len(line), MOST_LINE)]
