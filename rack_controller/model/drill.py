"""What a test of an interlock's whole path came to: each hop with its time, and what every device proved.

Nothing of it can switch anything: the last step before a device is replaced by a proof that it could be asked.
"""

import msgspec

from rack_controller.model.interlock_view import RehearsedTrip


class Hop(msgspec.Struct, frozen=True):
    """One hop of the path: what it did, in words, and how long it took, in ms."""

    name: str
    took_ms: float
    said: str


class Proven(msgspec.Struct, frozen=True):
    """What one target of an order showed: `ok` where the request could be made; otherwise `said` is why not."""

    tray: str
    act: str
    ok: bool
    said: str
    took_ms: float


class Drill(msgspec.Struct, frozen=True):
    """A test at the detector `place`.  `test` names its rows in the ledger; `broken_off`: what really tripped
    meanwhile, which went first; `note`: why nothing would trip."""

    place: str
    test: str
    armed: bool
    trips: list[RehearsedTrip]
    hops: list[Hop]
    proven: list[Proven]
    broken_off: str = ""
    note: str = ""

    @property
    def passed(self) -> bool:
        """Return whether something would trip, and all that it would switch off could be asked for that."""
        return bool(self.trips) and not self.broken_off and all(p.ok for p in self.proven)
