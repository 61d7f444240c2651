"""Which supply hangs on which feed and phase, as a generation says it.  Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_bridge.vocabulary.generation import Feed, Generation, TrayKind
from firmware_bridge.vocabulary.supply import TwoFeeds

Index = npt.NDArray[np.int64]
PHASES = 3


@dataclass(frozen=True, slots=True)
class PlantWiring:
    """`reaches` (H, P, F): which feeds a supply can draw from, the first by preference; `phase` (H, P);
    `breaker` (F,): what one phase of a feed's breaker is rated for, W, infinite where nobody states it."""

    reaches: npt.NDArray[np.bool_]
    phase: Index
    breaker: npt.NDArray[np.float64]


def plant_wiring(generation: Generation, psus: int) -> PlantWiring:
    """Return how the supplies of a generation are wired; with no feed stated there is one that carries everything."""
    feeds = generation.feeds or (Feed("feed", 1, 240.0),)
    column = {feed.name: n for n, feed in enumerate(feeds)}
    slots = generation.slots_of(TrayKind.POWER_SHELF)
    reaches = np.zeros((len(slots), psus, len(feeds)), dtype=np.bool_)
    phase = np.zeros((len(slots), psus), dtype=np.int64)
    for h, slot in enumerate(slots):
        own = [column[f] for f in slot.feeds if f in column] or [0]
        split = generation.supply.two_feeds is TwoFeeds.SPLIT and len(own) > 1
        for p in range(psus):
            reaches[h, p, [own[p % len(own)]] if split else own] = True
            phase[h, p] = (p // len(own) if split else p) % max(f.phases for f in feeds)
    return PlantWiring(reaches, phase, np.array([_phase_rating(feed) for feed in feeds]))


def _phase_rating(feed: Feed) -> float:
    if feed.breaker is None:
        return float("inf")
    return feed.breaker * feed.voltage_nominal / (3**0.5 if feed.phases == 3 else 1.0)
