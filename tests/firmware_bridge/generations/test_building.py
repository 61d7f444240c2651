"""The building's points as data, and what a site file agrees with its building."""

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.generations.building import FILE, building_side, load_building_contract
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.building import Meaning, ObjectKind, Speaker
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from firmware_bridge.vocabulary.place import Place

SEED = (seeds_folder() / FILE).read_text()
PUBLIC = Path(__file__).parents[4] / "shared" / "data" / "bms_mqtt_points.json"
K1, K2 = Place("lab1/a/r01/k01"), Place("lab1/a/r01/k02")


def test_every_meaning_has_its_point() -> None:
    contract = load_building_contract()
    assert all(contract.meaning(means) is not None for means in Meaning)


def test_the_names_are_the_public_ones() -> None:
    if not PUBLIC.is_file():
        pytest.skip("the public catalogue of points is not here")
    channels = json.loads(PUBLIC.read_text())["channels"]
    said = {
        (ObjectKind.RACK, Speaker.BUILDING): channels["rackBmsValue"],
        (ObjectKind.RACK, Speaker.US): channels["rackIntegrationValue"],
        (ObjectKind.SYSTEM, Speaker.BUILDING): channels["systemBmsValue"],
    }
    points = load_building_contract().points.values()
    for (of, by), channel in said.items():
        assert {p.name for p in points if (p.of, p.by) == (of, by)} == set(channel["pointTypes"])
    heartbeats = {p.name for p in points if (p.of, p.by) == (ObjectKind.SYSTEM, Speaker.US)}
    assert heartbeats <= set(channels["systemIntegrationValue"]["pointTypes"])


def test_an_installation_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(SEED.replace("heartbeat_s: 10", "heartbeat_s: 5"))
    assert load_building_contract([tmp_path]).heartbeat_s == 5


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("kind: building_points", "kind: points", "building_points"),
        ("heartbeat_lost_s: 30", "heartbeat_lost_s: 9", "more than heartbeat_s"),
        ("name: RackLeakDetect,", "name: RackPower,", "once"),
        ("means: leak}", "means: echo}", "once"),
        ("place: flow, ", "", "place and quantity"),
        ("unit: kPa, least: -1000", "least: -1000", "unit, or states"),
        ("least: 0, most: 2000", "least: 3000, most: 2000", "less than most"),
        ("- {name: HeartbeatTimestampBms", "# - {name: HeartbeatTimestampBms", "heartbeat"),
        ("stale_s: 300", "stale_s: -1", "stale_s"),
        ("republish_s: 100", "republish: 100", "republish"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(tmp_path: Path, before: str, after: str, why: str) -> None:
    assert before in SEED
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(SEED.replace(before, after, 1))
    with pytest.raises(FileInvalid, match=why):
        load_building_contract([tmp_path])


def test_a_site_without_an_integration_has_no_building() -> None:
    assert building_side({}, [K1]) is None
    assert building_side({"rack_id": "K-01"}, [K1]) is None


def test_a_site_says_our_name_and_what_the_building_calls_each_rack() -> None:
    side = building_side({"integration": "RW1", "racks": {K1: "K-01"}, "later": 1}, [K1, K2])
    assert side is not None
    assert (side.integration, side.racks) == ("RW1", {K1: "K-01"})


@pytest.mark.parametrize(
    "building",
    [
        {"integration": "a/b"},
        {"integration": 5},
        {"integration": "RW1", "racks": ["k01"]},
        {"integration": "RW1", "racks": {K1: 7}},
        {"integration": "RW1", "racks": {"lab1/a/r01/k09": "K"}},
        {"integration": "RW1", "racks": {K1: "K", K2: "K"}},
    ],
)
def test_an_agreement_that_is_wrong_is_refused(building: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="building"):
        building_side(building, [K1, K2])
