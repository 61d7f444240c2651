"""Words of 16 bits to values and back, by a register's own description.  Pure.

Encodings: facebook/openbmc rackmon2 (Register.cpp and its tests): high word first, `endian: little` reverses all bytes,
text is two characters a word, high byte first, ended by NUL.
"""

from collections.abc import Sequence

from firmware_bridge.wire.modbus.register_map import Bit, Kind, Register

Value = int | float | str | bytes


def decode(register: Register, words: Sequence[int]) -> Value:
    """Return the value in `words` (as many as the register has): number, text, bit field or raw bytes."""
    if len(words) != register.words:
        raise ValueError(f"{register.name} has {register.words} words, got {len(words)}")
    body = b"".join(w.to_bytes(2, "big") for w in words)
    if register.kind is Kind.TEXT:
        return body.partition(b"\0")[0].decode("ascii", "replace").strip()
    if register.kind is Kind.RAW:
        return body
    raw = int.from_bytes(
        body, "little" if register.little else "big", signed=register.signed and register.kind is Kind.NUMBER
    )
    if register.kind is Kind.FLAGS:
        return raw
    if not register.precision and register.scale == 1.0 and not register.shift:
        return raw
    return register.shift + register.scale * (raw / (1 << register.precision))


def encode(register: Register, value: Value) -> list[int]:
    """Return the words that carry `value`; a number beyond the register's range saturates, as hardware does."""
    size = 2 * register.words
    if register.kind is Kind.TEXT:
        body = str(value).encode("ascii", "replace")[:size].ljust(size, b"\0")
    elif register.kind is Kind.RAW:
        body = bytes(value)[:size].ljust(size, b"\0") if isinstance(value, bytes) else bytes(size)
    else:
        body = _number(register, value).to_bytes(
            size, "little" if register.little else "big", signed=register.signed and register.kind is Kind.NUMBER
        )
    return [int.from_bytes(body[n : n + 2], "big") for n in range(0, size, 2)]


def bits_set(register: Register, raw: int) -> list[Bit]:
    """Return the named bits that are set in a flags register."""
    return [bit for bit in register.bits if raw >> bit.number & 1]


def _number(register: Register, value: Value) -> int:
    if isinstance(value, str | bytes):
        raise TypeError(f"{register.name} holds a number, got {value!r}")
    if register.kind is Kind.FLAGS:
        return int(value) & ((1 << 16 * register.words) - 1)
    raw = round((value - register.shift) / register.scale * (1 << register.precision))
    most = (1 << (16 * register.words - register.signed)) - 1
    return max(-most - 1 if register.signed else 0, min(most, raw))
