"""Trays on a serial line: what is there is read, what is not is unknown, and one unit costs nobody else."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.serial_line import LoopClock, PlainLine, plain_line

from firmware_bridge.drivers import SerialLines, SerialPart, make_driver
from firmware_bridge.drivers.modbus.source import SerialSource
from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.ports.telemetry import Pushing
from firmware_bridge.vocabulary.errors import ConfigurationError, EndpointUnreachable
from firmware_bridge.vocabulary.generation import EndpointSpec, Unit
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.wire.modbus.frame import Refusal, reply_refusal
from firmware_bridge.wire.modbus.register_map import RegisterMap
from firmware_bridge.wire.modbus.values import encode

TRAY = Place("x/a/r01/k01/u06")
PSU, PMM = ("orv3-hpr-psu",), ("orv3-hpr-pmm-psu",)
SHELF = (Unit("pmm", 0x20, PMM), *(Unit(f"psu{n}", 0x90 + n, PSU) for n in range(6)))
_Q = Quantity
CLOCK = LoopClock()


def words(name: str, **values: float | str) -> dict[int, int]:
    """Return every word of a map, zero but for the registers named."""
    register_map = load_register_map(name)
    found = dict.fromkeys(register_map.readable, 0)
    for register_name, value in values.items():
        register = register_map.by_name[register_name]
        found.update({register.at + n: word for n, word in enumerate(encode(register, value))})
    return found


def psu(**more: float | str) -> dict[int, int]:
    values: dict[str, float | str] = {
        "output_power": 3000.0,
        "input_power": 3100.0,
        "output_voltage": 50.0,
        "output_current": 60.0,
        "max_temp": 41.5,
        "mfr_serial": "EMU-1",
    }
    return words("orv3-hpr-psu", **values, **more)


@pytest.fixture
def line() -> Iterator[PlainLine]:
    with plain_line() as served:
        served.units = {0x20: words("orv3-hpr-pmm-psu", module_present=0b111111)}
        served.units |= {0x90 + n: psu() for n in range(6)}
        yield served


@pytest.fixture
async def lines() -> SerialLines:
    return SerialLines(CLOCK)


def driver(
    line: PlainLine, lines: SerialLines, units: tuple[Unit, ...] = SHELF, kind: str = "power_shelf", **more: Any
) -> SerialSource:
    spec = EndpointSpec("pmm", "modbus", f"modbus/{kind}", line="power", read=more.pop("read", {"fast_s": 0.5}))
    endpoint = SiteEndpoint(Place(f"{TRAY}/pmm"), tty=line.tty)
    made = make_driver(spec, more.pop("tray", TRAY), endpoint, None, CLOCK, SerialPart(lines, units, **more))
    assert isinstance(made, SerialSource)
    return made


@pytest.fixture
async def shelf(line: PlainLine, lines: SerialLines) -> AsyncIterator[SerialSource]:
    source = driver(line, lines)
    yield source
    await source.close()


async def all_of(source: SerialSource) -> dict[tuple[str, Quantity], Reading]:
    found: dict[tuple[str, Quantity], Reading] = {}
    for reading_class in (ReadingClass.SLOW, ReadingClass.POWER, ReadingClass.SAFETY):
        for reading in await source.read(reading_class):
            found[reading.place.removeprefix(TRAY).lstrip("/"), reading.quantity] = reading
    return found


def value(found: Mapping[tuple[str, Quantity], Reading], part: str, quantity: Quantity) -> float | int | None:
    return found[part, quantity].value


async def test_a_shelf_is_the_sum_of_its_supplies(shelf: SerialSource) -> None:
    series = {(s.place, s.quantity) for s in await shelf.discover()}
    found = await all_of(shelf)
    assert value(found, "", _Q.POWER) == pytest.approx(18_000)
    assert value(found, "", _Q.POWER_INPUT) == pytest.approx(18_600)
    assert value(found, "", _Q.VOLTAGE) == pytest.approx(50.0)
    assert value(found, "", _Q.TEMPERATURE) == pytest.approx(41.5)
    assert value(found, "", _Q.POWER_STATE) == 1.0
    assert value(found, "psu3", _Q.POWER) == pytest.approx(3000.0)
    assert value(found, "psu3", _Q.HEALTH) == 0.0
    assert value(found, "psu3", _Q.MANAGEMENT) == 2.0
    assert {(Place(f"{TRAY}/{p}" if p else TRAY), q) for p, q in found} <= series


async def test_a_supply_that_cannot_count_further_flags_the_shelf(line: PlainLine, shelf: SerialSource) -> None:
    line.units[0x92] = psu() | words("orv3-hpr-psu", output_power=9000.0)
    await shelf.discover()
    found = await all_of(shelf)
    assert found["", _Q.POWER].quality is Quality.FLAGGED
    notes = [n for n in (await shelf.report()).notes if n.property == "psu2 power"]
    assert notes


async def test_a_pulled_supply_is_absent_and_does_not_count(line: PlainLine, shelf: SerialSource) -> None:
    await shelf.discover()
    await all_of(shelf)
    del line.units[0x95]
    line.units[0x20] = words("orv3-hpr-pmm-psu", module_present=0b011111)
    found: dict[tuple[str, Quantity], Reading] = {}
    for _ in range(12):
        CLOCK.ahead += 11.0
        found |= await all_of(shelf)
    assert value(found, "psu5", _Q.MANAGEMENT) == 0.0
    assert value(found, "psu5", _Q.POWER) is None
    assert value(found, "", _Q.POWER) == pytest.approx(15_000)
    assert list(shelf.faults) == ["unit 0x95 (psu5)"]
    asked = len([r for r in line.asked if r.unit == 0x95])
    await all_of(shelf)
    assert len([r for r in line.asked if r.unit == 0x95]) == asked  # dormant: left alone until its pause is over


async def test_a_supply_that_comes_back_is_read_again(line: PlainLine, shelf: SerialSource) -> None:
    gone = line.units.pop(0x95)
    await shelf.discover()
    for _ in range(12):
        CLOCK.ahead += 11.0
        await all_of(shelf)
    line.units[0x95] = gone
    CLOCK.ahead += 11.0
    await shelf.read(ReadingClass.SAFETY)
    found = await all_of(shelf)
    assert value(found, "psu5", _Q.MANAGEMENT) == 2.0
    assert value(found, "psu5", _Q.POWER) == pytest.approx(3000.0)
    assert not shelf.faults


def limits_of(readings: Sequence[Reading]) -> set[str]:
    """Return the supplies of which a reading says between what their busbar's voltage may lie."""
    return {r.place.removeprefix(f"{TRAY}/")[:4] for r in readings if "bus_m" in r.place and r.value is not None}


async def test_a_supply_silent_when_its_static_registers_are_due_owes_them_no_ten_minutes(
    line: PlainLine, shelf: SerialSource
) -> None:
    await shelf.discover()
    line.spoil = lambda q, r: None if q.unit == 0x93 else r
    await shelf.read(ReadingClass.SAFETY)  # a single reply is lost
    line.spoil = None
    assert limits_of(await shelf.read(ReadingClass.STATIC)) == {f"psu{n}" for n in range(6) if n != 3}
    CLOCK.ahead += 2.0
    await shelf.read(ReadingClass.SAFETY)
    assert limits_of(await shelf.read(ReadingClass.SLOW)) == {"psu3"}
    assert limits_of(await shelf.read(ReadingClass.SLOW)) == set(), "once is enough"


async def test_of_a_supply_that_comes_back_the_static_registers_are_read_too(
    line: PlainLine, shelf: SerialSource
) -> None:
    gone = line.units.pop(0x95)
    await shelf.discover()
    await shelf.read(ReadingClass.STATIC)
    for _ in range(12):
        CLOCK.ahead += 11.0
        await all_of(shelf)
    line.units[0x95] = gone
    CLOCK.ahead += 11.0
    await shelf.read(ReadingClass.SAFETY)
    assert limits_of(await shelf.read(ReadingClass.SLOW)) == {"psu5"}


async def test_a_span_that_is_refused_hides_no_leak(line: PlainLine, lines: SerialLines) -> None:
    line.units = {0x0C: words("orv3-rpu", coolant_flow_rate_lpm=100.0)}
    source = driver(line, lines, (Unit("", 0x0C, ("orv3-rpu",)),), "coolant_unit")
    await source.discover()
    first = await all_of(source)
    assert (value(first, "leak1", _Q.LEAK), value(first, "", _Q.FLOW)) == (0.0, pytest.approx(100.0))
    line.units[0x0C] |= {0x9202: 1 << 5}
    line.spoil = lambda q, r: reply_refusal(q.unit, q.function, Refusal.BUSY) if q.address == 0x9000 else r
    found = await all_of(source)
    assert value(found, "leak1", _Q.LEAK) == 2.0
    assert value(found, "", _Q.FLOW) is None  # asked for and not given: not the last one either
    assert any("0x9000" in key for key in source.faults)
    line.spoil = None
    await all_of(source)
    assert not source.faults
    await source.close()


async def test_a_unit_that_answers_probes_alone_is_not_reachable(line: PlainLine, shelf: SerialSource) -> None:
    await shelf.discover()
    await all_of(shelf)
    line.spoil = lambda q, r: None if q.unit == 0x93 and q.address >= 0x30 else r
    found: dict[tuple[str, Quantity], Reading] = {}
    for _ in range(14):
        CLOCK.ahead += 11.0
        found |= await all_of(shelf)
    assert value(found, "psu3", _Q.MANAGEMENT) == 0.0
    assert value(found, "psu3", _Q.POWER) is None
    line.spoil = None
    CLOCK.ahead += 11.0
    found |= await all_of(shelf)
    found |= await all_of(shelf)
    assert value(found, "psu3", _Q.MANAGEMENT) == 2.0


async def test_one_lost_reply_is_one_failure_and_no_lost_endpoint(line: PlainLine, lines: SerialLines) -> None:
    line.units = {0x0C: words("orv3-rpu")}
    source = driver(line, lines, (Unit("", 0x0C, ("orv3-rpu",)),), "coolant_unit")
    await source.discover()
    line.spoil = lambda q, r: None
    for reading_class in (ReadingClass.SAFETY, ReadingClass.POWER, ReadingClass.SLOW, ReadingClass.SAFETY):
        await source.read(reading_class)  # raises nothing: the others only wait the late reply out
    assert source.units[0].life.failures == 1
    CLOCK.ahead += 1.0
    line.spoil = None
    await source.read(ReadingClass.SAFETY)
    line.spoil = lambda q, r: None
    # Asked for at once, as the classes' own loops do: what is queued behind the silence is no failure of its own.
    await asyncio.gather(*(source.read(c) for c in (ReadingClass.SAFETY, ReadingClass.POWER, ReadingClass.SLOW)))
    assert source.units[0].life.failures == 1
    await source.close()


async def test_a_sensor_that_its_unit_calls_faulty_is_not_believed(line: PlainLine, lines: SerialLines) -> None:
    well = {"coolant_flow_rate_lpm": 90.0, "coolant_inlet_temp_c": 40.0, "coolant_outlet_temp_c": 30.0}
    line.units = {0x0C: words("orv3-rpu", **well, aalc_sensor_alarm_9200=1 << 4)}
    read = {"heat_capacity_j_per_l_k": 3870}
    source = driver(line, lines, (Unit("", 0x0C, ("orv3-rpu",)),), "coolant_unit", read=read)
    await source.discover()
    found = await all_of(source)
    assert found["", _Q.FLOW].quality is Quality.FLAGGED
    assert found["", _Q.FLOW].value == pytest.approx(90.0)
    assert found["", _Q.HEAT].quality is Quality.FLAGGED  # worked out from it
    assert found["", _Q.TEMPERATURE_RETURN].quality is Quality.GOOD
    line.units = {0x0C: words("orv3-rpu", **well)}
    assert (await all_of(source))["", _Q.FLOW].quality is Quality.GOOD
    await source.close()


async def test_what_is_worked_out_from_doubtful_numbers_is_doubtful(line: PlainLine, lines: SerialLines) -> None:
    line.units = {0x0C: words("orv3-rpu", coolant_flow_rate_lpm=9000.0, coolant_inlet_temp_c=40.0)}
    read = {"heat_capacity_j_per_l_k": 3870}
    source = driver(line, lines, (Unit("", 0x0C, ("orv3-rpu",)),), "coolant_unit", read=read)
    await source.discover()
    found = await all_of(source)
    assert found["", _Q.FLOW].quality is Quality.FLAGGED
    assert found["", _Q.HEAT].quality is Quality.FLAGGED
    await source.close()


async def test_nobody_at_all_is_unreachable(line: PlainLine, shelf: SerialSource) -> None:
    line.units.clear()
    with pytest.raises(EndpointUnreachable, match="no answer"):
        await shelf.discover()


async def test_a_register_that_a_unit_refuses_costs_only_itself(line: PlainLine, shelf: SerialSource) -> None:
    del line.units[0x91][80]  # output current
    await shelf.discover()
    found = await all_of(shelf)
    assert ("psu1", _Q.CURRENT) not in found
    assert value(found, "psu1", _Q.POWER) == pytest.approx(3000.0)
    assert value(found, "", _Q.CURRENT) is None  # one is unknown, so is the sum
    assert "output_current" in {n.property for n in (await shelf.report()).notes}
    asked = len(line.asked)
    await shelf.read(ReadingClass.POWER)
    assert all(80 not in range(r.address, r.address + r.second) for r in line.asked[asked:] if r.unit == 0x91)


async def test_overlapping_address_ranges_are_settled_by_who_answers(line: PlainLine, lines: SerialLines) -> None:
    line.units = {0x30: words("orv3-hpr-bbu", battery_voltage=48.0)}
    del line.units[0x30][0x68]
    units = (Unit("bbu0", 0x30, ("orv3-hpr-bbu",)),)
    source = driver(line, lines, units, "battery_shelf")
    await source.discover()
    assert source.units[0].map.name == "orv3-hpr-bbu"
    await source.close()


async def test_the_fast_lane_pushes_alarm_words(line: PlainLine, shelf: SerialSource) -> None:
    await shelf.discover()
    assert isinstance(shelf, Pushing)
    pushed = shelf.pushes()
    first = {(r.place, r.quantity): r.value for r in await anext(pushed)}
    assert first[Place(f"{TRAY}/psu4"), _Q.HEALTH] == 0.0
    line.units[0x94][60] = 1 << 8
    second = {(r.place, r.quantity): r.value for r in await anext(pushed)}
    assert second[Place(f"{TRAY}/psu4"), _Q.HEALTH] == 2.0
    asked = len(line.asked)
    await shelf.read(ReadingClass.SAFETY)
    assert len(line.asked) == asked  # the fast lane has them: nothing is read twice
    await pushed.aclose()  # type: ignore[attr-defined]


async def test_who_is_absent_shows_no_value_before_the_fast_lane_has_told_it(
    line: PlainLine, shelf: SerialSource
) -> None:
    await shelf.discover()
    await all_of(shelf)
    assert isinstance(shelf, Pushing)
    pushed = shelf.pushes()
    await anext(pushed)
    del line.units[0x95]
    for _ in range(12):
        CLOCK.ahead += 11.0
        await anext(pushed)  # a lane that tells its rounds late: nobody stores them here
    found = {(r.place, r.quantity): r.value for r in await shelf.read(ReadingClass.SAFETY)}
    assert found[Place(f"{TRAY}/psu5"), _Q.MANAGEMENT] == 0.0
    assert found[Place(f"{TRAY}/psu5"), _Q.POWER] is None
    assert found[Place(f"{TRAY}/psu4"), _Q.MANAGEMENT] == 2.0
    await pushed.aclose()  # type: ignore[attr-defined]


async def test_two_units_on_one_address_are_named_and_neither_is_read(line: PlainLine, lines: SerialLines) -> None:
    shelf = driver(line, lines)
    other = driver(line, lines, (Unit("psu0", 0x90, PSU),), tray=Place("x/a/r01/k01/u07"))
    await shelf.discover()
    found = await all_of(shelf)
    assert value(found, "psu0", _Q.MANAGEMENT) == 0.0
    assert "share address 0x90" in str(shelf.faults["unit 0x90 (psu0)"])
    with pytest.raises(EndpointUnreachable, match="u07/psu0 and x/a/r01/k01/u06/psu0 share address 0x90"):
        await other.discover()
    assert not [r for r in line.asked if r.unit == 0x90]
    await shelf.close()
    await other.close()


async def test_clocks_are_written_only_when_the_rack_is_armed(line: PlainLine, lines: SerialLines) -> None:
    watching = driver(line, lines)
    await watching.discover()
    await watching.read(ReadingClass.STATIC)
    assert {r.function for r in line.asked} == {3}
    await watching.close()
    armed = driver(line, SerialLines(CLOCK), may_write=True)
    await armed.discover()
    await armed.read(ReadingClass.STATIC)
    written = [r for r in line.asked if r.function == 16]
    assert sorted(r.unit for r in written) == [0x20, *range(0x90, 0x96)]
    assert written[0].values == [1_800_000_000 >> 16, 1_800_000_000 & 0xFFFF]
    await armed.read(ReadingClass.STATIC)
    assert len([r for r in line.asked if r.function == 16]) == 7  # an hour apart, not every time
    await armed.close()


async def test_the_report_names_every_part(shelf: SerialSource) -> None:
    await shelf.discover()
    await all_of(shelf)
    report = await shelf.report()
    assert [i.id for i in report.inventory] == ["pmm", *(f"psu{n}" for n in range(6))]
    assert report.inventory[1].serial_number == "EMU-1"
    assert report.endpoint["line"] == "115200 8E1"
    assert not report.notes
    assert (report.endpoint["seen"], report.unread) == ("whole", ())


async def test_a_report_says_which_unit_kept_silent(line: PlainLine, shelf: SerialSource) -> None:
    await shelf.discover()
    silent = next(i.uris for i in (await shelf.report()).inventory if i.id == "psu2")
    del line.units[0x92]
    report = await shelf.report()
    assert "psu2" not in [i.id for i in report.inventory]
    assert (report.endpoint["seen"], report.unread) == ("part", silent)


async def test_a_battery_shelf_delivers_what_it_loses(line: PlainLine, lines: SerialLines) -> None:
    line.units = {
        0x30 + n: words("orv3-hpr-bbu", battery_voltage=48.0, battery_current=-50.0, relative_state_of_charge=90)
        for n in range(6)
    }
    source = driver(line, lines, tuple(Unit(f"bbu{n}", 0x30 + n, ("orv3-hpr-bbu",)) for n in range(6)), "battery_shelf",
                    read={"module": "bbu"})  # fmt: skip
    await source.discover()
    found = await all_of(source)
    assert value(found, "", _Q.POWER) == pytest.approx(6 * 48.0 * 50.0)
    assert value(found, "", _Q.LEVEL) == 90.0
    await source.close()


async def test_a_pumping_unit_works_out_what_it_has_no_register_for(line: PlainLine, lines: SerialLines) -> None:
    line.units = {
        0x0C: words(
            "orv3-rpu",
            coolant_flow_rate_lpm=100.0,
            coolant_outlet_temp_c=30.0,
            coolant_inlet_temp_c=40.0,
            coolant_outlet_pressure_kpa=300.0,
            coolant_inlet_pressure_kpa=250.0,
            leakage=1 << 5,
        )
    }
    read = {"heat_capacity_j_per_l_k": 3870, "fast_s": 0.4}
    source = driver(line, lines, (Unit("", 0x0C, ("orv3-rpu",)),), "coolant_unit", read=read)
    await source.discover()
    await source.read(ReadingClass.SAFETY)
    found = await all_of(source)
    assert value(found, "", _Q.FLOW) == pytest.approx(100.0)
    assert value(found, "", _Q.PRESSURE_DELTA) == pytest.approx(50.0)
    assert value(found, "", _Q.HEAT) == pytest.approx(100 / 60 * 10 * 3870, rel=1e-3)  # no register holds 64 kW
    assert (value(found, "leak1", _Q.LEAK), value(found, "leak0", _Q.LEAK)) == (2.0, 0.0)
    await source.close()


async def test_what_cannot_be_a_serial_endpoint_is_refused(line: PlainLine, lines: SerialLines) -> None:
    spec = EndpointSpec("pmm", "modbus", "modbus/power_shelf", line="power")
    with pytest.raises(ConfigurationError, match="no tty"):
        make_driver(spec, TRAY, SiteEndpoint(Place(f"{TRAY}/pmm")), None, CLOCK, SerialPart(lines, SHELF))
    with pytest.raises(ConfigurationError, match="no units"):
        make_driver(spec, TRAY, SiteEndpoint(Place(f"{TRAY}/pmm"), tty=line.tty), None, CLOCK, SerialPart(lines, ()))
    with pytest.raises(ConfigurationError, match="outside the addresses of orv3-hpr-psu"):
        driver(line, lines, (Unit("psu0", 0x0C, PSU),))


def narrow(name: str) -> RegisterMap:
    """Return a map whose family has few addresses: a silent one costs 70 ms of everybody's time."""
    wide = load_register_map(name)
    return replace(
        wide, addresses=tuple((a, a) for a in (0x20, 0x21, *range(0x90, 0x96), 0x9A, 0xAA, 0xB0) if wide.covers(a))
    )


async def test_who_answers_on_the_line_and_is_nobodys_there_is_found(line: PlainLine, lines: SerialLines) -> None:
    shelf = driver(line, lines, maps=narrow)
    below = driver(
        line, lines, units=(Unit("pmm", 0x21, PMM), Unit("psu0", 0x9A, PSU)), tray=Place("x/a/r01/k01/u07"), maps=narrow
    )
    line.units |= {0x21: words("orv3-hpr-pmm-psu"), 0xAA: psu()}
    line.units[0xB0] = {}  # refuses: somebody is there
    del line.units[0x95]
    await shelf.discover()
    look = await shelf.look_along()
    assert (look.present, look.silent) == ((0x20, *range(0x90, 0x95)), (0x95,))
    assert look.strangers == (0xAA, 0xB0)  # 0x21 is the other shelf's
    assert {r.function for r in line.asked} == {3}
    await below.close()
    assert (await shelf.look_along()).strangers == (0x21, 0xAA, 0xB0)
    await shelf.close()


async def test_an_address_that_two_trays_claim_is_asked_by_neither_look(line: PlainLine, lines: SerialLines) -> None:
    shelf = driver(line, lines, maps=narrow)
    other = driver(line, lines, units=(Unit("psu0", 0x90, PSU),), tray=Place("x/a/r01/k01/u07"), maps=narrow)
    look = await shelf.look_along()
    assert 0x90 not in (*look.present, *look.silent, *look.strangers)
    assert not [r for r in line.asked if r.unit == 0x90]
    await shelf.close()
    await other.close()


async def test_a_line_that_cannot_be_opened_is_no_empty_line(lines: SerialLines, tmp_path: Path) -> None:
    shelf = driver(PlainLine(str(tmp_path / "none")), lines)
    with pytest.raises(EndpointUnreachable):
        await shelf.look_along()
    await shelf.close()


async def test_a_shelf_on_a_line_of_another_kind_sees_who_is_there(line: PlainLine, lines: SerialLines) -> None:
    shelf = driver(line, lines, maps=narrow)
    elsewhere = PlainLine(f"{line.tty}-none")
    batteries = driver(elsewhere, lines, units=(Unit("pmm", 0x10, ("orv3-hpr-pmm-bbu",)),), kind="battery_shelf")
    line.units = {0x10: words("orv3-hpr-pmm-bbu")}
    assert (await shelf.look_along()).strangers == (0x10,)
    line.units[0x20] = words("orv3-hpr-pmm-psu")
    CLOCK.ahead += 11.0
    assert (await shelf.look_along()).strangers == ()  # it is on its line: whoever else is there is not of its kind
    await shelf.close()
    await batteries.close()


async def test_the_dew_point_is_worked_out_where_a_unit_has_humidity_and_temperature_of_one_sensor(
    line: PlainLine, lines: SerialLines
) -> None:
    damp = {"pump1_hdc1080dmbr_temp_c": 35.0, "pump1_hum_pct_rh": 78.0, "pump2_hdc1080dmbr_temp_c": 26.0}
    line.units = {0x0C: words("orv3-rpu", **damp, hex_fan1_hum_pct_rh=50.0)}
    source = driver(line, lines, (Unit("", 0x0C, ("orv3-rpu",)),), "coolant_unit")
    declared = {(s.place, s.quantity) for s in await source.discover()}
    assert sorted(leaf_of(p) for p, q in declared if q is _Q.DEW_POINT) == ["pdb", "pump1", "pump2", "pump3"]
    found = await all_of(source)
    assert found["pump1", _Q.DEW_POINT].value == pytest.approx(30.6, abs=0.1)
    assert found["pump1", _Q.DEW_POINT].quality is Quality.GOOD
    assert found["pump2", _Q.DEW_POINT].value is None, "a humidity of 0 % is a sensor that is not there"
    await source.close()
