"""The bypass register: what may be left out, for how long, and what that does to the picture.  Pure.

Two persons, a reason, at most a day, never two on one tray.  Who leaves something out switches nothing on: while it is
open its tray may not be energised, and a latch that stands goes on standing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import msgspec

from firmware_bridge.vocabulary.place import Place, leaf_of, rack_of, tray_of
from rack_controller.decide.detectors import DetectorSight, leaks_critically
from rack_controller.decide.picture import Picture, TraySight
from rack_controller.model.bypass import HOUR_NS, SIGN_WITHIN_NS, Bypass
from rack_controller.model.interlock import RACK_WIDE, Condition, Row

MOST_HOURS = 24
NEVER = frozenset({Condition.EMERGENCY_STOP, Condition.TRAY_ON_WHILE_LATCHED, Condition.BLIND})


def ended(bypass: Bypass, now_ns: int) -> bool:
    """Return whether it is over: ended by somebody, its time is up, or nobody signed it."""
    until = bypass.until_unix_ns if bypass.signed_by else bypass.opened_unix_ns + SIGN_WITHIN_NS
    return bypass.ended_unix_ns is not None or now_ns >= until


def in_force(bypasses: Iterable[Bypass], now_ns: int) -> list[Bypass]:
    """Return those that leave something out now."""
    return [b for b in bypasses if b.signed_by and not ended(b, now_ns)]


def why_not(wish: Bypass, others: Iterable[Bypass], rows: Sequence[Row], trays: Collection[Place], now_ns: int) -> str:
    """Return why `wish` is refused, empty when it may be signed.  `trays`: what rows of a tray may stand at."""
    if not 1 <= wish.hours <= MOST_HOURS:
        return f"a bypass lasts 1 to {MOST_HOURS} hours, not {wish.hours}"
    if not wish.reason:
        return "a bypass needs a reason"
    if wish.cause:
        row = next((r for r in rows if r.cause == wish.cause), None)
        if row is None:
            return f"no row is called {wish.cause}"
        if row.when in NEVER:
            return f"{wish.cause} is never left out"
        if row.when in RACK_WIDE and wish.place != rack_of(wish.place):
            return f"{wish.cause} is the rack's: name the rack"
        if row.when not in RACK_WIDE and wish.place not in trays:
            return f"{wish.cause} is a tray's: name a compute or switch tray"
    for other in others:
        if not ended(other, now_ns) and _meet(where(wish), where(other)):
            return f"never two on one tray: {other.id} is there ({_what(other)})"
    return ""


def why_not_signed(bypass: Bypass, actor: str, now_ns: int) -> str:
    """Return why `actor` cannot sign it, empty when they can."""
    if ended(bypass, now_ns):
        return f"{bypass.id} is over"
    if bypass.signed_by:
        return f"{bypass.id} is signed already, by {bypass.signed_by}"
    return f"{actor} asked for it; another person must sign" if actor == bypass.opened_by else ""


def sign(bypass: Bypass, actor: str, now_ns: int) -> Bypass:
    """Return the bypass, open from now on for as many hours as it was asked for."""
    return msgspec.structs.replace(bypass, signed_by=actor, until_unix_ns=now_ns + bypass.hours * HOUR_NS)


def where(bypass: Bypass) -> Place:
    """Return the tray, or the rack, at which something is left out."""
    return bypass.place if bypass.cause else tray_of(bypass.place)


def covers(bypass: Bypass, tray: Place) -> bool:
    """Return whether nothing at `tray` may be energised while the bypass is open."""
    return where(bypass) in (tray, rack_of(tray))


def words(bypass: Bypass) -> str:
    """Return it in an operator's words."""
    return f"bypass {bypass.id}: {_what(bypass)} is left out by {bypass.opened_by} and {bypass.signed_by}: " + (
        bypass.reason
    )


def left_out(picture: Picture, bypasses: Sequence[Bypass], latched: Collection[Place] = ()) -> Picture:
    """Return the picture without what is bypassed.  `latched`: trays whose water falls on others still."""
    if not bypasses:
        return picture
    gone = {b.place for b in bypasses if not b.cause}
    keys = frozenset((b.cause, b.place) for b in bypasses if b.cause)
    trays = tuple(_without(t, gone, latched) for t in picture.trays)
    loop = replace(
        picture.loop,
        unit_detectors=_rest(picture.loop.unit_detectors, gone),
        rack_detectors=_rest(picture.loop.rack_detectors, gone),
    )
    return replace(picture, trays=trays, loop=loop, left_out=keys)


def _without(tray: TraySight, gone: Collection[Place], latched: Collection[Place]) -> TraySight:
    rest = _rest(tray.detectors, gone)
    if len(rest) == len(tray.detectors):
        return tray
    wet = tray.place in latched or leaks_critically([d.verdict for d in rest])
    planned = max(0, tray.planned - (len(tray.detectors) - len(rest)))
    return replace(tray, detectors=rest, planned=planned, drip=tray.drip if wet else None)


def _rest(sights: tuple[DetectorSight, ...], gone: Collection[Place]) -> tuple[DetectorSight, ...]:
    return tuple(d for d in sights if d.place not in gone)


def _meet(one: Place, other: Place) -> bool:
    return one == other or one == rack_of(other) or other == rack_of(one)


def _what(bypass: Bypass) -> str:
    at = leaf_of(where(bypass))
    return f"{bypass.cause} at {at}" if bypass.cause else f"{leaf_of(bypass.place)} of {at}"
