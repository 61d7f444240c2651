"""The emulated building: announces, says, moves its valves when asked, and misbehaves as faults tell it to."""

import json
from typing import Any

import pytest

from firmware_bridge.emulator.building.building import EmulatedBuilding, Outgoing
from firmware_bridge.emulator.building.valves import MOVES_AFTER_S, Feeds
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault, FaultTable
from firmware_bridge.generations.building import load_building_contract
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.wire.building import write_value

RACK, NAME, MS = Place("lab1/a/r01/k01"), "K01", 1_790_000_000_000
CONTRACT, GENERATION = load_building_contract(), load_generation("gb200-nvl72")
REQUEST = f"BMS/v1/RW/Value/Rack/RackLiquidIsolationRequest/{NAME}"


def a_building(*faults: Fault) -> EmulatedBuilding:
    table = FaultTable(faults)
    one = EmulatedBuilding(
        CONTRACT, "RW", {RACK: NAME}, {RACK: Feeds(RACK, GENERATION)}, lambda _rack: {"flow": 80.0}, table, lambda: 0.0
    )
    one.feeds[RACK].faults = lambda: frozenset(one.strikes(RACK))
    return one


def fault(kind: FaultKind, **details: float) -> Fault:
    return Fault(kind, f"{RACK}/building", **details)  # type: ignore[arg-type]


def values(said: list[Outgoing], point: str) -> list[dict[str, Any]]:
    return [json.loads(m.body) for m in said if f"/Value/Rack/{point}/" in m.topic]


def test_it_announces_every_point_and_says_its_values_once_until_they_change_or_are_due() -> None:
    one = a_building()
    first = one.look(0.0, MS)
    announced = [m for m in first if "/Metadata/" in m.topic]
    assert len(announced) == 18
    assert all(m.kept for m in announced)
    assert [v["value"] for v in values(first, "RackLiquidFlow")] == [80]
    assert values(one.look(1.0, MS), "RackLiquidFlow") == []
    assert len(values(one.look(101.0, MS), "RackLiquidFlow")) == 1


def test_a_heartbeat_comes_every_ten_seconds_and_ours_is_echoed() -> None:
    one = a_building()
    beats = [m for second in range(31) for m in one.look(float(second), MS) if "HeartbeatTimestampBms" in m.topic]
    assert len([m for m in beats if "/Value/" in m.topic]) == 4
    one.hear("BMS/v1/RW/Value/System/HeartbeatTimestampIntegration/RW", write_value(MS, MS, 1), MS, 31.0)
    assert [json.loads(m.body)["value"] for m in one.look(31.0, MS) if "HeartbeatEchoBms" in m.topic] == [MS]


def test_asked_to_close_it_closes_after_a_while_and_says_so() -> None:
    one = a_building()
    one.hear(REQUEST, write_value(1, MS, 1), MS, 0.0)
    assert values(one.look(MOVES_AFTER_S - 0.1, MS), "RackLiquidIsolationStatus")[0]["value"] == 0
    assert one.feeds[RACK].in_plant() == ()
    assert values(one.look(MOVES_AFTER_S, MS), "RackLiquidIsolationStatus")[0]["value"] == 1
    assert {f.what for f in one.feeds[RACK].in_plant()} == {FaultKind.PUMP_FAIL}
    one.hear(REQUEST, write_value(0, MS, 1), MS, 10.0)
    one.look(10.0 + MOVES_AFTER_S, MS)
    assert one.feeds[RACK].in_plant() == ()


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        (REQUEST, b"no JSON"),
        (REQUEST, write_value(1, MS, 0)),
        (REQUEST, write_value(-1, MS, 1)),
        (REQUEST.replace("/RW/", "/OTHER/"), write_value(1, MS, 1)),
        (REQUEST.replace(NAME, "K99"), write_value(1, MS, 1)),
        ("anything", write_value(1, MS, 1)),
    ],
)
def test_what_is_no_request_to_it_moves_nothing(topic: str, body: bytes) -> None:
    one = a_building()
    one.hear(topic, body, MS, 0.0)
    one.look(60.0, MS)
    assert not one.feeds[RACK].liquid.isolated


def test_stuck_it_does_nothing_and_lying_it_only_says_so() -> None:
    for kind, says in ((FaultKind.BUILDING_STUCK, False), (FaultKind.BUILDING_LIES, True)):
        one = a_building(fault(kind))
        one.hear(REQUEST, write_value(1, MS, 1), MS, 0.0)
        one.look(60.0, MS)
        assert (one.feeds[RACK].liquid.says, one.feeds[RACK].liquid.isolated) == (says, False)


def test_faults_show_in_what_it_says() -> None:
    assert a_building(fault(FaultKind.BUILDING_SILENT)).look(0.0, MS) == []
    leak = a_building(fault(FaultKind.BUILDING_LEAK)).look(0.0, MS)
    assert values(leak, "RackLeakDetect")[0]["value"] == 1
    broken = a_building(fault(FaultKind.BUILDING_SENSOR_FAULT)).look(0.0, MS)
    assert values(broken, "RackLeakSensorFault")[0]["value"] == 1
    bad = a_building(fault(FaultKind.BUILDING_QUALITY)).look(0.0, MS)
    assert values(bad, "RackLeakDetect")[0]["quality"] == 0
    ahead = a_building(fault(FaultKind.BUILDING_CLOCK, seconds=3600.0)).look(0.0, MS)
    assert values(ahead, "RackLeakDetect")[0]["timestamp"] == MS + 3_600_000
    assert any(len(m.body) > 100_000 for m in a_building(fault(FaultKind.BUILDING_NONSENSE)).look(2.0, MS))


@pytest.mark.parametrize("struck", [1, 2])
def test_a_wrong_clock_of_one_rack_spoils_its_values_and_only_that_of_all_the_heartbeat(struck: int) -> None:
    racks = {Place(f"lab1/a/r01/k0{n}"): f"K0{n}" for n in (1, 2)}
    faults = [Fault(FaultKind.BUILDING_CLOCK, f"{rack}/building", seconds=3600.0) for rack in list(racks)[:struck]]
    feeds = {rack: Feeds(rack, GENERATION) for rack in racks}
    one = EmulatedBuilding(CONTRACT, "RW", racks, feeds, lambda _rack: {}, FaultTable(faults), lambda: 0.0)
    said = one.look(0.0, MS)
    ahead = [v["timestamp"] - MS for v in values(said, "RackLeakDetect")]
    assert ahead == [3_600_000] * struck + [0] * (2 - struck)
    (beat,) = [json.loads(m.body) for m in said if "/Value/System/HeartbeatTimestampBms/" in m.topic]
    assert beat["timestamp"] - MS == (3_600_000 if struck == 2 else 0)


def test_nonsense_is_said_of_the_rack_that_it_strikes() -> None:
    racks = {Place(f"lab1/a/r01/k0{n}"): f"K0{n}" for n in (1, 2)}
    table = FaultTable((Fault(FaultKind.BUILDING_NONSENSE, "lab1/a/r01/k02/building"),))
    feeds = {rack: Feeds(rack, GENERATION) for rack in racks}
    one = EmulatedBuilding(CONTRACT, "RW", racks, feeds, lambda _rack: {}, table, lambda: 0.0)
    wrong = [m.topic for m in one.look(2.0, MS) if m.body == b"not JSON"]
    assert [topic.rpartition("/")[2] for topic in wrong] == ["K02"]
