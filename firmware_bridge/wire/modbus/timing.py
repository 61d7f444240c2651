"""How long characters, gaps and transactions take on a serial line.  Pure.

Source: MODBUS over Serial Line V1.02, 2.5.1.1 (3.5 characters between frames, 1.5 within one; fixed 1.75 ms and 0.75 ms
above 19,200 bit/s).
"""

from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.vocabulary.units import Seconds

_FIXED_ABOVE_BAUD = 19200
_FRAME_GAP = Seconds(0.00175)
_CHARACTER_GAP = Seconds(0.00075)
READ_REQUEST_BYTES = 8  # unit, function, address, count, CRC
_REPLY_FRAME_BYTES = 5  # unit, function, byte count, CRC


def characters(line: LineSettings, count: int) -> Seconds:
    """Return how long `count` characters take."""
    return Seconds(count * line.bits_per_character / line.baud)


def frame_gap(line: LineSettings) -> Seconds:
    """Return the silence that must stand between two frames."""
    return _FRAME_GAP if line.baud > _FIXED_ABOVE_BAUD else Seconds(3.5 * line.bits_per_character / line.baud)


def character_gap(line: LineSettings) -> Seconds:
    """Return the longest silence that may stand inside a frame."""
    return _CHARACTER_GAP if line.baud > _FIXED_ABOVE_BAUD else Seconds(1.5 * line.bits_per_character / line.baud)


def reply_bytes(words: int) -> int:
    """Return the size of the reply to a read of `words` registers."""
    return _REPLY_FRAME_BYTES + 2 * words


def read_seconds(line: LineSettings, words: int) -> Seconds:
    """Return the least time that one read of `words` registers takes: request, reply and both gaps."""
    sent = characters(line, READ_REQUEST_BYTES + reply_bytes(words))
    return Seconds(sent + 2 * frame_gap(line))
