"""Which changes of our own attention people must hear of: endpoints asked less, blind to leaks, never heard.  Pure."""

from collections.abc import Iterator

from firmware_bridge.vocabulary.attention import Attention, Pacing
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.snapshot import EndpointState, ManagementAxis, Snapshot

TOLD_AFTER = Seconds(30.0)
"""An endpoint that has not answered since the start is told of after so long."""


def notice_attention(before: Snapshot | None, after: Snapshot) -> list[Finding]:
    """Return what changed between two snapshots; the first one tells only what is out of the ordinary."""
    findings: list[Finding] = []
    for place, now in after.endpoints.items():
        was = before.endpoints.get(place) if before else None
        findings += _never_heard(place, was, now, before.now if before else None, after.now)
        findings += _pacing(place, was.attention if was else Attention(), now.attention, after.now)
        findings += _blindness(place, was.attention if was else Attention(), now.attention, after.now)
    return findings


def _never_heard(
    place: Place, was: EndpointState | None, now: EndpointState, then: Seconds | None, at: Seconds
) -> Iterator[Finding]:
    if was is None or then is None or now.last_success is not None or now.management is not ManagementAxis.ABSENT:
        return
    if then - was.since < TOLD_AFTER <= at - now.since:
        text = f"{_name(place)} has not answered for {TOLD_AFTER:.0f} s since the start: {now.error or 'no reply'}"
        yield Finding(place, "endpoint.absent", Severity.WARNING, text)


def _pacing(place: Place, was: Attention, now: Attention, at: Seconds) -> Iterator[Finding]:
    if was.pacing is now.pacing:
        yield from _login(place, was, now)
        return
    if now.pacing is Pacing.FULL:
        yield Finding(place, "endpoint.unspared", Severity.OK, f"{_name(place)} is asked as planned again")
        return
    text = f"{_name(place)} is asked less ({now.pacing}{_until(now.until, at)}): {now.reason}"
    yield Finding(place, "endpoint.spared", Severity.WARNING, text)


def _login(place: Place, was: Attention, now: Attention) -> Iterator[Finding]:
    """What stands beside full attention is a controller that refuses good logins now and then."""
    if now.pacing is Pacing.FULL and now.reason and not was.reason:
        yield Finding(place, "login.flaky", Severity.WARNING, f"{_name(place)}: {now.reason}")


def _blindness(place: Place, was: Attention, now: Attention, at: Seconds) -> Iterator[Finding]:
    if bool(was.blind) == bool(now.blind):
        return
    if not now.blind:
        yield Finding(place, "leak.watching", Severity.OK, f"{_name(place)}: its leak detectors count again")
        return
    text = f"{_name(place)} is blind to leaks{_until(now.blind_until, at)}: {now.blind}"
    yield Finding(place, "leak.blind", Severity.WARNING, text)


def _until(end: Seconds | None, at: Seconds) -> str:
    return "" if end is None else f" for {max(0.0, end - at):.0f} s"


def _name(place: Place) -> str:
    return f"{leaf_of(tray_of(place))} {leaf_of(place)}"
