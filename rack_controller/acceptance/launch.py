"""A run goes on in a process of its own, which outlives whoever started it; one process at a time has a run."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.rest import TOKEN_VARIABLE
from rack_controller.acceptance.run import FOLDER, RECORD, RunFolder, runs_in

LOCK, LOG, STARTED = "lock", "runner.log", "started"
STARTS_WITHIN_S = 10.0
"""How long a process that was started has until it has its run."""


def start(state: Path, run_id: str, token: str = "") -> int:
    """Start the process that goes on with a run, and return its pid; it writes to `runner.log` of the run's folder.

    `token`: a login of whoever began the run, for a rack that runs.  A run that another process has is left alone: the
    new process ends at once.  Raises EnvironmentUnfit when no process can be started.
    """
    folder = state / FOLDER / run_id
    environment = {**os.environ, TOKEN_VARIABLE: token} if token else dict(os.environ)
    command = [sys.executable, "-m", "rack_controller.acceptance", str(state), run_id]
    try:
        (folder / STARTED).touch()
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
    except OSError as err:
        raise EnvironmentUnfit(f"the run cannot be started: {err}", advice="see what the machine lacks") from err
    return process.pid


def unfinished(state: Path) -> list[RunFolder]:
    """Return the runs that no process has and that are not sealed, of racks together the leading one: to be started.

    Of several runs of one rack that runs it is the one that goes on, else the newest: the others are left as they are.
    One that has its outcome needs its rack no more, and is only to be sealed.  One that cannot be read, and racks
    together whose beginning was cut, are nobody's.
    """
    found = list(_unsealed(state))
    ours = [(folder, record) for folder, record in found if not is_running(folder.path)]
    had = {r.rack for f, r in found if r.rig == "live" and r.outcome is None and is_running(f.path)}
    chosen: dict[Path, RunFolder] = {}
    for folder, record in sorted(ours, key=lambda one: (one[1].outcome is None, one[1].began_unix_ns), reverse=True):
        first = leading(folder)
        needs_none = record.rig == "virtual" or record.outcome is not None
        racks = set() if needs_none else set(record.together.values()) or {record.rack}
        if first.path not in chosen and not racks & had:
            chosen[first.path] = first
            had |= racks
    return list(chosen.values())


def _unsealed(state: Path) -> Iterator[tuple[RunFolder, RunRecord]]:
    for folder in runs_in(state):
        try:
            if not folder.is_sealed and (leading(folder).path / RECORD).is_file():
                yield folder, folder.read()
        except ConfigurationError:
            continue


def leading(folder: RunFolder) -> RunFolder:
    """Return the run that leads those of racks together, itself where its rack is by itself."""
    return next((RunFolder(folder.path.with_name(run)) for run in folder.read().together), folder)


def members(folder: RunFolder) -> list[RunFolder]:
    """Return the runs of all racks that are accepted together with a run's rack, the leading one first, or it alone."""
    return [RunFolder(folder.path.with_name(run)) for run in folder.read().together] or [folder]


def is_starting(folder: Path) -> bool:
    """Return whether a process was started for a run just now and has not got it yet."""
    try:
        return time.time() - (folder / STARTED).stat().st_mtime < STARTS_WITHIN_S
    except FileNotFoundError:
        return False


def is_running(folder: Path) -> bool:
    """Return whether a process has a run."""
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Have a run for this process alone; the kernel lets go of it whatever happens.  Raises EnvironmentUnfit."""
    try:
        with (folder / LOCK).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (folder / STARTED).unlink(missing_ok=True)
            yield
    except BlockingIOError as err:
        raise EnvironmentUnfit(f"another process has the run {folder.name}", advice="leave it to that one") from err
