"""Processes that die: at a chosen moment everything stops, and nothing after it reaches the disk or a rack."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


class Killed(BaseException):
    """The process is gone: `finally` and `except` still run here, and do nothing any more."""


@dataclass
class Death:
    """Counts moments; dies at number `at` (the first is 1), or never where it is 0.  `seen`: what they were."""

    at: int = 0
    seen: list[str] = field(default_factory=list)
    is_dead: bool = False

    def moment(self, what: str) -> None:
        """Come to a moment.  Raises Killed at the chosen one and ever after."""
        if not self.is_dead:
            self.seen.append(what)
            self.is_dead = len(self.seen) == self.at
        if self.is_dead:
            raise Killed(what)

    def guarded(self, what: str, do: Callable[..., T], *, after: bool = False) -> Callable[..., T]:
        """Return something to do that comes to a moment before it is done, and to another one `after` it was."""

        def guarded(*given: Any, **named: Any) -> T:
            self.moment(what)
            done = do(*given, **named)
            if after:
                self.moment(f"{what}, done")
            return done

        return guarded


def dies_writing(monkeypatch: pytest.MonkeyPatch, death: Death, *, but: tuple[str, ...] = ("now.json",)) -> None:
    """Have every write of a file come to moments: content on its way to the disk, renamed, removed.

    `but`: files whose writes are no moments of their own.
    """
    fsync, replace, unlink = os.fsync, Path.replace, Path.unlink

    def synced(handle: int) -> None:
        death.moment("fsync")
        fsync(handle)

    def replaced(path: Path, target: Path) -> Path:
        if death.is_dead or Path(target).name not in but:
            death.moment(f"rename to {Path(target).name}")
        return replace(path, target)

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        if death.is_dead or path.name not in but:
            death.moment(f"remove {path.name}")
        unlink(path, missing_ok)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    monkeypatch.setattr(Path, "unlink", unlinked)
