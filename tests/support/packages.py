"""PLDM firmware packages made for tests: whole ones, as small as the format allows."""

import struct
import zlib

from firmware_bridge.wire.pldm.package import IDENTIFIERS

BMC, CPU = 0x0010, 0x5000


def text(said: str) -> bytes:
    raw = said.encode()
    return bytes((1, len(raw))) + raw


def package(
    *components: tuple[int, str], version: str = "test-1", revision: int = 1, image: bytes = b"image "
) -> bytes:
    """Return a package of components (identifier, version), each with the same image."""
    record = struct.pack("<BIBBH", 1, 0, 1, 0, 0) + (struct.pack("<I", 0) if revision >= 4 else b"") + b"\x01"
    record += struct.pack("<HH16s", 2, 16, b"0123456789abcdef")
    devices = bytes((1,)) + struct.pack("<H", len(record) + 2) + record + (b"\x00" if revision >= 2 else b"")
    sums = 8 if revision >= 4 else 4
    head = IDENTIFIERS[revision].bytes + bytes((revision,))
    middle = bytes(13) + struct.pack("<H", max(8, len(components))) + text(version) + devices
    entry = 20 + 2 + (4 if revision >= 3 else 0)
    size = len(head) + 2 + len(middle) + 2 + sum(entry + len(said.encode()) for _, said in components) + sums
    table = struct.pack("<H", len(components))
    for n, (identifier, said) in enumerate(components):
        table += struct.pack("<HHIHHII", 10, identifier, 0xFFFFFFFF, 0, 0, size + n * len(image), len(image))
        table += text(said) + (struct.pack("<I", 0) if revision >= 3 else b"")
    whole = head + struct.pack("<H", size) + middle + table
    payload = image * len(components)
    whole += struct.pack("<I", zlib.crc32(whole))
    return whole + (struct.pack("<I", zlib.crc32(payload)) if revision >= 4 else b"") + payload
