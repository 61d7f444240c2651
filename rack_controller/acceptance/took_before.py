"""How long steps took in runs that are kept: what a plan declares says how long they take at the least, and no more.

Only runs of racks that run count, and of their steps those in which the very same is done, whatever else their plan
says: a run keeps its plan.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from statistics import median

import msgspec

from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.acceptance.begin import PLAN
from rack_controller.acceptance.pace import StepTook, TookBefore, done_in
from rack_controller.acceptance.plans import read_plan_text
from rack_controller.acceptance.read_once import ReadOnce
from rack_controller.acceptance.run import RECORD, runs_in
from rack_controller.prove.accept.verdict import Outcome

MOST_RUNS = 5
"""So many runs are looked back at for a step, the newest: a rack's pace changes with its product and its people."""
_MEASURED = frozenset({Outcome.PASS, Outcome.FAIL})
_PLANS = 32
"""Plans that are not read again for every run that was by one of them."""


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
    together: dict[str, str] = {}

    @property
    def leads(self) -> str:
        """The id of the run that leads those of racks together: they are one."""
        return next(iter(self.together), self.id)


@dataclass(frozen=True, slots=True)
class _Took:
    """What a run says of a step: how long it took, s, what was done in it, at which rack, in which run."""

    step: str
    done: str
    seconds: float
    rack: str
    generation: str
    run: str
    leads: str


def took_before(
    state: Path, generation: str, steps: Mapping[str, str], racks: Sequence[str], but: Sequence[str] = ()
) -> TookBefore:
    """Return how long steps took at these racks, or, of a step that no run of them says, at others of the design.

    `steps`: what is done in each (`pace.done_in`), by its id.  A step counts where it was measured at one go: repeated,
    cut and stopped ones say nothing.  `but`: runs that do not count, as the one that goes on.
    """
    found: dict[str, list[_Took]] = {}
    for folder in reversed(runs_in(state)):
        for took in _said_at(folder.path):
            if took.generation == generation and steps.get(took.step) == took.done and took.run not in but:
                found.setdefault(took.step, []).append(took)
    return TookBefore({step: _of(some, racks) for step, some in found.items()}, generation)


def _of(some: Sequence[_Took], racks: Sequence[str]) -> StepTook:
    """Return how long a step took, by what runs say, the newest first."""
    own = [took for took in some if took.rack in racks]
    by_run: dict[str, list[_Took]] = {}
    for took in own or some:
        by_run.setdefault(took.leads, []).append(took)
    chosen = dict(list(by_run.items())[:MOST_RUNS])
    seconds = median(max(took.seconds for took in one) for one in chosen.values())
    return StepTook(seconds, frozenset(chosen), frozenset(t.rack for one in chosen.values() for t in one if own))


def _said_at(folder: Path) -> tuple[_Took, ...]:
    """Return what a run says, nothing where it cannot be read."""
    try:
        return _SAID.of(folder)
    except OSError:
        return ()


def _said(folder: Path) -> tuple[_Took, ...]:
    """Return what a run says of its steps, nothing where its record is broken or its plan not kept.  Raises OSError."""
    try:
        run = msgspec.json.decode((folder / RECORD).read_bytes(), type=_Run)
    except msgspec.MsgspecError:
        return ()
    if run.rig != "live":
        return ()
    done = _done(folder / PLAN, run.plan_sha256)
    return tuple(
        _Took(s.id, done[s.id], s.took_s, run.rack, run.generation, run.id, run.leads)
        for s in run.steps
        if s.id in done and s.outcome in _MEASURED and s.tries == 1 and s.cut == 0
    )


_SAID = ReadOnce([RECORD], _said)


@dataclass(frozen=True, slots=True)
class _Text:
    sha256: str
    text: str = field(compare=False)


def _done(plan: Path, plan_sha256: str) -> Mapping[str, str]:
    """Return what was done in each step of a kept plan, nothing where it is not the one that the run began with."""
    try:
        text = plan.read_bytes()
    except FileNotFoundError:
        return {}
    if hashlib.sha256(text).hexdigest() != plan_sha256:
        return {}
    return _done_by(_Text(plan_sha256, text.decode("utf-8", "replace")))


@lru_cache(maxsize=_PLANS)
def _done_by(plan: _Text) -> Mapping[str, str]:
    try:
        read, _ = read_plan_text(plan.text, PLAN)
    except RackwrightError:
        return {}  # of a version that wrote plans otherwise
    return {step.id: done_in(step) for step in read.steps}
