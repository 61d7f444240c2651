"""Whether a unit on a serial line is there, judged by its answers and silences alone.  Pure.

Source for ten failures and for exceptions not counting: facebook/openbmc rackmon2 (ModbusDevice.cpp).  Its 300 s before
a probe are shortened: one costs the line 0.1 s.
"""

from dataclasses import dataclass, replace

from firmware_bridge.vocabulary.units import Seconds

DORMANT_AFTER = 10
SUSPECT_AFTER = 3
FIRST_PAUSE = Seconds(0.6)  # longer than a late reply may take (bus.LATE): it must not answer the next question
SUSPECT_PAUSE = Seconds(1.0)
DORMANT_PAUSE = Seconds(10.0)
NEVER = Seconds(float("-inf"))
ABSENT, DEGRADED, REACHABLE = 0.0, 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Life:
    """`failures` in a row since the last answer; not to be asked before `not_before`."""

    failures: int = DORMANT_AFTER
    not_before: Seconds = NEVER
    error: str = ""

    @property
    def is_dormant(self) -> bool:
        """Tell whether the unit is only re-probed now and then."""
        return self.failures >= DORMANT_AFTER

    @property
    def is_suspect(self) -> bool:
        """Tell whether only its most urgent words are worth asking for."""
        return self.failures > 0

    @property
    def is_failing(self) -> bool:
        """Tell whether it failed often enough to be believed gone: one lost reply is a lost reply."""
        return self.failures >= SUSPECT_AFTER

    @property
    def management(self) -> float:
        """Return the management code: reachable, degraded while it fails, absent once dormant."""
        if self.is_dormant:
            return ABSENT
        return DEGRADED if self.is_failing else REACHABLE

    def answered(self) -> "Life":
        """Return the life after an answer; an exception is one."""
        return Life(0) if self.failures or self.error else self

    def on_trial(self) -> "Life":
        """Return the life of a dormant unit that answered a probe: its readings must show that it is back."""
        return replace(self, failures=DORMANT_AFTER - 1, not_before=NEVER)

    def failed(self, now: Seconds, error: str) -> "Life":
        """Return the life after a silence or a garbled reply."""
        failures = min(self.failures + 1, DORMANT_AFTER)
        pause = FIRST_PAUSE if failures < SUSPECT_AFTER else SUSPECT_PAUSE
        if failures >= DORMANT_AFTER:
            pause = DORMANT_PAUSE
        return replace(self, failures=failures, not_before=Seconds(now + pause), error=error)
