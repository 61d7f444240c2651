"""What a rack may use now, as operations ask it: by the power budget that covers it, else by its design.  Pure."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.amounts import power_text


@dataclass(frozen=True, slots=True)
class UsableNow:
    """`watts` of DC that the rack may use, `by` which constraint, in words.  `kept`: an armed budget keeps it by
    limits, and trays may draw `granted` W of DC by those; else nobody lowers anybody, and trays count with their
    ratings."""

    watts: float
    by: str
    kept: bool = False
    granted: float = 0.0

    @property
    def words(self) -> str:
        """Return the amount with what binds: `125.7 kW (feed b if feed a is lost)`."""
        return f"{power_text(self.watts)} ({self.by})" if self.by else power_text(self.watts)


def bound_words(binding: str, lost: str) -> str:
    """Return what binds in words: a constraint, and the single loss under which it does."""
    return f"{binding} if {lost} is lost" if lost else binding
