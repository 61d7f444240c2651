"""What a fault does to a reply on a serial line.  Pure: bytes and seconds in, bytes and seconds out."""

from dataclasses import dataclass

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.wire.modbus.frame import Request, crc16

# Nothing happens at the device: it does not execute what it was asked either.
DEAF = frozenset((FaultKind.SILENCE, FaultKind.REMOVED))


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply to send: `late` seconds after its time, with a `pause` of seconds in its middle."""

    frame: bytes
    late: float = 0.0
    pause: float = 0.0


def strike(fault: Fault | None, frame: bytes) -> Answer:
    """Return what goes over the line instead of `frame`; with no fault the frame itself."""
    what = None if fault is None else fault.what
    if fault is None:
        return Answer(frame)
    if what is FaultKind.CRC_STORM:
        return Answer(frame[:-1] + bytes((frame[-1] ^ 0xFF,)))
    if what is FaultKind.WRONG_UNIT:
        return Answer(closed(bytes(((frame[0] + 1) & 0xFF,)) + frame[1:-2]))
    if what is FaultKind.LATE_REPLY:
        return Answer(frame, late=fault.seconds)
    if what is FaultKind.REPLY_GAP:
        return Answer(frame, pause=fault.seconds)
    if what is FaultKind.DUPLICATE_ADDRESS:
        return Answer(collide(frame))
    return Answer(frame)


def refusal(request: Request, fault: Fault) -> bytes:
    """Return the exception reply that a fault asks for; its code need not be one of the standard's."""
    return closed(bytes((request.unit, request.function | 0x80, fault.code)))


def collide(frame: bytes) -> bytes:
    """Return what two units that talk at once leave of a frame: a line is low where either of them is."""
    other = frame[1:] + b"\x5a"
    return bytes(a & b for a, b in zip(frame, other, strict=True))


def closed(frame: bytes) -> bytes:
    """Return the frame with its CRC."""
    return frame + crc16(frame)
