"""The terminal of `rackwright console`: raw while it lasts, as before afterwards; `~` escapes as ssh has them.

`~.` ends, `~B` sends a break, `~?` helps, `~~` types a tilde; they count at the beginning of a line only.
"""

import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import FrameType

ESCAPE = ord("~")
HELP = "~.  end\r\n~B  send a break\r\n~~  type a tilde\r\n~?  this help\r\n"
# Soft reset, cursor shown, no colours, no mouse, no bracketed paste: what a host may have left switched on.
CALM = b"\x1b[!p\x1b[?25h\x1b[0m\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?2004l\r\n"


class Key(StrEnum):
    """What a person wants of the terminal itself."""

    END = "end"
    BREAK = "break"
    HELP = "help"


_KEYS = {ord("."): Key.END, ord("B"): Key.BREAK, ord("?"): Key.HELP}


@dataclass(slots=True)
class Escapes:
    """Tells what is typed from what is meant for us.  Keeps only whether a line or an escape has begun."""

    _fresh: bool = True
    _begun: bool = False

    def feed(self, typed: bytes) -> list[bytes | Key]:
        """Return bytes to send and keys for us, in order."""
        out: list[bytes | Key] = []
        plain = bytearray()
        for byte in typed:
            if self._begun:
                self._begun = False
                key = _KEYS.get(byte)
                if key is not None:
                    if plain:
                        out.append(bytes(plain))
                        plain.clear()
                    out.append(key)
                    self._fresh = True
                    continue
                plain.append(ESCAPE)
                if byte == ESCAPE:
                    self._fresh = False
                    continue
            elif self._fresh and byte == ESCAPE:
                self._begun = True
                continue
            plain.append(byte)
            self._fresh = byte in (0x0D, 0x0A)
        if plain:
            out.append(bytes(plain))
        return out


@contextlib.contextmanager
def raw_terminal() -> Iterator[bool]:
    """Make standard input raw while the block runs, when it is a terminal; yield whether it is.

    SIGTERM and SIGHUP end the block as an exception does, so that the terminal is restored then too.
    """
    handle = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
    before = {n: signal.signal(n, _leave) for n in (signal.SIGTERM, signal.SIGHUP)}
    settings = termios.tcgetattr(handle) if handle is not None else None
    try:
        if handle is not None:
            tty.setraw(handle)
        yield handle is not None
    finally:
        if handle is not None and settings is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(handle, termios.TCSADRAIN, settings)
        if sys.stdout.isatty():
            with contextlib.suppress(OSError):
                os.write(sys.stdout.fileno(), CALM)
        for number, was in before.items():
            signal.signal(number, was)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
