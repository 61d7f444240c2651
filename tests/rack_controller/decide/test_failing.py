"""A resource that keeps failing says since when and how often; one that is read again is forgotten."""

from collections.abc import Mapping

from firmware_bridge.vocabulary.errors import DeviceError, EndpointRefused, ReplyMalformed
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.failing import judge_failing
from rack_controller.model.failing import MOST_TOLD, Failing, told

GPU, FAN = "/redfish/v1/Chassis/GPU_0/Sensors/T", "/redfish/v1/Chassis/FAN"


def refused() -> DeviceError:
    return EndpointRefused("s/bmc", "GET", "HTTP 500", status=500)


def test_each_failed_read_counts_once_and_the_first_one_says_since_when() -> None:
    known: Mapping[str, Failing] = {}
    for now in (10.0, 11.0, 12.0):
        faults = {GPU: refused()}
        known = judge_failing(known, faults, Seconds(now))
        known = judge_failing(known, faults, Seconds(now + 0.5))  # another class was read meanwhile
    (one,) = told(known, Seconds(20.0))
    assert (one.where, one.since_s, one.last_s, one.times) == (GPU, 10.0, 8.0, 3)
    assert one.error == "EndpointRefused: HTTP 500"


def test_what_is_read_again_is_forgotten_and_counts_anew() -> None:
    both = judge_failing({}, {GPU: refused(), FAN: refused()}, Seconds(1.0))
    one = judge_failing(both, {FAN: refused()}, Seconds(2.0))
    assert list(one) == [FAN]
    again = judge_failing(one, {GPU: ReplyMalformed("s/bmc", "GET", "no JSON")}, Seconds(3.0))
    assert [(f.where, f.times, f.since_s) for f in told(again, Seconds(3.0))] == [(GPU, 1, 0.0)]
    assert judge_failing(again, {}, Seconds(4.0)) == {}


def test_of_very_many_the_longest_failing_are_told_and_hostile_names_are_scrubbed() -> None:
    known: Mapping[str, Failing] = {}
    faults: dict[str, DeviceError] = {}
    for n in range(MOST_TOLD + 5):
        faults[f"/x{n:03}\x1b[2J"] = refused()
        known = judge_failing(known, faults, Seconds(float(n)))
    lines = told(known, Seconds(100.0))
    assert len(lines) == MOST_TOLD
    assert lines[0].since_s == 100.0
    assert "\x1b" not in lines[0].where
