"""The keys that sign what leaves here, in the state directory: made at the first need, changed by rotation, never lost.

`KEYS/NNNN.key` are private keys (PEM, for the owner alone), the last one signs; `KEYS/succession.json` holds how each
vouches for the next.  An older key is kept: what it signed must stay told apart from what nobody here signed.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.prove.keys import Signer, Succession, fingerprint, succeed

FOLDER = "signing"
_CHAIN = "succession.json"
_ADVICE = "restore the folder from a backup: without its keys nobody can tell what was signed here"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys below `folder`.  Every method reads or writes files, and raises EnvironmentUnfit."""

    folder: Path

    def signer(self) -> Signer:
        """Return the key that signs now; the first one is made when there is none."""
        keys = self._keys()
        if not keys:
            self._write("0001.key", _pem(Ed25519PrivateKey.generate()))
            keys = self._keys()
        return Signer(keys[-1], self._chain(len(keys)))

    def rotate(self, unix_ns: int) -> Signer:
        """Make a new key that the one of before vouches for, and return it: it signs from now on."""
        before, new = self.signer(), Ed25519PrivateKey.generate()
        step = succeed(before.private, Signer(new).public, unix_ns)
        chain = (*before.chain, step)
        # The chain first: a key that nobody vouches for must never sign.
        self._write(_CHAIN, msgspec.json.encode(chain))
        self._write(f"{len(self._keys()) + 1:04d}.key", _pem(new))
        return Signer(new, chain)

    def names(self) -> list[str]:
        """Return the fingerprints of all keys, the one that signs last; none is made."""
        return [fingerprint(Signer(key).public) for key in self._keys()]

    def public_pem(self) -> bytes:
        """Return the public key that signs now, as PEM: what a buyer is given by another way than the files."""
        key = self.signer().private.public_key()
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def _keys(self) -> list[Ed25519PrivateKey]:
        keys = []
        for path in sorted(self.folder.glob("[0-9]*.key")) if self.folder.is_dir() else ():
            try:
                key = _parsed(path.read_bytes())
            except (OSError, ValueError) as err:
                raise EnvironmentUnfit(f"the signing key {path.name} cannot be read: {err}", advice=_ADVICE) from err
            if not isinstance(key, Ed25519PrivateKey):
                raise EnvironmentUnfit(f"{path.name} is no Ed25519 key", advice=_ADVICE)
            keys.append(key)
        return keys

    def _chain(self, keys: int) -> tuple[Succession, ...]:
        path = self.folder / _CHAIN
        try:
            chain = msgspec.json.decode(path.read_bytes(), type=tuple[Succession, ...]) if path.exists() else ()
        except (OSError, msgspec.MsgspecError) as err:
            raise EnvironmentUnfit(f"{path.name} cannot be read: {err}", advice=_ADVICE) from err
        return chain[: max(0, keys - 1)]  # one more: a rotation that ended half way

    def _write(self, name: str, data: bytes) -> None:
        scratch = self.folder / f".{name}.new"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self.folder / name)
        except OSError as err:
            raise EnvironmentUnfit(f"the signing key is not kept: {err.strerror}", advice="make room") from err


@lru_cache(maxsize=8)
def _parsed(pem: bytes) -> PrivateKeyTypes:
    """Return a key of a file, parsed once: whoever signs many files reads it as often."""
    return load_pem_private_key(pem, None)


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
