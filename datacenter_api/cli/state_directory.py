"""The one directory that holds everything of a running site: who may use it, and what lies where."""

import errno
import fcntl
import json
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

LEAST_FREE_BYTES = 256 * 1024 * 1024
DEFAULT_NAME = ".rackwright"
OTHER_STATE = "choose another directory with --state DIR"
OTHER_READY_FILE = "choose another --ready-file PATH"


def default_state() -> Path:
    """Return `$RACKWRIGHT_STATE`, or `.rackwright` in the current folder."""
    return Path(os.environ.get("RACKWRIGHT_STATE", DEFAULT_NAME)).absolute()


@dataclass(frozen=True, slots=True)
class StatePaths:
    """What lies where below the state directory."""

    root: Path

    @property
    def nats(self) -> Path:
        """The bus's folder: configuration, seeds, store, url."""
        return self.root / "nats"

    @property
    def site(self) -> Path:
        """The site file that the controller reads."""
        return self.root / "site.yaml"

    @property
    def site_name(self) -> Path:
        """A text file with the site's name, for processes that read no site file."""
        return self.root / "site-name"

    @property
    def logs(self) -> Path:
        """One log file per child."""
        return self.root / "logs"

    @property
    def ready(self) -> Path:
        """Written when every rack is live."""
        return self.root / "ready.json"

    @property
    def server(self) -> Path:
        """Written as soon as the API serves: where it is and how to trust it.  The commands look here."""
        return self.root / "server.json"

    @property
    def authority(self) -> Path:
        """The certificate authority's certificate."""
        return self.root / "tls" / "ca.pem"


class StateLock:
    """Holds the directory for one supervisor; the kernel lets go of it whatever happens to us."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        """Create the directory and lock it.  Raises EnvironmentUnfit: unwritable, full, or in use (by which pid)."""
        try:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = (self._root / "lock").open("a+")
        except OSError as err:
            raise _unfit(self._root, err) from err
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise EnvironmentUnfit(
                f"state directory {self._root} is in use by pid {holder}",
                advice="stop that one, or choose another with --state DIR",
            ) from err
        try:
            self._file.truncate(0)
            self._file.write(f"{os.getpid()}\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as err:
            self._file.close()
            raise _unfit(self._root, err) from err
        check_space(self._root)
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        """Let go."""
        if self._file is not None:
            self._file.close()


def check_space(root: Path) -> None:
    """Raises EnvironmentUnfit when the disk below `root` has too little room for stream and journal."""
    free = shutil.disk_usage(root).free
    if free < LEAST_FREE_BYTES:
        raise EnvironmentUnfit(
            f"{root} has {free // 2**20} MiB free, {LEAST_FREE_BYTES // 2**20} MiB are needed",
            advice="free disk space, or choose another directory with --state DIR",
        )


def check_port(host: str, port: int) -> None:
    """Raises EnvironmentUnfit when somebody already listens there, or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as err:
            what = "port in use" if err.errno == errno.EADDRINUSE else str(err.strerror)
            raise EnvironmentUnfit(
                f"cannot listen on {host}:{port}: {what}", advice="choose another with --listen HOST:PORT"
            ) from err


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check_ready_file(path: Path) -> None:
    """Raises EnvironmentUnfit when a ready file could not be written there later; leaves nothing behind."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        draft = _draft(path)
        draft.touch()
        draft.unlink()
    except OSError as err:
        raise _unfit(path, err, OTHER_READY_FILE) from err


def write_json(path: Path, content: dict[str, object], otherwise: str = OTHER_STATE) -> None:
    """Write-then-rename, so that a reader sees the old file or the whole new one.

    Raises EnvironmentUnfit, whose advice ends with `otherwise`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft(path)
        draft.write_text(json.dumps(content, indent=1) + "\n")
        draft.replace(path)
    except OSError as err:
        raise _unfit(path, err, otherwise) from err


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _unfit(path: Path, err: OSError, otherwise: str = OTHER_STATE) -> EnvironmentUnfit:
    full = err.errno == errno.ENOSPC
    advice = "free disk space" if full else f"fix its permissions, or {otherwise}"
    return EnvironmentUnfit(f"cannot write {path}: {err.strerror}", advice=advice)
