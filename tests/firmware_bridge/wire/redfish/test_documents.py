"""Typed documents: a property of the wrong shape is lost alone."""

import json

import pytest

from firmware_bridge.wire.redfish.documents import Decoder, EnvironmentMetrics, Sensor
from firmware_bridge.wire.redfish.guard import DocumentMalformed


def test_a_sensor_is_decoded_without_the_rest() -> None:
    raw = json.dumps(
        {"Id": "T", "Reading": "40.5", "Status": {"State": "Enabled", "Conditions": []}, "Oem": {}}
    ).encode()
    sensor = Decoder(Sensor)(raw)
    assert (sensor.Id, sensor.Reading, sensor.Status.State) == ("T", "40.5", "Enabled")


def test_a_property_of_the_wrong_shape_is_dropped_alone() -> None:
    metrics = Decoder(EnvironmentMetrics)(b'{"Status": "OK", "PowerWatts": 5, "TemperatureCelsius": {"Reading": 41}}')
    assert metrics.Status is None
    assert metrics.PowerWatts is None
    assert metrics.TemperatureCelsius.Reading == 41


def test_an_expanded_collection_keeps_its_good_members() -> None:
    raw = b'{"Members": [{"@odata.id": "/a", "Reading": 1}, 7, {"@odata.id": "/b", "Reading": 2, "Status": []}]}'
    members = Decoder(Sensor, array="Members")(raw)
    assert [(m.uri, m.Reading) for m in members] == [("/a", 1), ("/b", 2)]


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"Reading": NaN}', b'{"a":' * 100_000, b'{"Reading": 1e999}', b"\xff"])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(DocumentMalformed):
        Decoder(Sensor)(raw)
