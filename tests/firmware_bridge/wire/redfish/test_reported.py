"""Metric reports sent unasked: in the shape of a captured HGX report, dated by the device, never guessed at."""

import json
from typing import Any

import pytest

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.guard import DocumentFault
from firmware_bridge.wire.redfish.plan import Extract
from firmware_bridge.wire.redfish.reported import FORGET_AFTER, MOST_VALUES, Reported, metric_report_of

REPORT = "/redfish/v1/TelemetryService/MetricReports/HGX_PlatformEnvironmentMetrics_0"
POWER = "/redfish/v1/Chassis/HGX_GPU_0/Sensors/HGX_GPU_0_Power_0"
HEAT = "/redfish/v1/Chassis/HGX_GPU_0/Sensors/HGX_GPU_0_TEMP_0"
LEAK = "/redfish/v1/Chassis/Chassis_0/Sensors/Leak_0"
GPU = Place("s/a/r01/k01/u12/gpu0")
STALE = {"Nvidia": {"@odata.type": "#NvidiaMetricReport.v1_0_0.NvidiaMetricReport", "MetricValueStale": True}}


def told(sensor: str, quantity: Quantity, reading_class: ReadingClass, factor: float = 1.0) -> tuple[Extract, ...]:
    return (Extract(Series(GPU, quantity, reading_class), "MetricValue", factor=factor, member=sensor),)


SENSORS = {
    POWER: told(POWER, Quantity.POWER, ReadingClass.POWER, 1000.0),
    HEAT: told(HEAT, Quantity.TEMPERATURE, ReadingClass.SLOW),
    LEAK: told(LEAK, Quantity.LEAK, ReadingClass.SAFETY),
}


def message(*values: dict[str, Any], time: str = "2025-01-06T22:56:02.500+00:00") -> bytes:
    body = {"@odata.id": REPORT, "@odata.type": "#MetricReport.v1_4_2.MetricReport", "MetricValues": list(values)}
    return json.dumps(body | ({"Timestamp": time} if time else {})).encode()


def value(where: str, text: str, second: str = "02.500", **more: Any) -> dict[str, Any]:
    return {"MetricProperty": where, "MetricValue": text, "Timestamp": f"2025-01-06T22:56:{second}+00:00", **more}


def taken(held: Reported, raw: bytes, now: float = 100.0) -> list[tuple[Quantity, Any, float, Quality]]:
    report = metric_report_of(raw, 100_000)
    assert report is not None
    return [(r.quantity, r.value, r.taken_at, r.quality) for r in held.take(report, SENSORS, Seconds(now))]


def test_values_are_read_in_their_sensors_unit_and_are_as_old_as_the_device_says() -> None:
    raw = message(value(POWER, "0.701000"), value(f"{HEAT}#/Reading", "41.5", "00.500"), value("/redfish/v1/X", "7"))
    assert taken(Reported(), raw) == [
        (Quantity.POWER, 701.0, 100.0, Quality.GOOD),
        (Quantity.TEMPERATURE, 41.5, 98.0, Quality.GOOD),
    ]


def test_a_safety_reading_is_never_taken_from_a_report() -> None:
    assert taken(Reported(), message(value(LEAK, "0"))) == []


def test_what_the_device_calls_stale_is_flagged_and_what_is_no_number_is_unknown() -> None:
    raw = message(value(POWER, "0.5", Oem=STALE), value(HEAT, "nan"), value(HEAT, "hot"))
    found = taken(Reported(), raw)
    assert found[0] == (Quantity.POWER, 500.0, 100.0, Quality.FLAGGED)
    assert [(v, q) for _, v, _, q in found[1:]] == [(None, Quality.REFUSED)] * 2


def test_a_repeated_or_overtaken_report_says_nothing_until_the_clock_was_clearly_set_back() -> None:
    held = Reported()
    assert taken(held, message(value(POWER, "0.5")))
    assert taken(held, message(value(POWER, "0.5"))) == []
    old = message(value(POWER, "0.4", "01.000"), time="2025-01-06T22:56:01.000+00:00")
    for _ in range(FORGET_AFTER - 2):
        assert taken(held, old) == []
    assert held.repeated == FORGET_AFTER - 1
    assert taken(held, old)


def test_a_report_without_any_time_is_as_old_as_its_receipt() -> None:
    bare = {"MetricProperty": POWER, "MetricValue": "0.5"}
    assert taken(Reported(), message(bare, time="")) == [(Quantity.POWER, 500.0, 100.0, Quality.GOOD)]
    odd = {"MetricProperty": POWER, "MetricValue": "0.5", "Timestamp": 7}
    assert taken(Reported(), message(odd, time="yesterday")) == [(Quantity.POWER, 500.0, 100.0, Quality.GOOD)]


def test_an_event_is_no_report() -> None:
    assert metric_report_of(b'{"Events": [{"Message": "x"}]}', 1_000) is None
    assert metric_report_of(b'{"Events": [{"Message": "MetricValues"}]}', 1_000) is None


@pytest.mark.parametrize(
    "raw",
    [
        b'{"MetricValues": [',
        b'["MetricValues"]',
        message(*[value(POWER, "1")] * (MOST_VALUES + 1)),
        b'{"MetricValues": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"MetricValues": [{"MetricProperty": "\xff]}',
    ],
    ids=["broken", "array", "many", "deep", "text"],
)
def test_a_hostile_report_has_a_name_and_a_bound(raw: bytes) -> None:
    with pytest.raises(DocumentFault):
        metric_report_of(raw, 10_000_000)
