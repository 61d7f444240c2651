"""Power limits: what a wish and a cap come to, what is refused, and what a read-back says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.interlocked import RACK, seeded_policy

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.vocabulary.units import Seconds, Watts
from rack_controller.decide.interlock import Standing
from rack_controller.decide.limits import (
    LimitWish,
    decide_cap,
    decide_limits,
    holds_caps,
    lower_only,
)
from rack_controller.decide.set_points import judge_read_back
from rack_controller.model.limit import LimitState, SetPoint

U11, U12 = Place(f"{RACK}/u11"), Place(f"{RACK}/u12")
GPU0, GPU1, CPU0 = Place(f"{U11}/gpu0"), Place(f"{U11}/gpu1"), Place(f"{U11}/cpu0")
POINTS = {
    GPU0: Settable(GPU0, Watts(200.0), Watts(1200.0), Watts(1000.0)),
    GPU1: Settable(GPU1, Watts(200.0), Watts(1200.0)),
    CPU0: Settable(CPU0, Watts(50.0), Watts(300.0)),
}
SHOWN: dict[Place, float | None] = {GPU0: 1000.0, GPU1: None, CPU0: 300.0}


def decided(target: Place, watts: float | None, each: bool = False, held: str = "") -> dict[Place, Watts]:
    return decide_limits(LimitWish(target, watts, each), POINTS, SHOWN, {U11: held} if held else {})


def test_one_place_or_each_part_of_a_tray_or_as_it_was() -> None:
    assert decided(GPU0, 900.0) == {GPU0: 900.0}
    assert decided(U11, 900.0, each=True) == {GPU0: 900.0, GPU1: 900.0}  # what draws most; a CPU is named by itself
    assert decided(Place(RACK), 900.0, each=True) == {GPU0: 900.0, GPU1: 900.0}
    assert decided(GPU0, None) == {GPU0: 1000.0}
    assert decided(GPU1, None) == {GPU1: 1200.0}


@pytest.mark.parametrize(
    ("target", "watts", "kind", "said"),
    [
        (U11, 900.0, ArgumentsInvalid, "no power limit of its own"),
        (U12, 900.0, TargetUnknown, "nothing at .*u12 has a power limit"),
        (GPU0, 1300.0, ArgumentsInvalid, "1300 W at u11/gpu0"),
        (GPU0, 100.0, ArgumentsInvalid, "100 W at u11/gpu0"),
        (GPU0, -1.0, ArgumentsInvalid, "-1 W"),
    ],
)
def test_what_the_device_would_not_allow_is_refused(
    target: Place, watts: float, kind: type[CommandRefused], said: str
) -> None:
    with pytest.raises(kind, match=said):
        decided(target, watts)


def test_down_always_up_only_where_nothing_holds_it() -> None:
    assert decided(GPU0, 800.0, held="Coolant flow low at k01") == {GPU0: 800.0}
    for place in (GPU0, GPU1):  # from what is not known it may be up
        with pytest.raises(PreconditionFailed, match="is not raised: Coolant flow low"):
            decided(place, 1100.0, held="Coolant flow low at k01")


def test_a_cap_is_a_share_of_the_most_and_no_less_than_the_least() -> None:
    assert decide_cap(0.5, [U11], POINTS) == {GPU0: 600.0, GPU1: 600.0}
    assert decide_cap(0.1, [U11], POINTS) == {GPU0: 200.0, GPU1: 200.0}
    assert decide_cap(0.5, [U12], POINTS) == {}
    wanted = {GPU0: SetPoint(GPU0, "e", 500.0, "ada", 0), GPU1: SetPoint(GPU1, "e", 900.0, "ada", 0)}
    assert lower_only(decide_cap(0.5, [U11], POINTS), wanted, {}) == {GPU1: 600.0}


def test_a_cap_never_raises_what_a_device_keeps_though_nobody_knows_who_wanted_that() -> None:
    caps = decide_cap(0.5, [U11], POINTS)
    assert lower_only(caps, {}, {GPU0: 450.0, GPU1: 1200.0}) == {GPU0: 450.0, GPU1: 600.0}
    wanted = {GPU0: SetPoint(GPU0, "e", 900.0, "ada", 0)}
    assert lower_only(caps, wanted, {GPU0: 450.0})[GPU0] == 600.0, "what it lost of what is wanted is asked for anew"


@given(st.floats(0.0, 1.0), st.floats(0, 500), st.floats(500, 2000))
def test_a_cap_is_always_what_the_device_allows(share: float, least: float, most: float) -> None:
    points = {GPU0: Settable(GPU0, Watts(least), Watts(most))}
    (watts,) = decide_cap(share, [U11], points).values()
    assert least <= watts <= most


def test_a_standing_row_that_caps_or_holds_caps_lets_nothing_up() -> None:
    policy = seeded_policy()

    def standing(cause: str, place: str, tripped: float | None = 1.0) -> Standing:
        at = None if tripped is None else Seconds(tripped)
        return Standing(cause, Place(place), Seconds(0.0), "flow 20 %", at)

    assert holds_caps([standing("flow.low", RACK)], policy, U11) == "Coolant flow low at k01: flow 20 %"
    assert holds_caps([standing("flow.unknown", RACK)], policy, U11)
    assert holds_caps([standing("gpu.warm", U12)], policy, U11) == ""
    assert holds_caps([standing("flow.low", RACK, None)], policy, U11) == ""  # not confirmed yet
    assert holds_caps([standing("leak.critical", U11)], policy, U11) == ""


def test_what_reads_back_is_applied_and_what_does_not_is_wanted_still() -> None:
    wanted = SetPoint(GPU0, "e", 900.0, "ada", 0)
    applied = judge_read_back(wanted, 900.4)
    assert applied is not None
    assert (applied.state, applied.read_back, applied.detail) == (LimitState.APPLIED, 900.4, "")
    assert judge_read_back(applied, 900.4) is None
    lost = judge_read_back(applied, 1000.0)
    assert lost is not None
    assert (lost.state, lost.detail) == (LimitState.REQUESTED, "it keeps 1000 W")
    assert judge_read_back(wanted, None) is None
