"""What a GPU may have follows from grants and time alone, and time only ever takes away."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.grants import GpuGrant, Grant
from rack_controller.agent.lease import Lease, take, wanted

S = Seconds


def grant(epoch: int = 1, number: int = 1, lasts: float = 5.0, limit: float = 900.0, stands: float = 700.0) -> Grant:
    return Grant(1, epoch, number, "boot", 1, lasts, [GpuGrant(0, limit, stands)])


def test_a_grant_holds_until_its_end_and_then_the_standing_limit() -> None:
    lease, why = take(Lease(), grant(), S(10.0), S(11.0))
    assert why == ""
    assert wanted(lease, S(14.9)) == {0: 900.0}
    assert wanted(lease, S(15.0)) == {0: 700.0}
    assert wanted(lease, S(1e9)) == {0: 700.0}


def test_its_time_counts_from_what_the_agent_said_not_from_when_it_came() -> None:
    lease, _ = take(Lease(), grant(), S(10.0), S(14.0))
    assert wanted(lease, S(15.0)) == {0: 700.0}
    same, why = take(lease, grant(number=2), S(10.0), S(15.5))
    assert (same, why) == (lease, "it was over 0.5 s before it came")


def test_what_answers_nothing_of_ours_is_refused() -> None:
    lease, why = take(Lease(), grant(), None, S(11.0))
    assert lease == Lease()
    assert why.startswith("it answers nothing")


def test_an_older_controller_is_refused_and_a_later_one_taken_whatever_its_number() -> None:
    lease, _ = take(Lease(), grant(epoch=3, number=9), S(10.0), S(10.0))
    assert take(lease, grant(epoch=2, number=99), S(10.0), S(10.0)) == (lease, "controller 2 was followed by 3")
    after, why = take(lease, grant(epoch=4, number=1, limit=800.0), S(10.0), S(10.0))
    assert (why, wanted(after, S(10.0))) == ("", {0: 800.0})


def test_a_grant_that_was_overtaken_changes_nothing() -> None:
    lease, _ = take(Lease(), grant(number=5), S(10.0), S(10.0))
    for number in (4, 5):
        assert take(lease, grant(number=number, limit=1200.0), S(10.5), S(10.5))[0] == lease


def test_an_agent_that_begins_anew_stands() -> None:
    begun = Lease(epoch=3, standing={0: 700.0})
    assert wanted(begun, S(0.0)) == {0: 700.0}
    assert wanted(Lease(), S(0.0)) == {}


_watts, _span = st.floats(1.0, 2_000.0), st.floats(0.1, 60.0)
_each = st.tuples(st.integers(1, 4), st.integers(1, 9), _span, _watts, _watts, st.floats(0.0, 3.0))


@given(st.lists(_each, max_size=12), st.lists(_span, min_size=1, max_size=5))
def test_between_grants_nothing_is_ever_raised(
    grants: list[tuple[int, int, float, float, float, float]], waits: list[float]
) -> None:
    lease, now, newest = Lease(), 0.0, (0, 0)
    for epoch, number, lasts, limit, stands, passed in grants:
        now += passed
        lease, why = take(lease, grant(epoch, number, lasts, limit, stands), S(now), S(now))
        assert (why == "") == ((epoch, number) > newest)
        newest = max(newest, (epoch, number))
        assert lease.epoch == newest[0]
    before = wanted(lease, S(now))
    for wait in waits:
        now += wait
        after = wanted(lease, S(now))
        assert all(after[gpu] <= before[gpu] for gpu in before)
        before = after
    assert wanted(lease, S(now + 60.0)) == lease.standing
