"""Caps that follow: what they lower they give back, and nothing else; whoever wants less keeps it."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.interlocked import RACK, InterlockedRack, planned, seeded_policy

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.set_points import Settable
from rack_controller.decide.following import STEP, back_after, decide_back, decide_following, laid_upon
from rack_controller.model.interlock import Act
from rack_controller.model.limit import SetPoint

U11 = Place(f"{RACK}/u11")
GPUS = [Place(f"{U11}/gpu{n}") for n in range(3)]
POINTS = {p: Settable(p, 200.0, 1_200.0, 1_000.0) for p in GPUS} | {
    Place(f"{U11}/cpu0"): Settable(Place(f"{U11}/cpu0"), 50.0, 300.0, 300.0)
}
PUMP, WARM, LOW = "interlock coolant.no_spare_pump", "interlock coolant.warm", "interlock flow.low"
SHARES = st.floats(0.0, 1.0)


@dataclass
class Devices:
    """What is wanted and kept, changed as `run/following.py` changes it when every device obeys."""

    wanted: dict[str, SetPoint] = field(default_factory=dict)
    keeps: dict[Place, float] = field(default_factory=lambda: dict.fromkeys(GPUS, 1000.0))

    def person(self, place: Place, watts: float) -> None:
        self.wanted[place] = SetPoint(place, "bmc", watts, "ada", 0)
        self.keeps[place] = watts

    def follow(self, share: float, holder: str) -> None:
        changes = decide_following(share, [U11], POINTS, self.wanted, self.keeps, holder)
        for place, watts in changes.down.items():
            point = SetPoint(place, "bmc", watts, holder, 0)
            self._set(laid_upon(point, self.wanted.get(place), self.keeps.get(place)))
        for place, watts in changes.up.items():
            now = self.wanted[place]
            assert (now.by, now.follows) == (holder, True), "only what it lowered itself goes up"
            kept = {"before": now.before, "before_by": now.before_by, "took": now.took}
            self._set(SetPoint(place, "bmc", watts, holder, 0, follows=True, **kept))

    def give_back(self, *over: str) -> None:
        for place, watts in decide_back(POINTS, self.wanted, over.__contains__).items():
            now = self.wanted.pop(place)
            self.keeps[place] = watts
            if now.before_by:
                self.wanted[place] = SetPoint(place, "bmc", watts, now.before_by, 0)

    def _set(self, point: SetPoint) -> None:
        self.wanted[point.place] = point
        self.keeps[Place(point.place)] = point.value


@given(st.lists(SHARES, min_size=1), st.lists(st.none() | st.floats(200.0, 1_000.0), min_size=3, max_size=3))
def test_whatever_it_followed_everything_is_as_it_was_afterwards(
    shares: list[float], wishes: list[float | None]
) -> None:
    devices = Devices()
    for place, watts in zip(GPUS, wishes, strict=True):
        if watts is not None:
            devices.person(place, watts)
    wanted, keeps = dict(devices.wanted), dict(devices.keeps)
    for share in shares:
        devices.follow(share, PUMP)
        for place in GPUS:
            assert devices.keeps[place] <= keeps[place]
            assert devices.keeps[place] >= 200.0
            assert devices.keeps[place] <= max(200.0, share * 1_000.0) + STEP * 1_000.0 + 1e-9
    devices.give_back(PUMP)
    assert devices.wanted == wanted
    assert devices.keeps == keeps


@given(st.lists(st.tuples(SHARES, st.sampled_from((PUMP, WARM))), min_size=1))
def test_of_two_causes_the_stricter_one_counts_and_both_give_back(steps: list[tuple[float, str]]) -> None:
    devices = Devices()
    devices.person(GPUS[0], 700.0)
    for share, holder in steps:
        before = dict(devices.wanted)
        devices.follow(share, holder)
        for place, point in devices.wanted.items():
            if place in before and before[place].by not in (holder, "ada"):
                assert point.value <= before[place].value, "another's cap is never raised"
    devices.give_back(PUMP, WARM)
    assert devices.keeps == {GPUS[0]: 700.0, GPUS[1]: 1_000.0, GPUS[2]: 1_000.0}
    assert {p.by for p in devices.wanted.values()} == {"ada"}


def test_a_cap_that_lies_upon_another_goes_back_only_with_it() -> None:
    devices = Devices()
    devices.follow(0.5, LOW)
    devices.follow(0.45, PUMP)
    assert {(p.by, *p.took) for p in devices.wanted.values()} == {(PUMP, LOW)}
    devices.give_back(PUMP)
    assert set(devices.keeps.values()) == {450.0}, "nothing has proved yet that coolant flows"
    devices.give_back(PUMP, LOW)
    assert (devices.wanted, set(devices.keeps.values())) == ({}, {1_000.0})


def test_what_a_person_wants_meanwhile_stays() -> None:
    devices = Devices()
    devices.follow(0.5, PUMP)
    devices.person(GPUS[0], 300.0)
    devices.follow(0.9, PUMP)
    devices.give_back(PUMP)
    assert devices.keeps == {GPUS[0]: 300.0, GPUS[1]: 1_000.0, GPUS[2]: 1_000.0}


def test_what_somebody_set_past_us_is_not_raised_and_is_what_is_given_back() -> None:
    devices = Devices(keeps={GPUS[0]: 400.0, GPUS[1]: 800.0, GPUS[2]: 1_000.0})
    devices.follow(0.5, PUMP)
    assert devices.keeps == {GPUS[0]: 400.0, GPUS[1]: 500.0, GPUS[2]: 500.0}
    devices.give_back(PUMP)
    assert devices.keeps == {GPUS[0]: 400.0, GPUS[1]: 800.0, GPUS[2]: 1_000.0}
    assert devices.wanted == {}


def test_small_changes_are_not_worth_a_request() -> None:
    devices = Devices()
    devices.follow(1.0 - STEP / 2, PUMP)
    assert devices.wanted == {}
    devices.follow(0.5, PUMP)
    for share in (0.5 + STEP / 2, 0.5 - STEP / 2):
        assert decide_following(share, [U11], POINTS, devices.wanted, devices.keeps, PUMP).down == {}
        assert decide_following(share, [U11], POINTS, devices.wanted, devices.keeps, PUMP).up == {}


def test_it_is_given_back_once_its_row_is_over_and_can_be_judged() -> None:
    rack, policy = InterlockedRack(), seeded_policy()
    cause = "coolant.no_spare_pump"

    def after() -> float | None:
        return back_after(cause, rack.standings.values(), rack.look(), policy)

    rack.tick(1)
    assert back_after(cause, (), None, policy) is None, "nothing was judged yet"
    assert after() == 30.0
    rack.set("u01/pump0", Quantity.HEALTH, 2)
    rack.tick(1)
    assert after() is None, "it is being confirmed"
    rack.tick(12)
    assert after() is None
    rack.set("u01/pump0", Quantity.HEALTH, None)
    rack.set("u01/pump1", Quantity.HEALTH, None)
    rack.tick(1)
    assert after() is None, "nobody says how the pumps are"
    rack.set("u01/pump0", Quantity.HEALTH, 0)
    rack.set("u01/pump1", Quantity.HEALTH, 0)
    rack.tick(1)
    assert after() == 30.0


def test_a_cap_for_little_flow_goes_back_only_once_flow_carries_what_comes_back() -> None:
    rack, policy = InterlockedRack(), seeded_policy()
    shelves = [t.place for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF]

    def after() -> float | None:
        return back_after("flow.low", rack.standings.values(), rack.look(), policy)

    rack.tick(1)
    assert after() == 30.0
    rack.set("u01", Quantity.FLOW, 40)  # of 124 L/min that 80 kW need at 10 K
    rack.tick(1)
    (cap,) = [o for o in rack.orders if o.cause == "flow.low" and o.act is Act.CAP]
    assert (cap.share, cap.follows) == (0.5, True)
    for shelf in shelves:
        rack.set(shelf, Quantity.POWER, 4_000)  # the caps work: 50 L/min would do
    rack.tick(5)
    assert "flow.low" not in {cause for cause, _ in rack.standings}
    assert after() is None, "uncapped it would be too little again"
    rack.set("u01", Quantity.FLOW, 152)
    rack.tick(1)
    assert after() is None, "191 L/min are what all needs at its rating"
    rack.set("u01", Quantity.FLOW, 154)
    rack.tick(1)
    assert after() == 30.0
    rack.set("u01", Quantity.FLOW, None)
    rack.tick(1)
    assert after() is None
    rack.set("u01", Quantity.FLOW, 20)
    rack.switch(False, [Place(t.place) for t in rack.layout.trays if t.kind in (TrayKind.COMPUTE, TrayKind.SWITCH)])
    rack.tick(1)
    assert after() == 30.0, "nothing that is on needs any"


@pytest.mark.parametrize("generation", ["gb200-nvl72", "gb300-nvl72", "orv3-hpr-nvl36x2", "vera-rubin-nvl72"])
def test_rated_flow_gives_a_cap_back(generation: str) -> None:
    rack = InterlockedRack(layout=planned(generation))
    rack.tick(1)
    assert back_after("flow.low", rack.standings.values(), rack.look(), seeded_policy()) == 30.0


@pytest.mark.parametrize("cause", ["coolant.no_more", "gpu.warm"])
def test_a_cap_whose_row_is_gone_from_the_policy_goes_back_too(cause: str) -> None:
    rack = InterlockedRack()
    rack.tick(1)
    assert back_after(cause, rack.standings.values(), rack.look(), seeded_policy()) == 30.0
