"""The telemetry frame: one rack, one second, only numbers.  Byte layout in docs/decisions/0004.

Little-endian: magic `RWTF`, u16 version, u16 flags (0), u64 table id, u64 sequence, i64 Unix ns, u32 gauges,
u32 counters; then float32 × gauges (NaN: unknown), int64 × counters (minimum: unknown), uint16 ages in 10 ms ×
(gauges + counters) (65535: older than that or never), uint8 quality × (gauges + counters).
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds

MAGIC = b"RWTF"
VERSION = 1
UNKNOWN_COUNTER = np.iinfo(np.int64).min
OLDEST_AGE = int(np.iinfo(np.uint16).max)
AGE_STEP = Seconds(0.01)
_HEAD = struct.Struct("<4sHHQQqII")


@dataclass(frozen=True, slots=True)
class Frame:
    """Decoded frame.  Arrays are read-only views of the message: `ages` in 10 ms steps, order gauges then counters."""

    table_id: int
    sequence: int
    unix_ns: UnixNanoseconds
    gauges: NDArray[np.float32]
    counters: NDArray[np.int64]
    ages: NDArray[np.uint16]
    quality: NDArray[np.uint8]


def encode_frame(frame: Frame) -> bytes:
    """Return the frame's bytes.  Raises ValueError when ages or quality do not match gauges plus counters."""
    lines = len(frame.gauges) + len(frame.counters)
    if len(frame.ages) != lines or len(frame.quality) != lines:
        raise ValueError(f"{lines} series need as many ages and qualities, got {len(frame.ages)}, {len(frame.quality)}")
    head = _HEAD.pack(
        MAGIC, VERSION, 0, frame.table_id, frame.sequence, frame.unix_ns, len(frame.gauges), len(frame.counters)
    )
    return b"".join(
        (
            head,
            np.asarray(frame.gauges, dtype="<f4").tobytes(),
            np.asarray(frame.counters, dtype="<i8").tobytes(),
            np.asarray(frame.ages, dtype="<u2").tobytes(),
            np.asarray(frame.quality, dtype="u1").tobytes(),
        )
    )


def decode_frame(body: bytes) -> Frame:
    """Read a frame.  Raises ValueError for another magic, an unknown version or a length that does not fit."""
    if len(body) < _HEAD.size:
        raise ValueError(f"a frame has at least {_HEAD.size} bytes, got {len(body)}")
    magic, version, _flags, table_id, sequence, unix_ns, gauges, counters = _HEAD.unpack_from(body)
    if magic != MAGIC or version != VERSION:
        raise ValueError(f"expected {MAGIC!r} version {VERSION}, got {magic!r} version {version}")
    lines = gauges + counters
    expected = _HEAD.size + 4 * gauges + 8 * counters + 3 * lines
    if len(body) != expected:
        raise ValueError(f"{gauges} gauges and {counters} counters need {expected} bytes, got {len(body)}")
    at = _HEAD.size
    values = np.frombuffer(body, "<f4", gauges, at)
    counts = np.frombuffer(body, "<i8", counters, at + 4 * gauges)
    ages = np.frombuffer(body, "<u2", lines, at + 4 * gauges + 8 * counters)
    quality = np.frombuffer(body, "u1", lines, expected - lines)
    return Frame(table_id, sequence, UnixNanoseconds(unix_ns), values, counts, ages, quality)


def ages_in_steps(taken_at: NDArray[np.float64], now: Seconds) -> NDArray[np.uint16]:
    """Turn monotonic take times (NaN: never) into frame ages at `now`, clipped to the oldest a frame can say."""
    steps = np.ceil((now - taken_at) / AGE_STEP)
    steps = np.nan_to_num(steps, nan=OLDEST_AGE, posinf=OLDEST_AGE, neginf=0)
    return np.clip(steps, 0, OLDEST_AGE).astype(np.uint16)
