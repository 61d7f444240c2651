"""Children that live and die with us: started, restarted when they fall, never left behind (not even by kill -9)."""

import asyncio
import contextlib
import os
import re
import resource
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.parent import bind_to_parent
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
STEADY_SECONDS = 30.0
STOP_SECONDS = 6.0
LOG_BYTES = 16 * 1024 * 1024
LOOK_AT_LOGS_SECONDS = 5.0
USAGE_EXIT = ConfigurationError.exit_code


@dataclass(slots=True)
class Child:
    """One process to keep alive.  `argv` is fixed, so that a restart is the same start again."""

    name: str
    argv: list[str]
    first_line: asyncio.Future[str] | None = None  # set by Supervisor.start: the child's first line on stdout
    pid: int | None = None
    restarts: int = 0
    started_at: float = field(default=0.0)


class Supervisor:
    """Starts children in order and stops them in reverse; a fall is mended within a moment.

    A child that exits with the usage code is not restarted: its configuration is wrong, and its last line says why.
    """

    def __init__(self, logs: Path, note: Callable[[str], None], started: Callable[[], None] = lambda: None) -> None:
        self._logs, self._note, self._started = logs, note, started
        self._children: list[Child] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = False
        self.failure: asyncio.Future[ConfigurationError] = asyncio.get_running_loop().create_future()

    @property
    def pids(self) -> dict[str, int]:
        """Return the pid of every child that runs."""
        return {c.name: c.pid for c in self._children if c.pid is not None}

    def start(self, child: Child) -> Child:
        """Start a child and keep it alive."""
        if not self._tasks:
            self._tasks.append(asyncio.create_task(self._keep_logs_small(), name="logs"))
        child.first_line = asyncio.get_running_loop().create_future()
        self._children.append(child)
        self._tasks.append(asyncio.create_task(self._keep(child), name=child.name))
        return child

    async def first_line(self, child: Child, within: float) -> str:
        """Return the first line a child prints.  Raises EnvironmentUnfit when it takes too long."""
        assert child.first_line is not None
        waiting: list[asyncio.Future[str] | asyncio.Future[ConfigurationError]] = [child.first_line, self.failure]
        done, _ = await asyncio.wait(waiting, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if self.failure in done:
            raise self.failure.result()
        if not done:
            raise EnvironmentUnfit(f"{child.name} said nothing for {within:.0f} s", advice=f"see {self._log(child)}")
        return child.first_line.result()

    def start_anew(self, name: str) -> None:
        """Tell a child to end; it is started again as if it had fallen."""
        process = self._processes.get(name)
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()

    async def stop(self) -> None:
        """Stop every child in reverse order; one that does not stop in time is killed."""
        self._stopping = True
        for child in reversed(self._children):
            process = self._processes.get(child.name)
            if process is None or process.returncode is not None:
                continue
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in list(self._processes.values()):
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _log(self, child: Child) -> Path:
        return self._logs / f"{child.name}.log"

    async def _keep_logs_small(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AT_LOGS_SECONDS)
            for child in self._children:
                turn_over(self._log(child))

    async def _keep(self, child: Child) -> None:
        pause = FIRST_PAUSE
        while True:
            code = await self._run_once(child)
            if self._stopping:
                return
            if code == USAGE_EXIT and not self.failure.done():
                self.failure.set_result(ConfigurationError(_reason(self._log(child)) or f"{child.name} refused"))
                return
            if time.monotonic() - child.started_at > STEADY_SECONDS:
                pause = FIRST_PAUSE
            child.restarts += 1
            self._note(f"{child.name} ended with {_said(code)}, starting it again")
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _run_once(self, child: Child) -> int:
        child.started_at = time.monotonic()
        try:
            log = _open_log(self._log(child))
        except OSError as err:
            self._note(f"no log of {child.name}: {err.strerror}")
            log = os.open(os.devnull, os.O_WRONLY)
        try:
            process = await asyncio.create_subprocess_exec(
                *child.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                preexec_fn=_die_with_parent(os.getpid()),
            )
        except OSError as err:
            os.close(log)
            raise EnvironmentUnfit(f"cannot start {child.name}: {err}", advice="run make .venv again") from err
        os.close(log)
        child.pid, self._processes[child.name] = process.pid, process
        try:
            self._started()
        except EnvironmentUnfit as err:  # a full disk must not end the watch over this child
            self._note(str(err))
        assert process.stdout is not None
        async for line in process.stdout:
            if child.first_line is not None and not child.first_line.done():
                child.first_line.set_result(line.decode(errors="replace").strip())
        code = await process.wait()
        child.pid = None
        return code


def raise_file_limit(needed: int) -> None:
    """Raise the soft limit of open files.  Raises EnvironmentUnfit when the hard limit is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise EnvironmentUnfit(
            f"{needed} open files are needed, the limit is {hard}",
            advice=f"run `ulimit -Hn {needed}` as root first, or use fewer --racks",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _die_with_parent(parent: int) -> Callable[[], None]:
    """Return what a child does between fork and exec: ask the kernel for SIGTERM when we die, leave our group."""

    def prepare() -> None:
        os.setpgid(0, 0)  # Ctrl-C reaches us alone; we stop the children in order
        if not bind_to_parent(parent):
            os._exit(0)

    return prepare


def turn_over(log: Path, most: int = LOG_BYTES) -> None:
    """Move what a log holds to `<name>.log.1` when it is larger than `most` bytes; its writer goes on appending.

    Lines written at that very moment may be lost.  On a full disk the old lines are given up.
    """
    with contextlib.suppress(OSError):
        if log.stat().st_size <= most:
            return
        with contextlib.suppress(OSError):
            shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def _open_log(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    turn_over(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _reason(log: Path) -> str:
    """Return the last line of a log without the `rackwright …:` that the command puts before it anyway."""
    with contextlib.suppress(OSError):
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        return re.sub(r"^rackwright[ \w]*: ", "", lines[-1]) if lines else ""
    return ""


def _said(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
