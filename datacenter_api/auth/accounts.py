"""Who may come in, and as what.  The last enabled admin can neither be removed nor demoted."""

import os
import re
import secrets
import time
from dataclasses import dataclass, replace
from pathlib import Path

from datacenter_api.auth.passwords import hash_password
from datacenter_api.auth.store import Store, accounts_table
from firmware_bridge.vocabulary.errors import CommandRefused, ConfigurationError, PreconditionFailed, TargetUnknown
from rack_controller.model.roles import Role

FIRST_ADMIN = "admin"
_USER = re.compile(r"[a-z][a-z0-9_.-]{0,31}")


@dataclass(frozen=True, slots=True)
class Account:
    """One account; the hash stays inside `Accounts`."""

    user: str
    role: Role
    enabled: bool
    created_ns: int
    changed_ns: int


class Accounts:
    """All accounts, kept in memory and written through."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._accounts: dict[str, Account] = {}
        self._hashes: dict[str, str] = {}
        with store.begin() as connection:
            for row in connection.execute(accounts_table.select()):
                account = Account(row.user, Role(row.role), row.enabled, row.created_ns, row.changed_ns)
                self._accounts[row.user], self._hashes[row.user] = account, row.password_hash

    def __len__(self) -> int:
        return len(self._accounts)

    def all(self) -> list[Account]:
        """Return every account by name."""
        return [self._accounts[user] for user in sorted(self._accounts)]

    def get(self, user: str) -> Account:
        """Return one account.  Raises TargetUnknown."""
        account = self._accounts.get(user)
        if account is None:
            raise TargetUnknown(f"no account {user!r}")
        return account

    def enabled(self, user: str) -> Account | None:
        """Return the account if it exists and is enabled."""
        account = self._accounts.get(user)
        return account if account is not None and account.enabled else None

    def password_hash(self, user: str) -> str | None:
        """Return what a password of `user` is verified against, None for an unknown or disabled account."""
        return self._hashes.get(user) if self.enabled(user) else None

    def create(self, user: str, password: str, role: Role) -> Account:
        """Add an account.  Raises ConfigurationError for a bad name or password, CommandRefused when it exists."""
        if not _USER.fullmatch(user):
            raise ConfigurationError(f"user name {user!r}: expected 1 to 32 of a-z 0-9 _ . -, beginning with a letter")
        if user in self._accounts:
            raise CommandRefused(f"account {user!r} exists already")
        now = time.time_ns()
        self._write(Account(user, role, True, now, now), hash_password(password))
        return self._accounts[user]

    def change(
        self, user: str, *, password: str | None = None, role: Role | None = None, enabled: bool | None = None
    ) -> Account:
        """Change what is given.  Raises TargetUnknown, PreconditionFailed (last admin) or ConfigurationError."""
        before = self.get(user)
        after = replace(
            before,
            role=before.role if role is None else role,
            enabled=before.enabled if enabled is None else enabled,
            changed_ns=time.time_ns(),
        )
        if not (after.enabled and after.role is Role.ADMIN):
            self._keep_an_admin(before)
        self._write(after, hash_password(password) if password is not None else self._hashes[user])
        return after

    def remove(self, user: str) -> None:
        """Delete an account.  Raises TargetUnknown or PreconditionFailed (last admin)."""
        self._keep_an_admin(self.get(user))
        with self._store.begin() as connection:
            connection.execute(accounts_table.delete().where(accounts_table.c.user == user))
        del self._accounts[user], self._hashes[user]

    def _keep_an_admin(self, leaving: Account) -> None:
        others = [a for a in self._accounts.values() if a.enabled and a.role is Role.ADMIN and a.user != leaving.user]
        if leaving.enabled and leaving.role is Role.ADMIN and not others:
            raise PreconditionFailed(f"{leaving.user} is the last admin", advice="make another admin first")

    def _write(self, account: Account, password_hash: str) -> None:
        values = {
            "password_hash": password_hash,
            "role": account.role.value,
            "enabled": account.enabled,
            "created_ns": account.created_ns,
            "changed_ns": account.changed_ns,
        }
        table = accounts_table
        with self._store.begin() as connection:
            changed = connection.execute(table.update().where(table.c.user == account.user).values(**values))
            if changed.rowcount == 0:
                connection.execute(table.insert().values(user=account.user, **values))
        self._accounts[account.user], self._hashes[account.user] = account, password_hash


def ensure_admin(state: Path) -> tuple[str, str | None]:
    """Make the first admin when there is no account yet; return its name and, once, a password that was made up.

    RACKWRIGHT_ADMIN_PASSWORD sets the password instead; it is then not returned.  Raises EnvironmentUnfit or, for
    a password too short, ConfigurationError.
    """
    store = Store(state)
    try:
        accounts = Accounts(store)
        if len(accounts):
            return FIRST_ADMIN, None
        given = os.environ.get("RACKWRIGHT_ADMIN_PASSWORD")
        password = given or "-".join(secrets.token_hex(2) for _ in range(5))
        accounts.create(FIRST_ADMIN, password, Role.ADMIN)
        store.audit("system", "local", "account.create", FIRST_ADMIN, "ok", "first admin")
        return FIRST_ADMIN, None if given else password
    finally:
        store.close()
