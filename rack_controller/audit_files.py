"""The files of audit logs: which belong together, their lines, their newest records, their heads.  Changes no log."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.decide.audit_chain import Line, lines_of
from rack_controller.model.audit import AuditRecord, Head, canonical, read_line

SUFFIX = ".jsonl"
AUDIT = "audit"
"""The folder of audit logs in a state directory."""
API_WRITER = "api"
"""Whose log the API's is."""


def writers(folder: Path) -> list[str]:
    """Return whose logs are in a folder."""
    found = {file.name.split(".")[0] for pattern in (f"*{SUFFIX}", "*.head") for file in folder.glob(pattern)}
    return sorted(found)


def segments(folder: Path, writer: str) -> list[Path]:
    """Return the files of a log, the oldest first; the last is the one that is written to, if it is there."""
    newest = folder / f"{writer}{SUFFIX}"
    older = sorted(file for file in folder.glob(f"{writer}.*{SUFFIX}") if file != newest)
    return [*older, newest] if newest.exists() else older


def read_chain(folder: Path, writer: str) -> tuple[list[Line], Head]:
    """Return all lines of a log and the head that was kept beside it, both of the same moment.

    Raises ConfigurationError when a file cannot be read.
    """
    with _at_rest(folder / f"{writer}.lock"):
        lines = [line for file in segments(folder, writer) for line in read_lines(file)]
        return lines, kept_head(folder / f"{writer}.head")


def read_lines(file: Path) -> list[Line]:
    """Return the lines of one file.  Raises ConfigurationError when it cannot be read."""
    try:
        return lines_of(file.name, file.read_bytes())
    except OSError as err:
        raise ConfigurationError(
            f"cannot read {file}: {err.strerror}", advice="name the file of an audit log, or --state DIR"
        ) from err


def newest(folder: Path, writer: str, limit: int) -> list[AuditRecord]:
    """Return the newest records, newest first; what is no record is left out (`verify` tells of it).

    Raises ConfigurationError when a file cannot be read.
    """
    records: list[AuditRecord] = []
    for file in reversed(segments(folder, writer)):
        for line in reversed(read_lines(file)):
            if len(records) >= limit:
                return records
            with contextlib.suppress(ValueError):
                records.append(read_line(line.text))
    return records


def last_record(folder: Path, writer: str) -> tuple[AuditRecord | None, bytes, bool]:
    """Return the last record, the bytes after it, and whether the newest file ends with the end of a line.

    Raises OSError.
    """
    after, ended = b"", True
    for file in reversed(segments(folder, writer)):
        content = file.read_bytes()
        if file.name == f"{writer}{SUFFIX}":
            ended = content.endswith(b"\n") or not content
        lines = content.removesuffix(b"\n").split(b"\n") if content else []
        for number in range(len(lines) - 1, -1, -1):
            with contextlib.suppress(ValueError):
                record = read_line(lines[number])
                return record, _joined([*lines[number + 1 :], after] if after else lines[number + 1 :]), ended
        after = _joined([*lines, after] if after else lines)
    return None, after, ended


def first_number(file: Path) -> int:
    """Return the number of a file's first record, 0 when it holds none.  Raises OSError."""
    for line in lines_of(file.name, file.read_bytes()):
        with contextlib.suppress(ValueError):
            return read_line(line.text).sequence
    return 0


def kept_head(file: Path) -> Head:
    """Return the head that was kept in a file; that of an empty chain when there is none, or nobody can read it."""
    try:
        content = json.loads(file.read_bytes())
        return Head(int(content["sequence"]), str(content["hash"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Head()


def keep_head(file: Path, head: Head) -> None:
    """Keep a head, replaced as a whole but not synced: an older one only proves less.  Raises OSError."""
    draft = file.with_suffix(".new")
    with draft.open("wb") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(canonical(asdict(head)) + b"\n")
    draft.replace(file)


def _joined(lines: list[bytes]) -> bytes:
    return b"\n".join(lines)


@contextlib.contextmanager
def _at_rest(lock: Path) -> Iterator[None]:
    """Hold writers off while their files are read; who may not open the lock reads as it is."""
    try:
        handle = os.open(lock, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)
