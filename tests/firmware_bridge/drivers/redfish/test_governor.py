"""How much an endpoint is asked: slowed down by slow answers, held by 503 and 429, quiet on request."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.drivers.redfish.governor import LONGEST_HOLD, MOST_FACTOR, QUIET_PERIOD, WINDOW, Governor
from firmware_bridge.drivers.redfish.pace import BACKGROUND, NORMAL, PATIENT, URGENT
from firmware_bridge.vocabulary.attention import Pacing

ALL = (URGENT, NORMAL, PATIENT, BACKGROUND)


def used_to(seconds: float) -> tuple[Governor, float]:
    governor = Governor()
    for n in range(100):
        governor.heard(seconds, float(n))
    return governor, 100.0


def test_an_endpoint_that_answers_as_usual_is_asked_as_planned() -> None:
    governor, now = used_to(0.05)
    assert all(governor.admits(urgency, now) for urgency in ALL)
    governor.heard(0.4, now)  # one slow answer is no news
    assert governor.attention(now).pacing is Pacing.FULL


def test_a_usually_slow_endpoint_is_not_slow() -> None:
    governor, now = used_to(3.0)
    assert governor.attention(now).pacing is Pacing.FULL


def test_one_that_slows_down_is_asked_less_and_comes_back_step_by_step() -> None:
    governor, now = used_to(0.05)
    for n in range(60):
        governor.heard(2.0, now + n)
    assert governor.factor == MOST_FACTOR
    assert governor.attention(now).pacing is Pacing.SLOW
    now += 60
    taken = sum(governor.admits(NORMAL, now + n * 0.25) for n in range(400))
    assert taken / 100.0 < 1.0  # batches a second, each WINDOW long
    assert governor.usual < 0.2  # what is slow does not become what is usual
    steps = []
    for n in range(100):
        governor.heard(0.05, now + 100 + n)
        steps.append(governor.factor)
    assert steps[-1] == 1.0
    assert {8.0, 4.0, 2.0, 1.0} == set(steps)


def test_safety_is_read_at_least_every_two_seconds_however_slow_it_is() -> None:
    governor, now = used_to(0.05)
    for n in range(60):
        governor.heard(5.0, now + n)
    at = [t / 10 for t in range(2000) if governor.admits(URGENT, 200 + t / 10)]
    gaps = [b - a for a, b in itertools.pairwise(at)]
    assert max(gaps) <= 2.1


def test_power_reads_do_not_put_off_the_safety_reads_of_a_slow_endpoint() -> None:
    governor, now = used_to(0.05)
    for n in range(60):
        governor.heard(5.0, now + n)
    assert governor.factor == MOST_FACTOR
    safety, power = [], []
    for n in range(2000):
        at = 200 + n / 10
        if governor.admits(NORMAL, at):
            power.append(at)
        if governor.admits(URGENT, at):
            safety.append(at)
    assert max(b - a for a, b in itertools.pairwise(safety)) <= 2.1
    starts = [b for a, b in itertools.pairwise(power) if b - a > WINDOW]
    assert min(b - a for a, b in itertools.pairwise(starts)) >= MOST_FACTOR - 0.2


def test_a_503_holds_when_nothing_else_answers_and_for_as_long_as_it_says() -> None:
    governor, now = used_to(0.05)
    governor.refused(503, 30.0, now + 1.0)
    assert governor.attention(now + 1.0).pacing is Pacing.FULL  # one subtree is away, the endpoint answers
    governor.refused(503, 30.0, now + 10.0)
    held = governor.attention(now + 11.0)
    assert (held.pacing, held.until) == (Pacing.HELD, now + 40.0)
    assert not any(governor.admits(urgency, now + 11.0) for urgency in (NORMAL, PATIENT, BACKGROUND))
    assert all(governor.admits(urgency, now + 40.0) for urgency in ALL)


@pytest.mark.parametrize(("asked", "held"), [(0.0, 5.0), (1e9, LONGEST_HOLD)])
def test_a_429_always_holds_and_never_for_ever(asked: float, held: float) -> None:
    governor, now = used_to(0.05)
    governor.refused(429, asked, now)
    assert governor.attention(now).until == now + held


def test_quiet_leaves_one_safety_read_now_and_then_and_ends() -> None:
    governor, now = used_to(0.05)
    governor.be_quiet(now + 60.0, "flashed by hand")
    assert governor.attention(now).reason == "flashed by hand"
    begun = [t / 10 for t in range(600) if governor.admits(URGENT, now + t / 10)]
    starts = [t for n, t in enumerate(begun) if n == 0 or t - begun[n - 1] > WINDOW]
    assert len(starts) == 60 / QUIET_PERIOD
    assert not governor.admits(NORMAL, now + 59.9)
    assert governor.admits(NORMAL, now + 60.0)
    governor.be_quiet(now, "over")
    assert governor.attention(now).pacing is Pacing.FULL


def test_a_request_without_an_answer_is_slow_but_not_good() -> None:
    governor, now = used_to(0.05)
    governor.silent(10.0, now)
    assert governor.good_at == now - 1.0


@given(
    st.lists(
        st.tuples(st.sampled_from(["heard", "silent", "refused", "quiet"]), st.floats(0, 1e4), st.floats(0, 600)),
        max_size=60,
    )
)
def test_whatever_happens_the_factor_is_bounded_and_it_ends(story: list[tuple[str, float, float]]) -> None:
    governor, now = Governor(), 0.0
    for what, number, later in story:
        now += later
        if what == "heard":
            governor.heard(number, now)
        elif what == "silent":
            governor.silent(number, now)
        elif what == "refused":
            governor.refused(503, number, now)
        else:
            governor.be_quiet(now + number, "x")
        assert 1.0 <= governor.factor <= MOST_FACTOR
    assert governor.admits(URGENT, now + 1e4 + LONGEST_HOLD + QUIET_PERIOD)
