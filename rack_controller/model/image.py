"""A firmware image that was handed in: what it is called, and what its own header says of it."""

import msgspec


class ImageComponent(msgspec.Struct, frozen=True):
    """One component of an image: which parts take it (`SoftwareId` of their inventory), and its version."""

    software_id: str
    version: str


class FirmwareImage(msgspec.Struct, frozen=True):
    """One image.  `image`: SHA-256 of its `size` bytes, by which it is named; `version`: that of the whole package."""

    image: str
    name: str
    size: int
    version: str
    components: list[ImageComponent]
    kept_unix_ns: int
