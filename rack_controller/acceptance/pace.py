"""What is known of how long steps take: what a plan declares is the least, earlier runs say what they took.  Pure."""

from collections.abc import Mapping

import msgspec

DECLARED = "the phases that the plan declares: switching, boots, reading and people come on top"
"""What a time is told by where no run says so."""


class TookBefore(msgspec.Struct, frozen=True):
    """How long each step took, s, by its id: the median of up to `runs` runs of `of`; nothing where none is kept."""

    seconds: Mapping[str, float] = {}
    runs: int = 0
    of: str = ""

    @property
    def words(self) -> str:
        """Return which runs these are, empty for none."""
        return f"{'an earlier run' if self.runs == 1 else f'{self.runs} earlier runs'} of {self.of}" * bool(self.runs)


NONE_BEFORE = TookBefore()
