"""Kills the controller before and after every commit of the ledger and around every request, twice in a row as well.

Every kind of operation, the device having acted or not, answered or not; the journal asked in virtual time on one core.
The second death is taken at every fifth point of the next life, each time another one, or it would take hours.
"""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the story is the one that `make test` takes a sample of

from support.kill_story import KINDS, live, lost, repeated

EVERY = 5
MOST_S = 900.0


def run(record: Any) -> None:
    """Measure `kill/points`, `kill/repeated_effects`, `kill/lost_effects`, `kill/held`."""
    began, points, again, gone, held, skipped = time.monotonic(), 0, 0, 0, 0, 0
    for kind in KINDS:
        for first in range(1, live(kind, ()).points + 1):
            seconds = range(1 + first % EVERY, live(kind, (first,)).points + 1, EVERY)
            for deaths in ((first,), *((first, second) for second in seconds)):
                if time.monotonic() - began > MOST_S:
                    skipped += 1
                    continue
                life = live(kind, deaths)
                points += 1
                again += repeated(life, kind)
                gone += lost(life, kind)
                held += life.held
    took = time.monotonic() - began
    record(figure="points", value=points, unit="1", n=len(KINDS))
    record(figure="repeated_effects", value=again, unit="1", n=points)
    record(figure="lost_effects", value=gone, unit="1", n=points)
    record(figure="held", value=held, unit="1", n=points)
    record(figure="lives_per_s", value=points / took, unit="1/s", n=points)
    if skipped:
        record(figure="skipped", value=skipped, unit="1", n=points)
