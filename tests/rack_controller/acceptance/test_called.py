"""Readings by the names of plans: as data, a place of the rack or nobody's."""

import math

import pytest
from support.scripted_rack import parts

from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.acceptance.called import Names
from rack_controller.acceptance.live import Read, by_series


@pytest.mark.parametrize(
    ("place", "quantity", "series", "at"),
    [
        ("u11/gpu0", "power", "gpu.power", "u11/gpu0"),
        ("u15/leak1", "leak", "leak.state", "u15/leak1"),
        ("u01/primary", "flow", "cdu.facility_flow", "u01"),
        ("u01/reservoir0", "level", "cdu.level", "u01"),
        ("u11/pdb_0_hsc_0_volt_in_0", "voltage", "tray.voltage", "u11"),
        ("u11/chassis_0_front_io_temp_0", "temperature", "tray.temperature_air", "u11"),
        ("u11/pdb_0_hsc_0_temp_0", "temperature", "tray.temperature_board", "u11"),
        ("u11/chassis_0_fan_1_front", "fan_speed", "fan.speed", "u11/fan0"),
        ("u19/mgx_nvswitch_0_temp_0", "temperature", "switch.temperature", "u19"),
        ("u01/systemrelativehumidity", "dew_point", "rack.dew_point", "rack"),
        ("u01/systemrelativehumidity", "humidity", "cdu.humidity", "u01"),
        ("u06/p3_hotspot", "temperature", "psu.temperature", "u06/psu3"),
        ("u06/psu3_input", "voltage", "psu.voltage_input", "u06/psu3"),
        ("u01", "pressure_delta", "cdu.pressure_head", "u01"),
    ],
)
def test_a_reading_is_called_as_plans_do(place: str, quantity: str, series: str, at: str) -> None:
    called = Names(parts()).of(place, quantity)
    assert called is not None
    assert (called.series, called.place) == (series, at)


@pytest.mark.parametrize(
    ("place", "quantity"), [("u01/primary", "heat"), ("u11/primary", "flow"), ("u06/psu9_input", "voltage"), ("x", "y")]
)
def test_what_is_at_no_place_of_the_rack_is_nobody_s(place: str, quantity: str) -> None:
    assert Names(parts()).of(place, quantity) is None


def test_a_ratio_of_bit_errors_is_told_in_decades() -> None:
    called = Names(parts()).of("u19/acp7", "bit_error_ratio")
    assert called is not None
    assert (called.series, called.unit) == ("port.ber_decades", "log10")
    assert called.value_of(1e-14) == pytest.approx(-14.0)
    assert called.value_of(0.0) == called.value_of(1e-254) == pytest.approx(-15.0), "no error was counted yet"
    assert math.isnan(called.value_of(-1.0))
    assert math.isnan(called.value_of(None))


def test_the_worst_ratio_of_a_switch_tray_is_no_count_that_may_not_go_and_come_back() -> None:
    names = Names(parts())
    for quantity in (Quantity.BIT_ERROR_RATIO, Quantity.BIT_ERROR_RATIO_RAW, Quantity.BIT_ERROR_RATIO_SYMBOL):
        called = names.of("u19", quantity)
        assert called is not None
        assert called.series in names.unlike, "a flicker of 3e-16 would take a healthy rack's switch tray out"


@pytest.mark.parametrize(
    ("endpoint", "entry", "part"),
    [
        ("u11/bmc", "HGX_FW_GPU_3", "u11/gpu3"),
        ("u19/bmc", "MGX_FW_NVSwitch_1", "u19/nvswitch1"),
        ("u11/bmc", "HGX_FW_GPU_9", ""),
        ("u11/bmc", "FW_BMC_0", ""),
        ("u19/bmc", "HGX_FW_GPU_0", ""),
    ],
)
def test_an_entry_of_a_firmware_inventory_is_a_part_s_own_where_the_data_say_so(
    endpoint: str, entry: str, part: str
) -> None:
    assert Names(parts()).part_of(endpoint, entry) == part


@pytest.mark.parametrize("turned", [False, True])
def test_a_sensor_that_the_data_name_counts_before_what_the_part_tells(turned: bool) -> None:
    reads = [Read("u06/psu3", "temperature", 25.0, "°C"), Read("u06/p3_hotspot", "temperature", 44.0, "°C")]
    found, _ = by_series(reads[::-1] if turned else reads, Names(parts()))
    assert found["psu.temperature"] == {"u06/psu3": 44.0}
