"""Who looks on while a run goes on: is told what is done and waited for, and may want it to end."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from rack_controller.acceptance.progress import Progress, stop_of, tell
from rack_controller.prove.accept.plan import StepSpec

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

    def stop(self) -> str:
        """Return why the run is to end, empty when it is not."""
        ...


class Unwatched:
    """Nobody looks on."""

    def begin(self, step: StepSpec) -> None:
        """Tell nobody."""

    def phase(self, name: str, place: str, seconds: float) -> None:
        """Tell nobody."""

    def waits(self, waits_for: str, *, asks: str = "", within_s: float | None = None) -> None:
        """Tell nobody."""

    def end(self) -> None:
        """Tell nobody."""

    def stop(self) -> str:
        """Nobody wants it to end."""
        return ""


class FolderWatch:
    """Tells a run's folder, and reads there whether somebody wants it to end."""

    def __init__(
        self,
        folder: Path,
        seconds: Mapping[str, float],
        clock_ns: Callable[[], int] = time.time_ns,
        *,
        real: bool = True,
    ) -> None:
        """`seconds`: what each step of the plan takes; `real`: they are those of the clock on the wall."""
        self._folder, self._seconds, self._clock_ns, self._real = folder, seconds, clock_ns, real
        self._whole = max(sum(seconds.values()), 1.0)
        self._before = self._done = 0.0
        self._step: StepSpec | None = None
        self._phase = self._place = ""
        self._told_ns = 0

    @property
    def step(self) -> str:
        """Return the id of the step that runs, empty when none does."""
        return "" if self._step is None else self._step.id

    def begin(self, step: StepSpec) -> None:
        """Tell that a step begins; what comes before it in the plan is over."""
        before = list(self._seconds)[: list(self._seconds).index(step.id)]
        self._before, self._done = sum(self._seconds[name] for name in before), 0.0
        self._step, self._phase, self._place = step, "", ""
        self._tell("its entry conditions" if step.entry else "its evidence", "", None, at_once=True)
        self._told_ns = 0  # the first phase follows at once, and is told

    def phase(self, name: str, place: str, seconds: float) -> None:
        """Tell that a stretch begins; the one before it is over."""
        self._phase, self._place = name, place
        self._tell(stretch_of(name, place, seconds), "", seconds)
        self._done += seconds

    def waits(self, waits_for: str, *, asks: str = "", within_s: float | None = None) -> None:
        """Tell what is waited for."""
        self._tell(waits_for, asks, within_s, at_once=True)

    def end(self) -> None:
        """Tell that no step runs."""
        self._step = None
        tell(self._folder, None)

    def stop(self) -> str:
        """Return who wants it to end and why."""
        asked = stop_of(self._folder)
        if asked is None:
            return ""
        return f"stopped by {asked.actor}" + (f": {asked.reason}" if asked.reason else "")

    def _tell(self, waits_for: str, asks: str, seconds: float | None, *, at_once: bool = False) -> None:
        now = self._clock_ns()
        if self._step is None or (not at_once and now - self._told_ns < APART_NS):
            return
        self._told_ns = now
        until = None if seconds is None or not (self._real or asks) else now + int(seconds * NS)
        share = min((self._before + min(self._done, self._seconds[self._step.id])) / self._whole, 1.0)
        tell(
            self._folder,
            Progress(self._step.id, self._step.title, self._phase, now, until, waits_for, round(share, 4), asks),
        )


def stretch_of(name: str, place: str, seconds: float) -> str:
    """Return a stretch of a phase in words."""
    return f"{seconds:g} s of {name}" + (f" with {place}" if place else "")
