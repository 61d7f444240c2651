"""The audit lines that were written before the log had a chain: counted and hashed, so that they stay as they were."""

import contextlib
import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.model.audit import canonical

_COLUMNS = ("id", "unix_ns", "actor", "address", "what", "target", "outcome", "detail")


@dataclass(frozen=True, slots=True)
class BeforeTheChain:
    """How many lines there are, and the SHA-256 over all of them as canonical JSON, one a line."""

    lines: int
    sha256: str

    def __str__(self) -> str:
        """Return what the first record of the chain says about them."""
        return f"{self.lines} lines before the chain, sha256 {self.sha256}" if self.lines else ""


def before_the_chain(accounts: Path, most: int | None = None) -> BeforeTheChain:
    """Return what stands in `accounts.db`; the first `most` lines only when that is given.

    Raises ConfigurationError when the file is there and cannot be read.
    """
    if not accounts.exists():
        return BeforeTheChain(0, hashlib.sha256().hexdigest())
    query = f"SELECT {', '.join(_COLUMNS)} FROM audit ORDER BY id LIMIT ?"
    said, lines = hashlib.sha256(), 0
    try:
        with contextlib.closing(sqlite3.connect(f"file:{accounts}?mode=ro", uri=True)) as database:
            for row in database.execute(query, (-1 if most is None else most,)):
                said.update(canonical(dict(zip(_COLUMNS, row, strict=True))) + b"\n")
                lines += 1
    except sqlite3.Error as err:
        if "no such table" in str(err):
            return BeforeTheChain(0, hashlib.sha256().hexdigest())
        raise ConfigurationError(f"cannot read {accounts}: {err}", advice="restore it from a copy") from err
    return BeforeTheChain(lines, said.hexdigest())
