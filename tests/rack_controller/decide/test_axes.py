"""Both axes of an endpoint."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.event_path import EventPath, PathKind
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.axes import (
    PROOF_LIFE,
    Contact,
    decide_events,
    decide_management,
    decide_power,
    retry_delay,
)
from rack_controller.model.snapshot import ManagementAxis, PowerAxis

PERIOD = Seconds(1.0)


def test_never_heard_is_absent() -> None:
    assert decide_management(Contact(), Seconds(100.0), PERIOD) is ManagementAxis.ABSENT


def test_a_fresh_answer_is_reachable() -> None:
    assert decide_management(Contact(Seconds(99.0)), Seconds(100.0), PERIOD) is ManagementAxis.REACHABLE


def test_one_lost_request_is_no_news_and_two_in_a_row_are() -> None:
    assert decide_management(Contact(Seconds(99.0), 1), Seconds(100.0), PERIOD) is ManagementAxis.REACHABLE
    assert decide_management(Contact(Seconds(99.0), 2), Seconds(100.0), PERIOD) is ManagementAxis.DEGRADED


def test_a_way_of_events_is_believed_while_its_proof_is_fresh_and_the_endpoint_answers() -> None:
    path = EventPath(PathKind.SSE, Seconds(100.0))
    assert decide_events(path, ManagementAxis.REACHABLE, Seconds(100 + PROOF_LIFE)) == path
    for management, now in ((ManagementAxis.REACHABLE, 101 + PROOF_LIFE), (ManagementAxis.ABSENT, 101.0)):
        judged = decide_events(path, management, Seconds(now))
        assert judged is not None
        assert (judged.kind, judged.proven_at) == (PathKind.UNPROVEN, 100.0)
        assert judged.detail
    polled = EventPath(PathKind.POLLING)
    assert decide_events(polled, ManagementAxis.ABSENT, Seconds(5.0)) == polled
    assert decide_events(None, ManagementAxis.REACHABLE, Seconds(5.0)) is None


def test_silence_turns_degraded_then_absent() -> None:
    contact = Contact(Seconds(0.0))
    assert decide_management(contact, Seconds(3.0), PERIOD) is ManagementAxis.REACHABLE
    assert decide_management(contact, Seconds(3.1), PERIOD) is ManagementAxis.DEGRADED
    assert decide_management(contact, Seconds(10.0), PERIOD) is ManagementAxis.DEGRADED
    assert decide_management(contact, Seconds(10.1), PERIOD) is ManagementAxis.ABSENT


@given(st.none() | st.floats(0, 1))
def test_silence_is_never_off(reported: float | None) -> None:
    assert decide_power(reported, ManagementAxis.ABSENT) is PowerAxis.UNKNOWN


def test_power_is_what_the_part_says() -> None:
    assert decide_power(1.0, ManagementAxis.REACHABLE) is PowerAxis.ON
    assert decide_power(0.0, ManagementAxis.DEGRADED) is PowerAxis.OFF
    assert decide_power(None, ManagementAxis.REACHABLE) is PowerAxis.UNKNOWN


@given(st.integers(0, 1000))
def test_a_failing_endpoint_is_left_alone_longer_but_never_for_ever(failures: int) -> None:
    assert PERIOD <= retry_delay(failures, PERIOD, Seconds(10)) <= 10
    assert retry_delay(failures, PERIOD, Seconds(10)) <= retry_delay(failures + 1, PERIOD, Seconds(10))
