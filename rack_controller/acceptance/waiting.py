"""The one place where a live run lets time pass for something else than readings: reports, operations, people, files.

A person's word cuts a wait short, and the plan's stop rules are looked at meanwhile as they are while readings are
recorded.  Whoever waits asks its watch after each `sleep` whether the run goes on.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.acceptance.watch import Watch

LOOK_EVERY_S = 3.0
"""How often is looked whether a stop rule is broken: twice in a row is well within ten seconds."""
SLICE_S = 1.0
"""How often a wait looks whether somebody wants the run to end."""


@dataclass
class Waiting:
    """`pause` lets so many seconds pass, `clock` counts them; `look` returns which stop rule is broken, or nothing."""

    pause: Callable[[float], None]
    clock: Callable[[], float]
    watch: Watch
    look: Callable[[], str] = lambda: ""
    _looked: float = field(default=float("-inf"), repr=False)

    def sleep(self, seconds: float) -> None:
        """Wait so long, or until the run is to end; where it was to end before, what it puts back takes its time."""
        end, ended = self.clock() + seconds, bool(self.watch.stop())
        while (left := end - self.clock()) > 1e-6:
            if not ended and (self._is_unsafe() or self.watch.stop()):
                return
            self.pause(min(left, SLICE_S))

    def _is_unsafe(self) -> bool:
        """Look whether a stop rule is broken, and have that end the run; where nothing can be read, nobody knows."""
        if self.clock() - self._looked < LOOK_EVERY_S:
            return False
        self._looked = self.clock()
        why = ""
        with suppress(RackwrightError):
            why = self.look()
        if why:
            self.watch.ends(why)
        return bool(why)
