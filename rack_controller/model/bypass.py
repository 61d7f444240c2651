"""What two persons agreed to leave out of the interlocks for some hours: one detector, or one row at one place."""

import msgspec

from firmware_bridge.vocabulary.place import Place

HOUR_NS = 3_600_000_000_000
SIGN_WITHIN_NS = HOUR_NS
"""A wish that nobody signs within this is over."""


class Bypass(msgspec.Struct, frozen=True):
    """One entry of the register.  `cause` empty: the detector at `place`; else that row, at a tray or the rack.

    Wanted until a second person signed; open from then on until `until_unix_ns`, or until somebody ended it.
    """

    id: str
    place: Place
    cause: str
    reason: str
    hours: int
    opened_by: str
    opened_unix_ns: int
    signed_by: str = ""
    until_unix_ns: int = 0
    ended_unix_ns: int | None = None
    ended_by: str = ""
