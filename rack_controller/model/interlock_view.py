"""What people and tools see of a rack's interlocks.  Travels on `state` (want=interlocks)."""

import msgspec

from rack_controller.model.latch import Latch


class StandingView(msgspec.Struct, frozen=True):
    """One row at one place.  `tripped_s` None: its condition holds, and must still hold for a while; `holds` false:
    the condition is over, the latch stands."""

    cause: str
    place: str
    title: str
    evidence: str
    holds: bool
    held_s: float
    tripped_s: float | None
    latch: bool
    blocks: bool
    priority: int
    consequence: str
    response: str


class InterlockState(msgspec.Struct, frozen=True):
    """`armed` false: orders are only told.  `standings` most urgent first; `latches` the oldest first, cleared ones
    too."""

    rack: str
    armed: bool
    rows: int
    standings: list[StandingView]
    latches: list[Latch]
