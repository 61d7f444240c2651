"""The rack controller's journal: what must survive a power cut.  SQLite, WAL, every commit synced to disk."""

import contextlib
import json
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

LOCKED_S = 0.25  # nobody else writes here; who does must not hold an interlock up
SEQUENCE_BLOCK = 3600  # frames; one commit an hour and rack instead of one a second
TABLES_KEPT = 64  # per rack; frames in the stream are younger than the oldest of them

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sequence (rack TEXT PRIMARY KEY, reserved_to INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS policy (
    kind TEXT NOT NULL, selector TEXT NOT NULL, document TEXT NOT NULL, actor TEXT NOT NULL, active_ns INTEGER NOT NULL,
    PRIMARY KEY (kind, selector));
CREATE TABLE IF NOT EXISTS command (
    id TEXT PRIMARY KEY, received_ns INTEGER NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL, target TEXT NOT NULL,
    arguments TEXT NOT NULL, outcome TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS series_table (
    rack TEXT NOT NULL, table_id INTEGER NOT NULL, body BLOB NOT NULL, made_ns INTEGER NOT NULL,
    PRIMARY KEY (rack, table_id));
CREATE TABLE IF NOT EXISTS kept (
    kind TEXT NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, key));
CREATE TABLE IF NOT EXISTS fence (rack TEXT PRIMARY KEY, epoch INTEGER NOT NULL, operations INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS operation (
    id TEXT PRIMARY KEY, rack TEXT NOT NULL, number INTEGER NOT NULL, open INTEGER NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS effect (
    key TEXT NOT NULL, attempt INTEGER NOT NULL, rack TEXT NOT NULL, operation TEXT NOT NULL, state TEXT NOT NULL,
    document TEXT NOT NULL, PRIMARY KEY (key, attempt));
CREATE INDEX IF NOT EXISTS effect_of_operation ON effect (operation);
"""


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """One command as it was received, and what became of it."""

    id: str
    received_ns: int
    actor: str
    verb: str
    target: str
    arguments: dict[str, object]
    outcome: str


class Journal:
    """One file; used from the loop's thread (a commit takes about 0.2 ms)."""

    def __init__(self, path: Path) -> None:
        self._epochs: dict[str, int] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=LOCKED_S)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as err:
            raise EnvironmentUnfit(
                f"cannot open the journal {path}: {err}", advice="free disk space or fix permissions"
            ) from err

    def reserve_sequence(self, rack: str) -> int:
        """Reserve the next block of frame numbers and return its first.

        After a crash the numbers go on at the next block: they never repeat, and a gap at a block's edge is a restart.
        """
        try:
            row = self._db.execute("SELECT reserved_to FROM sequence WHERE rack = ?", (rack,)).fetchone()
        except sqlite3.Error as err:
            raise EnvironmentUnfit(f"the journal cannot be read: {err}", advice="restore it or free space") from err
        first = int(row[0]) if row else 0
        self._write(
            "INSERT INTO sequence VALUES (?, ?) ON CONFLICT (rack) DO UPDATE SET reserved_to = excluded.reserved_to",
            (rack, first + SEQUENCE_BLOCK),
        )
        return first

    def keep_table(self, rack: str, table_id: int, body: bytes, now_ns: int) -> None:
        """Keep an encoded series table, so that frames said under it can be explained after a restart.

        The newest `TABLES_KEPT` of a rack are kept; one that comes back counts as new.
        """
        self._write(
            "INSERT OR REPLACE INTO series_table VALUES (?, ?, ?, ?)",
            (rack, table_id, zlib.compress(body, 1), now_ns),
        )
        self._write(
            "DELETE FROM series_table WHERE rack = ? AND table_id NOT IN "
            "(SELECT table_id FROM series_table WHERE rack = ? ORDER BY made_ns DESC LIMIT ?)",
            (rack, rack, TABLES_KEPT),
        )

    def table(self, rack: str, table_id: int) -> bytes | None:
        """Return a table as it was encoded, None when it was never said here or is no longer kept."""
        query = "SELECT body FROM series_table WHERE rack = ? AND table_id = ?"
        try:
            row = self._db.execute(query, (rack, table_id)).fetchone()
            return zlib.decompress(row[0]) if row else None
        except (sqlite3.Error, zlib.error, OverflowError) as err:
            raise EnvironmentUnfit(f"the journal cannot be read: {err}", advice="restore it or free space") from err

    def record_command(self, record: CommandRecord) -> None:
        """Write down a command and its outcome.  The same id again replaces the outcome."""
        self._write(
            "INSERT INTO command VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome",
            (
                record.id,
                record.received_ns,
                record.actor,
                record.verb,
                record.target,
                json.dumps(record.arguments, sort_keys=True, default=str),
                record.outcome,
            ),
        )

    def outcome_of(self, command_id: str) -> str | None:
        """Return what became of a command, None when it was never received here."""
        try:
            row = self._db.execute("SELECT outcome FROM command WHERE id = ?", (command_id,)).fetchone()
        except sqlite3.Error as err:
            raise EnvironmentUnfit(f"the journal cannot be read: {err}", advice="restore it or free space") from err
        return str(row[0]) if row else None

    def activate_policy(self, kind: str, selector: str, document: str, actor: str, now_ns: int) -> None:
        """Make `document` the active policy of its kind and selector."""
        self._write(
            "INSERT INTO policy VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, selector) DO UPDATE SET "
            "document = excluded.document, actor = excluded.actor, active_ns = excluded.active_ns",
            (kind, selector, document, actor, now_ns),
        )

    def retire_policy(self, kind: str, selector: str) -> None:
        """Let a policy be active no longer."""
        self._write("DELETE FROM policy WHERE kind = ? AND selector = ?", (kind, selector))

    def policies_of(self, kind: str) -> list[tuple[str, str, str, int]]:
        """Return the active policies of a kind: selector, document, by whom and since when, the newest last."""
        query = "SELECT selector, document, actor, active_ns FROM policy WHERE kind = ? ORDER BY active_ns"
        return [(str(s), str(d), str(a), int(str(n))) for s, d, a, n in self.rows(query, (kind,))]

    def active_policies(self) -> dict[tuple[str, str], str]:
        """Return the active policies by kind and selector."""
        rows = self._db.execute("SELECT kind, selector, document FROM policy").fetchall()
        return {(str(k), str(s)): str(d) for k, s, d in rows}

    def keep(self, kind: str, key: str, document: str) -> None:
        """Keep one document; another one of the same kind and key is replaced."""
        self._write(
            "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document",
            (kind, key, document),
        )

    def drop(self, kind: str, key: str) -> None:
        """Forget one document."""
        self._write("DELETE FROM kept WHERE kind = ? AND key = ?", (kind, key))

    def kept(self, kind: str) -> dict[str, str]:
        """Return every document of a kind by its key."""
        try:
            rows = self._db.execute("SELECT key, document FROM kept WHERE kind = ?", (kind,)).fetchall()
        except sqlite3.Error as err:
            raise EnvironmentUnfit(f"the journal cannot be read: {err}", advice="restore it or free space") from err
        return {str(key): str(document) for key, document in rows}

    def take_over(self, rack: str) -> int:
        """Return the epoch of this opening of the file for a rack: one more than whoever had it before, taken once.

        All that one process writes about a rack carries the same epoch; a predecessor's is older (see `run/operate`).
        """
        if rack not in self._epochs:
            self.transact(
                [("INSERT INTO fence VALUES (?, 1, 0) ON CONFLICT (rack) DO UPDATE SET epoch = epoch + 1", (rack,))]
            )
            ((epoch,),) = self.rows("SELECT epoch FROM fence WHERE rack = ?", (rack,))
            self._epochs[rack] = int(str(epoch))
        return self._epochs[rack]

    def transact(self, statements: Sequence[tuple[str, tuple[object, ...]]]) -> list[int]:
        """Do all of `statements` or none, synced to disk when it returns; return how many rows each touched.

        Raises EnvironmentUnfit: full disk, failed sync, locked file.  Nothing of it was done then, as far as is known.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            touched = [self._db.execute(text, values).rowcount for text, values in statements]
            self._db.execute("COMMIT")
        except sqlite3.Error as err:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise EnvironmentUnfit(
                f"the journal refused a write: {err}", advice="free disk space, or end what holds the file"
            ) from err
        return touched

    def rows(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Return what a query finds.  Raises EnvironmentUnfit."""
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as err:
            raise EnvironmentUnfit(f"the journal cannot be read: {err}", advice="restore it or free space") from err

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as err:
            raise EnvironmentUnfit(f"the journal refused a write: {err}", advice="free disk space") from err
