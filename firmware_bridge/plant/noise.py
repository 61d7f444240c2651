"""Noise without dice: numbers that look drawn and are always the same for the same seed and moment.  Pure."""

import math
import zlib

import numpy as np

from firmware_bridge.plant.design import Array, mixed

CUT = 3.0
"""What lies outside so many spreads was sorted out."""
_WHOLE = (1 << 64) - 1


def normal(seed: str, moment: int, count: int) -> Array:
    """Return `count` numbers of a normal distribution with mean 0 and spread 1 (Box and Muller)."""
    key = np.uint64(zlib.crc32(f"{seed} {moment}".encode()) << 32)
    even = mixed(key + np.arange(1, 2 * count + 1, dtype=np.uint64))
    return np.asarray(np.sqrt(-2.0 * np.log(1.0 - even[:count])) * np.cos(2.0 * np.pi * even[count:]))


def one(seed: str, moment: int) -> float:
    """Return the first of `normal`'s numbers, without arrays: what a device shows is read one by one, and often."""
    key = zlib.crc32(f"{seed} {moment}".encode()) << 32
    return math.sqrt(-2.0 * math.log(1.0 - _share(key + 1))) * math.cos(2.0 * math.pi * _share(key + 2))


def _share(number: int) -> float:
    """Return what `mixed` makes of one whole number."""
    z = (number * 0x9E3779B97F4A7C15) & _WHOLE
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WHOLE
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WHOLE
    return ((z ^ (z >> 31)) >> 11) / (1 << 53)


def made(seed: str, spread: float, count: int) -> Array:
    """Return by how much `count` instruments are off for ever: normal with this spread, cut at three of them."""
    return np.asarray(np.clip(normal(seed, -1, count), -CUT, CUT) * spread)
