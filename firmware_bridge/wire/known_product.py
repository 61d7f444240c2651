"""Matrices of unsigned 32-bit words whose product modulo 2^32 is known to every bit.  Pure; the same for ever.

Integer sums have one result in whatever order they are made, so that a single wrong bit of a GPU shows.
"""

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]


def matrices(seed: int, size: int) -> tuple[Words, Words]:
    """Return two square matrices made from a seed (splitmix64)."""
    index = np.arange(1, 2 * size * size + 1, dtype=np.uint64) + np.uint64(seed % (1 << 32) << 32)
    z = index * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    words = ((z ^ (z >> np.uint64(31))) >> np.uint64(32)).astype(np.uint32).reshape(2, size, size)
    return words[0], words[1]


def product(a: Words, b: Words) -> Words:
    """Return A · B modulo 2^32, exactly.

    Halves of 16 bits are multiplied in float64: up to 2^21 sums of 32 bits are whole numbers below 2^53 there.
    """
    low, high = np.uint32(0xFFFF), np.uint32(16)
    al, ah = (a & low).astype(np.float64), (a >> high).astype(np.float64)
    bl, bh = (b & low).astype(np.float64), (b >> high).astype(np.float64)
    mixed = (ah @ bl + al @ bh).astype(np.uint64) << np.uint64(16)
    return ((al @ bl).astype(np.uint64) + mixed).astype(np.uint32)


def wrong_words(known: Words, found: Words) -> int:
    """Return how many words of a result are wrong."""
    return int((known != found).sum())
