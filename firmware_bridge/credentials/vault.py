"""A small encrypted file of named credentials; site files refer to entries by name.

While a password is being changed an entry holds two: nothing that a crash interrupts loses the one that stands.

Several processes may change it: each change is made alone, under a lock file beside it.

AES-256-GCM per entry under a key file of mode 600, the entry's name bound in as associated data.  Refuses to read a key
that others can read, and never keeps a decrypted secret in `repr`.
"""

import base64
import fcntl
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

_NONCE_BYTES = 12
LOCK_WITHIN = 5.0  # s; a change takes milliseconds
_LOCK_LOOK = 0.01  # s
_PENDING = "#pending"  # no name has this character: a sealed secret cannot be moved between the two


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name with its secret; the secret stays out of `repr`."""

    user: str
    secret: str = field(repr=False)


class Vault:
    """Named credentials in one file of the state directory."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "credentials.json"
        self._key_file = directory / "credentials.key"
        self._lock_file = directory / "credentials.lock"

    def store(self, name: str, credential: Credential) -> None:
        """Encrypt and write one entry; write-then-rename, so a crash leaves the old file whole."""
        self.store_all({name: credential})

    def store_all(self, credentials: dict[str, Credential]) -> None:
        """Encrypt and write several entries in one rename."""
        with self._alone() as entries:
            for name, credential in credentials.items():
                entries[name] = {"user": credential.user, "sealed": self._seal(name, credential.secret)}

    def fetch(self, name: str) -> Credential:
        """Return one entry.  Raises EnvironmentUnfit when it is absent or does not open with the key."""
        entry = self._entries().get(name)
        if entry is None:
            raise EnvironmentUnfit(
                f"no credential named {name!r} in {self._file}", advice="store it with `rackwright credential set`"
            )
        return Credential(entry["user"], self._open(name, entry["sealed"]))

    def begin_change(self, name: str, current: Credential, secret: str, factory: bool = False) -> None:
        """Put a new secret beside the current one, in one rename: from then on the entry holds both."""
        with self._alone() as entries:
            entry = {"user": current.user, "sealed": self._seal(name, current.secret)}
            entry["pending"] = self._seal(f"{name}{_PENDING}", secret)
            entries[name] = entry | ({"factory": "yes"} if factory else {})

    def pending(self, name: str) -> Credential | None:
        """Return the second secret of an entry, None when it has none.  Raises as `fetch`."""
        entry = self._entries().get(name)
        if entry is None or "pending" not in entry:
            return None
        return Credential(entry["user"], self._open(f"{name}{_PENDING}", entry["pending"]))

    def promote(self, name: str) -> None:
        """Let the second secret take the first one's place, in one rename.  Raises EnvironmentUnfit without one."""
        with self._alone() as entries:
            pending = self.pending(name)
            if pending is None:
                raise EnvironmentUnfit(
                    f"credential {name!r} has no second secret", advice="look at the device before changing it again"
                )
            entries[name] = {"user": pending.user, "sealed": self._seal(name, pending.secret)}

    def drop_pending(self, name: str) -> None:
        """Forget the second secret."""
        with self._alone() as entries:
            entries.get(name, {}).pop("pending", None)

    def store_factory(self, name: str, credential: Credential) -> None:
        """Store a credential that the device came with: it opens, and has to be changed."""
        with self._alone() as entries:
            entries[name] = {"user": credential.user, "sealed": self._seal(name, credential.secret), "factory": "yes"}

    def is_factory(self, name: str) -> bool:
        """Return whether an entry was stored as one that the device came with."""
        return "factory" in self._entries().get(name, {})

    def unsettled(self) -> dict[str, str]:
        """Return the entries that must not stay as they are: `pending` holds two secrets, `factory` the device's."""
        entries = self._entries().items()
        states = {name: "pending" if "pending" in e else "factory" if "factory" in e else "" for name, e in entries}
        return {name: state for name, state in states.items() if state}

    def names(self) -> tuple[str, ...]:
        """Return the names of all entries."""
        return tuple(sorted(self._entries()))

    @contextmanager
    def _alone(self) -> Iterator[dict[str, dict[str, str]]]:
        """Give the entries to be changed, and write them when the block has ended well.  No other process between.

        Raises EnvironmentUnfit when the lock is not free within `LOCK_WITHIN`, or nothing can be written.
        """
        with _locked(self._lock_file):
            entries = self._entries()
            yield entries
            _write_private(self._file, json.dumps({"schema": 1, "entries": entries}, indent=1).encode())

    def _seal(self, name: str, secret: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + AESGCM(self._key()).encrypt(nonce, secret.encode(), name.encode())).decode()

    def _open(self, name: str, sealed: str) -> str:
        raw = base64.b64decode(sealed)
        try:
            return AESGCM(self._key()).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], name.encode()).decode()
        except InvalidTag as err:
            raise EnvironmentUnfit(
                f"credential {name!r} does not open with {self._key_file}", advice="restore the key that sealed it"
            ) from err

    def _entries(self) -> dict[str, dict[str, str]]:
        if not self._file.exists():
            return {}
        entries: dict[str, dict[str, str]] = json.loads(self._file.read_bytes())["entries"]
        return entries

    def _key(self) -> bytes:
        if not self._key_file.exists():
            _write_private(self._key_file, base64.b64encode(AESGCM.generate_key(256)))
        if self._key_file.stat().st_mode & 0o077:
            raise EnvironmentUnfit(f"{self._key_file} can be read by others", advice=f"chmod 600 {self._key_file}")
        return base64.b64decode(self._key_file.read_bytes())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    _make_private(path.parent)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as err:
        raise EnvironmentUnfit(f"cannot lock {path}: {err.strerror}", advice="fix permissions") from err
    try:
        until = time.monotonic() + LOCK_WITHIN
        while not _taken(handle):
            if time.monotonic() > until:
                raise EnvironmentUnfit(f"{path} is locked by another process", advice="end it, then try again")
            time.sleep(_LOCK_LOOK)
        yield
    finally:
        os.close(handle)  # which frees it


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_private(folder: Path) -> None:
    """Make a folder and the missing ones above it, each for its owner alone."""
    if not folder.exists():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _write_private(path: Path, content: bytes) -> None:
    _make_private(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except OSError as err:
        Path(name).unlink(missing_ok=True)
        raise EnvironmentUnfit(f"cannot write {path}: {err.strerror}", advice="free space or fix permissions") from err
