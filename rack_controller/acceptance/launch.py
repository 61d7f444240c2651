"""A run goes on in a process of its own, which outlives whoever started it; one process at a time has a run."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.acceptance.rest import TOKEN_VARIABLE
from rack_controller.acceptance.run import FOLDER, RunFolder, runs_in

LOCK, LOG = "lock", "runner.log"


def start(state: Path, run_id: str, token: str = "") -> int:
    """Start the process that goes on with a run, and return its pid; it writes to `runner.log` of the run's folder.

    `token`: a login of whoever began the run, for a rack that runs.  A run that another process has is left alone: the
    new process ends at once.  Raises EnvironmentUnfit when no process can be started.
    """
    folder = state / FOLDER / run_id
    environment = {**os.environ, TOKEN_VARIABLE: token} if token else dict(os.environ)
    command = [sys.executable, "-m", "rack_controller.acceptance", str(state), run_id]
    try:
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
    except OSError as err:
        raise EnvironmentUnfit(f"the run cannot be started: {err}", advice="see what the machine lacks") from err
    return process.pid


def unfinished(state: Path) -> list[RunFolder]:
    """Return the runs without an outcome that no process has now, of racks together the leading one: to be started."""
    found = [folder for folder in runs_in(state) if folder.read().outcome is None and not is_running(folder.path)]
    return list({(first := leading(folder)).path: first for folder in found}.values())


def leading(folder: RunFolder) -> RunFolder:
    """Return the run that leads those of racks together, itself where its rack is by itself."""
    return next((RunFolder(folder.path.with_name(run)) for run in folder.read().together), folder)


def members(folder: RunFolder) -> list[RunFolder]:
    """Return the runs of all racks that are accepted together with a run's rack, the leading one first, or it alone."""
    return [RunFolder(folder.path.with_name(run)) for run in folder.read().together] or [folder]


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
            yield
    except BlockingIOError as err:
        raise EnvironmentUnfit(f"another process has the run {folder.name}", advice="leave it to that one") from err
