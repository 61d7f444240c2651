"""What a building says, read: believed, or refused with the reason and counted; never more than that."""

import json
from typing import Any

import pytest

from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.run.building.refusals import MOST_TOPICS, Refusals
from tests.support.building import NAME, RACK, Spoken

VALUE, METADATA = "BMS/v1/PUB/Value/Rack", "BMS/v1/PUB/Metadata/Rack"


def refused(site: Spoken) -> list[str]:
    return [one.why for one in site.rack.ground.refusals.of(NAME, site.clock.now())]


def readings(site: Spoken) -> dict[str, tuple[float | None, Quality]]:
    found = site.rack.readings(site.clock.now())
    return {r.place.removeprefix(f"{RACK}/building/"): (r.value, r.quality) for r in found}


def test_what_the_building_says_becomes_readings_in_our_units() -> None:
    site = Spoken()
    site.says("RackLiquidFlow", 82.5)
    site.says("RackPower", 110.25)
    site.says("RackLiquidIsolationStatus", 0)
    assert readings(site) == {
        "flow": (82.5, Quality.GOOD),
        "power": (110_250.0, Quality.GOOD),
        "liquid_isolated": (0.0, Quality.GOOD),
    }
    assert {s.quantity for s in site.rack.series()} >= {Quantity.FLOW, Quantity.POWER, Quantity.SIGNAL}


def test_a_value_grows_old_and_is_told_so() -> None:
    site = Spoken()
    site.says("RackLiquidFlow", 82.5)
    site.clock.at += 299
    assert readings(site)["flow"] == (82.5, Quality.GOOD)
    site.clock.at += 2
    assert readings(site)["flow"] == (82.5, Quality.STALE)


@pytest.mark.parametrize(
    ("fields", "quality"),
    [
        ({"quality": 0}, Quality.FLAGGED),
        ({"timestamp": 5}, Quality.FLAGGED),
        ({"timestamp": "now"}, Quality.FLAGGED),
        ({"value": "wet"}, Quality.REFUSED),
        ({"value": 7}, Quality.REFUSED),
    ],
)
def test_a_leak_with_a_wrong_quality_time_or_type_is_flagged_and_no_guess(
    fields: dict[str, Any], quality: Quality
) -> None:
    site = Spoken()
    site.beats()
    site.says("RackLeakDetect", 1, **fields) if "value" not in fields else site.says("RackLeakDetect", **fields)
    assert readings(site)["leak"][1] is quality
    sight = site.rack.sight(site.clock.now())
    assert sight.leak is None
    assert "believed" in sight.sensor_fault
    assert refused(site)
    site.says("RackLeakDetect", 1)
    assert site.rack.sight(site.clock.now()).leak is True


@pytest.mark.parametrize(
    ("topic", "body", "why"),
    [
        ("BMS/v1/PUB/Value/Rack/RackLeekDetect/K01", b"{}", "topic"),
        ("rw/v1/lab1/k01/command", b"{}", "topic"),
        (f"BMS/v1/RACKWRIGHT/Value/Rack/RackLeakDetectTray/{NAME}", b"{}", "topic"),
        (f"{VALUE}/RackLiquidIsolationRequest/{NAME}", b"{}", "topic"),
        (f"{VALUE}/RackLeakDetect/*", b"{}", "topic"),
        (f"{METADATA}/RackLeakDetect/{NAME}", b"[]", "metadata"),
        (f"{METADATA}/RackLeakDetect/{NAME}", b'{"objectType": "Rack"}', "metadata"),
    ],
)
def test_a_message_that_should_not_be_is_refused_with_the_reason(topic: str, body: bytes, why: str) -> None:
    site = Spoken()
    site.hear(topic, body)
    site.hear(topic, body)
    (first,) = site.rack.ground.refusals.of(NAME, site.clock.now())
    assert first.why.startswith(f"{why}:")
    assert (first.count, site.rack.ground.refusals.total) == (2, 2)
    site.says("RackLiquidFlow", 80)
    assert readings(site)["flow"] == (80.0, Quality.GOOD)


def test_what_was_too_large_to_be_held_is_refused_by_its_size() -> None:
    site = Spoken()
    site.hear(f"{VALUE}/RackLiquidFlow/{NAME}", b"{" * 100, size=4_000_000)
    assert refused(site) == ["size: 4000000 bytes"]


def test_wrong_metadata_does_not_undo_what_was_announced() -> None:
    site = Spoken()
    site.hear(f"{METADATA}/RackLiquidFlow/{NAME}", b"no JSON", kept=True)
    site.says("RackLiquidFlow", 80)
    assert readings(site)["flow"][1] is Quality.GOOD


def test_a_point_that_the_building_takes_back_is_none_any_more() -> None:
    site = Spoken()
    site.says("RackLiquidFlow", 80)
    site.hear(f"{METADATA}/RackLiquidFlow/{NAME}", b"", kept=True)
    assert "flow" not in readings(site)


def test_a_value_that_comes_before_its_metadata_is_not_lost() -> None:
    site = Spoken(announce=False)
    site.says("RackLeakDetect", 1)
    assert readings(site) == {}
    for topic, body, kept in site.paper._announcements():
        site.hear(topic, body, kept=kept)
    assert readings(site)["leak"] == (1.0, Quality.GOOD)


def test_other_racks_are_counted_and_not_read() -> None:
    site = Spoken()
    said = {"objectType": "Rack", "pointType": "RackLeakDetect", "rackLocationId": "K99"}
    site.hear(f"{METADATA}/RackLeakDetect/K99", json.dumps(said).encode(), kept=True)
    site.says("RackLeakDetect", 1, tag="K99")
    assert site.rack.ground.elsewhere == 1
    assert readings(site) == {}


def test_several_ropes_are_several_readings_and_one_is_enough() -> None:
    site = Spoken()
    said = {"objectType": "Rack", "pointType": "RackLeakDetect", "rackLocationId": NAME}
    site.hear(f"{METADATA}/RackLeakDetect/{NAME}/rear", json.dumps(said).encode(), kept=True)
    site.says("RackLeakDetect", 0)
    site.says("RackLeakDetect", 1, tag=f"{NAME}/rear")
    assert readings(site) == {"leak": (0.0, Quality.GOOD), "leak_2": (1.0, Quality.GOOD)}
    assert site.rack.sight(site.clock.now()).leak is True


def test_what_the_broker_kept_is_as_old_as_it_says() -> None:
    site = Spoken()
    site.says("RackLiquidFlow", 80, kept=True, timestamp=site.clock.ms - 250_000)
    assert readings(site)["flow"][1] is Quality.GOOD
    site.clock.at += 60
    assert readings(site)["flow"][1] is Quality.STALE


def test_a_heartbeat_that_does_not_move_on_is_none() -> None:
    site = Spoken()
    site.beats()
    assert site.link.last("HeartbeatEchoIntegration") == {
        "value": site.clock.ms,
        "timestamp": site.clock.ms,
        "quality": 1,
    }
    stuck = site.clock.ms
    for _ in range(7):
        site.clock.at += 5
        site.says("HeartbeatTimestampBms", stuck, tag="BMS")
    assert "35 s" in site.rack.sight(site.clock.now()).silent
    site.beats()
    assert site.rack.sight(site.clock.now()).silent == ""


def test_a_heartbeat_of_a_wrong_clock_is_lost_and_says_why() -> None:
    site = Spoken()
    site.beats()
    for _ in range(4):
        site.clock.at += 10
        site.says("HeartbeatTimestampBms", site.clock.ms, tag="BMS", timestamp=site.clock.ms + 3_600_000)
    assert "time: it says it was said 3600 s from now" in site.rack.sight(site.clock.now()).silent


def test_a_silent_building_is_one_alarm_and_not_one_of_each_point() -> None:
    site = Spoken()
    site.beats()
    site.says("RackLeakDetect", 0)
    site.clock.at += 400
    sight = site.rack.sight(site.clock.now())
    assert (sight.leak, sight.sensor_fault) == (None, "")
    assert "400 s" in sight.silent
    site.rack._notice(site.clock.now())
    assert site.rack.findings() == []


def test_a_point_that_is_not_believed_is_told_once_and_when_it_is_again() -> None:
    site = Spoken()
    site.beats()
    for quality in (0, 0, 1, 1):
        site.says("RackLiquidFlow", 80, quality=quality)
        site.rack._notice(site.clock.now())
    assert [(f.kind, str(f.severity)) for f in site.rack.findings()] == [
        ("building.point", "warning"),
        ("building.point", "ok"),
    ]


def test_refusals_stay_few_however_many_topics_are_made_up() -> None:
    refusals = Refusals()
    for n in range(MOST_TOPICS * 3):
        refusals.note(f"made/up/{n}", "topic: none", Seconds(n))
    assert len(refusals.of("", Seconds(0.0))) == MOST_TOPICS
    assert refusals.total == MOST_TOPICS * 3


def test_a_hall_of_other_racks_costs_this_one_nothing_more() -> None:
    site = Spoken()
    catalogue = site.rack.ground.catalogue
    own = len(list(catalogue.of(NAME)))
    for n in range(500):
        said = {"objectType": "Rack", "pointType": "RackLeakDetect", "rackLocationId": f"X{n}"}
        site.hear(f"{METADATA}/RackLeakDetect/X{n}", json.dumps(said).encode(), kept=True)
    assert len(list(catalogue.of(NAME))) == own
    moved = {"objectType": "Rack", "pointType": "RackLeakDetect", "rackLocationId": NAME}
    site.hear(f"{METADATA}/RackLeakDetect/X7", json.dumps(moved).encode(), kept=True)
    assert len(list(catalogue.of(NAME))) == own + 1
    assert not list(catalogue.of("X7"))
