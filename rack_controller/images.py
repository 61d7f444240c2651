"""Firmware images in the state directory, each named by the SHA-256 of its bytes.  The newest few are kept.

The API takes them in, the controller reads them; a file that is not a whole PLDM package never gets here.
"""

import asyncio
import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, EnvironmentUnfit, TargetUnknown
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.pldm.package import read_package
from rack_controller.model.image import FirmwareImage, ImageComponent

MOST_BYTES = 512 * 1024 * 1024
KEPT = 8
MOST_NAME = 120
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Images:
    """The images below `folder`.  Every method reads or writes files: call it off the event loop."""

    folder: Path

    def keep(self, data: bytes, name: str, unix_ns: int) -> FirmwareImage:
        """Check and keep an image; the oldest beyond `KEPT` go.  Raises ArgumentsInvalid, EnvironmentUnfit."""
        if len(data) > MOST_BYTES:
            raise ArgumentsInvalid(f"the image has {len(data)} bytes", advice=f"at most {MOST_BYTES}")
        try:
            package = read_package(data)
        except ValueError as err:
            raise ArgumentsInvalid(f"this is no firmware image: {err}", advice="hand in the maker's file") from err
        components = [ImageComponent(c.software_id, c.version) for c in package.components]
        digest = hashlib.sha256(data).hexdigest()
        said = scrub(name, MOST_NAME) or digest[:12]
        image = FirmwareImage(digest, said, len(data), package.version, components, unix_ns)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(digest, data)
            self._write(f"{digest}.json", msgspec.json.encode(image))
            for old in self.listed()[KEPT:]:
                (self.folder / old.image).unlink(missing_ok=True)
                (self.folder / f"{old.image}.json").unlink(missing_ok=True)
        except OSError as err:
            raise EnvironmentUnfit(f"the image is not kept: {err.strerror}", advice="make room") from err
        return image

    def listed(self) -> list[FirmwareImage]:
        """Return every image that is kept, the newest first."""
        found = []
        for path in self.folder.glob("*.json") if self.folder.is_dir() else ():
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=FirmwareImage))
            except (OSError, msgspec.MsgspecError):
                continue  # half a removal, or not ours
        return sorted(found, key=lambda i: (-i.kept_unix_ns, i.image))

    def find(self, image: str) -> FirmwareImage:
        """Return an image by its digest or the beginning of it.  Raises TargetUnknown."""
        fits = [i for i in self.listed() if i.image == image or (len(image) >= _SHORTEST and i.image.startswith(image))]
        if len(fits) != 1:
            said = "no image" if not fits else f"{len(fits)} images that begin with"
            raise TargetUnknown(f"there is {said} {image[:64]!r}", advice="see `rackwright firmware list`")
        return fits[0]

    def read(self, image: str) -> bytes:
        """Return the bytes of an image, which are as they were handed in.  Raises TargetUnknown, EnvironmentUnfit."""
        if not _DIGEST.fullmatch(image):
            raise TargetUnknown(f"{image[:64]!r} names no image", advice="see `rackwright firmware list`")
        try:
            data = (self.folder / image).read_bytes()
        except FileNotFoundError:
            raise TargetUnknown(f"image {image[:12]} is not kept any more", advice="hand it in again") from None
        except OSError as err:
            raise EnvironmentUnfit(f"image {image[:12]} cannot be read: {err.strerror}") from err
        if hashlib.sha256(data).hexdigest() != image:
            raise EnvironmentUnfit(f"image {image[:12]} is not what was handed in", advice="hand it in again")
        return data

    async def fetch(self, image: str) -> bytes:
        """Return what `read` does, while the loop goes on."""
        return await asyncio.to_thread(self.read, image)

    def _write(self, name: str, data: bytes) -> None:
        """Put a file there whole or not at all."""
        scratch = self.folder / f".{name[:16]}-{secrets.token_hex(4)}"
        try:
            with scratch.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            scratch.rename(self.folder / name)
        finally:
            scratch.unlink(missing_ok=True)
