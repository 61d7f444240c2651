"""The header of a PLDM firmware update package (DSP0267 1.0 to 1.3): what it carries, and whether it is whole.

Reads the header only; what a component's bytes mean is its device's business.
"""

import struct
import uuid
import zlib
from dataclasses import dataclass

IDENTIFIERS = {
    1: uuid.UUID("f018878c-cb7d-4943-9800-a02f059aca02"),
    2: uuid.UUID("1244d264-8d7d-4718-a030-fc8a56587d5a"),
    3: uuid.UUID("3119ce2f-e80a-4a99-af6d-46f8b121f6bf"),
    4: uuid.UUID("7b291c99-6db6-4208-801b-02026e463c78"),
}
"""The header's identifier of each revision of the format."""
SMALLEST = 64
"""Bytes; shorter than that no header with one component is."""
MOST_COMPONENTS = 1024
_UTF16 = {3: "utf-16", 4: "utf-16-le", 5: "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Component:
    """One component image: its identifier, its version in the maker's words, and how many bytes it has."""

    identifier: int
    version: str
    size: int

    @property
    def software_id(self) -> str:
        """Return the identifier as `SoftwareId` of a firmware inventory spells it."""
        return f"0x{self.identifier:04X}"


@dataclass(frozen=True, slots=True)
class Package:
    """What a package says of itself.  `size`: of the whole file, in bytes."""

    revision: int
    version: str
    size: int
    components: tuple[Component, ...]


def read_package(image: bytes) -> Package:
    """Return what a package's header says.  Raises ValueError with what is wrong: no package, cut short, changed."""
    if len(image) < SMALLEST:
        raise ValueError(f"{len(image)} bytes are too few for a PLDM package")
    revision = image[16]
    known = next((rev for rev, said in IDENTIFIERS.items() if said.bytes == image[:16]), None)
    if known is None:
        raise ValueError("it does not begin as a PLDM package (DSP0267) does")
    if known != revision:
        raise ValueError(f"its identifier is that of revision {known}, its header says {revision}")
    size = struct.unpack_from("<H", image, 17)[0]
    sums = 8 if revision >= 4 else 4
    if not SMALLEST <= size <= len(image):
        raise ValueError(f"its header has {size} bytes, the file {len(image)}")
    (crc,) = struct.unpack_from("<I", image, size - sums)
    if zlib.crc32(image[: size - sums]) != crc:
        raise ValueError("the checksum of its header is wrong")
    try:
        package = _parsed(image, revision, size - sums)
    except (struct.error, IndexError, UnicodeDecodeError) as err:
        raise ValueError("its header ends in the middle of a record") from err
    if revision >= 4 and zlib.crc32(image[size:]) != struct.unpack_from("<I", image, size - 4)[0]:
        raise ValueError("the checksum of its images is wrong")
    return package


def _parsed(image: bytes, revision: int, end: int) -> Package:
    (bits,) = struct.unpack_from("<H", image, 32)
    version, at = _text(image, 34)
    at = _past_records(image, at)
    if revision >= 2:
        at = _past_records(image, at)
    (count,) = struct.unpack_from("<H", image, at)
    if not 0 < count <= min(bits, MOST_COMPONENTS):
        raise ValueError(f"it carries {count} components, and says which devices take {bits}")
    at += 2
    components = []
    for _ in range(count):
        identifier, offset, size = struct.unpack_from("<2xH8xII", image, at)
        said, at = _text(image, at + 20)
        if revision >= 3:
            at += 4 + struct.unpack_from("<I", image, at)[0]
        if at > end:
            raise ValueError("its header ends in the middle of a record")
        if offset < end or offset + size > len(image):
            raise ValueError(f"component {identifier:#06x} ends at byte {offset + size}, the file has {len(image)}")
        components.append(Component(identifier, said, size))
    return Package(revision, version, len(image), tuple(components))


def _past_records(image: bytes, at: int) -> int:
    """Return where the records that `at` counts end; each says its own length first."""
    count, at = image[at], at + 1
    for _ in range(count):
        (length,) = struct.unpack_from("<H", image, at)
        if length < 11:
            raise ValueError(f"a device record has {length} bytes")
        at += length
    return at


def _text(image: bytes, at: int) -> tuple[str, int]:
    """Return a text with type and length before it, and where it ends."""
    kind, length = image[at], image[at + 1]
    raw = image[at + 2 : at + 2 + length]
    if len(raw) < length:
        raise IndexError(at)
    return raw.decode(_UTF16.get(kind, "utf-8")).rstrip("\0"), at + 2 + length
