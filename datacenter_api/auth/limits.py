"""Brake on guessing: failed logins per account and per address in a sliding window.  Pure: time is an argument."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.units import Seconds

WINDOW = Seconds(300.0)
MOST_PER_ACCOUNT = 10
MOST_PER_ADDRESS = 50
_MOST_KEYS = 10_000


@dataclass
class FailureLimit:
    """Counts failures by key; the oldest keys are forgotten first, so that a flood of names costs bounded memory."""

    most: int
    window: Seconds = WINDOW
    _failures: OrderedDict[str, deque[Seconds]] = field(default_factory=OrderedDict)

    def wait(self, key: str, now: Seconds) -> Seconds:
        """Return how long `key` must wait before the next try, 0 when it need not."""
        times = self._failures.get(key)
        if not times:
            return Seconds(0.0)
        while times and now - times[0] >= self.window:
            times.popleft()
        return Seconds(times[0] + self.window - now) if len(times) >= self.most else Seconds(0.0)

    def failed(self, key: str, now: Seconds) -> None:
        """Count one failure."""
        self._failures.setdefault(key, deque(maxlen=self.most)).append(now)
        self._failures.move_to_end(key)
        while len(self._failures) > _MOST_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of `key`."""
        self._failures.pop(key, None)
