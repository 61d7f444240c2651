"""A number is taken or refused, never guessed."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.redfish.documents import ResourceStatus
from firmware_bridge.wire.redfish.numbers import (
    health_code,
    leak_code,
    leak_name,
    locate_code,
    number,
    power_state_code,
    running_code,
    unreadable,
)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (5, 5),
        (5.5, 5.5),
        ("5500", 5500.0),
        (" 48.2 ", 48.2),
        ("-3e2", -300.0),
        (True, None),
        (False, None),
        (None, None),
        ("", None),
        ("N/A", None),
        ("nan", None),
        ("inf", None),
        ("1_000", None),
        ("0x10", None),
        (math.nan, None),
        (math.inf, None),
        (2**70, None),
        ({"Reading": 5}, None),
        ([5], None),
        ("9" * 400, None),
    ],
)
def test_numbers(sent: Any, read: float | None) -> None:
    assert number(sent) == read


@given(st.none() | st.booleans() | st.text() | st.floats() | st.integers() | st.lists(st.integers()))
def test_whatever_comes_the_answer_is_finite_or_nothing(sent: Any) -> None:
    found = number(sent)
    assert found is None or math.isfinite(found)


def test_power_state_is_never_assumed() -> None:
    assert [power_state_code(v) for v in ("On", True, "Off", False)] == [1.0, 1.0, 0.0, 0.0]
    assert [power_state_code(v) for v in ("PoweringOn", "Paused", None, 1, "on", {})] == [None] * 6


def test_equipment_without_a_power_state_is_on_or_off_only_where_its_status_says_so() -> None:
    said = {state: running_code(ResourceStatus(State=state)) for state in ("Enabled", "Disabled", "StandbyOffline")}
    assert said == {"Enabled": 1.0, "Disabled": 0.0, "StandbyOffline": 0.0}
    unclear = [ResourceStatus(State=s) for s in ("Starting", "Absent", "UnavailableOffline", "Odd", 1, None, [])]
    assert [running_code(status) for status in (*unclear, None, "Enabled")] == [None] * 9


def test_a_detector_that_is_unclear_is_not_dry() -> None:
    assert [leak_name(v) for v in ("OK", "Warning", "Critical")] == ["OK", "Warning", "Critical"]
    assert [leak_name(v) for v in ("Absent", None, 0, "ok")] == ["unknown"] * 4
    assert leak_code("Critical") == 2.0
    assert leak_code("Fault") is None


def test_states() -> None:
    assert health_code(ResourceStatus(Health="Warning")) == 1.0
    assert health_code(ResourceStatus(Health="Fine")) is None
    assert health_code(None) is None
    assert unreadable(ResourceStatus(State="Absent"))
    assert not unreadable(ResourceStatus(State="Standby"))
    assert locate_code(True) == 1.0
    assert locate_code(None, "Blinking") == 1.0
    assert locate_code(None, "Off") == 0.0
    assert locate_code(None, None) is None
