"""Noise without dice: numbers that look drawn and are always the same for the same seed and moment.  Pure."""

import zlib

import numpy as np

from firmware_bridge.plant.design import Array, mixed

CUT = 3.0
"""What lies outside so many spreads was sorted out."""


def normal(seed: str, moment: int, count: int) -> Array:
    """Return `count` numbers of a normal distribution with mean 0 and spread 1 (Box and Muller)."""
    key = np.uint64(zlib.crc32(f"{seed} {moment}".encode()) << 32)
    even = mixed(key + np.arange(1, 2 * count + 1, dtype=np.uint64))
    return np.asarray(np.sqrt(-2.0 * np.log(1.0 - even[:count])) * np.cos(2.0 * np.pi * even[count:]))


def made(seed: str, spread: float, count: int) -> Array:
    """Return by how much `count` instruments are off for ever: normal with this spread, cut at three of them."""
    return np.asarray(np.clip(normal(seed, -1, count), -CUT, CUT) * spread)
