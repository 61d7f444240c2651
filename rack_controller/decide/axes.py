"""The two axes of an endpoint, decided from what was heard and when.  Pure; silence is never "off"."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.snapshot import ManagementAxis, PowerAxis

STALE_PERIODS = 3
ABSENT_PERIODS = 10


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of talking to an endpoint: monotonic times, failures since the last success."""

    last_success: Seconds | None = None
    failures: int = 0
    error: str = ""


def decide_management(contact: Contact, now: Seconds, period: Seconds) -> ManagementAxis:
    """Reachable while the newest answer is younger than three periods, absent after ten, degraded in between."""
    if contact.last_success is None:
        return ManagementAxis.ABSENT
    silence = now - contact.last_success
    if silence > ABSENT_PERIODS * period:
        return ManagementAxis.ABSENT
    if silence > STALE_PERIODS * period or contact.failures > 0:
        return ManagementAxis.DEGRADED
    return ManagementAxis.REACHABLE


def decide_power(reported: float | None, management: ManagementAxis) -> PowerAxis:
    """Return what the part says of itself; unknown when it says nothing or is not heard."""
    if management is ManagementAxis.ABSENT or reported is None:
        return PowerAxis.UNKNOWN
    return PowerAxis.ON if reported >= 1 else PowerAxis.OFF


def retry_delay(failures: int, period: Seconds, most: Seconds) -> Seconds:
    """Return how long to leave a failing endpoint alone: one period, doubled per failure, capped at `most`."""
    return Seconds(min(most, period * 2 ** min(max(failures - 1, 0), 10)))
