"""The state of R racks of one design as arrays, and the conditions that faults impose on them.  Pure."""

from dataclasses import dataclass

import numpy as np

from firmware_bridge.plant.design import Array, Mask, RackDesign
from firmware_bridge.vocabulary.units import Celsius

FACILITY_SUPPLY = Celsius(24.0)  # assumption: facility water, well under the loop's set temperature
AIR_INLET = Celsius(25.0)  # shelf capture: 25.5 °C at the PSU inlet


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is there and works: tray_on (R, T), switch_on (R, S), psu_ok (R, H, P), bbu_ok (R, K, B), pump_ok (R, Q);
    facility °C (R,); flow_share (R,), how much of what the pumps move gets through: 1 unless a line is blocked;
    flow_target (L/min, R) and supply_target (°C, R): what somebody set, NaN where the unit follows the heat and the
    design."""

    tray_on: Mask
    switch_on: Mask
    psu_ok: Mask
    bbu_ok: Mask
    pump_ok: Mask
    facility_supply: Array
    flow_share: Array
    flow_target: Array
    supply_target: Array

    @classmethod
    def healthy(cls, design: RackDesign, racks: int) -> "Conditions":
        """Return conditions under which everything works."""
        return cls(
            tray_on=np.ones((racks, design.trays), dtype=np.bool_),
            switch_on=np.ones((racks, design.switches), dtype=np.bool_),
            psu_ok=np.ones((racks, design.shelves, design.psus), dtype=np.bool_),
            bbu_ok=np.ones((racks, design.battery_shelves, design.bbus), dtype=np.bool_),
            pump_ok=np.ones((racks, design.pumps), dtype=np.bool_),
            facility_supply=np.full(racks, FACILITY_SUPPLY),
            flow_share=np.ones(racks),
            flow_target=np.full(racks, np.nan),
            supply_target=np.full(racks, np.nan),
        )


@dataclass(frozen=True, slots=True)
class State:
    """R racks at one moment.

    Compute: gpu_power, gpu_limited (W), gpu_die, gpu_plate (°C), gpu_energy (J), all (R, T, G); cpu_power (W), cpu_temp
    (°C), cpu_energy (J), all (R, T, C); tray_power (R, T), tray_return (°C, R, T).  Switches: switch_power (R, S).
    Shelves: psu_output, psu_input (W, R, H, P), bus_voltage (V, R), overload (R,) output asked over what is present.
    Batteries: bbu_energy (J), bbu_output, bbu_input (W), all (R, K, B).
    Coolant, per rack (R,): flow (L/min), supply, outlet, facility_return (°C), facility_flow (L/min), heat (W);
    pump_speed (fraction, R, Q).
    """

    design: RackDesign
    conditions: Conditions
    time: float
    gpu_power: Array
    gpu_limited: Array
    gpu_die: Array
    gpu_plate: Array
    gpu_energy: Array
    cpu_power: Array
    cpu_temp: Array
    cpu_energy: Array
    tray_power: Array
    tray_return: Array
    switch_power: Array
    psu_output: Array
    psu_input: Array
    bbu_energy: Array
    bbu_output: Array
    bbu_input: Array
    bus_voltage: Array
    overload: Array
    flow: Array
    supply: Array
    outlet: Array
    facility_return: Array
    facility_flow: Array
    heat: Array
    pump_speed: Array

    @property
    def racks(self) -> int:
        """Return how many racks the arrays hold."""
        return int(self.flow.shape[0])


def initial_state(design: RackDesign, racks: int) -> State:
    """Return racks that have idled with everything at the loop's supply temperature; the first steps settle them."""
    gpus, cpus = (racks, design.trays, design.gpus), (racks, design.trays, design.cpus)
    warm = float(design.supply_nominal)
    tray = design.tray_base + design.gpus * design.gpu_idle + design.cpus * design.cpu_idle
    psus = (racks, design.shelves, design.psus)
    bbus = (racks, design.battery_shelves, design.bbus)
    return State(
        design=design,
        conditions=Conditions.healthy(design, racks),
        time=0.0,
        gpu_power=np.full(gpus, design.gpu_idle),
        gpu_limited=np.full(gpus, design.limit_default),
        gpu_die=np.full(gpus, warm),
        gpu_plate=np.full(gpus, warm),
        gpu_energy=np.zeros(gpus),
        cpu_power=np.full(cpus, design.cpu_idle),
        cpu_temp=np.full(cpus, warm),
        cpu_energy=np.zeros(cpus),
        tray_power=np.full((racks, design.trays), tray),
        tray_return=np.full((racks, design.trays), warm),
        switch_power=np.full((racks, design.switches), design.switch_idle),
        psu_output=np.zeros(psus),
        psu_input=np.zeros(psus),
        bbu_energy=np.full(bbus, design.bbu_energy),
        bbu_output=np.zeros(bbus),
        bbu_input=np.zeros(bbus),
        bus_voltage=np.full(racks, design.bus_nominal),
        overload=np.zeros(racks),
        flow=np.full(racks, 0.3 * design.flow_rated),
        supply=np.full(racks, warm),
        outlet=np.full(racks, warm),
        facility_return=np.full(racks, float(FACILITY_SUPPLY)),
        facility_flow=np.full(racks, 0.3 * design.flow_rated),
        heat=np.zeros(racks),
        pump_speed=np.full((racks, design.pumps), 0.3),
    )
