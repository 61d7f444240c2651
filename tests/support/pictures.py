"""Pictures as numbers: which share of a PNG differs from its background."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


def ink(png: bytes) -> float:
    """Return which share of a picture's pixels differs from its most frequent colour."""
    pixels = decoded(png)[..., :3].astype(np.int64)
    packed = (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]
    _, counts = np.unique(packed, return_counts=True)
    return float(1.0 - counts.max() / packed.size)


def decoded(png: bytes) -> Bytes:
    """Return a PNG's pixels, (height, width, channels); eight bits a channel, not interlaced, as browsers write it."""
    at, data, head = 8, b"", (0, 0, 0, 0, 0, 0, 0)
    while at < len(png):
        (size,), kind = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", png[at + 8 : at + 21])
        data += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    width, height, bits, colour, _, _, interlaced = head
    assert (bits, interlaced) == (8, 0), "another kind of PNG than browsers write"
    depth = {0: 1, 2: 3, 6: 4}[colour]
    raw = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + width * depth)
    rows, above = [], np.zeros((width, depth), np.uint8)
    for line in raw:
        above = _unfiltered(int(line[0]), line[1:].reshape(width, depth), above)
        rows.append(above)
    return np.stack(rows)


def _unfiltered(kind: int, line: Bytes, above: Bytes) -> Bytes:
    if kind == 0:
        return line
    if kind == 1:
        return np.cumsum(line, axis=0, dtype=np.uint8)
    if kind == 2:
        return line + above
    made = np.zeros_like(line)
    left = np.zeros(line.shape[1], np.int64)
    corner = left
    for n in range(len(line)):
        up = above[n].astype(np.int64)
        guess = (left + up) // 2 if kind == 3 else _paeth(left, up, corner)
        left, corner = (line[n] + guess) & 255, up
        made[n] = left
    return made


def _paeth(
    left: npt.NDArray[np.int64], up: npt.NDArray[np.int64], corner: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    guess = left + up - corner
    a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
    return np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))
