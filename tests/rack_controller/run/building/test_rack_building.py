"""What is asked of the building for a rack: said, taken, confirmed or overdue, each of them told apart."""

import asyncio
import json
from dataclasses import replace

import pytest

from firmware_bridge.vocabulary.errors import BusUnavailable, TargetUnknown
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Order
from rack_controller.model.building_view import Isolation
from rack_controller.model.interlock import REQUESTS, Act
from rack_controller.run.building import rack_building
from rack_controller.run.building.telling import glance_of, state_of
from tests.support.building import NAME, RACK, Spoken
from tests.support.interlocked import InterlockedRack, seeded_policy

ELECTRICAL, LIQUID = REQUESTS
POLICY = seeded_policy()
REQUEST = {ELECTRICAL: "RackElectricalIsolationRequest", LIQUID: "RackLiquidIsolationRequest"}


class Leaking:
    """A rack whose interlocks ask a building, second by second."""

    def __init__(self, *, announce: bool = True) -> None:
        self.site, self.plant = Spoken(announce=announce), InterlockedRack()
        self.tick(1)

    def tick(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            self.site.clock.at += 1
            self.site.beats()
            now = self.site.clock.now()
            self.plant.building = self.site.rack.sight(now)
            self.plant.tick(1)
            self.site.rack.see(self.plant.look())
            self.site.rack.follow(self.plant.standings.values(), POLICY, now)

    def leak(self) -> None:
        for tray in ("u31", "u36"):
            self.plant.set(f"{tray}/leak1", Quantity.LEAK, 2)

    def value(self, act: Act) -> object:
        said = self.site.link.last(REQUEST[act])
        return None if said is None else said["value"]

    def states(self) -> list[Isolation]:
        return [one.state for one in state_of(self.site.rack, 30.0, self.site.clock.now()).isolation]


def order(act: Act) -> Order:
    return Order(act, "leak.two_trays", RACK, (RACK,), "two trays leak")


def test_a_rack_in_order_asks_for_nothing_and_says_so() -> None:
    it = Leaking()
    assert [it.value(act) for act in REQUESTS] == [0, 0]
    assert it.site.link.last("RackLeakDetectTray") == {"value": 0, "timestamp": it.site.clock.ms, "quality": 1}
    assert all(kept for topic, _, kept in it.site.link.said if "/Rack/" in topic)
    said = len(it.site.link.said)
    it.tick(20)
    assert not [t for t, _, _ in it.site.link.said[said:] if "/Rack/" in t], "what does not change is said every 100 s"
    it.tick(100)
    assert len([t for t, _, _ in it.site.link.said[said:] if "/Rack/" in t]) == 3


def test_two_leaking_trays_are_asked_for_within_two_seconds_confirmed_and_taken_back_when_cleared() -> None:
    it = Leaking()
    it.leak()
    it.tick(1)
    assert it.site.link.last("RackLeakDetectTray") is not None
    assert it.site.link.last("RackLeakDetectTray")["value"] == 1  # type: ignore[index]
    it.tick(1)
    assert [it.value(act) for act in REQUESTS] == [1, 1]
    assert it.states() == [Isolation.ASKED, Isolation.ASKED]
    for act in REQUESTS:
        it.site.station.taken(f"BMS/v1/RACKWRIGHT/Value/Rack/{REQUEST[act]}/{NAME}")
    assert it.states() == [Isolation.REQUESTED, Isolation.REQUESTED]
    it.site.says("RackElectricalIsolationStatus", 1)
    it.site.says("RackLiquidIsolationStatus", 0)
    it.tick(1)
    assert it.states() == [Isolation.CONFIRMED, Isolation.REQUESTED]
    assert it.plant.building.unconfirmed == ("liquid",)
    it.plant = InterlockedRack()  # repaired, and its latches cleared
    it.tick(1)
    assert [it.value(act) for act in REQUESTS] == [0, 0]
    assert it.states() == [Isolation.BY_BUILDING, Isolation.NONE]
    kinds = [(f.kind, f.details["state"]) for f in it.site.rack.findings() if f.kind.startswith("building.isolation")]
    assert kinds == [
        ("building.isolation.electrical", "requested"),
        ("building.isolation.liquid", "requested"),
        ("building.isolation.electrical", "confirmed"),
        ("building.isolation.electrical", "none"),
        ("building.isolation.liquid", "none"),
    ]


def test_what_nobody_confirms_is_overdue_after_the_rows_time_and_an_alarm() -> None:
    it = Leaking()
    it.leak()
    it.tick(2)
    it.tick(32)
    views = state_of(it.site.rack, 30.0, it.site.clock.now()).isolation
    assert [(v.overdue, v.deadline_s is not None and v.deadline_s < 0) for v in views] == [(True, True)] * 2
    assert ("isolation.unconfirmed", RACK) in it.plant.standings
    assert glance_of(it.site.rack, 30.0, it.site.clock.now()).overdue
    alarms = [o for o in it.plant.ordered("alarm") if o.cause == "isolation.unconfirmed"]
    assert len(alarms) == 1


def test_detectors_that_nobody_sees_are_said_with_a_quality_that_is_not_good() -> None:
    it = Leaking()
    it.plant.silence("u31")
    it.tick(10)
    said = it.site.link.last("RackLeakDetectTray")
    assert said is not None
    assert (said["value"], said["quality"]) == (0, 0)


def test_a_rack_that_is_not_armed_asks_for_nothing() -> None:
    it = Leaking()
    it.site.rack.armed = lambda: False
    it.leak()
    it.tick(5)
    assert [it.value(act) for act in REQUESTS] == [0, 0]


async def test_an_order_is_said_at_once_and_told_as_not_confirmed_yet() -> None:
    it = Leaking()
    asking = asyncio.create_task(it.site.rack.carry(order(LIQUID)))
    await asyncio.sleep(0)
    assert it.value(LIQUID) == 1
    it.site.station.taken(f"BMS/v1/RACKWRIGHT/Value/Rack/{REQUEST[LIQUID]}/{NAME}")
    came = await asking
    assert "not confirmed" in came.words
    said = len(it.site.link.said)
    it.site.clock.at += 2
    await it.site.rack.carry(order(LIQUID))
    assert len(it.site.link.said) == said + 1, "an order that is repeated is said again"


async def test_an_order_whose_broker_is_away_fails_and_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rack_building, "TAKEN_WITHIN_S", 0.02)
    it = Leaking()
    it.site.link.there = False
    with pytest.raises(BusUnavailable, match="the broker is away"):
        await it.site.rack.carry(order(LIQUID))
    assert it.value(LIQUID) == 1, "the link keeps it for when the broker is there"
    it.site.station.taken(f"BMS/v1/RACKWRIGHT/Value/Rack/{REQUEST[LIQUID]}/{NAME}")
    assert it.site.rack.requests[LIQUID].taken_at is not None


async def test_a_building_that_wants_nothing_from_us_is_told_apart() -> None:
    it = Leaking(announce=False)
    with pytest.raises(TargetUnknown, match="announced no RackLiquidIsolationRequest"):
        await it.site.rack.carry(order(LIQUID))
    owner = {"objectType": "Rack", "pointType": REQUEST[LIQUID], "rackLocationId": NAME, "integration": "OTHER"}
    topic = f"BMS/v1/PUB/Metadata/Rack/{REQUEST[LIQUID]}/{NAME}"
    it.site.hear(topic, json.dumps(owner).encode(), kept=True)
    with pytest.raises(TargetUnknown, match="from OTHER, not from us"):
        await it.site.rack.carry(order(LIQUID))
    assert not [t for t, _, _ in it.site.link.said if "/OTHER/" in t]
    it.site.hear(topic, json.dumps(owner | {"integration": "RACKWRIGHT"}).encode(), kept=True)
    it.plant.standings[("leak.two_trays", RACK)] = replace(_tripped(), place=RACK)
    it.tick(3)
    assert it.value(LIQUID) == 1, "as soon as the building wants it, it is said"


def _tripped() -> object:
    it = InterlockedRack()
    it.set("u31/leak1", Quantity.LEAK, 2)
    it.set("u36/leak1", Quantity.LEAK, 2)
    it.tick(3)
    return it.standings[("leak.two_trays", RACK)]


def test_a_restart_takes_no_request_back_before_it_has_judged() -> None:
    it = Leaking()
    it.leak()
    it.tick(3)
    again = Leaking.__new__(Leaking)
    again.site, again.plant = Spoken(), it.plant
    found = {key: replace(s, done={}) for key, s in it.plant.standings.items()}
    again.site.rack.follow(found.values(), POLICY, again.site.clock.now())
    assert [again.value(act) for act in REQUESTS] == [None, None]
    again.tick(2)
    assert [again.value(act) for act in REQUESTS] == [1, 1]


def test_the_state_names_every_point_of_both_sides() -> None:
    it = Leaking()
    it.site.says("RackLiquidFlow", 80)
    state = state_of(it.site.rack, 30.0, Seconds(it.site.clock.at))
    points = {p.point: p for p in state.points}
    assert len(points) == 14
    assert (points["RackLiquidFlow"].value, points["RackLiquidFlow"].unit) == (80.0, "L/min")
    assert points["RackLeakDetect"].quality == "missing"
    assert points["RackLeakDetectTray"].said_by == "us"
    assert state.link is not None
    assert state.link.integration == "RACKWRIGHT"
