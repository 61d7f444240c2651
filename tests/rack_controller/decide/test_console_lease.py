"""Who writes on a console: every pair of state and event, and what a writer may count on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.console_lease import (
    GONE_AFTER,
    IDLE_AFTER,
    TRANSITIONS,
    Ask,
    Event,
    Heard,
    Holder,
    Lease,
    Leave,
    Outcome,
    Take,
    Tick,
    Typed,
    step,
)

T0, T1 = Seconds(100.0), Seconds(105.0)
ANN = Holder("a", "ann", T0, T0, T0)


@pytest.mark.parametrize(
    ("lease", "event", "outcome", "holder"),
    [
        (None, Ask("a", "ann"), Outcome.GRANTED, "a"),
        (None, Take("a", "ann", "why not"), Outcome.GRANTED, "a"),
        (None, Typed("a"), Outcome.REFUSED, None),
        (None, Heard("a"), Outcome.NOTHING, None),
        (None, Leave("a"), Outcome.NOTHING, None),
        (None, Tick(), Outcome.NOTHING, None),
        (ANN, Ask("a", "ann"), Outcome.GRANTED, "a"),
        (ANN, Take("a", "ann", "again"), Outcome.GRANTED, "a"),
        (ANN, Typed("a"), Outcome.GRANTED, "a"),
        (ANN, Heard("a"), Outcome.NOTHING, "a"),
        (ANN, Leave("a"), Outcome.LEFT, None),
        (ANN, Tick(), Outcome.NOTHING, "a"),
        (ANN, Ask("b", "bob"), Outcome.REFUSED, "a"),
        (ANN, Take("b", "bob", "fire"), Outcome.TAKEN, "b"),
        (ANN, Typed("b"), Outcome.REFUSED, "a"),
        (ANN, Heard("b"), Outcome.NOTHING, "a"),
        (ANN, Leave("b"), Outcome.NOTHING, "a"),
    ],
)
def test_every_state_meets_every_event(lease: Lease, event: Event, outcome: Outcome, holder: str | None) -> None:
    after, verdict = step(lease, event, T1)
    assert verdict.outcome is outcome
    assert (after.session if after else None) == holder
    if outcome in (Outcome.REFUSED, Outcome.TAKEN, Outcome.LEFT):
        assert verdict.other == lease


def test_the_table_is_whole() -> None:
    events = (Ask, Take, Typed, Heard, Leave, Tick)
    states = {(state, event) for state in ("free", "own", "other") for event in events}
    assert set(TRANSITIONS) == states - {("other", Tick)}  # time belongs to nobody


def test_a_writer_that_types_nothing_makes_room_and_one_that_is_not_heard_of_sooner() -> None:
    heard = ANN
    for second in range(1, int(IDLE_AFTER)):
        now = Seconds(T0 + second)
        lease, _ = step(heard, Heard("a"), now)
        lease, verdict = step(lease, Tick(), now)
        assert verdict.outcome is Outcome.NOTHING
        assert lease is not None
        heard = lease
    assert step(heard, Tick(), Seconds(T0 + IDLE_AFTER + 0.1))[1].outcome is Outcome.IDLE
    assert step(ANN, Tick(), Seconds(T0 + GONE_AFTER))[1].outcome is Outcome.NOTHING
    after, verdict = step(ANN, Tick(), Seconds(T0 + GONE_AFTER + 0.1))
    assert (after, verdict.outcome, verdict.other) == (None, Outcome.GONE, ANN)


SESSIONS = st.sampled_from("abc")
EVENTS = st.one_of(
    st.builds(Ask, SESSIONS, SESSIONS),
    st.builds(Take, SESSIONS, SESSIONS, st.just("a reason")),
    st.builds(Typed, SESSIONS),
    st.builds(Heard, SESSIONS),
    st.builds(Leave, SESSIONS),
    st.just(Tick()),
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 400)), max_size=40))
def test_only_the_holder_types_and_nobody_loses_it_without_being_named(events: list[tuple[Event, float]]) -> None:
    lease: Lease = None
    now = Seconds(0.0)
    for event, passed in events:
        now = Seconds(now + passed)
        before = lease
        lease, verdict = step(lease, event, now)
        if isinstance(event, Typed) and verdict.outcome is Outcome.GRANTED:
            assert before is not None
            assert before.session == event.session
        if before is not None and (lease is None or lease.session != before.session):
            assert verdict.other == before
