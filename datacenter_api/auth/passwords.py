"""Passwords: argon2id, one verification at a time, and a short memory of what was verified.  Never keeps a password."""

import asyncio
import hashlib
import hmac
import secrets
import time
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.units import Seconds

SHORTEST, LONGEST = 10, 256
REMEMBERED_FOR = Seconds(60.0)
MOST_WAITING = 16
_MOST_REMEMBERED = 1_000

# 19 MiB, 2 passes, 1 lane: the smallest setting OWASP lists for argon2id, because Basic clients come on every request.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a new password.  Raises ConfigurationError for one too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ConfigurationError(f"a password has {SHORTEST} to {LONGEST} characters, this one has {len(password)}")
    return _HASHER.hash(password)


class Verifier:
    """Checks passwords in a thread, one at a time; what was right is remembered for 60 s under a keyed digest."""

    def __init__(self) -> None:
        self._key, self._nobody = secrets.token_bytes(32), _nobody()
        self._right_until: dict[bytes, float] = {}
        self._turn = asyncio.Lock()
        self._waiting = 0

    @property
    def busy(self) -> bool:
        """Return whether so many wait that one more would only add to a flood."""
        return self._waiting >= MOST_WAITING

    def remembered(self, stored: str | None, user: str, password: str) -> bool:
        """Return whether this very password was verified against this very hash less than 60 s ago."""
        return (
            stored is not None and self._right_until.get(self._digest(stored, user, password), 0.0) > time.monotonic()
        )

    async def verify(self, stored: str | None, user: str, password: str) -> bool:
        """Return whether `password` fits `stored`.  An unknown user (None) costs the same work and is always wrong."""
        if self.remembered(stored, user, password):
            return True
        self._waiting += 1
        try:
            async with self._turn:
                right = await asyncio.to_thread(_fits, stored or self._nobody, password[:LONGEST])
        finally:
            self._waiting -= 1
        if right and stored is not None:
            self._remember(self._digest(stored, user, password))
        return right and stored is not None

    def _digest(self, stored: str, user: str, password: str) -> bytes:
        # The stored hash is part of it, so that a changed password is forgotten at once.
        return hmac.new(self._key, f"{stored}\0{user}\0{password}".encode(), hashlib.sha256).digest()

    def _remember(self, digest: bytes) -> None:
        now = time.monotonic()
        if len(self._right_until) >= _MOST_REMEMBERED:
            self._right_until = {d: until for d, until in self._right_until.items() if until > now}
        if len(self._right_until) < _MOST_REMEMBERED:
            self._right_until[digest] = now + REMEMBERED_FOR


@cache
def _nobody() -> str:
    """Return a hash that no password fits."""
    return _HASHER.hash(secrets.token_urlsafe(16))


def _fits(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False
