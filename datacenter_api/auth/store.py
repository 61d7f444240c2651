"""Accounts, sessions and the audit trail in one SQLite file, through SQLAlchemy Core.  Holds no password, no token."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

metadata = sa.MetaData()

accounts_table = sa.Table(
    "accounts",
    metadata,
    sa.Column("user", sa.String(64), primary_key=True),
    sa.Column("password_hash", sa.String(256), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False, default=True),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("changed_ns", sa.BigInteger, nullable=False),
)

sessions_table = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("user", sa.String(64), nullable=False, index=True),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("used_ns", sa.BigInteger, nullable=False),
)

audit_table = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("unix_ns", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("what", sa.String(64), nullable=False),
    sa.Column("target", sa.String(256), nullable=False),
    sa.Column("outcome", sa.String(64), nullable=False),
    sa.Column("detail", sa.String(512), nullable=False),
)


class Store:
    """The file `accounts.db` of a state directory.  Every method raises EnvironmentUnfit when the disk says no.

    Calls are short and rare (a login, a command), so they are made where they are needed, in the loop.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / "accounts.db"
        self._engine = _open(self._file)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield a connection in a transaction."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as err:
            raise EnvironmentUnfit(
                f"cannot use {self._file.name}: {_cause(err)}", advice="free space or fix permissions"
            ) from err

    def audit(self, actor: str, address: str, what: str, target: str, outcome: str, detail: str = "") -> None:
        """Write who did what to what, when and how it ended."""
        with self.begin() as connection:
            connection.execute(
                audit_table.insert().values(
                    unix_ns=time.time_ns(),
                    actor=actor[:64],
                    address=address[:64],
                    what=what[:64],
                    target=target[:256],
                    outcome=outcome[:64],
                    detail=detail[:512],
                )
            )

    def audited(self, limit: int) -> list[dict[str, str | int]]:
        """Return the newest audit lines, newest first."""
        with self.begin() as connection:
            rows = connection.execute(sa.select(audit_table).order_by(audit_table.c.id.desc()).limit(limit))
            return [dict(row._mapping) for row in rows]

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _open(file: Path) -> Engine:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        engine = sa.create_engine(f"sqlite:///{file}", connect_args={"timeout": 5, "check_same_thread": False})
        sa.event.listen(engine, "connect", _tune)
        metadata.create_all(engine)
    except OSError as err:
        raise EnvironmentUnfit(f"cannot write {file}: {err.strerror}", advice="choose another --state") from err
    except SQLAlchemyError as err:
        raise EnvironmentUnfit(f"cannot use {file}: {_cause(err)}", advice="free space or restore the file") from err
    return engine


def _tune(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _cause(err: SQLAlchemyError) -> str:
    return str(err.__cause__ or type(err).__name__)
