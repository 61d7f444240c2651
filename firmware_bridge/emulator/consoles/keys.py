"""SSH host keys of emulated consoles: one secret in the state directory, an Ed25519 key per console derived from it.

Thousands of keys then cost one small file and no time; the same place always has the same key.
"""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

_FILE = "console-keys.secret"


def keep_secret(folder: Path) -> bytes:
    """Return the secret of a state directory, made (mode 600) when there is none.  Raises EnvironmentUnfit."""
    path = folder / _FILE
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            fresh = path.with_suffix(f".{os.getpid()}.new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                stream.write(secrets.token_bytes(32))
            fresh.replace(path)
        return path.read_bytes()
    except OSError as err:
        raise EnvironmentUnfit(f"cannot keep {path}: {err.strerror}", advice="free space or remove it") from err


def host_key(secret: bytes, place: str, kind: str = "") -> Ed25519PrivateKey:
    """Return a console's key; `kind` `wrong` gives another one than is pinned."""
    seed = hmac.new(secret, f"{place}\0{kind}".encode(), hashlib.sha256).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def fingerprint(key: Ed25519PrivateKey) -> str:
    """Return `SHA256:…` over the public key in SSH's wire form (RFC 8709), as `ssh-keygen -l` prints it."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", raw))
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def openssh(key: Ed25519PrivateKey) -> bytes:
    """Return the private key in OpenSSH's form."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
