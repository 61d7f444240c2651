"""Modbus-RTU frames as a device sees them: requests in, replies out.  Pure; the master's side is pymodbus'.

Source: MODBUS Application Protocol V1.1b3 (functions 3, 6, 16, 20 and exceptions), MODBUS over Serial Line V1.02 (CRC).
"""

from dataclasses import dataclass
from enum import IntEnum

READ, WRITE_ONE, WRITE_MANY, READ_FILE = 3, 6, 16, 20
_FIXED = {READ: 8, WRITE_ONE: 8}
_COUNTED = {WRITE_MANY: 6, READ_FILE: 2}  # where the byte count stands
SHORTEST = 4


class Refusal(IntEnum):
    """Exception codes."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    DEVICE_FAILURE = 4
    ACKNOWLEDGE = 5
    BUSY = 6


class Refused(Exception):
    """The device understood the request and says no."""

    def __init__(self, code: Refusal) -> None:
        super().__init__(code.name.lower().replace("_", " "))
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """One request with a right CRC: `unit`, `function`, and what follows up to the CRC."""

    unit: int
    function: int
    body: bytes

    @property
    def address(self) -> int:
        """Return the first register (functions 3, 6, 16)."""
        return int.from_bytes(self.body[0:2], "big")

    @property
    def second(self) -> int:
        """Return the second word: a count (3, 16) or a value (6)."""
        return int.from_bytes(self.body[2:4], "big")

    @property
    def values(self) -> list[int]:
        """Return the words that a write of many registers carries."""
        data = self.body[5:]
        return [int.from_bytes(data[n : n + 2], "big") for n in range(0, len(data), 2)]


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _table()


def crc16(data: bytes) -> bytes:
    """Return the two CRC bytes as they travel: low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def expected_length(data: bytes) -> int | None:
    """Return how long the request that begins `data` is; None: more bytes are needed to tell, 0: unknown function."""
    if len(data) < 2:
        return None
    function = data[1]
    if function in _FIXED:
        return _FIXED[function]
    if function in _COUNTED:
        at = _COUNTED[function]
        return None if len(data) <= at else at + 1 + data[at] + 2
    return 0


def read_request(data: bytes) -> Request | None:
    """Return the request in `data`, None when its CRC is wrong or it is too short: a device then stays silent."""
    if len(data) < SHORTEST or crc16(data[:-2]) != data[-2:]:
        return None
    return Request(data[0], data[1], data[2:-2])


def without_strangers(data: bytes, unit: int) -> bytes:
    """Return what came without whole replies of other units before it: late answers to questions that were given up."""
    while len(data) >= SHORTEST and data[0] != unit:
        length = 5 if data[1] & 0x80 else 5 + data[2] if data[1] == READ else 8
        if len(data) < length or crc16(data[: length - 2]) != data[length - 2 : length]:
            break
        if len(data) == length:
            break  # nothing follows: let the caller see who spoke
        data = data[length:]
    return data


def reply_read(unit: int, words: list[int]) -> bytes:
    """Return the reply to a read."""
    return _closed(bytes((unit, READ, 2 * len(words))) + b"".join(w.to_bytes(2, "big") for w in words))


def reply_write(request: Request) -> bytes:
    """Return the reply to a write of one register (an echo) or of many (address and count)."""
    return _closed(bytes((request.unit, request.function)) + request.body[:4])


def reply_refusal(unit: int, function: int, code: Refusal) -> bytes:
    """Return an exception reply."""
    return _closed(bytes((unit, function | 0x80, code)))


def reply_file(unit: int, records: list[bytes]) -> bytes:
    """Return the reply to a read of file records (each as it stands in the file)."""
    inside = b"".join(bytes((len(r) + 1, 6)) + r for r in records)
    return _closed(bytes((unit, READ_FILE, len(inside))) + inside)


def _closed(frame: bytes) -> bytes:
    return frame + crc16(frame)
