"""What one rule makes of its evidence: each part's value against its limit.  Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rack_controller.prove.accept.evidence import Array


@dataclass(frozen=True, slots=True)
class Weight:
    """One part: its value, the limit nearest to it, and by how much it is beyond (positive: out of bounds).

    `uncertainty` is of the excess, in its unit.  `unseen`: it could not be measured.
    """

    place: str
    value: float | str | None
    limit: float | str | None
    excess: float
    uncertainty: float
    text: str
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Weighed:
    """All parts of one measure.  `gap` says why nothing could be judged at all."""

    judged: int = 0
    found: list[Weight] = field(default_factory=list)
    nearest: Weight | None = None
    gap: str = ""


def weigh(
    places: Sequence[str],
    values: Array,
    limits: Array,
    excess: Array,
    uncertainty: Array,
    text: Callable[[int], str],
    unseen: str,
) -> Weighed:
    """Return the weights of parts, (P,) each; a part whose value is NaN is unseen, and what it is told in `unseen`."""
    if not len(places):
        return Weighed(gap="the rack has no such part")
    known = np.isfinite(excess)
    if not known.any():
        return Weighed(gap=unseen)

    def weight(n: int, said: str, *, seen: bool = True) -> Weight:
        value, limit = (float(values[n]), float(limits[n])) if seen else (None, None)
        return Weight(places[n], value, limit, float(excess[n]), float(uncertainty[n]), said, unseen=not seen)

    found = [weight(int(n), text(int(n))) for n in np.flatnonzero(known & (excess > 0.0))]
    found += [weight(int(n), unseen, seen=False) for n in np.flatnonzero(~known)]
    top = int(np.nanargmax(np.where(known, excess, -np.inf)))
    return Weighed(len(places), found, weight(top, text(top)))
