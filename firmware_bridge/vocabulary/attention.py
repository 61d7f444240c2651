"""How much an endpoint is asked right now, and whether its leak detectors can be believed.  Interprets nothing."""

from dataclasses import dataclass
from enum import StrEnum

from firmware_bridge.vocabulary.units import Seconds


class Pacing(StrEnum):
    """`full`: as planned; `slow`: less often, it answers late; `held`: it asked for a pause; `quiet`: it is being
    flashed, or a person wants it left alone.  Held and quiet endpoints are asked for safety readings only, rarely."""

    FULL = "full"
    SLOW = "slow"
    HELD = "held"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Attention:
    """`until` is monotonic, None when it has no end yet; `reason` is for people.

    `blind`: why its leak detectors say nothing now (empty: they do); `blind_until`: when that should end.
    """

    pacing: Pacing = Pacing.FULL
    until: Seconds | None = None
    reason: str = ""
    blind: str = ""
    blind_until: Seconds | None = None


FULL_ATTENTION = Attention()
