"""Who writes on a console.  Pure: `step(lease, event, now)`; many may watch, one writes, a take-over needs a reason.

Times are monotonic seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from firmware_bridge.vocabulary.units import Seconds

IDLE_AFTER = Seconds(600.0)
"""A writer that has typed nothing for so long makes room."""
GONE_AFTER = Seconds(15.0)
"""A writer whose connection has not been heard of for so long is gone."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The writer: its session, who that is, since when, and when it last typed (`typed`) and was heard of (`heard`)."""

    session: str
    actor: str
    since: Seconds
    typed: Seconds
    heard: Seconds


Lease = Holder | None
"""The state: nobody writes, or one does."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A session wants to write, if nobody else does."""

    session: str
    actor: str


@dataclass(frozen=True, slots=True)
class Take:
    """A session wants to write whoever else does; the reason is told to everybody."""

    session: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A session sends bytes or a break."""

    session: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A session's connection still stands."""

    session: str


@dataclass(frozen=True, slots=True)
class Leave:
    """A session stops writing."""

    session: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = Ask | Take | Typed | Heard | Leave | Tick


class Outcome(StrEnum):
    """What became of an event."""

    GRANTED = "granted"
    TAKEN = "taken"  # granted, and somebody was put out
    REFUSED = "refused"
    LEFT = "left"
    IDLE = "idle"  # the writer was put out for typing nothing
    GONE = "gone"  # the writer was put out because nothing was heard of it
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome; `other` is who holds the lease instead, or who lost it."""

    outcome: Outcome
    other: Holder | None = None


_Move = Callable[[Lease, Event, Seconds], tuple[Lease, Verdict]]


def step(lease: Lease, event: Event, now: Seconds) -> tuple[Lease, Verdict]:
    """Return the next lease and what became of the event.  Every pair of state and event is in the table."""
    owns = lease is not None and getattr(event, "session", lease.session) == lease.session
    state = "free" if lease is None else "own" if owns else "other"
    return TRANSITIONS[state, type(event)](lease, event, now)


def _grant(_lease: Lease, event: Event, now: Seconds) -> tuple[Lease, Verdict]:
    assert isinstance(event, Ask | Take)
    return Holder(event.session, event.actor, now, now, now), Verdict(Outcome.GRANTED)


def _take(lease: Lease, event: Event, now: Seconds) -> tuple[Lease, Verdict]:
    return _grant(lease, event, now)[0], Verdict(Outcome.TAKEN, lease)


def _again(lease: Lease, _event: Event, now: Seconds) -> tuple[Lease, Verdict]:
    assert lease is not None
    return replace(lease, typed=now, heard=now), Verdict(Outcome.GRANTED)


def _refuse(lease: Lease, _event: Event, _now: Seconds) -> tuple[Lease, Verdict]:
    return lease, Verdict(Outcome.REFUSED, lease)


def _hear(lease: Lease, _event: Event, now: Seconds) -> tuple[Lease, Verdict]:
    assert lease is not None
    return replace(lease, heard=now), Verdict(Outcome.NOTHING)


def _leave(lease: Lease, _event: Event, _now: Seconds) -> tuple[Lease, Verdict]:
    return None, Verdict(Outcome.LEFT, lease)


def _nothing(lease: Lease, _event: Event, _now: Seconds) -> tuple[Lease, Verdict]:
    return lease, Verdict(Outcome.NOTHING)


def _tick(lease: Lease, _event: Event, now: Seconds) -> tuple[Lease, Verdict]:
    assert lease is not None
    if now - lease.heard > GONE_AFTER:
        return None, Verdict(Outcome.GONE, lease)
    if now - lease.typed > IDLE_AFTER:
        return None, Verdict(Outcome.IDLE, lease)
    return lease, Verdict(Outcome.NOTHING)


TRANSITIONS: dict[tuple[str, type[Event]], _Move] = {
    ("free", Ask): _grant,
    ("free", Take): _grant,
    ("free", Typed): _refuse,
    ("free", Heard): _nothing,
    ("free", Leave): _nothing,
    ("free", Tick): _nothing,
    ("own", Ask): _again,
    ("own", Take): _again,
    ("own", Typed): _again,
    ("own", Heard): _hear,
    ("own", Leave): _leave,
    ("own", Tick): _tick,
    ("other", Ask): _refuse,
    ("other", Take): _take,
    ("other", Typed): _refuse,
    ("other", Heard): _nothing,
    ("other", Leave): _nothing,
}
"""State × event.  `own` and `other` tell whether the event comes from the writer; a tick comes from nobody."""
