"""What is known of how long steps take: what a plan declares is the least, earlier runs say what they took.  Pure."""

import hashlib
from collections.abc import Collection, Mapping

import msgspec

from rack_controller.prove.accept.plan import StepSpec

DECLARED = "the phases that the plan declares: switching, boots, reading and people come on top"
"""What a time is told by where no run says so."""


class StepTook(msgspec.Struct, frozen=True):
    """How long a step took, s: the median of `runs`, by the ids of those that lead; at `racks`, none: at other ones."""

    seconds: float
    runs: frozenset[str]
    racks: frozenset[str] = frozenset()


class TookBefore(msgspec.Struct, frozen=True):
    """How long steps took, by their ids, in earlier runs of some racks or of others of their `design`."""

    steps: Mapping[str, StepTook] = {}
    design: str = ""

    @property
    def seconds(self) -> dict[str, float]:
        """How long each step took, s."""
        return {name: took.seconds for name, took in self.steps.items()}

    def words(self, names: Collection[str]) -> str:
        """Return which runs say how long these steps took, empty where none does."""
        told = [self.steps[name] for name in names if name in self.steps]
        own = {run for took in told if took.racks for run in took.runs}
        others = {run for took in told if not took.racks for run in took.runs} - own
        racks = sorted({rack.rpartition("/")[2] for took in told for rack in took.racks})
        words = [f"{_earlier(len(own))} of {' and '.join(racks)}"] if own else []
        words += [f"{_earlier(len(others))} of other {self.design} racks"] if others else []
        return " and ".join(words)


NONE_BEFORE = TookBefore()


def done_in(step: StepSpec) -> str:
    """Return the SHA-256 of what is done in a step: where it is the same, another plan's takes as long.

    What it is called, and the limits that it is judged by, take no time.
    """
    looks = sorted({(m.of, str(m.rule)) for m in step.measures})
    done = (step.phases, step.entry, step.records, step.sweep, step.people, looks)
    return hashlib.sha256(msgspec.json.encode(done)).hexdigest()


def _earlier(runs: int) -> str:
    return "an earlier run" if runs == 1 else f"{runs} earlier runs"
