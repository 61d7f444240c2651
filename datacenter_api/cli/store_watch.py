"""Watches whether the bus stores what racks say, tells people once when it does not, and mends it when there is room.

A stream whose disk was full once refuses every message until its server is started anew, even when space has come back.
So this asks for that start; while the disk is full it asks for nothing.  Pure: time and numbers are arguments.
"""

from dataclasses import dataclass

from datacenter_api.fleet.state import Storing
from firmware_bridge.vocabulary.units import Seconds

ROOM_BYTES = 16 * 1024 * 1024
STEADY_FOR = Seconds(3.0)
START_AGAIN_AFTER = Seconds(30.0)
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Advice:
    """What follows from a look: what to tell people (empty: nothing new), and whether to start the bus anew."""

    note: str = ""
    start_bus: bool = False


class StoreWatch:
    """Keeps what was said, so that each change is said once."""

    def __init__(self) -> None:
        self._said = ""
        self._dropped = 0
        self._room_since: Seconds | None = None
        self._started_at = Seconds(float("-inf"))

    def look(self, storing: Storing, free_bytes: int, now: Seconds) -> Advice:
        """Judge how messages get into the streams, `free_bytes` on the disk that holds them, at `now`."""
        full = free_bytes < ROOM_BYTES
        if not storing.refusal:
            return self._well(storing)
        cause = f"its disk is full ({free_bytes // _MIB} MiB free)" if full else storing.refusal
        new, self._said = cause if self._said != cause else "", cause
        if full:
            self._room_since = None
            return Advice(f"the bus stores nothing: {new}; racks stay live, free disk space" if new else "")
        self._room_since = now if self._room_since is None else self._room_since
        if now - self._room_since >= STEADY_FOR and now - self._started_at >= START_AGAIN_AFTER:
            self._started_at = now
            return Advice(f"the bus stores nothing although its disk has room ({cause}): starting it anew", True)
        return Advice(f"the bus stores nothing: {new}; racks stay live" if new else "")

    def _well(self, storing: Storing) -> Advice:
        was, self._said, self._room_since = self._said, "", None
        lost, self._dropped = storing.dropped - self._dropped, storing.dropped
        if was:
            return Advice(f"the bus stores again; {lost} messages were lost" if lost > 0 else "the bus stores again")
        return Advice(f"{lost} messages were lost: too many waited for the bus" if lost > 0 else "")
