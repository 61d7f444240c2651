"""Accounts and sessions in one SQLite file, through SQLAlchemy Core, and the audit log beside it.  Holds no password,
no token.

The table `audit` is what was written before the log had a chain: it is read, and never written to again.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from datacenter_api.auth.before_the_chain import before_the_chain
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.audit_files import API_WRITER, AUDIT, kept_head, newest, writers
from rack_controller.audit_log import AuditLog, AuditStanding
from rack_controller.model.audit import Deed

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
    An audit line that the disk refuses does not: it waits.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / "accounts.db"
        self._engine = _open(self._file)
        self._folder = state / AUDIT
        self._before = before_the_chain(self._file)
        self._log = AuditLog(self._folder, API_WRITER, str(self._before))

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
        """Write who did what to what, when and how it ended.  Never fails: what the disk refuses waits (`standing`)."""
        self._log.write(Deed(time.time_ns(), actor, address, what, target, outcome, detail))

    def audited(self, limit: int, writer: str = API_WRITER) -> list[dict[str, str | int | bool]]:
        """Return the newest lines of a writer's log, newest first; those of before the chain say so.

        `id` counts over both: lines of before the chain first.  Raises ConfigurationError when a file cannot be read.
        """
        offset = self._before.lines if writer == API_WRITER else 0
        rows: list[dict[str, str | int | bool]] = [
            {**asdict(record), "id": offset + record.sequence, "chained": True}
            for record in newest(self._folder, writer, limit)
        ]
        if len(rows) < limit and offset:
            with self.begin() as connection:
                query = sa.select(audit_table).order_by(audit_table.c.id.desc()).limit(limit - len(rows))
                rows += [{**row._mapping, "chained": False} for row in connection.execute(query)]
        return rows

    @property
    def standing(self) -> AuditStanding:
        """How the audit log of this process stands: its head, and what waits for the disk."""
        return self._log.standing

    def standings(self) -> list[AuditStanding]:
        """How the audit logs of the state directory stand, this process's first."""
        others = [w for w in writers(self._folder) if w != API_WRITER]
        return [self.standing, *(AuditStanding(w, kept_head(self._folder / f"{w}.head")) for w in others)]

    def flush(self) -> None:
        """Write audit lines that wait for the disk, as far as it takes them."""
        self._log.flush()

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
