"""Numbers as Redfish clients see them: unknown is null, old is not quoted, silence is neither off nor healthy."""

from datetime import UTC, datetime

import pytest
from support.redfish_hall import Hall

from datacenter_api.redfish.sensors import KINDS, STATES
from firmware_bridge.vocabulary.quantities import SPECS, Quantity

Q = Quantity


def test_every_quantity_is_a_sensor_or_a_state() -> None:
    assert set(Q) == set(KINDS) | {q for q in Q if SPECS[q].unit in STATES}


async def test_a_reading_is_a_sensor_with_its_own_time(hall: Hall) -> None:
    sensor = await hall.get("/Chassis/k01-u12/Sensors/gpu2.power")
    assert (sensor["Reading"], sensor["ReadingType"], sensor["ReadingUnits"]) == (900.0, "Power", "W")
    assert sensor["Status"] == {"State": "Enabled", "Health": "OK"}
    assert sensor["Description"] == "GPU2"
    frame = hall.api.services.fleet.record("k01").frame
    assert frame is not None
    taken = datetime.fromisoformat(sensor["ReadingTime"]).timestamp()
    assert taken == pytest.approx(frame.unix_ns / 1e9 - 0.2, abs=0.01)


async def test_a_sensor_keeps_its_peak_since_the_api_listens(hall: Hall) -> None:
    hall.racks["k01"].set("u12/gpu2", Q.POWER, 1_100.0)
    hall.say("k01")
    hall.racks["k01"].set("u12/gpu2", Q.POWER, 400.0)
    hall.say("k01")
    sensor = await hall.get("/Chassis/k01-u12/Sensors/gpu2.power")
    assert (sensor["Reading"], sensor["PeakReading"], sensor["PhysicalContext"]) == (400.0, 1_100.0, "GPU")
    started = datetime.fromisoformat(sensor["SensorResetTime"])
    assert started < datetime.now(UTC)
    assert datetime.fromisoformat(sensor["PeakReadingTime"]) <= datetime.now(UTC)


async def test_limits_are_those_that_the_device_states_for_its_sensor(hall: Hall) -> None:
    at = "/Chassis/k01-u12/Sensors/gpu0.temperature"
    assert "Thresholds" not in await hall.get(at), "nothing was read yet"
    await hall.read_stock()
    assert (await hall.get(at))["Thresholds"] == {"UpperCritical": {"Reading": 92.0}, "LowerCaution": {"Reading": -5.0}}
    assert "Thresholds" not in await hall.get("/Chassis/k01-u12/Sensors/gpu1.temperature")


async def test_heat_is_in_kilowatts_where_redfish_wants_them(hall: Hall) -> None:
    connector = await hall.get("/ThermalEquipment/CDUs/k01-u01/SecondaryCoolantConnectors/rack")
    assert connector["HeatRemovedkW"] == {
        "DataSourceUri": "/redfish/v1/Chassis/k01-u01/Sensors/heat",
        "Reading": 105.0,
    }
    assert connector["SupplyTemperatureCelsius"]["Reading"] == 30.25


async def test_an_unknown_value_is_null(hall: Hall) -> None:
    hall.racks["k01"].set("u12/gpu2", Q.TEMPERATURE, None)
    hall.say("k01")
    sensor = await hall.get("/Chassis/k01-u12/Sensors/gpu2.temperature")
    assert sensor["Reading"] is None
    assert sensor["Status"] == {"State": "UnavailableOffline"}
    assert sensor["ReadingTime"] is None
    environment = await hall.get("/Systems/k01-u12/Processors/gpu2/EnvironmentMetrics")
    assert environment["TemperatureCelsius"]["Reading"] is None
    assert environment["PowerWatts"]["Reading"] == 900.0


async def test_an_old_value_keeps_its_time_and_is_not_quoted_as_if_it_were_new(hall: Hall) -> None:
    hall.say("k01", age=60.0)
    sensor = await hall.get("/Chassis/k01-u12/Sensors/gpu2.power")
    assert sensor["Reading"] == 900.0
    assert sensor["Status"] == {"State": "UnavailableOffline"}
    assert (await hall.get("/Systems/k01-u12/Processors/gpu2/EnvironmentMetrics"))["PowerWatts"]["Reading"] is None
    assert (await hall.get("/Chassis/k01/EnvironmentMetrics"))["PowerWatts"]["Reading"] is None
    report = await hall.get("/TelemetryService/MetricReports/k01-power")
    assert {value["MetricValue"] for value in report["MetricValues"]} == {None}


async def test_a_sum_with_a_hole_in_it_is_unknown(hall: Hall) -> None:
    assert (await hall.get("/Chassis/k01/EnvironmentMetrics"))["PowerWatts"]["Reading"] == pytest.approx(8 * 12_900.0)
    hall.racks["k01"].set("u06", Q.POWER, None)
    hall.say("k01")
    assert (await hall.get("/Chassis/k01/EnvironmentMetrics"))["PowerWatts"]["Reading"] is None


async def test_silence_is_neither_off_nor_healthy(hall: Hall) -> None:
    rack = hall.racks["k01"]
    rack.absent = {f"{rack.place}/u12/bmc"}
    rack.set("u12", Q.POWER_STATE, None)
    hall.say("k01")
    system = await hall.get("/Systems/k01-u12")
    assert (system["PowerState"], system["Status"]) == (None, {"State": "UnavailableOffline", "Health": "Warning"})
    assert (await hall.get("/Managers/k01-u12-bmc"))["Status"]["State"] == "UnavailableOffline"
    assert (await hall.get("/Chassis/k01"))["Status"]["Health"] == "Warning"


async def test_a_host_that_is_off_is_off(hall: Hall) -> None:
    hall.racks["k01"].set("u12", Q.POWER_STATE, 0.0)
    hall.say("k01")
    system = await hall.get("/Systems/k01-u12")
    assert (system["PowerState"], system["Status"]["State"]) == ("Off", "StandbyOffline")


async def test_a_leak_is_critical_everywhere_it_shows_and_an_unseen_detector_is_never_dry(hall: Hall) -> None:
    hall.racks["k01"].set("u12/leak2", Q.LEAK, None)
    hall.say("k01")
    detection = await hall.get("/Chassis/k01-u12/ThermalSubsystem/LeakDetection")
    assert detection["Status"] == {"State": "Enabled"}  # three are dry, of one nobody knows: that is not OK
    hall.racks["k01"].set("u12/leak1", Q.LEAK, 2.0)
    hall.say("k01")
    detection = await hall.get("/Chassis/k01-u12/ThermalSubsystem/LeakDetection")
    assert detection["Status"] == {"State": "Enabled", "Health": "Critical"}
    (group,) = detection["LeakDetectorGroups"]
    assert [d["DetectorState"] for d in group["Detectors"]] == ["OK", "Critical", "Unavailable", "OK"]
    assert (await hall.get("/Chassis/k01-u12/LeakDetectors/leak2"))["Status"] == {"State": "UnavailableOffline"}
    assert (await hall.get("/Chassis/k01"))["Status"]["HealthRollup"] == "Critical"
