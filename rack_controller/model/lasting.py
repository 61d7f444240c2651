"""An event that is told once and whose matter lasts: a GPU off the bus, a kernel panic."""

import msgspec


class LastingEvent(msgspec.Struct, frozen=True):
    """`place` is the tray or its part, `text` what happened and what to do, without the tray's name."""

    place: str
    kind: str
    severity: str
    text: str
    since_unix_ns: int
