"""How a rack is fed, as its generation says it: what breakers carry, how supplies share, what rides through a loss."""

from dataclasses import dataclass
from enum import StrEnum

from firmware_bridge.vocabulary.units import Celsius, Seconds

DERATES_FROM = Celsius(1_000.0)


class Loss(StrEnum):
    """What may be lost at one moment."""

    PSU = "psu"
    SHELF = "shelf"
    FEED = "feed"


class Redundancy(StrEnum):
    """Which single losses a rack must live through: none; any supply or shelf; any feed too."""

    N = "n"
    N_PLUS_1 = "n+1"
    N_PLUS_N = "n+n"


class TwoFeeds(StrEnum):
    """How a shelf with two feeds is wired: its supplies on one and the other in turn, or all of them switched over."""

    SPLIT = "split"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class RideThrough:
    """For `for_s` after a loss hardware carries `share` of what is left to carry; longer than software needs, or it
    does not count: then a standing cap covers the loss.  `by` names the hardware."""

    loss: Loss
    by: str
    share: float
    for_s: Seconds


@dataclass(frozen=True, slots=True)
class Supply:
    """`sharing`: the most loaded supply carries so much more than the mean.  `efficiency`, `power_factor`: at full
    load.  Above `derate_from` at its inlet a shelf gives `derate_per_k` less with each K."""

    redundancy: Redundancy = Redundancy.N_PLUS_1
    two_feeds: TwoFeeds = TwoFeeds.SPLIT
    sharing: float = 0.0
    efficiency: float = 1.0
    power_factor: float = 1.0
    derate_from: Celsius = DERATES_FROM
    derate_per_k: float = 0.0
    rides: tuple[RideThrough, ...] = ()

    def carried(self, loss: Loss, needs: Seconds) -> float:
        """Return which share of what is left hardware carries after `loss` while software needs `needs` s; 1: none."""
        shares = [r.share for r in self.rides if r.loss is loss and r.for_s >= needs]
        return max(shares, default=1.0)
