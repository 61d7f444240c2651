"""What a scheduler says of a job beforehand: when it starts, how long its iterations are, when it pauses and stops."""

from collections.abc import Mapping
from itertools import pairwise

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid

MOST_CHECKPOINTS = 200
LONGEST_S = 7 * 86_400.0
LONGEST_PERIOD_S, LONGEST_CHECKPOINT_S, LEAST_CHECKPOINT_S = 3_600.0, 86_400.0, 0.1
AFTER_STOP_S = 60.0
"""How long hints with an end are kept beyond it, where nobody says how long."""
UNENDED_S = 86_400.0
EXAMPLE = "--start 30s --period 5s --checkpoint 10m/12s --stop 2h"


class JobHint(msgspec.Struct, frozen=True):
    """Moments in unix ns, 0 for one that nobody said; `period_s` of an iteration, 0: unknown; `checkpoints`: when each
    begins, and how many s it takes.  Nothing of it counts after `until_unix_ns`."""

    job: str
    until_unix_ns: int
    by: str
    said_unix_ns: int
    start_unix_ns: int = 0
    period_s: float = 0.0
    checkpoints: list[tuple[int, float]] = []
    stop_unix_ns: int = 0

    def runs(self, unix_ns: int) -> bool:
        """Return whether the job is expected to compute in its iterations at a moment."""
        return self.start_unix_ns <= unix_ns and not 0 < self.stop_unix_ns <= unix_ns


def parse_hint(job: str, said: Mapping[str, object], unix_ns: int, by: str) -> JobHint:
    """Return the hints of a command; its times count from now on, so that no clocks are compared.

    `start_in_s`, `stop_in_s`, `period_s`, `for_s`: s; `checkpoints`: `600/12,1200/12`, when and how long.
    Raises ArgumentsInvalid that says what is wrong and what to write.
    """
    start, stop = _number(said, "start_in_s", LONGEST_S), _number(said, "stop_in_s", LONGEST_S)
    period, last = _number(said, "period_s", LONGEST_PERIOD_S), _number(said, "for_s", LONGEST_S)
    pauses = _pauses(str(said.get("checkpoints", "") or ""))
    if start is None and stop is None and period is None and not pauses:
        raise ArgumentsInvalid("hints of a job say nothing", advice=f"for example {EXAMPLE}")
    begins = start or 0.0
    for (at, takes), (after, _) in pairwise(pauses):
        if after < at + takes:
            raise _wrong(f"a checkpoint at {after:g} s begins within the one at {at:g} s", "name each once, in order")
    if stop is not None and stop <= begins:
        raise _wrong(f"the job stops after {stop:g} s and starts after {begins:g} s", "a stop lies behind the start")
    if pauses and pauses[0][0] < begins:
        raise _wrong(
            f"a checkpoint at {pauses[0][0]:g} s, the job starts after {begins:g} s", "put it behind the start"
        )
    end = pauses[-1][0] + pauses[-1][1] if pauses else begins
    if stop is not None and end > stop:
        raise _wrong(f"a checkpoint ends at {end:g} s, the job stops at {stop:g} s", "put it before the stop")
    if last is None:
        last = UNENDED_S if stop is None else stop + AFTER_STOP_S
    if last < (end if stop is None else stop):
        raise _wrong(f"hints for {last:g} s end before what they say", "leave --for out, or make it longer")
    return JobHint(
        job=job,
        until_unix_ns=_after(unix_ns, last),
        by=by,
        said_unix_ns=unix_ns,
        start_unix_ns=0 if start is None else _after(unix_ns, start),
        period_s=period or 0.0,
        checkpoints=[(_after(unix_ns, at), takes) for at, takes in pauses],
        stop_unix_ns=0 if stop is None else _after(unix_ns, stop),
    )


def _after(unix_ns: int, passed_s: float) -> int:
    return unix_ns + int(passed_s * 1e9)


def _number(said: Mapping[str, object], name: str, most: float) -> float | None:
    if name not in said or said[name] is None:
        return None
    value = float(str(said[name]))
    if not 0.0 <= value <= most or (name != "start_in_s" and value == 0.0):
        least = "0" if name == "start_in_s" else "more than 0"
        raise _wrong(f"{name} of {value:g}", f"{least} up to {most:g} s")
    return value


def _pauses(text: str) -> list[tuple[float, float]]:
    """Return checkpoints, when each begins and how long it takes, s, in order."""
    found: list[tuple[float, float]] = []
    for each in filter(None, (part.strip() for part in text.split(","))):
        at, _, takes = each.partition("/")
        try:
            pair = (float(at), float(takes))
        except ValueError as err:
            raise _wrong(f"{each!r} is no checkpoint", "when and how long, in s: 600/12") from err
        if not (0.0 <= pair[0] <= LONGEST_S and LEAST_CHECKPOINT_S <= pair[1] <= LONGEST_CHECKPOINT_S):
            raise _wrong(
                f"a checkpoint at {pair[0]:g} s for {pair[1]:g} s",
                f"it takes {LEAST_CHECKPOINT_S:g} s up to a day, and begins within a week",
            )
        found.append(pair)
    if len(found) > MOST_CHECKPOINTS:
        raise _wrong(f"{len(found)} checkpoints", f"at most {MOST_CHECKPOINTS}; say those that come next")
    return sorted(found)


def _wrong(what: str, advice: str) -> ArgumentsInvalid:
    return ArgumentsInvalid(f"hints: {what}", advice=advice)
