"""Several racks of a hall in lockstep: what they draw together and each of them, beside each one's evidence.  Pure."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rack_controller.prove.accept.evidence import Evidence, Series
from rack_controller.prove.accept.parts import Parts

DRAWN = "feedphase.power"
HALL = {"hall.power": (DRAWN,), "hall.share": (DRAWN,), "hall.rack_power": (DRAWN,)}
"""Series of a hall and the series of each rack that they are made of.

`hall.power` is of all racks together in W, `hall.share` the same over what all of them may draw, `hall.rack_power` of
each rack by its name."""


def with_hall(evidence: Sequence[Evidence], parts: Parts) -> list[Evidence]:
    """Return the evidence of racks in lockstep with the series of their hall, where all of them were measured."""
    drawn = [e.series.get(DRAWN) for e in evidence]
    known = [s for s in drawn if s is not None and len(s.times)]
    moments = {len(s.times) for s in known}
    if len(known) < len(evidence) or len(moments) != 1:
        return list(evidence)
    racks = np.stack([s.values.sum(axis=1) for s in known], axis=1)  # (N, R)
    times, whole = known[0].times, racks.sum(axis=1, keepdims=True)
    added = {
        "hall.power": Series("hall.power", "W", ("hall",), times, whole),
        "hall.share": Series("hall.share", "1", ("hall",), times, whole / (len(evidence) * max(parts.usable_w, 1.0))),
        "hall.rack_power": Series("hall.rack_power", "W", tuple(e.rack for e in evidence), times, racks),
    }
    return [replace(e, series={**e.series, **added}) for e in evidence]
