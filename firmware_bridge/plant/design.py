"""What the physics needs to know of a rack: counts and ratings as arrays, taken from a generation.  Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_bridge.plant.wiring import PlantWiring, plant_wiring
from firmware_bridge.vocabulary.generation import ColdPlate, ComponentSpec, Generation, LimitLoss, TrayKind, TrayType
from firmware_bridge.vocabulary.units import Celsius, LitersPerMinute, Watts

BACKUP_S = 90.0  # how long a full battery carries its rating (southbound.md §1.1, HPR shelf: 6 × 5.5 kW, 90 s)

MANIFOLD_TILT = (
    0.04  # assumption: the tray nearest to the manifold's inlet gets 4 % more than the mean, the last 4 % less
)
SHARING = 0.05  # where a generation does not say how evenly its supplies share

Array = npt.NDArray[np.float64]
"""Of 64 bits, or of 32 where a caller wants many racks fast: the laws keep what they are given."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class RackDesign:
    """One rack's numbers.  Trays, switches, power and battery shelves count bottom up, as in the
    generation.

    All powers in W; `spread` (T, G) is each GPU's silicon factor on its dynamic power.  `manifold` (T,): each compute
    tray's share of the loop's flow, adding up to 1.  `offset` (H, P): by how much of its droop a supply's set voltage
    is off, adding up to 0: what keeps supplies from sharing evenly.
    """

    trays: int
    gpus: int
    cpus: int
    switches: int
    shelves: int
    psus: int
    battery_shelves: int
    bbus: int
    coolant_units: int
    pumps: int
    gpu_idle: Watts
    gpu_max: Watts
    limit_min: Watts
    limit_max: Watts
    limit_default: Watts
    limit_outlives: frozenset[LimitLoss]
    plate: ColdPlate  # of each GPU
    cpu_idle: Watts
    cpu_max: Watts
    tray_base: Watts
    switch_idle: Watts
    switch_max: Watts
    psu_max: Watts
    bbu_max: Watts
    bbu_energy: float  # J of one full battery unit
    bus_nominal: float  # V at no load
    feed_voltage: float  # V across one PSU's input
    supply_nominal: Celsius
    flow_rated: LitersPerMinute
    heat_capacity: float  # J/(L K)
    heat_rated: Watts
    spread: Array
    manifold: Array
    offset: Array
    wiring: PlantWiring


def design_of(generation: Generation) -> RackDesign:
    """Return the numbers of a generation; parts it does not have count zero.

    Ratings that nobody states fall back to figures marked as assumptions here.
    """
    compute, switch = _kind(generation, TrayKind.COMPUTE), _kind(generation, TrayKind.SWITCH)
    shelf, cdu = _kind(generation, TrayKind.POWER_SHELF), _kind(generation, TrayKind.COOLANT_UNIT)
    gpu, cpu = _part(compute, "gpu"), _part(compute, "cpu")
    nvswitch, psu, pump = _part(switch, "nvswitch"), _part(shelf, "psu"), _part(cdu, "pump")
    bbu = _part(_kind(generation, TrayKind.BATTERY_SHELF), "bbu")
    bbu_max = bbu.power_max or Watts(5500.0)
    gpu_max = gpu.power_max or Watts(1000.0)
    trays = len(generation.slots_of(TrayKind.COMPUTE))
    switch_base = (switch.power_base if switch else None) or 0.0
    feed = generation.feeds[0] if generation.feeds else None
    shelves = len(generation.slots_of(TrayKind.POWER_SHELF))
    offset = silicon_spread(shelves * psu.count, generation.supply.sharing or SHARING).reshape(shelves, psu.count) - 1.0
    return RackDesign(
        trays=trays,
        gpus=gpu.count,
        cpus=cpu.count,
        switches=len(generation.slots_of(TrayKind.SWITCH)),
        shelves=shelves,
        psus=psu.count,
        battery_shelves=len(generation.slots_of(TrayKind.BATTERY_SHELF)),
        bbus=bbu.count,
        coolant_units=len(generation.slots_of(TrayKind.COOLANT_UNIT)),
        pumps=pump.count,
        gpu_idle=gpu.power_idle or Watts(0.12 * gpu_max),  # assumption: 12 % of the maximum
        gpu_max=gpu_max,
        limit_min=gpu.limit_min or Watts(0.0),
        limit_max=gpu.limit_max or gpu_max,
        limit_default=gpu.limit_default or gpu_max,
        limit_outlives=gpu.limit_outlives,
        plate=gpu.cold_plate or ColdPlate(),
        cpu_idle=cpu.power_idle or Watts(50.0),  # assumption
        cpu_max=cpu.power_max or Watts(300.0),  # assumption
        tray_base=(compute.power_base if compute else None) or Watts(0.0),
        switch_idle=Watts(switch_base + nvswitch.count * (nvswitch.power_idle or 0.0)),
        switch_max=Watts(switch_base + nvswitch.count * (nvswitch.power_max or 0.0)),
        psu_max=psu.power_max or Watts(5500.0),
        bbu_max=bbu_max,
        bbu_energy=bbu_max * BACKUP_S,
        bus_nominal=generation.busbar.voltage_nominal,
        # One PSU sits between a phase and neutral: 415 V gives the 239 V that the shelf capture reads.
        feed_voltage=(feed.voltage_nominal / (3**0.5 if feed.phases == 3 else 1.0)) if feed else 240.0,
        supply_nominal=generation.coolant.supply_nominal,
        flow_rated=generation.coolant.flow_rated,
        heat_capacity=generation.coolant.heat_capacity_j_per_l_k,
        heat_rated=(cdu.heat_rated if cdu else None) or Watts(generation.busbar.power_max),
        spread=silicon_spread(trays * gpu.count).reshape(trays, gpu.count),
        manifold=(1.0 + np.linspace(MANIFOLD_TILT, -MANIFOLD_TILT, trays)) / max(trays, 1),
        offset=offset - offset.mean() if offset.size else offset,
        wiring=plant_wiring(generation, psu.count),
    )


def silicon_spread(count: int, width: float = 0.03) -> Array:
    """Return `count` factors 1 ± `width`, the same for ever: no two GPUs draw alike (power.md §4.1, 3 %)."""
    unit = mixed(np.arange(1, count + 1, dtype=np.uint64))
    return 1.0 + width * (2.0 * unit - 1.0)


def mixed(index: npt.NDArray[np.uint64]) -> Array:
    """Return for each whole number one from 0 on and below 1, evenly spread and always the same (SplitMix64)."""
    z = index * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def _kind(generation: Generation, kind: TrayKind) -> TrayType | None:
    slots = generation.slots_of(kind)
    return slots[0].tray if slots else None


def _part(tray: TrayType | None, name: str) -> ComponentSpec:
    found = tray.component(name) if tray else None
    return found if found is not None else ComponentSpec(name, 0)
