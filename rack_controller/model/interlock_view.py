"""What people and tools see of a rack's interlocks.  Travels on `state`, in short with the rack's endpoints."""

import msgspec

from rack_controller.model.bypass import Bypass
from rack_controller.model.event import Severity
from rack_controller.model.interlock import Clearing
from rack_controller.model.latch import Latch


class StandingView(msgspec.Struct, frozen=True):
    """One row at one place.  `tripped_s` None: its condition holds, and must still hold for a while; `holds` false:
    the condition is over, the latch stands.  `still`: what is seen of it now and until when, old critical words left
    aside; a latch is not cleared while it says anything."""

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
    still: str = ""


class TrippedView(msgspec.Struct, frozen=True):
    """One tripped row at one place in a few words.  `latch`: the id of its latch, empty where none stands; `did`: what
    followed, on an unarmed rack what would have; `chain`: cause and effect as one line for a banner; `wet`: the trays
    that its latch keeps off because its water may have reached them."""

    cause: str
    place: str
    title: str
    evidence: str
    since_unix_ns: int
    holds: bool
    latch: str
    blocks: bool
    priority: int
    severity: Severity
    did: list[str]
    chain: str
    wet: list[str] = []


class InterlockGlance(msgspec.Struct, frozen=True):
    """A rack's interlocks in short.  `tripped` is first-out: what tripped first stands first.  `unresolved`: how many
    requests to devices nobody knows the end of; `bypasses`: open, or waiting for a second person."""

    armed: bool
    tripped: list[TrippedView]
    latches_open: int
    unresolved: int
    bypasses: list[Bypass] = []


class RehearsedTrip(msgspec.Struct, frozen=True):
    """One row that would trip: what was seen, what would follow at once and later, and whether it would latch."""

    cause: str
    place: str
    seen: str
    at_once: list[str]
    later: list[str]
    latch: bool
    blocks: bool


class Rehearsal(msgspec.Struct, frozen=True):
    """What would follow if the detector at `place` said Critical now; nothing was done.  `note`: why nothing would."""

    place: str
    armed: bool
    trips: list[RehearsedTrip]
    note: str = ""


class UnjudgedView(msgspec.Struct, frozen=True):
    """One row that cannot be judged now at `places` (trays, or the rack), and what is missing there."""

    cause: str
    title: str
    why: str
    places: list[str]


class InterlockState(msgspec.Struct, frozen=True):
    """`armed` false: orders are only told.  `standings` most urgent first; `latches` the oldest first, cleared ones
    too; `clearing`: what clears the open ones, by cause; `bypasses`: the register, the newest first; `unjudged`: rows
    that see nothing now, and where; `uncovered`: leak detectors that no row looks at."""

    rack: str
    armed: bool
    rows: int
    standings: list[StandingView]
    latches: list[Latch]
    tripped: list[TrippedView] = []
    clearing: dict[str, Clearing] = {}
    bypasses: list[Bypass] = []
    unjudged: list[UnjudgedView] = []
    uncovered: list[str] = []
