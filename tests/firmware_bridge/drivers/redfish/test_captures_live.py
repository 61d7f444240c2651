"""Every driver on every recorded tree, whole and damaged: it plans, it reads, and gives only what stands there."""

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.memory_link import MemoryLink
from support.mutations import mutated, numbers_by_uri
from support.virtual_time import VirtualClock

from firmware_bridge.drivers.redfish.compute_tray import RedfishComputeTray
from firmware_bridge.drivers.redfish.coolant_unit import RedfishCoolantUnit
from firmware_bridge.drivers.redfish.power_shelf import RedfishPowerShelf
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.drivers.redfish.switch_tray import RedfishSwitchTray
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.quantities import CODES, SPECS, Quantity, ReadingClass, SeriesKind, possible
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.wire.moist_air import WORKED_OUT, dew_point_c
from firmware_bridge.wire.redfish.links import tidy
from firmware_bridge.wire.redfish.nvlinks import COUNTED
from firmware_bridge.wire.redfish.units import UNITS

REPOSITORY = Path(__file__).resolve().parents[4]
CAPTURES = REPOSITORY.parent / "shared" / "data" / "captures"
NAMES = sorted(p.parent.name for p in CAPTURES.glob("*/tree.json"))
SHAPES = REPOSITORY / "tests/firmware_bridge/wire/redfish/shapes"
TRAY = Place("s/a/r01/k01/u12")
KINDS: list[type[RedfishSource]] = [RedfishComputeTray, RedfishSwitchTray, RedfishPowerShelf, RedfishCoolantUnit]
FACTORS = {(factor, offset) for _, factor, offset in UNITS.values()}
MEASURED = frozenset(
    {
        *("reading", "setpoint", "readingcelsius", "currentreading", "readingrpm", "readingvolts", "metricvalue"),
        *("powerconsumedwatts", "lastpoweroutputwatts", "poweroutputwatts", "powerinputwatts"),
    }
)


@lru_cache(maxsize=1)
def tree_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CAPTURES / name / "tree.json").read_bytes())
    return found


def shape(name: str) -> dict[str, Any]:
    loaded = yaml.safe_load((SHAPES / f"{name}.yaml").read_text())
    return {f"/redfish/v1/{uri}".rstrip("/"): body for uri, body in loaded["documents"].items()}


async def read_all(kind: type[RedfishSource], tree: dict[str, Any]) -> list[Reading]:
    """Return one read of every class; what a driver raises must be a DeviceError."""
    source = kind(tray=TRAY, link=MemoryLink(tree), clock=VirtualClock())  # type: ignore[arg-type]
    try:
        series = await source.discover()
    except DeviceError:
        return []
    assert len({(s.place, s.quantity) for s in series}) == len(series)
    readings: list[Reading] = []
    for reading_class in ReadingClass:
        try:
            readings += await source.read(reading_class)
        except DeviceError:
            continue
    return readings


def invented(readings: list[Reading], tree: dict[str, Any]) -> list[Reading]:
    """Return the readings whose number stands nowhere in the resource they are said to be from."""
    stated, found = numbers_by_uri(tree, MEASURED), []
    for reading in readings:
        if reading.value is None or reading.quantity in CODES or reading.source == "sum":
            continue
        assert possible(reading.quantity, reading.value), reading
        if reading.source == WORKED_OUT:
            if reading.value not in damp(reading.place, readings):
                found.append(reading)
            continue
        if reading.quantity in COUNTED:
            if reading.value not in added_up(reading, tree):
                found.append(reading)
            continue
        whole = 1.0 if SPECS[reading.quantity].kind is SeriesKind.COUNTER else 1e-9
        there = stated.get(reading.source.partition("#")[0].partition("?")[0].rstrip("/"), [])
        if not any(
            math.isclose(n * f + o, reading.value, rel_tol=1e-6, abs_tol=whole) for n in there for f, o in FACTORS
        ):
            found.append(reading)
    return found


def damp(place: str, readings: list[Reading]) -> set[float | None]:
    """Return what a place's humidity makes of each temperature that was read."""
    humidity = [r.value for r in readings if (r.place, r.quantity) == (place, Quantity.HUMIDITY)]
    air = [r.value for r in readings if r.quantity is Quantity.TEMPERATURE]
    return {dew_point_c(t, h) for t in air for h in humidity if t is not None and h is not None}


def added_up(reading: Reading, tree: dict[str, Any]) -> set[float]:
    """Return what the ports of each processor make of a quantity, counted from the tree again."""
    uri = reading.source.partition("?")[0].rstrip("/")
    names, convert = COUNTED[reading.quantity]
    lines = tree.get(uri, {}).get("MetricValues", [])
    stated = [(str(v.get("MetricProperty")), v.get("MetricValue")) for v in lines if isinstance(v, dict)]
    stated += [(f"{u}#/LinkStatus", d.get("LinkStatus")) for u, d in tree.items() if u.rpartition("/")[0] == uri]
    sums: dict[str, float] = {}
    for line, raw in stated:
        if "/Ports/" in line and line.partition("#")[2] in names:
            processor = line.partition("/Ports/")[0]
            sums[processor] = sums.get(processor, 0) + (convert(raw) or 0)
    return set(sums.values())


@pytest.mark.skipif(not NAMES, reason="the recorded trees are not on this machine")
async def test_the_links_of_a_captured_trays_gpus_are_counted() -> None:
    """The capture was taken while links were coming up: 30 of 72 are, by its report."""
    found = values(await read_all(RedfishComputeTray, tree_of("gb200-compute-tray")))
    up = [found[f"gpu{n}", Quantity.NVLINK_PORTS_UP] for n in range(4)]
    assert sum(n or 0 for n in up) == 30
    assert [found[f"gpu{n}", Quantity.NVLINK_PORT_FAULTS] for n in range(4)] == [0, 0, 0, 0]
    assert ("gpu0", Quantity.SYMBOL_ERRORS) not in found


@pytest.mark.skipif(not NAMES, reason="the recorded trees are not on this machine")
@pytest.mark.parametrize("name", NAMES)
async def test_a_capture_is_planned_and_read_by_every_driver(name: str) -> None:
    for kind in KINDS:
        readings = await read_all(kind, tree_of(name))
        assert readings, kind
        assert invented(readings, tree_of(name)) == []


@pytest.mark.skipif(not NAMES, reason="the recorded trees are not on this machine")
@pytest.mark.parametrize("name", NAMES)
async def test_a_damaged_tree_costs_a_driver_readings_and_nothing_else(name: str) -> None:
    for seed in range(6):
        tree = mutated(tree_of(name), seed, most=100)
        assert invented(await read_all(KINDS[seed % len(KINDS)], tree), tree) == [], (name, seed)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.skipif(not NAMES, reason="the recorded trees are not on this machine")
@pytest.mark.parametrize("name", NAMES)
async def test_many_damaged_trees(name: str) -> None:
    for seed in range(1_000):
        tree = mutated(tree_of(name), seed, most=100)
        assert invented(await read_all(KINDS[seed % len(KINDS)], tree), tree) == [], (name, seed)


def values(readings: list[Reading]) -> dict[tuple[str, Quantity], float | int | None]:
    return {("" if r.place == TRAY else leaf_of(r.place), r.quantity): r.value for r in readings}


async def test_a_server_with_power_and_thermal_only_is_read_live() -> None:
    found = values(await read_all(RedfishComputeTray, shape("older-server")))
    assert found["", Quantity.POWER] == 412
    assert found["", Quantity.POWER_STATE] == 1.0
    assert found["", Quantity.LOCATE] == 0.0
    assert (found["psu0", Quantity.POWER], found["psu1", Quantity.POWER]) == (221, 191)
    assert found["psu0", Quantity.HEALTH] == 0.0
    assert found["01-inlet_ambient", Quantity.TEMPERATURE] == 22
    assert found["fan_1", Quantity.PERCENT] == 16
    assert not any(name.startswith(("03-p2", "psu2")) for name, _ in found)


@pytest.mark.parametrize("name", sorted(p.stem for p in SHAPES.glob("*.yaml")))
async def test_a_makers_shape_is_read_by_every_driver_and_nothing_is_invented(name: str) -> None:
    tree = {tidy(uri): body for uri, body in shape(name).items()}
    for kind in KINDS:
        assert invented(await read_all(kind, tree), tree) == []


@pytest.mark.parametrize("name", sorted(p.stem for p in SHAPES.glob("*.yaml")))
async def test_a_damaged_shape_costs_a_driver_readings_and_nothing_else(name: str) -> None:
    whole = {tidy(uri): body for uri, body in shape(name).items()}
    for seed in range(8):
        tree = mutated(whole, seed)
        assert invented(await read_all(KINDS[seed % len(KINDS)], tree), tree) == [], (name, seed)


async def test_links_as_bare_paths_are_followed_live() -> None:
    found = values(await read_all(RedfishComputeTray, shape("oem-sensors")))
    assert found["", Quantity.POWER] == 350
    assert found["cpu1_core_rem", Quantity.TEMPERATURE] == 45
    assert (found["leak0", Quantity.LEAK], found["leak1", Quantity.LEAK]) == (0.0, None)


async def test_a_supplys_own_watts_are_not_the_servers() -> None:
    tree = {tidy(uri): body for uri, body in shape("ids-with-percent-signs").items()}
    found = values(await read_all(RedfishComputeTray, tree))
    assert (found["", Quantity.POWER], found["psu0", Quantity.POWER]) == (344, 330)
    assert found["fan_1a", Quantity.FAN_SPEED] == 5880, "on the second page, behind a percent sign"


async def test_of_several_controls_of_power_the_one_that_is_not_of_a_part_speaks_for_the_server() -> None:
    found = values(await read_all(RedfishComputeTray, shape("nulls-and-slots")))
    assert found["", Quantity.POWER] == 310
    assert (found["psu0", Quantity.POWER], found["psu1", Quantity.POWER_INPUT]) == (155, 160)
    assert ("psu2", Quantity.POWER) not in found
    tree = shape("nulls-and-slots")
    for control in tree["/redfish/v1/Chassis/1/Power"]["PowerControl"]:
        del control["PhysicalContext"]
    assert values(await read_all(RedfishComputeTray, tree))["", Quantity.POWER] is None


async def test_a_number_that_is_not_known_yet_is_none_and_the_next_one_is_read() -> None:
    tree = shape("type-prefixed-sensors")
    found = values(await read_all(RedfishComputeTray, tree))
    assert (found["", Quantity.POWER], found["", Quantity.POWER_STATE]) == (512.3, None)
    known = {name: value for (name, quantity), value in found.items() if quantity is Quantity.TEMPERATURE}
    assert sorted(v for v in known.values() if v is not None) == [24.0625]


async def test_rows_that_share_a_member_id_are_told_apart_by_name() -> None:
    tree = {tidy(uri): body for uri, body in shape("own-case").items()}
    found = values(await read_all(RedfishComputeTray, tree))
    assert (found["p3v3", Quantity.VOLTAGE], found["p5v", Quantity.VOLTAGE]) == (3.31, 5.02)


async def test_a_leak_counts_however_it_is_spelled_and_dry_is_only_who_says_so() -> None:
    found = values(await read_all(RedfishComputeTray, shape("own-case")))
    assert (found["leak0", Quantity.LEAK], found["leak1", Quantity.LEAK]) == (None, 2.0)


async def test_a_coolant_unit_with_an_older_thermal_is_read_too() -> None:
    found = values(await read_all(RedfishCoolantUnit, shape("older-server")))
    assert found["02-cpu_1", Quantity.TEMPERATURE] == 40


async def test_a_line_is_found_by_its_name_when_it_moves_and_not_by_its_place() -> None:
    tree = shape("older-server")
    link = MemoryLink(tree)
    source = RedfishComputeTray(tray=TRAY, link=link, clock=VirtualClock())  # type: ignore[arg-type]
    await source.discover()
    thermal = tree["/redfish/v1/Chassis/1/Thermal"]
    thermal["Temperatures"] = thermal["Temperatures"][1:]
    found = values(list(await source.read(ReadingClass.SLOW)))
    assert found["02-cpu_1", Quantity.TEMPERATURE] == 40
    assert found["01-inlet_ambient", Quantity.TEMPERATURE] is None


async def test_text_with_its_unit_is_read_live_and_a_negative_power_is_not() -> None:
    found = {(leaf_of(r.place), r.quantity): r for r in await read_all(RedfishComputeTray, shape("accelerator-tray"))}
    assert found["a", Quantity.TEMPERATURE].value == 45.0
    assert (found["u12", Quantity.POWER].value, found["u12", Quantity.POWER].quality) == (None, Quality.REFUSED)


async def test_detectors_that_are_lines_of_a_group_are_watched() -> None:
    readings = await read_all(RedfishCoolantUnit, shape("liquid-unit"))
    leaks = {leaf_of(r.place): (r.value, r.quality) for r in readings if r.quantity is Quantity.LEAK}
    # The line that names a resource nobody lists stands for it; a detector that is off is never dry.
    assert leaks == {"leak0": (2.0, Quality.GOOD), "leak1": (0.0, Quality.GOOD), "leak2": (None, Quality.FLAGGED)}


async def test_supplies_behind_a_makers_own_link_are_found_by_what_they_are() -> None:
    readings = await read_all(RedfishPowerShelf, shape("liquid-unit"))
    found = values(readings)
    assert found["psu0", Quantity.POWER_STATE] == 1.0


async def test_a_service_that_writes_slashes_is_asked_with_them() -> None:
    link = MemoryLink(shape("older-server"))
    source = RedfishComputeTray(tray=TRAY, link=link, clock=VirtualClock())  # type: ignore[arg-type]
    await source.discover()
    link.asked.clear()
    for reading_class in (ReadingClass.SAFETY, ReadingClass.POWER, ReadingClass.SLOW):
        await source.read(reading_class)
    assert link.asked
    assert all(uri.endswith("/") for uri in link.asked), link.asked


async def test_a_kind_of_chassis_that_is_no_text_costs_nothing() -> None:
    tree = shape("older-server")
    tree["/redfish/v1/Chassis/1"]["ChassisType"] = ["RackMount"]
    assert values(await read_all(RedfishComputeTray, tree))["", Quantity.POWER] == 412


async def test_an_older_lamp_blinks_and_a_newer_one_is_lit() -> None:
    tree = shape("older-server")
    link = MemoryLink(tree)
    tray = RedfishComputeTray(tray=TRAY, link=link, clock=VirtualClock())  # type: ignore[arg-type]
    await tray.discover()
    await tray.set_locate(True)
    tree["/redfish/v1/Systems/1"]["LocationIndicatorActive"] = False
    await tray.discover()
    await tray.set_locate(True)
    assert link.changed == [
        ("PATCH", "/redfish/v1/Systems/1/", {"IndicatorLED": "Blinking"}),
        ("PATCH", "/redfish/v1/Systems/1/", {"LocationIndicatorActive": True}),
    ]


CDU_METRICS = "/redfish/v1/ThermalEquipment/CDUs/1/EnvironmentMetrics"
SENSORS = "/redfish/v1/Chassis/CDU/Sensors"


async def dew_points(tree: dict[str, Any]) -> dict[str, float | int | None]:
    readings = await read_all(RedfishCoolantUnit, tree)
    return {leaf_of(r.place): r.value for r in readings if r.quantity is Quantity.DEW_POINT}


@pytest.mark.skipif(not NAMES, reason="the recorded trees are not on this machine")
async def test_a_recorded_coolant_units_dew_point_is_worked_out_from_the_pair_that_it_names() -> None:
    """26 % at 24 °C: steam tables have 0.26 x 2.985 = 0.776 kPa at 3.3 °C."""
    assert await dew_points(tree_of("dmtf-cdu")) == {"systemrelativehumidity": pytest.approx(3.3, abs=0.1)}


@pytest.mark.skipif(not NAMES, reason="the recorded trees are not on this machine")
async def test_a_dew_point_is_a_devices_own_or_from_the_only_temperature_beside_the_humidity() -> None:
    tree = tree_of("dmtf-cdu")
    bare = {u: d for u, d in tree.items() if not u.endswith("/EnvironmentMetrics")}
    assert set(await dew_points(bare)) == {"systemrelativehumidity"}, "both are of the chassis, and no other is"
    two = {
        **bare,
        f"{SENSORS}/PrimarySupplyTemp": {**bare[f"{SENSORS}/PrimarySupplyTemp"], "PhysicalContext": "Chassis"},
    }
    assert await dew_points(two) == {}, "which of the two the humidity belongs to nobody says"
    stated = {**tree, CDU_METRICS: {**tree[CDU_METRICS], "DewPointCelsius": {"Reading": 12.5}}}
    assert (await dew_points(stated))["air"] == 12.5
    unlinked = {"HumidityPercent": {"Reading": 50}, "TemperatureCelsius": {"Reading": 25}}
    own = {u: d for u, d in bare.items() if u != f"{SENSORS}/SystemRelativeHumidity"}
    own[CDU_METRICS] = {**{k: v for k, v in tree[CDU_METRICS].items() if k[0] == "@"}, **unlinked}
    assert await dew_points(own) == {"air": pytest.approx(13.9, abs=0.1)}
