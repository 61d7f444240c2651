"""Who looks on while a run goes on: is told what is done and waited for, and may want it to end."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rack_controller.acceptance.pace import DECLARED, NONE_BEFORE, TookBefore
from rack_controller.acceptance.progress import Progress, stop_of, tell
from rack_controller.prove.accept.plan import StepSpec

NO_PLACES: Mapping[tuple[str, str], Sequence[str]] = {}
APART_NS = 200_000_000
"""What is told so soon after the last that nobody could read it is left out, unless somebody is asked for something."""
NS = 1_000_000_000


class Watch(Protocol):
    """What a run tells, and asks before it goes on."""

    def begin(self, step: StepSpec) -> None:
        """A step begins."""
        ...

    def phase(self, name: str, place: str, seconds: float) -> None:
        """So many seconds of a phase begin, of what is done to `place` (empty: the rack)."""
        ...

    def waits(self, waits_for: str, *, asks: str = "", within_s: float | None = None) -> None:
        """Something is waited for, of a person where `asks` says what to do."""
        ...

    def end(self) -> None:
        """No step runs."""
        ...

    def ends(self, why: str) -> None:
        """What was read ends the run: from now on this is why."""
        ...

    def stop(self) -> str:
        """Return why the run is to end, empty when it is not."""
        ...


class Unwatched:
    """Nobody looks on."""

    _why = ""

    def begin(self, step: StepSpec) -> None:
        """Tell nobody."""

    def phase(self, name: str, place: str, seconds: float) -> None:
        """Tell nobody."""

    def waits(self, waits_for: str, *, asks: str = "", within_s: float | None = None) -> None:
        """Tell nobody."""

    def end(self) -> None:
        """Tell nobody."""

    def ends(self, why: str) -> None:
        """Keep why the run is to end."""
        self._why = why

    def stop(self) -> str:
        """Nobody wants it to end, but what was read may."""
        return self._why


class FolderWatch:
    """Tells a run's folder, and reads there whether somebody wants it to end."""

    def __init__(
        self,
        folder: Path,
        seconds: Mapping[str, float],
        clock_ns: Callable[[], int] = time.time_ns,
        *,
        real: bool = True,
        took: TookBefore = NONE_BEFORE,
        places: Mapping[tuple[str, str], Sequence[str]] = NO_PLACES,
    ) -> None:
        """`seconds`: what each step of the plan declares; `real`: they are those of the clock on the wall.

        `took`: what steps took in earlier runs; `places`: of phases, by step and name, that are done to one part after
        the other, those parts in their order.
        """
        self._folder, self._seconds, self._clock_ns, self._real = folder, seconds, clock_ns, real
        self._took, self._places = took, places
        self._expected = {**seconds, **{step: s for step, s in took.seconds.items() if step in seconds}}
        self._whole = max(sum(self._expected.values()), 1.0)
        self._done, self._number, self._began_ns = 0.0, 0, 0
        self._step: StepSpec | None = None
        self._phase = self._place = ""
        self._told_ns = 0
        self._why = ""

    @property
    def step(self) -> str:
        """Return the id of the step that runs, empty when none does."""
        return "" if self._step is None else self._step.id

    def begin(self, step: StepSpec) -> None:
        """Tell that a step begins; what comes before it in the plan is over."""
        self._number, self._done, self._began_ns = list(self._seconds).index(step.id), 0.0, self._clock_ns()
        self._step, self._phase, self._place = step, "", ""
        self._tell("its entry conditions" if step.entry else "its evidence", "", None, at_once=True, stretch=False)
        self._told_ns = 0  # the first phase follows at once, and is told

    def phase(self, name: str, place: str, seconds: float) -> None:
        """Tell that a stretch begins; the one before it is over."""
        self._phase, self._place = name, place
        self._tell(stretch_of(name, place, seconds), "", seconds)
        self._done += seconds

    def waits(self, waits_for: str, *, asks: str = "", within_s: float | None = None) -> None:
        """Tell what is waited for."""
        self._tell(waits_for, asks, within_s, at_once=True, stretch=within_s is not None and not asks)

    def end(self) -> None:
        """Tell that no step runs."""
        self._step = None
        tell(self._folder, None)

    def ends(self, why: str) -> None:
        """Keep what ends the run: the first that does is why."""
        self._why = self._why or why

    def stop(self) -> str:
        """Return what was read that ends it, else who wants it to end and why."""
        asked = stop_of(self._folder)
        if self._why or asked is None:
            return self._why
        return f"stopped by {asked.actor}" + (f": {asked.reason}" if asked.reason else "")

    def _tell(
        self, waits_for: str, asks: str, seconds: float | None, *, at_once: bool = False, stretch: bool = True
    ) -> None:
        """Tell what is done now; a `stretch` of a phase is in what the plan declares, any other wait is not."""
        now = self._clock_ns()
        if self._step is None or (not at_once and now - self._told_ns < APART_NS):
            return
        self._told_ns = now
        until = None if seconds is None or not (self._real or asks) else now + int(seconds * NS)
        left = self._left(self._step.id, now)
        told = Progress(
            self._step.id,
            self._step.title,
            self._phase,
            now,
            until,
            waits_for,
            round(min(max(1.0 - left / self._whole, 0.0), 1.0), 4),
            asks,
            steps_done=self._number,
            steps=len(self._seconds),
            part=self._part(self._step.id),
            left_s=round(left, 1) if self._real else None,
            left_by=self._left_by() if self._real else "",
            wait_counts=stretch or self._within_before(self._step.id, now),
        )
        tell(self._folder, told)

    def _left(self, step: str, now: int) -> float:
        """Return how long it still takes, s: of a step that earlier runs had by the clock, of others by phases."""
        gone = (now - self._began_ns) / NS if self._real and step in self._took.steps else self._done
        later = list(self._expected.values())[self._number + 1 :]
        return max(self._expected[step] - gone, 0.0) + sum(later)

    def _within_before(self, step: str, now: int) -> bool:
        """Return whether a step has not yet taken as long as it did in earlier runs: their waits are in that."""
        return step in self._took.steps and (now - self._began_ns) / NS < self._expected[step]

    def _left_by(self) -> str:
        """Return what the time that is left is told by."""
        ahead = list(self._seconds)[self._number :]
        known = sum(step in self._took.steps for step in ahead)
        if not known:
            return DECLARED
        return self._took.words(ahead) + (
            "" if known == len(ahead) else f" for {known} of {len(ahead)} steps, else {DECLARED}"
        )

    def _part(self, step: str) -> str:
        """Return which of its parts a phase is at, empty where it has none."""
        places = self._places.get((step, self._phase), ())
        return f"{places.index(self._place) + 1} of {len(places)}" if self._place in places else ""


def stretch_of(name: str, place: str, seconds: float) -> str:
    """Return a stretch of a phase in words."""
    return f"{seconds:g} s of {name}" + (f" with {place}" if place else "")
