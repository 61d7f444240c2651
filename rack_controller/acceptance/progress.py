"""What a run tells while it goes on, and what it is told: small files beside its record.

The runner alone writes `now.json`.  Whoever begins a run writes `asked.json`, whoever wants it to end `stop.json`, and
what people hand in is appended to `answers.jsonl`.  Nothing here decides anything.
"""

import fcntl
import os
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit
from rack_controller.acceptance.kept import keep

PATIENCE_S = 1800.0
"""How long people are given for one thing, unless whoever begins a run says otherwise."""
NOW, ASKED, STOP, ANSWERS = "now.json", "asked.json", "stop.json", "answers.jsonl"


class Progress(msgspec.Struct, frozen=True):
    """What a run does now: step `steps_done` + 1 of `steps`, and which `part` of its phase ("2 of 8"), empty for none.

    `phase`: of the step, empty between phases.  `since_unix_ns`, `until_unix_ns`: of what is waited for now; None where
    it takes as long as it takes.  `waits_for`: what that is, in words.  `share`: of the whole run, 0 to 1, by the same
    times as `left_s`, what is left, s; None in virtual time.  `left_by`: what those times are: of earlier runs, or
    declared by the plan, which is less than it takes.  `wait_counts`: whether what is waited for now is in them: where
    it is not, what is left does not shrink meanwhile.  `asks`: what a person is to do now, empty when nobody is asked.
    """

    step: str
    title: str
    phase: str
    since_unix_ns: int
    until_unix_ns: int | None
    waits_for: str
    share: float
    asks: str = ""
    steps_done: int = 0
    steps: int = 0
    part: str = ""
    left_s: float | None = None
    left_by: str = ""
    wait_counts: bool = True


class Asked(msgspec.Struct, frozen=True):
    """Who began a run, of what.  `seeds`: what virtual racks are made from; `planted`: the fault in one.

    `patience_s`: how long people are given for one thing.
    """

    actor: str
    at_unix_ns: int
    rack: str
    plan: str
    level: str
    rig: Literal["live", "virtual"]
    seeds: dict[str, int] = {}
    planted: str = ""
    patience_s: float = PATIENCE_S


class Stop(msgspec.Struct, frozen=True):
    """Who wants a run to end, and why."""

    actor: str
    at_unix_ns: int
    reason: str


class Answer(msgspec.Struct, frozen=True):
    """What a person hands in during a step: that it is done, a barcode, a note, a photo's name and SHA-256."""

    at_unix_ns: int
    actor: str
    step: str
    done: bool = False
    barcode: str = ""
    note: str = ""
    photo: str = ""
    photo_sha256: str = ""


T = TypeVar("T", Progress, Asked, Stop)


def tell(folder: Path, progress: Progress | None) -> None:
    """Show what a run does now; None: nothing.  A crash may lose it: the record is what counts."""
    if progress is None:
        (folder / NOW).unlink(missing_ok=True)
    else:
        keep(folder / NOW, msgspec.json.encode(progress), durable=False)


def progress_of(folder: Path) -> Progress | None:
    """Return what a run does now, None when no step runs."""
    return _read(folder / NOW, Progress)


def note_asked(folder: Path, asked: Asked) -> None:
    """Keep who began a run.  Raises EnvironmentUnfit."""
    keep(folder / ASKED, msgspec.json.encode(asked))


def asked_of(folder: Path) -> Asked | None:
    """Return who began a run, None where nobody wrote it down."""
    return _read(folder / ASKED, Asked)


def ask_to_stop(folder: Path, stop: Stop) -> None:
    """Want a run to end, whatever it does or waits for.  Raises EnvironmentUnfit."""
    keep(folder / STOP, msgspec.json.encode(stop))


def stop_of(folder: Path) -> Stop | None:
    """Return who wants a run to end, None when nobody does."""
    return _read(folder / STOP, Stop)


def hand_in(folder: Path, answer: Answer) -> None:
    """Append what a person hands in, on the disk before this returns; a line that a crash cut short makes room.

    Raises EnvironmentUnfit.
    """
    try:
        with (folder / ANSWERS).open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(msgspec.json.encode(answer) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as err:
        raise EnvironmentUnfit(f"{ANSWERS} is not kept: {err.strerror}", advice="make room") from err


def answers_of(folder: Path) -> list[Answer]:
    """Return what people handed in, the oldest first; a line that a crash cut short does not count."""
    try:
        lines = (folder / ANSWERS).read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    found: list[Answer] = []
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=Answer))
        except msgspec.MsgspecError as err:
            if line.endswith(b"\n"):
                raise ConfigurationError(f"{folder / ANSWERS} cannot be read: {err}", advice="restore it") from err
    return found


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as err:
        raise ConfigurationError(f"{path} cannot be read: {err}", advice="restore or remove it") from err
