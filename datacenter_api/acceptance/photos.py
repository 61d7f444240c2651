"""Photos of a run: what they are is told by their content, their names are ours, and a hash goes with each."""

import hashlib
from pathlib import Path

from datacenter_api.routes import MOST_PHOTO_BYTES
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, EnvironmentUnfit, TargetUnknown
from rack_controller.acceptance.kept import keep

FOLDER = "photos"
MOST_OF_A_RUN = 500
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_LEAST_WEBP = 20
TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


def kind_of(content: bytes) -> str:
    """Return jpg, png or webp by what the bytes are, empty for anything else and for one whose end is missing."""
    if content[:3] == b"\xff\xd8\xff" and content.rstrip(b"\0")[-2:] == b"\xff\xd9":
        return "jpg"
    if content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR" and _PNG_END in content[-4096:]:
        return "png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP" and _riff_ends(content):
        return "webp"
    return ""


def _riff_ends(content: bytes) -> bool:
    """Return whether all is there that a RIFF file says it holds."""
    told = int.from_bytes(content[4:8], "little") + 8
    return _LEAST_WEBP <= told <= len(content)


def keep_photo(folder: Path, step: str, content: bytes) -> tuple[str, str]:
    """Keep a photo of a step; return its name in the run's folder and its SHA-256.

    `step` is one of the run's plan: its id is part of the name.  Raises ArgumentsInvalid for what is no photo,
    EnvironmentUnfit when it cannot be kept.
    """
    if len(content) > MOST_PHOTO_BYTES:
        raise ArgumentsInvalid(
            f"the photo has {len(content) >> 20} MiB", advice=f"at most {MOST_PHOTO_BYTES >> 20} MiB; take it smaller"
        )
    kind = kind_of(content)
    if not kind:
        raise ArgumentsInvalid("this is no photo that we know, or only part of one", advice="send JPEG, PNG or WebP")
    digest = hashlib.sha256(content).hexdigest()
    name = f"{step}-{digest[:16]}.{kind}"
    if (folder / FOLDER / name).exists():
        return name, digest
    if sum(1 for _ in (folder / FOLDER).glob("*")) >= MOST_OF_A_RUN:
        raise EnvironmentUnfit(f"this run has {MOST_OF_A_RUN} photos", advice="begin a new run, or note without one")
    keep(folder / FOLDER / name, content)
    return name, digest


def read_photo(folder: Path, name: str) -> tuple[bytes, str]:
    """Return a photo and its media type.  Raises TargetUnknown."""
    path = folder / FOLDER / Path(name).name
    try:
        return path.read_bytes(), TYPES[path.suffix.removeprefix(".")]
    except (OSError, KeyError) as err:
        raise TargetUnknown(f"this run has no photo {name[:80]!r}", advice="see its answers") from err
