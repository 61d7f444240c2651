"""Kills the controller before and after every commit of the ledger and around every request, twice in a row as well.

Every kind of operation, the device having acted or not, answered or not; the journal asked in virtual time on one core.
The second death is taken at every fifth point of the next life, each time another one, or it would take hours.  And a
journal that is full, locked or cannot sync at every commit, a wall clock that jumps, an upgrade between two kills.
"""

import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the story is the one that `make test` takes a sample of

from support.kill_story import KINDS, Kind, live, lost, repeated
from support.kill_weather import Weather, upgrade

EVERY = 5
MOST_S = 900.0
History = tuple[tuple[int, ...], Weather | None]


def deaths_of(kind: Kind) -> Iterator[History]:
    """Yield every point at which a controller can die, each alone and followed by a second death."""
    for first in range(1, live(kind, ()).points + 1):
        yield (first,), None
        for second in range(1 + first % EVERY, live(kind, (first,)).points + 1, EVERY):
            yield (first, second), None


def weathers_of(kind: Kind) -> Iterator[History]:
    """Yield a journal that refuses at every commit (full, locked, a sync that failed before a death), and around every
    third point a wall clock that jumps and a newer version between two deaths."""
    points = live(kind, ()).points
    for commit in range(1, points // 2 + 1):
        yield (), Weather(refuses_at=commit)
        yield (), Weather(refuses_at=commit, locked=True)
        for later in range(3):
            yield (2 * commit + later,), Weather(refuses_at=commit, unsure=True)
    for first in range(1, points + 1, 3):
        for hour in (-3600.0, 3600.0):
            yield (first,), Weather(hour)
        yield (first, 1 + first % EVERY), Weather(between=upgrade)


def run(record: Any) -> None:
    """Measure `kill/points`, `kill/repeated_effects`, `kill/lost_effects`, `kill/held`, `kill/weathers`."""
    logging.disable(logging.CRITICAL)  # what goes wrong is wanted
    began, points, weathers, again, gone, held, skipped = time.monotonic(), 0, 0, 0, 0, 0, 0
    for histories in (weathers_of, deaths_of):
        for kind in KINDS:
            for deaths, weather in histories(kind):
                if time.monotonic() - began > MOST_S:
                    skipped += 1
                    continue
                life = live(kind, deaths, weather)
                points += weather is None
                weathers += weather is not None
                again += repeated(life, kind)
                gone += lost(life, kind)
                held += life.held
    logging.disable(logging.NOTSET)
    took, all_of_them = time.monotonic() - began, points + weathers
    record(figure="points", value=points, unit="1", n=len(KINDS))
    record(figure="weathers", value=weathers, unit="1", n=len(KINDS))
    record(figure="repeated_effects", value=again, unit="1", n=all_of_them)
    record(figure="lost_effects", value=gone, unit="1", n=all_of_them)
    record(figure="held", value=held, unit="1", n=all_of_them)
    record(figure="lives_per_s", value=all_of_them / took, unit="1/s", n=all_of_them)
    if skipped:
        record(figure="skipped", value=skipped, unit="1", n=all_of_them)
