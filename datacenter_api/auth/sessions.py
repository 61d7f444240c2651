"""Login sessions: random 256-bit tokens of which only the SHA-256 is kept; idle and absolute limits, a cap per user."""

import hashlib
import secrets
import time
from dataclasses import dataclass

from datacenter_api.auth.store import Store, sessions_table
from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.units import UnixNanoseconds

IDLE_NS = 30 * 60 * 1_000_000_000
ABSOLUTE_NS = 12 * 3600 * 1_000_000_000
MOST_PER_USER = 16
_WRITE_USE_EVERY_NS = 60 * 1_000_000_000
_ID_LENGTH = 16


@dataclass(slots=True)
class Session:
    """One login.  Times are Unix ns; `id` may be shown, it opens nothing."""

    id: str
    user: str
    address: str
    created_ns: int
    used_ns: int
    written_ns: int = 0
    dropped: bool = False

    def over(self, now: UnixNanoseconds) -> bool:
        """Return whether the session idled too long or is too old."""
        return now - self.used_ns > IDLE_NS or now - self.created_ns > ABSOLUTE_NS

    @property
    def ends_ns(self) -> int:
        """Return when the session ends if nobody uses it again."""
        return min(self.used_ns + IDLE_NS, self.created_ns + ABSOLUTE_NS)


class Sessions:
    """All sessions by the hash of their token, in memory and written through; use is written once a minute."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_hash: dict[str, Session] = {}
        now = _now()
        with store.begin() as connection:
            for row in connection.execute(sessions_table.select()):
                session = Session(row.id, row.user, row.address, row.created_ns, row.used_ns, row.used_ns)
                if not session.over(now):
                    self._by_hash[row.token_hash] = session
        self._forget_ended()

    def open(self, user: str, address: str) -> tuple[str, Session]:
        """Begin a session and return its token, which nobody can ask for again.  Over the cap the oldest ends."""
        self._forget_ended()
        mine = sorted((s.used_ns, key) for key, s in self._by_hash.items() if s.user == user)
        for _, key in mine[: max(0, len(mine) - MOST_PER_USER + 1)]:
            self._drop([key])
        token, now = secrets.token_urlsafe(32), _now()
        session = Session(secrets.token_hex(_ID_LENGTH // 2), user, address, now, now, now)
        key = _hash(token)
        with self._store.begin() as connection:
            connection.execute(
                sessions_table.insert().values(
                    id=session.id, token_hash=key, user=user, address=address[:64], created_ns=now, used_ns=now
                )
            )
        self._by_hash[key] = session
        return token, session

    def use(self, token: str) -> Session | None:
        """Return the session of `token` and count this as use; None when there is none or it has ended."""
        key = _hash(token)
        session = self._by_hash.get(key)
        if session is None:
            return None
        now = _now()
        if session.over(now):
            self._drop([key])
            return None
        session.used_ns = now
        if now - session.written_ns > _WRITE_USE_EVERY_NS:
            session.written_ns = now
            with self._store.begin() as connection:
                table = sessions_table
                connection.execute(table.update().where(table.c.id == session.id).values(used_ns=now))
        return session

    def alive(self, session: Session) -> bool:
        """Return whether a session that was given out before still stands (for connections that stay open)."""
        return not session.dropped and not session.over(_now())

    def all(self, user: str | None = None) -> list[Session]:
        """Return the sessions of one user (None: everybody), newest first."""
        self._forget_ended()
        chosen = [s for s in self._by_hash.values() if user is None or s.user == user]
        return sorted(chosen, key=lambda s: -s.created_ns)

    def close(self, session_id: str, user: str | None = None) -> Session:
        """End one session, of `user` only when given.  Raises TargetUnknown."""
        for key, session in self._by_hash.items():
            if session.id == session_id and user in (None, session.user):
                self._drop([key])
                return session
        raise TargetUnknown(f"no session {session_id!r}")

    def close_all(self, user: str) -> None:
        """End every session of a user: after a change of password, role or state."""
        self._drop([key for key, s in self._by_hash.items() if s.user == user])

    def _forget_ended(self) -> None:
        now = _now()
        self._drop([key for key, s in self._by_hash.items() if s.over(now)])
        with self._store.begin() as connection:
            connection.execute(sessions_table.delete().where(sessions_table.c.used_ns < now - IDLE_NS - ABSOLUTE_NS))

    def _drop(self, keys: list[str]) -> None:
        if not keys:
            return
        with self._store.begin() as connection:
            connection.execute(sessions_table.delete().where(sessions_table.c.token_hash.in_(keys)))
        for key in keys:
            self._by_hash.pop(key).dropped = True


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _now() -> UnixNanoseconds:
    return UnixNanoseconds(time.time_ns())
