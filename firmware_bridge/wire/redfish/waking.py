"""How long a management controller has been up, by its own clock, and whether its leak detectors can say anything yet.

For minutes after AC comes, a tray's detectors are not armed: dry then means nothing.  Pure.
"""

from collections.abc import Sequence
from dataclasses import replace

from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.intake import device_seconds


def uptime_of(manager: Document | None) -> float | None:
    """Return the seconds between a Manager's LastResetTime and its own DateTime, None when it does not say both.

    A reset in its own future (a clock that was set back since) says nothing.
    """
    if manager is None:
        return None
    times = [manager.get("LastResetTime"), manager.get("DateTime")]
    reset, now = (device_seconds(t) if isinstance(t, str) else None for t in times)
    return None if reset is None or now is None or now < reset else now - reset


def blinded(readings: Sequence[Reading]) -> list[Reading]:
    """Return the readings with every dry leak detector unknown: it has not looked.  A leak that it tells of counts."""
    return [
        replace(r, value=None, quality=Quality.FLAGGED) if r.quantity is Quantity.LEAK and r.value == 0 else r
        for r in readings
    ]


def unarmed(readings: Sequence[Reading]) -> bool:
    """Tell whether any leak detector says of itself that it is not in service."""
    return any(r.quantity is Quantity.LEAK and r.quality is Quality.FLAGGED for r in readings)
