"""A resource of an endpoint that fails while the rest answers: what keeps it from being read, since when, how often."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.vocabulary.units import Seconds

MOST_TOLD = 20
"""A controller that is half dead may fail in a thousand resources: the longest failing are told, all are counted."""


@dataclass(frozen=True, slots=True)
class Failing:
    """One resource that cannot be read: its newest error, met at `at`; failing since `since`, `times` reads in a row.

    Times are monotonic.  Both count from when the endpoint was met last: what was there before may be another part.
    """

    error: DeviceError
    since: Seconds
    at: Seconds
    times: int = 1


class FailingResource(msgspec.Struct, frozen=True):
    """The same on its way up: `where` is a URI, a register or a path; ages in s."""

    where: str
    error: str
    since_s: float
    last_s: float
    times: int


def told(failing: Mapping[str, Failing], now: Seconds) -> list[FailingResource]:
    """Return what fails, longest first, at most MOST_TOLD of it."""
    longest = sorted(failing.items(), key=lambda item: (item[1].since, item[0]))[:MOST_TOLD]
    return [
        FailingResource(
            scrub(where, 256),
            f"{type(f.error).__name__}: {f.error.detail or f.error.verb}",
            round(now - f.since, 1),
            round(now - f.at, 1),
            f.times,
        )
        for where, f in longest
    ]
