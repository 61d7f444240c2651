"""What else goes wrong while controllers die: a journal that refuses, a newer version that takes over in between."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from support.fake_power import Death, DyingJournal

REFUSALS = 3  # commits that are refused one after the other, where any is
Statements = Sequence[tuple[str, tuple[object, ...]]]


@dataclass
class Weather:
    """`jumps_s`: how far the wall clock jumps at each death.  `refuses_at`: the commit that is refused first, counted
    over all lives once the operation runs; `unsure`: what was refused last is on the disk all the same when the
    process dies before it wrote anything else (a sync that failed).  `locked`: somebody else holds the file.
    `between`: done to the journal's file at each death.
    """

    jumps_s: float = 0.0
    refuses_at: int | None = None
    unsure: bool = False
    locked: bool = False
    between: Callable[[Path], None] = lambda _path: None
    commits: int = 0
    came_back: int = 0  # how often a refused commit was there after a death
    left: Statements = ()

    def journal(self, path: Path, death: Death) -> DyingJournal:
        return DyingJournal(path, death) if self.refuses_at is None else RefusingJournal(path, death, self)

    def pass_over(self, path: Path) -> None:
        """Let happen what happens to the file when a controller has died."""
        if self.unsure and self.left:
            with closing(sqlite3.connect(path)) as database, database:
                for text, values in self.left:
                    database.execute(text, values)
            self.came_back += 1
        self.left = ()
        self.between(path)


class RefusingJournal(DyingJournal):
    """A journal that refuses some commits."""

    def __init__(self, path: Path, death: Death, weather: Weather) -> None:
        super().__init__(path, death)
        self._path, self._weather = path, weather
        self._db.execute("PRAGMA busy_timeout=0")

    def transact(self, statements: Statements) -> list[int]:
        weather = self._weather
        if statements[0][0].startswith("INSERT INTO fence"):
            return super().transact(statements)  # without it nobody begins: the supervisor starts it once more
        weather.commits += 1
        first = weather.refuses_at or 0
        if first <= weather.commits < first + REFUSALS:
            self._death.pass_by()
            if weather.locked:
                return self._against_a_lock(statements)
            weather.left = statements
            raise EnvironmentUnfit("the journal refused a write: on purpose")
        touched = super().transact(statements)
        weather.left = ()
        return touched

    def _against_a_lock(self, statements: Statements) -> list[int]:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            return super().transact(statements)


def upgrade(path: Path) -> None:
    """Leave the journal as a later version would: documents say more than this one knows."""
    with closing(sqlite3.connect(path)) as database, database:
        for table in ("operation", "effect"):
            for row, document in database.execute(f"SELECT rowid, document FROM {table}").fetchall():
                said = {**json.loads(document), "said_by_a_later_version": {"unknown": [1, None]}}
                database.execute(f"UPDATE {table} SET document = ? WHERE rowid = ?", (json.dumps(said), row))
