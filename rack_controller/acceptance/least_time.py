"""How long steps of a rack that runs take at the least, found by driving them on a rig that only counts time.  Pure.

The steps go the way that a run goes (`drive_step`).  Counted are phases, switchings of the bus, which keep apart, and
readings that are waited for.  What nobody knows before is not: boots, people, steps that are repeated.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from firmware_bridge.vocabulary.generation import Generation
from firmware_bridge.vocabulary.quantities import ReadingClass
from rack_controller.acceptance.called import Names
from rack_controller.acceptance.doers import operation_of
from rack_controller.acceptance.drive import RENEW_EVERY_S, SLICE_S, drive_step, places_of, planned_seconds
from rack_controller.acceptance.engine import LOOK_EVERY_S, LOOK_S
from rack_controller.acceptance.heard import LEAST_PATIENCE_S
from rack_controller.acceptance.live import Read
from rack_controller.acceptance.rig import Act
from rack_controller.decide.plan_shelf import APART_S, SETTLE_S
from rack_controller.model.operation import BUS_VERBS, Verb
from rack_controller.prove.accept.evidence import Evidence, Phase
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import Plan, StepSpec

LEAST_SLICE_S, MOST_ACTS = SLICE_S / 2, 8
"""How long a stretch of a phase is at the least where it is cut, s, and how many stimuli a phase has for a part."""
MOST_LOOKS = 400_000
"""How many stretches and stimuli are driven for one answer: a second or two, whatever anybody asks about."""
Took = tuple[float, float, float]
"""How long a step takes, and how much of it passes between switchings of the bus and until things are read anew, s."""


def least_times(
    plan: Plan,
    steps: Iterable[StepSpec],
    parts: Parts,
    rounds: Mapping[str, float],
    switched: Collection[str],
    looks: float = MOST_LOOKS,
) -> dict[str, Took]:
    """Return how long each step takes at the least, one after the other, by its id.

    `rounds`: how often every place of a series is read, s (`rounds_of`); `switched`: the shelves and supplies that the
    product itself can switch, below the rack; `looks`: how many stretches are driven at most.  Of steps beyond that,
    which no plan that ships has, it is what their phases take.
    """
    rig, found = CountingRig(parts, rounds, switched), dict[str, Took]()
    for step in steps:
        looks -= _looks(step, parts)
        if looks < 0:
            found[step.id] = (planned_seconds(step, parts), 0.0, 0.0)
            continue
        before = (rig.now, rig.apart_s, rig.heard_s)
        if step.entry:
            rig.run(LOOK_S, LOOK_EVERY_S, frozenset())
        drive_step(step, plan, rig, parts)
        found[step.id] = (rig.now - before[0], rig.apart_s - before[1], rig.heard_s - before[2])
    return found


def _looks(step: StepSpec, parts: Parts) -> float:
    """Return how many stretches and stimuli a step has at most, each part's and those of waiting for it."""
    total = 0.0
    for phase in step.phases:
        places = 1 if phase.each is None else len(places_of(phase, parts))
        passes = (phase.settle_s + phase.for_s + phase.after_s) / LEAST_SLICE_S
        waits = LEAST_PATIENCE_S / min(phase.every_s, RENEW_EVERY_S)
        total += MOST_ACTS + phase.before_s / LEAST_SLICE_S + waits + places * (MOST_ACTS + passes + 2 * waits)
    return total


def rounds_of(reads: Sequence[Read], generation: Generation, names: Names) -> dict[str, float]:
    """Return how long it takes until each place of a series is read anew, s: its class's period, or how old it is now.

    What is read so rarely that no run waits for it is left out, and so is what says nothing.
    """
    found: dict[str, float] = {}
    for read in reads:
        period = generation.periods[ReadingClass(read.reading_class)] if read.reading_class else 0.0
        called = names.of(read.place, read.quantity)
        if called is None or read.value is None or period > LEAST_PATIENCE_S or called.series in names.unlike:
            continue
        found[called.series] = max(found.get(called.series, 0.0), period, min(read.age_s, LEAST_PATIENCE_S))
    return found


class CountingRig:
    """A rig without a rack: everything is done at once, but for what takes its time by the product's own rules."""

    racks: tuple[str, ...] = ("",)

    def __init__(self, parts: Parts, rounds: Mapping[str, float], switched: Collection[str]) -> None:
        """As `least_times`."""
        self.now = self.apart_s = self.heard_s = 0.0
        self._parts, self._rounds, self._switched = parts, rounds, switched
        self._free_at = self._looked = float("-inf")
        self._kinds = frozenset[str]()

    def can(self, verb: str) -> bool:
        """Return that everything can be done."""
        return True

    def act(self, act: Act) -> float:
        """Let pass what a switching of the bus takes: until the last one is long enough ago, and until it is seen."""
        operation = operation_of(act, self._parts.kind_of(act.place) if act.place else "")
        if act.place in self._switched and operation and Verb(operation) in BUS_VERBS:
            self.apart_s += max(self._free_at - self.now, 0.0) + SETTLE_S
            self.now = max(self.now, self._free_at) + SETTLE_S
            self._free_at = self.now + APART_S
        return float("nan")

    def run(self, seconds: float, every: float, kinds: frozenset[str]) -> None:
        """Let time pass."""
        self._looked = self.now + every * max(-(-seconds // every) - 1, 0)
        self.now += seconds
        self._kinds = kinds

    def awaited(self, names: Collection[str] | None, since: float) -> str:
        """Wait until the slowest of some series has come round once, and was looked at."""
        if names is not None and not names:
            return ""
        if names is None:
            names = [n for n in self._rounds if n.partition(".")[0] in self._kinds]
        until = since + max((self._rounds.get(n, 0.0) for n in names), default=0.0)
        if self._looked >= max(since, until):
            self.heard_s += self.now - since
            return ""
        return "readings"

    def recent(self, names: Collection[str], rows: int) -> list[Evidence]:
        """Return nothing: nothing is read."""
        return []

    def collect(
        self, phases: Sequence[Phase], told: Collection[str] = (), wanted: Collection[str] = ()
    ) -> list[Evidence]:
        """Return nothing: nothing is read."""
        return []
