"""Whether the record of a run is the one that was sealed: for lists, which look at many runs again and again."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.acceptance.read_once import ReadOnce
from rack_controller.acceptance.run import EVIDENCE, RECORD, RunFolder
from rack_controller.prove.run_files import sealed_record
from rack_controller.prove.seal import SUFFIX, Said
from rack_controller.signing_keys import FOLDER, SigningKeys

SEAL = EVIDENCE + SUFFIX


class SealLook(msgspec.Struct, frozen=True):
    """What came of holding a run's record against its seal; both empty where it fits, or nothing is sealed yet.

    `altered`: what does not fit.  `unproven`: why nobody can tell: the files cannot be read, or the seal is by a key
    that nobody here was told of.
    """

    altered: str = ""
    unproven: str = ""


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """The names of an installation's keys, or why they are not known."""

    names: tuple[str, ...]
    why: str = ""

    @classmethod
    def at(cls, state: Path) -> "KnownKeys":
        """Return the keys of a state directory."""
        try:
            return cls(tuple(SigningKeys(state / FOLDER).names()))
        except EnvironmentUnfit as err:
            return cls((), err.what)


def look_at_record(folder: RunFolder, known: KnownKeys) -> SealLook:
    """Return whether a run's record fits its seal, and whether a key that is known here sealed it.

    Both files are read once, until one of them is replaced or changed.
    """
    try:
        fault, said = _FOUND.of(folder.path)
    except FileNotFoundError:
        return SealLook()
    except OSError as err:
        return SealLook(unproven=f"it cannot be looked at: {err.strerror}")
    if said is None or fault:
        return SealLook(altered=fault)
    if said.is_by(known.names):
        return SealLook()
    return SealLook(unproven=known.why or f"sealed by {said.signer[:16]}…, a key that nobody here was told of")


def _look(folder: Path) -> tuple[str, Said | None]:
    """Return what does not fit, and whose seal it is, None of what is no seal.  Raises OSError."""
    record, sealed = (folder / RECORD).read_bytes(), (folder / SEAL).read_bytes()
    try:
        digest, said = sealed_record(sealed)
    except ValueError as err:
        return f"{SEAL}: {err}", None
    fits = digest is None or hashlib.sha256(record).hexdigest() == digest
    return "" if fits else f"{RECORD} is not what was sealed", said


_FOUND = ReadOnce((RECORD, SEAL), _look)
