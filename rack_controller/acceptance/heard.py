"""When each part was read last, so that a live rig can wait until a series was read anew everywhere.  Pure.

Nobody says how often a thing is read: what is on a serial line takes its turn.  So it is learned from what was seen.
"""

from collections import Counter
from collections.abc import Collection

PERIODS = 3.0
LEAST_PATIENCE_S, MOST_PATIENCE_S = 30.0, 90.0
"""How long a part is waited for at least (three periods of what is read slowly) and at most, s."""
LOOKS_WITHIN_S, NEW_S = 5.0, 0.2
"""Looks further apart than that say nothing of how often a part is read; a moment that differs by less is the same."""
Key = tuple[str, str]


class Heard:
    """By series and place the moment of the last reading that told something, s on the rig's clock."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._at: dict[Key, float] = {}
        self._longest: dict[str, float] = {}
        self._mute: set[Key] = set()
        self.looked = float("-inf")

    @property
    def series(self) -> set[str]:
        """Return every series that was seen."""
        return {name for name, _ in self._at}

    def note(self, now: float, taken: dict[Key, float | None]) -> None:
        """Note a look at `now`: when the reading of each series and place was taken, None where it tells nothing."""
        steady = now - self.looked <= LOOKS_WITHIN_S
        self.looked = now
        for key, at in taken.items():
            before = self._at.setdefault(key, float("-inf") if at is None else at)
            if at is None or at - before <= NEW_S:
                continue
            self._at[key] = at
            self._mute.discard(key)
            if steady and before > float("-inf"):
                self._longest[key[0]] = max(self._longest.get(key[0], 0.0), at - before)

    def late(self, names: Collection[str], since: float) -> list[Key]:
        """Return what of some series was not read since a moment; what was waited for in vain counts once heard."""
        return [k for k, at in self._at.items() if k[0] in names and at <= since and k not in self._mute]

    def patience_s(self, late: Collection[Key]) -> float:
        """Return how long these are waited for."""
        longest = max((self._longest.get(name, 0.0) for name, _ in late), default=0.0)
        return min(max(PERIODS * longest, LEAST_PATIENCE_S), MOST_PATIENCE_S)

    def give_up(self, late: Collection[Key]) -> None:
        """Wait for these no longer until they are heard again: their silence is for judges to name."""
        self._mute.update(late)


def in_words(late: Collection[Key]) -> str:
    """Return what is waited for: each series with the number of its places, the most first."""
    counted = Counter(name for name, _ in late).most_common(3)
    return "a new reading of " + ", ".join(f"{name} at {n} place{'s' * (n > 1)}" for name, n in counted)
