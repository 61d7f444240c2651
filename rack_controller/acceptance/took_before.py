"""How long steps took in runs that are kept: what a plan declares says how long they take at the least, and no more.

Only runs of racks that run count, by the very same plan: in another one a step of the same name does something else.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from statistics import median

import msgspec

from rack_controller.acceptance.pace import NONE_BEFORE, TookBefore
from rack_controller.acceptance.run import RECORD, runs_in
from rack_controller.prove.accept.verdict import Outcome

MOST_RUNS = 5
"""So many runs are looked back at, the newest: a rack's pace changes with its product and its people."""
_MEASURED = frozenset({Outcome.PASS, Outcome.FAIL})


class _Step(msgspec.Struct, frozen=True):
    id: str
    took_s: float
    outcome: Outcome
    tries: int
    cut: int = 0


class _Run(msgspec.Struct, frozen=True):
    """What of a record says how long its steps took."""

    id: str
    rack: str
    generation: str
    plan_sha256: str
    rig: str
    steps: list[_Step] = []


def took_before(
    state: Path, generation: str, plan_sha256: str, racks: Sequence[str], but: Sequence[str] = ()
) -> TookBefore:
    """Return how long steps of a plan took at these racks, or where no run of them is kept at others of the design.

    A step counts where it was measured at one go: repeated, cut and stopped ones say nothing.  `but`: runs that do not
    count, as the one that goes on.
    """
    kept = [
        run
        for folder in reversed(runs_in(state))
        if (run := _run_at(folder.path / RECORD)) is not None
        and (run.rig, run.generation, run.plan_sha256) == ("live", generation, plan_sha256)
        and run.id not in but
        and any(map(_counts, run.steps))
    ]
    own = [run for run in kept if run.rack in racks]
    chosen = (own or kept)[:MOST_RUNS]
    took: dict[str, list[float]] = {}
    for step in (s for run in chosen for s in run.steps if _counts(s)):
        took.setdefault(step.id, []).append(step.took_s)
    named = " and ".join(sorted({run.rack.rpartition("/")[2] for run in own})) if own else f"other {generation} racks"
    return TookBefore({s: median(some) for s, some in took.items()}, len(chosen), named) if chosen else NONE_BEFORE


def _counts(step: _Step) -> bool:
    return step.outcome in _MEASURED and step.tries == 1 and step.cut == 0


def _run_at(path: Path) -> _Run | None:
    """Return what a record says, None where it cannot be read; each is read once, until it is replaced."""
    try:
        now = path.stat()
        return _run(path, now.st_ino, now.st_mtime_ns, now.st_size)
    except (OSError, msgspec.MsgspecError):
        return None


@lru_cache(maxsize=4096)
def _run(path: Path, node: int, changed_ns: int, size: int) -> _Run:
    return msgspec.json.decode(path.read_bytes(), type=_Run)
