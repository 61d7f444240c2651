"""Both axes of an endpoint."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.axes import Contact, decide_management, decide_power, retry_delay
from rack_controller.model.snapshot import ManagementAxis, PowerAxis

PERIOD = Seconds(1.0)


def test_never_heard_is_absent() -> None:
    assert decide_management(Contact(), Seconds(100.0), PERIOD) is ManagementAxis.ABSENT


def test_a_fresh_answer_is_reachable() -> None:
    assert decide_management(Contact(Seconds(99.0)), Seconds(100.0), PERIOD) is ManagementAxis.REACHABLE


def test_a_failure_after_a_fresh_answer_is_degraded() -> None:
    assert decide_management(Contact(Seconds(99.0), 1), Seconds(100.0), PERIOD) is ManagementAxis.DEGRADED


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
