"""The two axes of an endpoint, decided from what was heard and when.  Pure; silence is never "off"."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.event_path import EventPath, PathKind
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.snapshot import ManagementAxis, PowerAxis

STALE_PERIODS = 3
ABSENT_PERIODS = 10
DEGRADED_FAILURES = 2
"""One lost request is no news: networks lose some.  The second in a row is."""
PROOF_LIFE = Seconds(150.0)
"""A way of events is proven every 60 s; two proofs may fail to come before it counts as lost."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of talking to an endpoint: monotonic times, failures since the last success.

    `error` belongs to what keeps the endpoint from answering; one resource that fails is a fault of its own.
    """

    last_success: Seconds | None = None
    failures: int = 0
    error: str = ""
    error_at: Seconds | None = None


def decide_management(contact: Contact, now: Seconds, period: Seconds) -> ManagementAxis:
    """Reachable while the newest answer is younger than three periods, absent after ten, degraded in between.

    A second failure in a row degrades it at once.
    """
    if contact.last_success is None:
        return ManagementAxis.ABSENT
    silence = now - contact.last_success
    if silence > ABSENT_PERIODS * period:
        return ManagementAxis.ABSENT
    if silence > STALE_PERIODS * period or contact.failures >= DEGRADED_FAILURES:
        return ManagementAxis.DEGRADED
    return ManagementAxis.REACHABLE


def decide_power(reported: float | None, management: ManagementAxis) -> PowerAxis:
    """Return what the part says of itself; unknown when it says nothing or is not heard."""
    if management is ManagementAxis.ABSENT or reported is None:
        return PowerAxis.UNKNOWN
    return PowerAxis.ON if reported >= 1 else PowerAxis.OFF


def decide_events(path: EventPath | None, management: ManagementAxis, now: Seconds) -> EventPath | None:
    """Return how events come, as far as it can be believed: a proof that is old, or of an absent endpoint, is none."""
    if path is None or path.kind not in (PathKind.SSE, PathKind.PUSH):
        return path
    if management is ManagementAxis.ABSENT:
        return EventPath(PathKind.UNPROVEN, path.proven_at, "the endpoint does not answer")
    if path.proven_at is None or now - path.proven_at > PROOF_LIFE:
        return EventPath(PathKind.UNPROVEN, path.proven_at, f"not proven for {PROOF_LIFE:.0f} s")
    return path


def retry_delay(failures: int, period: Seconds, most: Seconds) -> Seconds:
    """Return how long to leave a failing endpoint alone: one period, doubled per failure, capped at `most`."""
    return Seconds(min(most, period * 2 ** min(max(failures - 1, 0), 10)))
