"""Instruments of a test floor at an emulated rack: what they show is the plant's, faults and all, with their noise."""

import pytest

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault, FaultTable
from firmware_bridge.emulator.floor_meters import FloorMeters
from firmware_bridge.emulator.floor_truth import TRUTH
from firmware_bridge.emulator.gpu_hosts import GpuHosts
from firmware_bridge.emulator.layout import parse_racks
from firmware_bridge.generations.instruments import read_figures
from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.meters import FULL_LEVEL

NAME = "gb200-nvl72"
GENERATION = load_generation(NAME)
Shown = dict[str, dict[str, float]]


class Floor:
    """One rack at full load with a floor's instruments at it."""

    def __init__(self, *faults: Fault, load: float = 1.0) -> None:
        plans = parse_racks(NAME, "lab", lambda name: GENERATION)
        self.rack, self.faults = plans[0].place, faults
        self.bench = Bench(GENERATION, [self.rack], None)
        hosts = GpuHosts(plans, {NAME: self.bench}, FaultTable(faults))
        self.meters = FloorMeters([self.bench], hosts)
        self.bench.set_demand(load)

    def after(self, seconds: float, *series: str) -> Shown:
        self.bench.advance(seconds, self.faults)
        return self.meters.read(self.rack, series)


def test_instruments_show_what_the_plant_does_within_what_they_are_off() -> None:
    floor = Floor()
    shown, state = floor.after(200.0), floor.bench.state
    assert set(shown) == {*TRUTH, "gpu.work_errors"}
    flow = sum(shown["tray.flow"].values()) + sum(shown["switch.flow"].values())
    assert flow == pytest.approx(float(state.flow[0]), rel=0.01)
    assert sum(shown["feedphase.power"].values()) == pytest.approx(float(state.psu_input.sum()), rel=0.01)
    assert shown["rack.voltage"]["rack"] == pytest.approx(float(state.bus_voltage[0]), abs=0.02)
    facility = shown["cdu.facility_flow"]["u01"] / 60.0 * 4157.0
    facility *= shown["cdu.facility_return"]["u01"] - shown["cdu.facility_supply"]["u01"]
    loop = float(state.flow[0]) / 60.0 * 3870.0 * float(state.outlet[0] - state.supply[0])
    assert facility == pytest.approx(loop, rel=0.04)
    assert min(shown["gpu.work_rate"].values()) > 2100.0
    assert set(shown["port.speed"].values()) == {400.0}
    assert len(shown["port.speed"]) == 1296
    assert shown["pump.rotation"]["u01/pump0"] == pytest.approx(60.0 * 100.0 * float(state.pump_speed[0, 0]), rel=0.01)


def test_a_reading_shakes_from_moment_to_moment_and_is_the_same_for_ever() -> None:
    one, other = Floor(load=0.5), Floor(load=0.5)
    seen = [one.after(1.0, "tray.flow", "cdu.level") for _ in range(8)]
    assert seen == [other.after(1.0, "tray.flow", "cdu.level") for _ in range(8)]
    for name, place in (("tray.flow", "u11"), ("cdu.level", "u01")):
        assert len({said[name][place] for said in seen}) >= 4  # some hold for two seconds
    assert one.meters.read(one.rack, ("tray.flow",)) == {"tray.flow": seen[-1]["tray.flow"]}, "time stands"


def test_a_lost_pump_supply_and_tray_show_where_they_are_felt() -> None:
    where = {FaultKind.PUMP_FAIL: "*/u01/pump1", FaultKind.PSU_FAIL: "*/u06/psu0", FaultKind.TRAY_OFF: "*/u12"}
    well = Floor(load=0.3).after(60.0)
    ill = Floor(*(Fault(what, where=at) for what, at in where.items()), load=0.3).after(60.0)
    assert ill["pump.rotation"]["u01/pump1"] < 10.0
    assert ill["pump.rotation"]["u01/pump0"] > 1.5 * well["pump.rotation"]["u01/pump0"], "it makes good for the other"
    less = {p for p, watts in ill["feedphase.power"].items() if watts < well["feedphase.power"][p] - 500.0}
    assert less == {"feed-a/l1"}
    assert ill["nic.link"]["u12/nic0"] == ill["gpu.work_rate"]["u12/gpu0"] == 0.0
    assert ill["tray.temperature_return"]["u12"] < well["tray.temperature_return"]["u12"] - 3.0
    assert ill["nic.link"]["u13/nic0"] == 1.0


def test_a_leak_lowers_the_level_and_a_drop_does_not() -> None:
    drop = Floor(Fault(FaultKind.LEAK, where="*/u12/leak0", level="warning")).after(120.0, "cdu.level")
    assert drop["cdu.level"]["u01"] == pytest.approx(FULL_LEVEL, abs=0.5)
    floor = Floor(Fault(FaultKind.LEAK, where="*/u12/leak0"))
    assert floor.after(120.0, "cdu.level")["cdu.level"]["u01"] < FULL_LEVEL - 5.0
    floor.faults = ()
    assert floor.after(600.0, "cdu.level")["cdu.level"]["u01"] == pytest.approx(FULL_LEVEL, abs=0.5)


def test_ports_and_gpus_that_are_bad_are_counted() -> None:
    bad = (
        Fault(FaultKind.PORT_DOWN, where="*/u19/acp7"),
        Fault(FaultKind.HIGH_BER, where="*/u20/acp9", ratio=1e-9),
        Fault(FaultKind.WRONG_RESULTS, where="*/u11/gpu2"),
    )
    floor = Floor(*bad)
    floor.after(1.0)
    shown = floor.after(30.0)
    assert [p for p, speed in shown["port.speed"].items() if speed == 0.0] == ["u19/acp7"]
    assert [p for p, downs in shown["port.link_downed"].items() if downs > 0] == ["u19/acp7"]
    assert [p for p, errors in shown["port.symbol_errors"].items() if errors > 0] == ["u20/acp9"]
    assert {p: n for p, n in shown["gpu.work_errors"].items() if n} == {"u11/gpu2": 15.0}


def test_a_rack_at_its_limits_works_less_and_one_that_ignores_them_does_not() -> None:
    floor = Floor(Fault(FaultKind.CAP_IGNORED, where="*/u12"))
    floor.bench.board_caps[:] = 600.0
    work = floor.after(60.0, "gpu.work_rate")["gpu.work_rate"]
    assert work["u13/gpu0"] < 0.6 * work["u12/gpu0"]


@pytest.mark.parametrize("name", ["gb300-nvl72", "vera-rubin-nvl72", "orv3-hpr-nvl36x2"])
def test_every_design_has_instruments_at_its_own_places(name: str) -> None:
    generation, rack = load_generation(name), parse_racks(name, "lab", load_generation)[0].place
    bench = Bench(generation, [rack], None)
    shown = FloorMeters([bench], GpuHosts([], {}, FaultTable(()))).read(rack)
    trays = [s.name for s in generation.slots if s.tray.component("gpu")]
    assert list(shown["tray.flow"]) == trays
    assert {n for n, said in shown.items() if not said} == set()
    assert set(shown) <= set(read_figures().instruments)


def test_a_rack_that_is_not_emulated_here_is_refused() -> None:
    with pytest.raises(ValueError, match="no emulated rack is at 'lab/k09'"):
        Floor().meters.read("lab/k09")
