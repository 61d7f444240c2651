"""What a building may say: topics taken apart, values and metadata believed only where all of it is right."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.generations.building import load_building_contract
from firmware_bridge.vocabulary.building import BuildingPoint
from firmware_bridge.wire.building import (
    LONGEST_MESSAGE,
    Owner,
    Said,
    TopicKind,
    filters,
    read_owner,
    read_topic,
    read_value,
    write_topic,
    write_value,
)

CONTRACT = load_building_contract()
NOW = 1_790_000_000_000
LEAK, FLOW, POWER = (CONTRACT.points[name] for name in ("RackLeakDetect", "RackLiquidFlow", "RackPower"))
LIQUID = CONTRACT.points["RackLiquidIsolationRequest"]


def said(point: BuildingPoint, *, kept: bool = False, **fields: Any) -> Said:
    body = {"value": 1, "timestamp": NOW, "quality": 1, **fields}
    whole = {key: value for key, value in body.items() if value != "absent"}
    return read_value(json.dumps(whole).encode(), point, CONTRACT, NOW, kept=kept)


@pytest.mark.parametrize("kind", TopicKind)
def test_a_topic_is_written_and_read_back_with_a_tag_of_several_levels(kind: TopicKind) -> None:
    text = write_topic(CONTRACT, "PUB", kind, LEAK, "hall1/row3/k07")
    topic = read_topic(text, CONTRACT)
    assert (topic.publisher, topic.kind, topic.point, topic.tag) == ("PUB", kind, LEAK, "hall1/row3/k07")
    assert any(text.startswith(one.removesuffix("#")) for one in filters(CONTRACT))


@pytest.mark.parametrize(
    "text",
    [
        "rw/v1/lab1/k01/command",
        "BMS/v2/PUB/Value/Rack/RackPower/k01",
        "BMS/v1/PUB/Value/Rack/RackPower",
        "BMS/v1/PUB/Value/Rack/RackPower/",
        "BMS/v1/PUB/Value/Rack/RackPower/a//b",
        "BMS/v1/PUB/Value/Rack/RackPower/*",
        "BMS/v1/PUB/Value/Rack/RackPower/>",
        "BMS/v1/PUB/Value/Rack/RackPower/+/x",
        "BMS/v1/PUB/Value/Rack/RackPower/a\x1b[31m",
        "BMS/v1/PUB/Value/Rack/RackPower/hall 1/k07",
        "BMS/v1/PUB/Value/Rack/RackLeekDetect/k01",
        "BMS/v1/PUB/Value/System/RackPower/k01",
        "BMS/v1/PUB/Words/Rack/RackPower/k01",
        "BMS/v1/PUB/Value/Rack/RackPower/" + "x" * 600,
    ],
)
def test_a_topic_that_is_none_of_ours_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_topic(text, CONTRACT)


def test_a_value_in_our_unit_is_believed() -> None:
    assert said(FLOW, value=82.5) == Said(82.5, NOW)
    assert said(POWER, value=120) == Said(120_000.0, NOW)
    assert said(LEAK) == Said(1.0, NOW)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"quality": 0}, "quality"),
        ({"quality": 3}, "quality"),
        ({"quality": "absent"}, "quality"),
        ({"quality": True}, "quality"),
        ({"quality": 1.0}, "quality"),
        ({"value": 2}, "type"),
        ({"value": 0.5}, "type"),
        ({"value": "1"}, "type"),
        ({"value": True}, "type"),
        ({"value": None}, "type"),
        ({"value": [1]}, "type"),
        ({"value": "absent"}, "type"),
        ({"timestamp": "absent"}, "time"),
        ({"timestamp": "2026-11-29"}, "time"),
        ({"timestamp": NOW / 1000 + 0.5}, "time"),
        ({"timestamp": NOW + 31_000}, "time"),
        ({"timestamp": NOW - 61_000}, "time"),
        ({"timestamp": NOW // 1000}, "time"),
        ({"timestamp": 0}, "time"),
    ],
)
def test_a_wrong_quality_time_or_type_is_told_and_not_believed(fields: dict[str, Any], why: str) -> None:
    assert said(LEAK, **fields).why.startswith(f"{why}:")


@pytest.mark.parametrize("body", [b"", b"1", b"[]", b"{", b"\xff\xfe", b'{"value": NaN}', b"[" * 5_000])
def test_what_is_no_json_object_is_a_wrong_type(body: bytes) -> None:
    assert read_value(body, FLOW, CONTRACT, NOW, kept=False).why.startswith("type:")


def test_a_message_that_is_too_long_is_not_parsed() -> None:
    body = write_value(1, NOW, 1) + b" " * LONGEST_MESSAGE
    assert "bytes" in read_value(body, LEAK, CONTRACT, NOW, kept=False).why


def test_a_value_beyond_what_can_be_measured_is_refused() -> None:
    assert said(FLOW, value=9_000).why.startswith("type:")
    assert said(FLOW, value=-50).value is None


def test_what_the_broker_kept_may_be_older_but_not_for_ever() -> None:
    assert said(LEAK, kept=True, timestamp=NOW - 250_000).why == ""
    assert said(LEAK, kept=True, timestamp=NOW - 301_000).why.startswith("time:")


@given(st.sampled_from(list(CONTRACT.points.values())), st.binary(max_size=300))
def test_no_bytes_do_worse_than_not_being_believed(point: BuildingPoint, body: bytes) -> None:
    assert read_value(body, point, CONTRACT, NOW, kept=False).value is None or body.startswith(b"{")


@given(st.integers(-1, 1), st.integers(0, 2**45))
def test_what_we_write_is_read_back(value: int, now: int) -> None:
    assert read_value(write_value(value, now, 1), LIQUID, CONTRACT, now, kept=False) == Said(float(value), now)


def metadata(point: str, **fields: Any) -> bytes:
    body = {"objectType": "Rack", "pointType": point, "rackLocationId": "K-07", "rackLocationName": "K 7", **fields}
    return json.dumps({k: v for k, v in body.items() if v is not None}).encode()


def test_metadata_says_whose_a_point_is_and_who_says_it() -> None:
    ours = read_topic("BMS/v1/PUB/Metadata/Rack/RackLiquidIsolationRequest/a/b", CONTRACT)
    assert read_owner(metadata(ours.point.name, integration="RACKWRIGHT"), ours) == Owner("K-07", "RACKWRIGHT")
    theirs = read_topic("BMS/v1/PUB/Metadata/Rack/RackPower/a/b", CONTRACT)
    assert read_owner(metadata("RackPower", engUnit="kW"), theirs) == Owner("K-07", None)


@pytest.mark.parametrize(
    "fields",
    [
        {"pointType": "RackLeakDetect"},
        {"objectType": "CDU"},
        {"engUnit": "W"},
        {"engUnit": None},
        {"rackLocationId": None},
        {"rackLocationId": 7},
        {"rackLocationId": "a\nb"},
        {"rackLocationId": "x" * 200},
        {"integration": "a/b"},
        {"integration": 5},
    ],
)
def test_metadata_that_says_something_else_than_its_topic_is_refused(fields: dict[str, Any]) -> None:
    topic = read_topic("BMS/v1/PUB/Metadata/Rack/RackPower/a", CONTRACT)
    with pytest.raises(ValueError, match=r"."):
        read_owner(metadata(**{"point": "RackPower", "engUnit": "kW", **fields}), topic)
