"""Ed25519 keys that sign what leaves here, and how one key vouches for the next.  Pure: the files are elsewhere."""

import base64
import hashlib
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

_SUCCEEDS = b"rackwright key succession v1\n"


class Succession(msgspec.Struct, frozen=True):
    """One key says which key follows it: both public keys, the moment, and the older one's signature, in base64."""

    old: str
    new: str
    unix_ns: int
    signature: str


@dataclass(frozen=True, slots=True)
class Signer:
    """The key that signs now, and how it came to: `chain` leads from the first key of this installation to it."""

    private: Ed25519PrivateKey
    chain: tuple[Succession, ...] = ()

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(public: bytes) -> str:
    """Return the name of a key: SHA-256 of its 32 bytes, in hex."""
    return hashlib.sha256(public).hexdigest()


def public_of(pem: bytes) -> bytes:
    """Return the 32 bytes of a public key in PEM.  Raises ValueError for any other file."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("another kind of key")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def succeed(old: Ed25519PrivateKey, new: bytes, unix_ns: int) -> Succession:
    """Return the old key's word that `new` follows it."""
    before = old.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    said = _said(text(before), text(new), unix_ns)
    return Succession(text(before), text(new), unix_ns, text(old.sign(said)))


def vouched(known: str, chain: tuple[Succession, ...], public: bytes) -> bool:
    """Return whether the key called `known` is `public` or leads to it, each step signed by the key before."""
    name = known
    for step in chain:
        old = raw(step.old)
        if fingerprint(old) == name and signed_by(old, _said(step.old, step.new, step.unix_ns), raw(step.signature)):
            name = fingerprint(raw(step.new))
    return name == fingerprint(public)


def signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature is one of this key over this message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def text(data: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(data).decode()


def raw(said: str) -> bytes:
    """Return the bytes of strict base64.  Raises ValueError, also where the same bytes have another spelling."""
    data = base64.b64decode(said, validate=True)
    if text(data) != said:
        raise ValueError("not the one spelling of these bytes")
    return data


def _said(old: str, new: str, unix_ns: int) -> bytes:
    return _SUCCEEDS + f"{old}\n{new}\n{unix_ns}\n".encode()
