"""How far a building is believed, and how what was asked of it stands."""

import pytest

from firmware_bridge.generations.building import load_building_contract
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.building import (
    Heard,
    Judged,
    Request,
    all_set,
    any_set,
    follow_request,
    isolation_of,
    judge_point,
    unconfirmed,
    wanted_requests,
    why_silent,
    why_unseen,
)
from rack_controller.decide.interlock import Standing, recall
from rack_controller.model.building_view import Isolation
from rack_controller.model.interlock import REQUESTS, Act
from tests.support.interlocked import RACK, seeded_policy

CONTRACT, POLICY = load_building_contract(), seeded_policy()
ELECTRICAL, LIQUID = REQUESTS
T = Seconds


def judged(value: float | None, quality: Quality = Quality.GOOD) -> Judged:
    return Judged(value, quality, "" if quality is Quality.GOOD else "quality: 0", T(1.0))


@pytest.mark.parametrize(
    ("heard", "quality"),
    [
        (None, Quality.MISSING),
        (Heard(1.0, T(90)), Quality.GOOD),
        (Heard(1.0, T(90), 5, "quality: 0, 1 is good"), Quality.FLAGGED),
        (Heard(1.0, T(90), 5, "time: it says it was said 2 h from now"), Quality.FLAGGED),
        (Heard(None, T(90), 5, "type: no number"), Quality.REFUSED),
        (Heard(1.0, T(-201)), Quality.STALE),
        (Heard(1.0, T(-201), 5, "quality: 0"), Quality.STALE),
    ],
)
def test_a_word_is_believed_while_it_is_good_and_fresh(heard: Heard | None, quality: Quality) -> None:
    found = judge_point(heard, T(100), CONTRACT)
    assert found.quality is quality
    assert (found.known is not None) is (quality is Quality.GOOD)
    assert bool(found.why) is (quality is not Quality.GOOD)


def test_one_of_several_that_says_yes_is_enough_and_no_needs_all() -> None:
    yes, no, doubted = judged(1.0), judged(0.0), judged(1.0, Quality.FLAGGED)
    assert any_set([no, yes]) is True
    assert any_set([doubted, yes]) is True
    assert any_set([no, doubted]) is None
    assert any_set([no, no]) is False
    assert any_set([]) is None


def test_an_isolation_of_several_valves_needs_all_of_them() -> None:
    yes, no, doubted = judged(1.0), judged(0.0), judged(1.0, Quality.FLAGGED)
    assert all_set([yes, yes]) is True
    assert all_set([yes, no]) is False
    assert all_set([yes, doubted]) is None
    assert all_set([no, doubted]) is False
    assert all_set([]) is None


def test_a_leak_sensor_sees_nothing_when_it_says_so_or_is_not_believed() -> None:
    assert why_unseen([judged(0.0)], [judged(0.0)]) == ""
    assert why_unseen([], []) == ""
    assert why_unseen([Judged(None, Quality.MISSING, "nothing was said of it yet", None)], []) == ""
    assert "faulty" in why_unseen([judged(0.0)], [judged(1.0)])
    assert "believed" in why_unseen([judged(1.0, Quality.FLAGGED)], [judged(0.0)])


def test_a_building_is_silent_once_a_heartbeat_is_overdue() -> None:
    assert why_silent(None, "", T(100), T(129), CONTRACT) == ""
    assert why_silent(None, "the broker is away", T(100), T(131), CONTRACT).endswith("31 s: the broker is away")
    assert why_silent(Heard(1.0, T(120)), "", T(100), T(149), CONTRACT) == ""
    assert "30 s" in why_silent(Heard(1.0, T(120)), "", T(100), T(150.4), CONTRACT)


def standing(cause: str, *done: int) -> Standing:
    return Standing(cause, RACK, T(0), "wet", tripped_at=T(0), done=dict.fromkeys(done, T(1)))


def test_nothing_is_wanted_of_the_building_while_no_row_asks() -> None:
    assert wanted_requests([], POLICY) == {ELECTRICAL: False, LIQUID: False}
    assert wanted_requests([standing("leak.critical", 0, 1, 2)], POLICY) == {ELECTRICAL: False, LIQUID: False}


def test_what_is_wanted_follows_the_rungs_that_were_reached() -> None:
    assert wanted_requests([standing("leak.two_trays", 0, 1, 2, 3)], POLICY) == {ELECTRICAL: True, LIQUID: True}
    assert wanted_requests([standing("isolation.trays_on", 0, 1)], POLICY) == {ELECTRICAL: True, LIQUID: False}
    untripped = Standing("leak.two_trays", RACK, T(0), "wet")
    assert wanted_requests([untripped], POLICY) == {ELECTRICAL: False, LIQUID: False}


def test_a_restart_that_finds_a_latch_leaves_what_was_said() -> None:
    stands = recall([("leak.two_trays", RACK, "u31, u36 leak")], T(5)).values()
    assert wanted_requests(stands, POLICY) == {ELECTRICAL: None, LIQUID: None}


def test_a_request_goes_through_its_states_and_a_confirmation_that_ends_begins_its_time_anew() -> None:
    request = follow_request(Request(), True, False, T(10))
    assert (request.since, isolation_of(request, False)) == (10, Isolation.ASKED)
    request = Request(True, request.since, taken_at=T(10.1))
    assert isolation_of(request, None) is Isolation.REQUESTED
    request = follow_request(request, True, True, T(13))
    assert (request.confirmed_at, isolation_of(request, True)) == (13, Isolation.CONFIRMED)
    assert isolation_of(request, None) is Isolation.REQUESTED, "what is not known any more is not confirmed"
    again = follow_request(request, True, False, T(20))
    assert (again.confirmed_at, again.since) == (None, 20)
    assert follow_request(again, None, False, T(21)) == again, "a restart finds a latch: nothing is taken back"
    assert follow_request(again, False, False, T(22)) == Request()


@pytest.mark.parametrize(
    ("confirmed", "state"),
    [(True, Isolation.BY_BUILDING), (False, Isolation.NONE), (None, Isolation.UNKNOWN)],
)
def test_without_a_request_the_state_is_what_the_building_says(confirmed: bool | None, state: Isolation) -> None:
    assert isolation_of(Request(), confirmed) is state


def test_what_is_wanted_and_not_confirmed_is_named() -> None:
    wanted: dict[Act, Request] = {ELECTRICAL: Request(True, T(1)), LIQUID: Request(True, T(1))}
    assert unconfirmed(wanted, {ELECTRICAL: None, LIQUID: False}) == ("electrical", "liquid")
    assert unconfirmed(wanted, {ELECTRICAL: True, LIQUID: None}) == ("liquid",)
    assert unconfirmed(dict.fromkeys(REQUESTS, Request()), {ELECTRICAL: False, LIQUID: None}) == ()
