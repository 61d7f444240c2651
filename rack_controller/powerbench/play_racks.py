"""`python -m rack_controller.powerbench.play_racks`: a what-if played on the plant, a question on stdin, JSON out.

A process of its own: seconds of arithmetic have no place beside a controller's loops.
"""

import os
import re
import sys
from pathlib import Path

import msgspec
import numpy as np

from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.plant.trace import LoadTrace, TraceInvalid, parse_trace
from firmware_bridge.vocabulary.errors import ConfigurationError, RackwrightError
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.powerbench.more_racks import Play, play

IN_STEP = "step"
NICER = 3  # less than a second of arithmetic, and a person waits for it
MOST_S, MOST_SEEDS = 3600.0, 20
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class AskedRow(msgspec.Struct, frozen=True):
    """A limit of `watts`, and the `share` of each rack's power that it carries."""

    name: str
    kind: str
    watts: float
    share: list[float]


class Asked(msgspec.Struct, frozen=True):
    """Racks by generation, new ones and all, `like` the index of the one they are like; `load`: `step`, or a trace's
    name; `search`: folders with generations of one's own."""

    generations: list[str]
    rows: list[AskedRow]
    like: int
    load: str = IN_STEP
    seconds: float = 300.0
    seeds: int = 5
    search: list[str] = []


def answer(body: bytes) -> bytes:
    """Return the answer to a question.  Raises ConfigurationError for a load that is none."""
    asked = msgspec.json.decode(body, type=Asked)
    if not 0 < asked.seconds <= MOST_S or not 0 < asked.seeds <= MOST_SEEDS:
        raise ConfigurationError(f"expected up to {MOST_S:g} s and {MOST_SEEDS} seeds")
    search = [Path(folder) for folder in asked.search]
    known = {name: load_generation(name, search) for name in set(asked.generations)}
    rows = [Row(r.name, RowKind(r.kind), r.watts, np.array(r.share)) for r in asked.rows]
    how = Play(asked.seconds, asked.seeds, load_of(asked.load))
    return msgspec.json.encode(play([known[g] for g in asked.generations], rows, asked.like, how))


def load_of(name: str, folder: Path | None = None) -> LoadTrace | None:
    """Return the record of that name, None for racks that train in step.

    Raises ConfigurationError for a name that is none, and with file, line and reason for a record that cannot be used.
    """
    if name == IN_STEP:
        return None
    folder = folder or seeds_folder() / "traces"
    file = folder / f"{name}.csv"
    if not _NAME.fullmatch(name) or not file.is_file():
        names = ", ".join(sorted(f.stem for f in folder.glob("*.csv")))
        raise ConfigurationError(f"no load {name!r}: expected {IN_STEP} or one of {names}")
    try:
        return parse_trace(file.read_text(encoding="utf-8"))
    except TraceInvalid as err:
        raise ConfigurationError(f"{file.name}, {err}") from err


def main() -> int:
    """Answer the question on stdin; 2 and the reason on stderr where that is not possible."""
    os.nice(NICER)
    try:
        sys.stdout.buffer.write(answer(sys.stdin.buffer.read()))
    except (RackwrightError, msgspec.MsgspecError) as err:
        sys.stderr.write(str(err))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
