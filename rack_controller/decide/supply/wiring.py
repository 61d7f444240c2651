"""How a rack's supplies hang on shelves, feeds and phases, as its generation says it.  Pure.

Shapes: P supplies over S shelves (bottom up, then by number), F feeds.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_bridge.vocabulary.generation import Feed, Generation, TrayKind
from firmware_bridge.vocabulary.supply import Supply, TwoFeeds
from firmware_bridge.vocabulary.units import Seconds

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

FOR_EVER = Seconds(np.inf)
NO_FEED = "feed"
"""What a generation that names no feeds hangs its shelves on."""


@dataclass(frozen=True, slots=True)
class RackWiring:
    """One rack.  `shelf`, `phase` (P,); `reaches` (P, F): which feeds a supply can draw from, the first by preference;
    `supply_max` (P,), `shelf_max` (S,), `busbar_max` in W of DC.  `names`: `u06/psu2` (P,); `shelves` (S,)."""

    names: tuple[str, ...]
    shelves: tuple[str, ...]
    feeds: tuple[Feed, ...]
    shelf: Index
    phase: Index
    reaches: Mask
    supply_max: Array
    shelf_max: Array
    busbar_max: float
    supply: Supply

    @property
    def all_well(self) -> Mask:
        """Return that every supply is there and well, (P,)."""
        return np.ones(len(self.names), dtype=np.bool_)

    def drawing(self, well: Mask, lost_feeds: frozenset[str] = frozenset()) -> Mask:
        """Return which supply draws from which feed, (P, F), when `well` (P,) are and these feeds are dead."""
        alive = self.reaches & ~np.array([f.name in lost_feeds for f in self.feeds], dtype=np.bool_)[None, :]
        first = alive & (np.cumsum(alive, axis=1) == 1)
        return np.asarray(first & well[:, None])


def wiring_of(generation: Generation) -> RackWiring:
    """Return how a generation's supplies are wired.  A shelf of which no rating stands gives what its supplies do."""
    feeds = generation.feeds or (Feed(NO_FEED, 1, 1.0),)
    column = {feed.name: n for n, feed in enumerate(feeds)}
    slots = generation.slots_of(TrayKind.POWER_SHELF)
    names: list[str] = []
    shelf, phase, reach, most, shelf_max = [], [], [], [], []
    for s, slot in enumerate(slots):
        supplies = slot.tray.component("psu")
        count = 0 if supplies is None else supplies.count
        own = [column[f] for f in slot.feeds if f in column] or [0]
        split = generation.supply.two_feeds is TwoFeeds.SPLIT and len(own) > 1
        each = 0.0 if supplies is None or supplies.power_max is None else float(supplies.power_max)
        each = each or float(slot.tray.output_max or 0.0) / max(count, 1)
        for n in range(count):
            names.append(f"{slot.name}/psu{n}")
            shelf.append(s)
            reached = [own[n % len(own)]] if split else own
            reach.append([c in reached for c in range(len(feeds))])
            phase.append((n // len(own) if split else n) % max(f.phases for f in feeds))
            most.append(each)
        shelf_max.append(float(slot.tray.output_max or count * each))
    return RackWiring(
        names=tuple(names),
        shelves=tuple(slot.name for slot in slots),
        feeds=feeds,
        shelf=np.array(shelf, dtype=np.int64),
        phase=np.array(phase, dtype=np.int64),
        reaches=np.array(reach, dtype=np.bool_).reshape(len(names), len(feeds)),
        supply_max=np.array(most, dtype=np.float64),
        shelf_max=np.array(shelf_max, dtype=np.float64),
        busbar_max=float(generation.busbar.power_max),
        supply=generation.supply,
    )
