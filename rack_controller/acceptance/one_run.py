"""One rack that runs is under one acceptance run at a time, whoever begins it, and in whichever process.

A run has its rack until it has an outcome, also while no process has the run: it is gone on with after a restart, and
only it knows what it has switched off.  Two locks of the state directory see to it: `begin` is held while a run is
begun, and one of each rack by the process that works on it.  The kernel lets go of both whatever happens.
"""

import fcntl
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

import msgspec

from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit, RackTaken
from rack_controller.acceptance.launch import LOG, STARTS_WITHIN_S, is_running, is_starting, leading, members
from rack_controller.acceptance.progress import asked_of, progress_of
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.run import FOLDER, RECORD, RunFolder, runs_in
from rack_controller.prove.report.written import stamp

LOCKS, BEGIN = ".locks", "begin"
LETS_GO_WITHIN_S, LOOKS_EVERY_S = 600.0, 0.5
"""How long is waited for a run that has its outcome and is being sealed, and how often is looked."""


class Holder(msgspec.Struct, frozen=True):
    """The run that has a rack, in words (`what`) and how the rack becomes free (`advice`).

    `running`: a process has it; `share`: of the run, 0 to 1, None where it is not known.
    """

    rack: str
    run: str
    running: bool
    share: float | None
    what: str
    advice: str


@contextmanager
def beginning(state: Path, racks: Collection[str]) -> Iterator[None]:
    """Begin a run of racks that run: one at a time begins, of all processes that use a state directory.

    Raises RackTaken for a rack that another run has, EnvironmentUnfit when no lock can be kept.
    """
    with _lock(state, BEGIN) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for rack, run in holders(state, racks).items():
            raise taken(rack, run)
        yield


def holding(state: Path, racks: Collection[str]) -> list[Holder]:
    """Return the run that has each of these racks, nothing of a rack that is free."""
    return [_holder(rack, run) for rack, run in holders(state, racks).items()]


def holders(state: Path, racks: Collection[str]) -> dict[str, RunFolder]:
    """Return which run has each of these racks, nothing for a rack that is free: of several the one that goes on."""
    found: dict[str, RunFolder] = {}
    for folder, record in open_runs(state):
        if record.rack in racks and (record.rack not in found or goes_on(folder, record)):
            found[record.rack] = folder
    return {rack: found[rack] for rack in racks if rack in found}


def open_runs(state: Path) -> Iterator[tuple[RunFolder, RunRecord]]:
    """Yield the runs of racks that run which have no outcome; one that cannot be read can do nothing to a rack, nor can
    racks together whose beginning was cut before the leading run was there."""
    for folder in runs_in(state):
        if folder.is_sealed:
            continue
        try:
            record, begun = folder.read(), (leading(folder).path / RECORD).is_file()
        except ConfigurationError:
            continue
        if begun and record.rig == "live" and record.outcome is None:
            yield folder, record


def goes_on(folder: RunFolder, record: RunRecord) -> bool:
    """Return whether a process has a run that is not sealed, or has just been started for it, or is about to be."""
    if folder.is_sealed:
        return False
    new = record.outcome is None and time.time() - record.began_unix_ns / 1e9 < STARTS_WITHIN_S
    return new or is_running(folder.path) or is_starting(leading(folder).path)


def refuse_others(state: Path, folder: RunFolder) -> None:
    """Raise RackTaken for a run that is to be gone on with while another run of one of its racks does."""
    record, ours = folder.read(), {member.path for member in members(folder)}
    for rack, other in holders(state, record.together.values() or [record.rack]).items():
        if other.path not in ours and goes_on(other, other.read()):
            raise taken(rack, other)


def taken(rack: str, folder: RunFolder) -> RackTaken:
    """Return the refusal for a rack that a run has: who began it, when, how far it is, how the rack becomes free."""
    has = _holder(rack, folder)
    return RackTaken(has.what, rack=rack, run=has.run, advice=has.advice)


def _holder(rack: str, folder: RunFolder) -> Holder:
    run, asked, record = folder.path.name, asked_of(folder.path), folder.read()
    by = "" if asked is None else f", begun by {asked.actor} at {stamp(asked.at_unix_ns)}"
    what = f"{rack} is under run {run}{by}"
    if goes_on(folder, record):
        now = progress_of(folder.path)
        at = f"; it is at {now.step}, {now.share:.0%} of the run" if now is not None else "; it begins"
        advice = f"wait for its end, or end it: `rackwright accept stop {run}`"
        return Holder(rack, run, True, None if now is None else now.share, what + at, advice)
    done = f" ({len(record.steps)} step{'s' * (len(record.steps) != 1)} done)"
    advice = (
        f"go on with it (`rackwright accept run --resume {run}`), or end it, with the rack back at rest "
        f"(`rackwright accept stop {run}`) or as it lies (`rackwright accept stop {run} --give-up`)"
    )
    return Holder(rack, run, False, None, f"{what}, which has not ended and has no process now{done}", advice)


@contextmanager
def at_work(state: Path, run: str, racks: Sequence[str], said: Callable[[str], None]) -> Iterator[None]:
    """Work on racks as the only process that does.

    A run that has its outcome and is only being sealed is waited for, which is `said`.  Raises RackTaken where another
    run goes on, EnvironmentUnfit where it is not let go of.
    """
    with ExitStack() as all_of_them:
        for rack in sorted(racks):  # always in one order, so that no two processes wait for each other
            file = all_of_them.enter_context(_lock(state, quote(rack, safe="")))
            _take(state, rack, file, said)
            file.truncate(0)
            file.write(run.encode())
            file.flush()
        yield


def _take(state: Path, rack: str, file: IO[bytes], said: Callable[[str], None]) -> None:
    waited = 0.0
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            other = RunFolder(state / FOLDER / _written(file))
            if not _ends(other):
                raise taken(rack, other) from err
            if not waited:
                said(f"waits for run {other.path.name}, which is being sealed, to let go of {rack}")
            if waited >= LETS_GO_WITHIN_S:
                what = f"run {other.path.name} does not let go of {rack}"
                raise EnvironmentUnfit(what, advice=f"see its {LOG}") from err
            waited += LOOKS_EVERY_S
            time.sleep(LOOKS_EVERY_S)
        else:
            return


def _ends(folder: RunFolder) -> bool:
    """Return whether a run that has a rack's lock has its outcome; who just took it may not have written its id."""
    try:
        return folder.read().outcome is not None
    except ConfigurationError:
        return True


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace") or "-"


@contextmanager
def _lock(state: Path, name: str) -> Iterator[IO[bytes]]:
    path = state / FOLDER / LOCKS / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as err:
        raise EnvironmentUnfit(f"no lock for {name} is kept: {err.strerror}", advice="make room") from err
    with file:
        yield file
