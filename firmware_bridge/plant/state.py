"""The state of R racks of one design as arrays, and the conditions that faults impose on them.  Pure.

Arrays are (R, …) to whoever reads them and lie in memory with the racks innermost, so that every law runs over racks
at full speed, one or a thousand.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_bridge.plant.design import Array, Mask, RackDesign
from firmware_bridge.plant.wiring import PHASES
from firmware_bridge.vocabulary.units import Celsius

FACILITY_SUPPLY = Celsius(24.0)  # assumption: facility water, well under the loop's set temperature
AIR_INLET = Celsius(25.0)  # shelf capture: 25.5 °C at the PSU inlet
AIR_HUMIDITY = 40.0  # %, relative; assumption: ASHRAE TC 9.9 recommends a dew point of at most 15 °C, this is 10.5 °C
RETURN_CELLS = 4  # the return line as so many mixed volumes: heat comes back late and smeared
C_DIE, C_PLATE = 40.0, 350.0  # J/K of a GPU's die and cold plate (power.md §2.4 lumped model)
C_CPU = 80.0  # assumption: J/K of a CPU with its plate
HOLD_UP_J_PER_W = 0.02  # 60 J per 3 kW supply: 20 ms at full load (power.md §2.1)


def laid(shape: tuple[int, ...], value: float | bool, dtype: npt.DTypeLike = np.float64) -> Any:
    """Return an array (R, …) filled with a value, its racks innermost in memory."""
    return np.moveaxis(np.full((*shape[1:], shape[0]), value, dtype=dtype), -1, 0)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is there and works: tray_on (R, T), switch_on (R, S), psu_ok (R, H, P), bbu_ok (R, K, B), pump_ok (R, Q),
    phase_ok (R, F, 3): which phases of the feeds have voltage; facility °C (R,); flow_share (R,), how much of what the
    pumps move gets through: 1 unless a line is blocked; clip (R, H): a shelf's busbar clip has so many times the
    resistance of a good one.  flow_target (L/min, R) and supply_target (°C, R): what somebody set, NaN where the unit
    follows the heat and the design.  unit_on (R,): whether the coolant unit runs; where not, pumps stand.
    air_temperature (°C, R) and air_humidity (%, R): the air at the coolant unit."""

    tray_on: Mask
    switch_on: Mask
    psu_ok: Mask
    bbu_ok: Mask
    pump_ok: Mask
    unit_on: Mask
    phase_ok: Mask
    facility_supply: Array
    flow_share: Array
    flow_target: Array
    supply_target: Array
    clip: Array
    air_temperature: Array
    air_humidity: Array

    @classmethod
    def healthy(cls, design: RackDesign, racks: int) -> "Conditions":
        """Return conditions under which everything works."""
        return cls(
            tray_on=laid((racks, design.trays), True, np.bool_),
            switch_on=laid((racks, design.switches), True, np.bool_),
            psu_ok=laid((racks, design.shelves, design.psus), True, np.bool_),
            bbu_ok=laid((racks, design.battery_shelves, design.bbus), True, np.bool_),
            pump_ok=laid((racks, design.pumps), True, np.bool_),
            unit_on=np.ones(racks, dtype=np.bool_),
            phase_ok=laid((racks, len(design.wiring.breaker), PHASES), True, np.bool_),
            facility_supply=np.full(racks, FACILITY_SUPPLY),
            flow_share=np.ones(racks),
            flow_target=np.full(racks, np.nan),
            supply_target=np.full(racks, np.nan),
            clip=laid((racks, design.shelves), 1.0),
            air_temperature=np.full(racks, AIR_INLET),
            air_humidity=np.full(racks, AIR_HUMIDITY),
        )


@dataclass(frozen=True, slots=True)
class State:
    """R racks at one moment.

    Compute: gpu_power, gpu_limited, gpu_heat (W; the last from die to plate), gpu_plate (°C), gpu_counted (J),
    gpu_sum (W, of the steps since it was counted), all (R, T, G); cpu_power (W), cpu_temp (°C),
    cpu_counted, cpu_sum, so too, of each CPU of a tray, which are alike, all (R, T); tray_power (R, T).
    Switches: switch_power (R, S).
    Shelves: psu_output, psu_input (W, R, H, P), bus_voltage (V, R), overload (R,) output asked over what is present,
    clip_temp (°C, R, H); hold_up (J, R): left in the supplies' capacitors; pulse (s, R): overload spent of what they
    bear; dark_for (s, R): how long the bus stays off after they gave up.
    Feeds: phase_power (W, R, F, 3), breaker_heat (share of what the rating settles at), so too; breaker_open (R, F).
    Batteries: bbu_energy (J), bbu_output, bbu_input (W), all (R, K, B).
    Coolant, per rack (R,): flow (L/min), supply, outlet, facility_return (°C), facility_flow (L/min), heat (W, to the
    facility), air_heat (W, to the room), valve (W, what the coolant unit's valve takes out of the return); pump_speed
    (fraction, R, Q); return_line (°C, R, RETURN_CELLS).  stored (J, R): in dies, plates and CPUs, from 0 °C on.
    Heat moves on every SLOW_S at the earliest: pending (J, R) is what was drawn since, since (s, ()) how long that is;
    hottest (°C, ()): of all plates.  every (s, ()): a step of the sums; uncounted (s, ()): all of them.
    """

    design: RackDesign
    conditions: Conditions
    time: float
    gpu_power: Array
    gpu_limited: Array
    gpu_heat: Array
    gpu_plate: Array
    gpu_counted: Array
    gpu_sum: Array
    cpu_power: Array
    cpu_temp: Array
    cpu_counted: Array
    cpu_sum: Array
    tray_power: Array
    switch_power: Array
    psu_output: Array
    psu_input: Array
    phase_power: Array
    breaker_heat: Array
    breaker_open: Mask
    clip_temp: Array
    hold_up: Array
    pulse: Array
    dark_for: Array
    bbu_energy: Array
    bbu_output: Array
    bbu_input: Array
    bus_voltage: Array
    overload: Array
    flow: Array
    supply: Array
    outlet: Array
    return_line: Array
    facility_return: Array
    facility_flow: Array
    heat: Array
    air_heat: Array
    valve: Array
    stored: Array
    pending: Array
    since: Array
    every: Array
    uncounted: Array
    hottest: Array
    pump_speed: Array
    ground: object = None  # what `step` prepared for these conditions

    @property
    def racks(self) -> int:
        """Return how many racks the arrays hold."""
        return int(self.flow.shape[0])

    @property
    def gpu_die(self) -> Array:
        """Return how warm each die is, °C, (R, T, G)."""
        return np.asarray(self.gpu_plate + self.gpu_heat * self.gpu_plate.dtype.type(self.design.plate.junction))

    @property
    def gpu_energy(self) -> Array:
        """Return what each GPU has drawn since the start, J, (R, T, G)."""
        return np.asarray(self.gpu_counted + self.gpu_sum * float(self.every))

    @property
    def cpu_energy(self) -> Array:
        """Return what each CPU of a tray has drawn since the start, J, (R, T)."""
        return np.asarray(self.cpu_counted + self.cpu_sum * float(self.every))


def initial_state(design: RackDesign, racks: int, dtype: npt.DTypeLike = np.float64) -> State:
    """Return racks that have idled with everything at the loop's supply temperature; the first steps settle them.

    With `dtype` float32 every array but the counted energies is of 32 bits.
    """

    def full(shape: tuple[int, ...], value: float) -> Array:
        return np.asarray(laid((racks, *shape), value, dtype))

    gpus = (design.trays, design.gpus)
    psus, bbus = (design.shelves, design.psus), (design.battery_shelves, design.bbus)
    phases = (len(design.wiring.breaker), PHASES)
    warm = float(design.supply_nominal)
    tray = design.tray_base + design.gpus * design.gpu_idle + design.cpus * design.cpu_idle
    return State(
        design=design,
        conditions=Conditions.healthy(design, racks),
        time=0.0,
        gpu_power=full(gpus, design.gpu_idle),
        gpu_limited=full(gpus, design.limit_default),
        gpu_heat=full(gpus, 0.0),
        gpu_plate=full(gpus, warm),
        gpu_counted=laid((racks, *gpus), 0.0),
        gpu_sum=full(gpus, 0.0),
        cpu_power=full((design.trays,), design.cpu_idle),
        cpu_temp=full((design.trays,), warm),
        cpu_counted=laid((racks, design.trays), 0.0),
        cpu_sum=full((design.trays,), 0.0),
        tray_power=full((design.trays,), tray),
        switch_power=full((design.switches,), design.switch_idle),
        psu_output=full(psus, 0.0),
        psu_input=full(psus, 0.0),
        phase_power=full(phases, 0.0),
        breaker_heat=full(phases, 0.0),
        breaker_open=np.asarray(laid((racks, phases[0]), False, np.bool_)),
        clip_temp=full((design.shelves,), float(AIR_INLET)),
        hold_up=full((), HOLD_UP_J_PER_W * design.psu_max * design.shelves * design.psus),
        pulse=full((), 0.0),
        dark_for=full((), 0.0),
        bbu_energy=full(bbus, design.bbu_energy),
        bbu_output=full(bbus, 0.0),
        bbu_input=full(bbus, 0.0),
        bus_voltage=full((), design.bus_nominal),
        overload=full((), 0.0),
        flow=full((), 0.3 * design.flow_rated),
        supply=full((), warm),
        outlet=full((), warm),
        return_line=full((RETURN_CELLS,), warm),
        facility_return=full((), float(FACILITY_SUPPLY)),
        facility_flow=full((), 0.3 * design.flow_rated),
        heat=full((), 0.0),
        air_heat=full((), 0.0),
        valve=full((), 0.0),
        stored=full((), design.trays * (design.gpus * (C_DIE + C_PLATE) + design.cpus * C_CPU) * warm),
        pending=full((), 0.0),
        since=np.zeros(()),
        every=np.zeros(()),
        uncounted=np.zeros(()),
        hottest=np.full((), warm),
        pump_speed=full((design.pumps,), 0.3),
    )


_ARRAYS = tuple(f.name for f in fields(State) if f.name not in {"design", "conditions", "time", "ground"})


def copied(state: State, time: float) -> State:
    """Return a state at `time` with arrays of its own."""
    return replace(state, time=time, **{name: getattr(state, name).copy(order="K") for name in _ARRAYS})


def arrays_of(state: State) -> list[Array]:
    """Return all arrays that make a state."""
    return [getattr(state, name) for name in _ARRAYS]


def bytes_of(state: State) -> int:
    """Return how large the arrays are."""
    return sum(int(array.nbytes) for array in arrays_of(state))
