"""Names that templates may use for live values, and where in the plant each is read or written.

Every reader takes (bench, rack, tray, at) and returns a plain number.  Where a real device shows a value that the plant
does not model, the reader derives it and says how; it never invents a constant that looks measured.
"""

from collections.abc import Callable

import numpy as np

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.gpu_links import GPU_LINKS
from firmware_bridge.emulator.nvlinks import RAW_BER
from firmware_bridge.emulator.power import POWER_CODES, Ask, Power
from firmware_bridge.plant.batteries import CELL_EMPTY_V, CELL_FULL_V, CELLS
from firmware_bridge.plant.coolant import pressures
from firmware_bridge.plant.design import Mask
from firmware_bridge.plant.meters import board, tray_air
from firmware_bridge.plant.shelves import efficiency
from firmware_bridge.plant.state import Conditions
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.wire.moist_air import saturation_hpa

Value = float | int | bool | str | None
Reader = Callable[[Bench, int, int, int], Value]
Writer = Callable[[Bench, int, int, int, float, float], None]
"""Takes (bench, rack, tray, at, value, after): the value holds only `after` emulated seconds."""

GPU_MARGIN_FROM_C = 87.0  # tray capture: first and second GPU temperature add up to 87 °C
DRAM_SHARE = 0.2  # tray capture: DRAM draws 33.6 W of a GPU's 159 W
AIR_C = 25.0  # shelf capture reads 25.5 °C at the inlet
FAN_IDLE, FAN_SPAN = 0.3, 0.5  # assumption: fans run from 30 % to 80 % with the tray's power
FAN_FULL_RPM = 22000.0  # tray capture: 6553 rpm at 29.8 %
PSU_FAN_RPM = (5900.0, 9000.0)  # shelf capture: 5952 rpm at 12 % load; the slope is an assumption
LINE_HZ = 60.0
BBU_FULL = 0.995
NO_END = 65535.0  # a battery that gives nothing lasts longer than its register can say
BULK_V = 400.0  # assumption: the intermediate circuit behind the power factor stage
BBU_HEAT_K = 12.0  # assumption: how much warmer a battery runs at full power
PUMP_FULL_RPM = 6000.0  # assumption: the register map names RPM and states no range
NVOS_VERSION = "25.02.2553"  # firmware manifest DGXGB200 1.3.6 (nvidia.md)
NO_BIT_ERRORS = "15E-255"  # as NVIDIA's switches spell it (Cumulus and NVOS manuals)
AIR_RISE_K = 15.0  # assumption: air through a heat exchanger at rated heat
EXCHANGER_FAN_RPM = 3000.0  # assumption: its fans follow the pumps
LEAK_DRY_V, LEAK_WET_V = 1.73, 1.2  # tray capture: 1.73 V dry, threshold 1.617 V; wet is an assumption


def _tray_share(b: Bench, r: int, t: int) -> float:
    return b.tray_shares.item(r, t)


def _fan(b: Bench, r: int, t: int, at: int) -> float:
    return (FAN_IDLE + FAN_SPAN * _tray_share(b, r, t)) * (1.0 + 0.01 * (at % 3)) * 100.0


def _leak(kind: TrayKind) -> Reader:
    return lambda b, r, t, at: int(b.leaks[kind][r, t, at])


_ALIVE: dict[TrayKind, Callable[[Conditions, int, int], bool]] = {
    TrayKind.COMPUTE: lambda on, r, t: bool(on.tray_on[r, t]),
    TrayKind.SWITCH: lambda on, r, t: bool(on.switch_on[r, t]),
    TrayKind.POWER_SHELF: lambda on, r, t: bool(on.psu_ok[r, t].any()),
}


def _power_state(kind: TrayKind) -> Reader:
    """Read what a BMC says of its host (`power.POWER_CODES`): off, without asking it, where power or supplies fail."""

    def read(b: Bench, r: int, t: int, at: int) -> int:
        host = b.hosts.get((kind, r, t))
        if host is None or host.state is Power.ON:
            return int(_ALIVE[kind](b.state.conditions, r, t))
        return host.shown

    return read


def _supply_state(b: Bench, r: int, t: int, at: int) -> int:
    """Read what a supply says of itself: as a power state (`power.POWER_CODES`), one code more where it failed."""
    supply = b.supplies.get((r, t, at))
    if supply is None or supply.state is Power.ON:
        return POWER_CODES.index(Power.ON) if b.state.conditions.psu_ok[r, t, at] else len(POWER_CODES)
    return supply.shown


def _leak_volts(b: Bench, r: int, t: int, at: int) -> float:
    return LEAK_WET_V if b.leaks[TrayKind.COMPUTE][r, t, at] else LEAK_DRY_V + 0.002 * at


def _psu_sum(b: Bench, r: int, t: int) -> tuple[float, float]:
    return float(b.state.psu_output[r, t].sum()), float(b.state.psu_input[r, t].sum())


def _shelf_load(b: Bench, r: int, t: int) -> float:
    """Return a shelf's output over the rating of its PSUs, 0 to about 1.6."""
    return _psu_sum(b, r, t)[0] / max(b.design.psu_max * b.design.psus, 1.0)


def _bits(flags: Mask) -> int:
    """Return a bit field: bit n is set when part n is."""
    return sum(1 << n for n, on in enumerate(flags) if on)


def _charge(b: Bench, r: int, t: int, at: int) -> float:
    return float(b.state.bbu_energy[r, t, at]) / b.design.bbu_energy


def _cell_voltage(b: Bench, r: int, t: int, at: int) -> float:
    return CELL_EMPTY_V + (CELL_FULL_V - CELL_EMPTY_V) * _charge(b, r, t, at)


def _psu_hot(b: Bench, r: int, t: int, at: int, full: float) -> float:
    return AIR_C + full * float(b.state.psu_output[r, t, at]) / b.design.psu_max


COMPUTE: dict[str, Reader] = {
    "gpu.power": lambda b, r, t, at: float(b.state.gpu_power[r, t, at]),
    "gpu.dram_power": lambda b, r, t, at: DRAM_SHARE * float(b.state.gpu_power[r, t, at]),
    "gpu.temperature": lambda b, r, t, at: float(b.state.gpu_die[r, t, at]),
    "gpu.margin": lambda b, r, t, at: GPU_MARGIN_FROM_C - float(b.state.gpu_die[r, t, at]),
    "gpu.plate": lambda b, r, t, at: float(b.state.gpu_plate[r, t, at]),
    "gpu.energy": lambda b, r, t, at: float(b.state.gpu_energy[r, t, at]),
    "gpu.limit": lambda b, r, t, at: float(b.asked_caps[r, t, at]),
    "cpu.power": lambda b, r, t, at: float(b.state.cpu_power[r, t]),
    "cpu.temperature": lambda b, r, t, at: float(b.state.cpu_temp[r, t]),
    "cpu.energy": lambda b, r, t, at: float(b.state.cpu_energy[r, t]),
    "cpu.busy": lambda b, r, t, at: 100.0 * _tray_share(b, r, t),
    "tray.power": lambda b, r, t, at: float(b.state.tray_power[r, t]),
    "tray.gpu_power": lambda b, r, t, at: float(b.state.gpu_power[r, t].sum()),
    "tray.on": lambda b, r, t, at: int(b.state.conditions.tray_on[r, t]),
    "tray.power_state": _power_state(TrayKind.COMPUTE),
    "tray.inlet_temperature": lambda b, r, t, at: tray_air(AIR_C, _tray_share(b, r, t)),
    "tray.board_temperature": lambda b, r, t, at: board(AIR_C, _tray_share(b, r, t)),
    "tray.fan_percent": _fan,
    "tray.fan_rpm": lambda b, r, t, at: FAN_FULL_RPM * _fan(b, r, t, at) / 100.0,
    "tray.leak": _leak(TrayKind.COMPUTE),
    "tray.leak_volts": _leak_volts,
    "bus.voltage": lambda b, r, t, at: float(b.state.bus_voltage[r]),
    "bus.tray_current": lambda b, r, t, at: float(b.state.tray_power[r, t]) / max(float(b.state.bus_voltage[r]), 1.0),
}

COMPUTE |= GPU_LINKS

SWITCH: dict[str, Reader] = {
    "switch.power": lambda b, r, t, at: float(b.state.switch_power[r, t]),
    "switch.on": lambda b, r, t, at: int(b.state.conditions.switch_on[r, t]),
    "switch.power_state": _power_state(TrayKind.SWITCH),
    # Assumption: 0.06 K/W from the loop's supply to an NVSwitch, which takes half of the tray's power.
    "switch.temperature": lambda b, r, t, at: float(b.state.supply[r]) + 0.06 * float(b.state.switch_power[r, t]) / 2,
    "switch.board_temperature": lambda b, r, t, at: AIR_C + 8.0 + 0.02 * float(b.state.switch_power[r, t]),
    "switch.leak": _leak(TrayKind.SWITCH),
    "bus.voltage": lambda b, r, t, at: float(b.state.bus_voltage[r]),
}


def _ber_text(ratio: float) -> str:
    """Spell a ratio as the firmware does; none seen is 15E-255."""
    if ratio <= 0.0:
        return NO_BIT_ERRORS
    mantissa, _, exponent = f"{ratio:.0E}".partition("E")
    return f"{mantissa}E{int(exponent)}"


SWITCH |= {
    "nvlink.up": lambda b, r, t, at: int(b.nvlinks.shown[r, t, at]),
    "nvlink.ber": lambda b, r, t, at: _ber_text(float(b.nvlinks.ber[r, t, at])),
    "nvlink.raw_ber": lambda b, r, t, at: _ber_text(max(RAW_BER, 100.0 * float(b.nvlinks.ber[r, t, at]))),
    "nvlink.recoveries": lambda b, r, t, at: int(b.nvlinks.recoveries[r, t, at]),
    "nvlink.downed": lambda b, r, t, at: int(b.nvlinks.downed[r, t, at]),
    "nvlink.symbols": lambda b, r, t, at: int(b.nvlinks.symbols[r, t, at]),
    "nvos.manager": lambda b, r, t, at: int(b.nvlinks.manager[r, t]),
    "nvos.version": lambda b, r, t, at: b.nvlinks.versions.get((r, t), NVOS_VERSION),
    "nvos.image": lambda b, r, t, at: "nvos-" + b.nvlinks.versions.get((r, t), NVOS_VERSION),
    "nvos.unwell": lambda b, r, t, at: int(b.leaks[TrayKind.SWITCH][r, t].any() or b.nvlinks.manager[r, t] == 1),
    "nvos.partition": lambda b, r, t, at: int(b.nvlinks.manager[r, t] > 0),
    "nvos.temperature": lambda b, r, t, at: f"{SWITCH['switch.temperature'](b, r, t, at):.2f}",
    "domain.gpus": lambda b, r, t, at: (
        max((d.gpus for d in b.generation.domains), default=0) if b.nvlinks.manager[r, t] else None
    ),
}

SHELF: dict[str, Reader] = {
    "psu.output": lambda b, r, t, at: float(b.state.psu_output[r, t, at]),
    "psu.input": lambda b, r, t, at: float(b.state.psu_input[r, t, at]),
    "psu.output_current": lambda b, r, t, at: (
        float(b.state.psu_output[r, t, at]) / max(float(b.state.bus_voltage[r]), 1.0)
    ),
    "psu.input_current": lambda b, r, t, at: float(b.state.psu_input[r, t, at]) / b.design.feed_voltage,
    "psu.on": lambda b, r, t, at: bool(b.state.conditions.psu_ok[r, t, at]),
    "psu.code": lambda b, r, t, at: int(b.state.conditions.psu_ok[r, t, at]),
    "psu.state": _supply_state,
    "psu.health": lambda b, r, t, at: int(_supply_state(b, r, t, at) != len(POWER_CODES)),
    "psu.output_voltage": lambda b, r, t, at: float(b.state.bus_voltage[r] * b.state.conditions.psu_ok[r, t, at]),
    "psu.input_voltage": lambda b, r, t, at: b.design.feed_voltage,
    "psu.frequency": lambda b, r, t, at: LINE_HZ,
    "psu.fan": lambda b, r, t, at: (
        (PSU_FAN_RPM[0] + PSU_FAN_RPM[1] * float(b.state.psu_output[r, t, at]) / b.design.psu_max)
        * float(b.state.conditions.psu_ok[r, t, at])
    ),
    "psu.ambient": lambda b, r, t, at: AIR_C + 0.1 * at,
    "psu.hotspot": lambda b, r, t, at: _psu_hot(b, r, t, at, 45.0),
    "psu.exhaust": lambda b, r, t, at: _psu_hot(b, r, t, at, 30.0),
    "shelf.output": lambda b, r, t, at: _psu_sum(b, r, t)[0],
    "shelf.input": lambda b, r, t, at: _psu_sum(b, r, t)[1],
    "shelf.output_current": lambda b, r, t, at: _psu_sum(b, r, t)[0] / max(float(b.state.bus_voltage[r]), 1.0),
    "shelf.input_current": lambda b, r, t, at: _psu_sum(b, r, t)[1] / b.design.feed_voltage,
    "shelf.output_voltage": lambda b, r, t, at: float(b.state.bus_voltage[r]),
    "shelf.input_voltage": lambda b, r, t, at: b.design.feed_voltage,
    "shelf.load": lambda b, r, t, at: 100.0 * _shelf_load(b, r, t),
    "shelf.efficiency": lambda b, r, t, at: 100.0 * float(efficiency(np.asarray(_shelf_load(b, r, t)))),
    "shelf.temperature": lambda b, r, t, at: AIR_C + 3.0 * _shelf_load(b, r, t),
    "shelf.clip_temperature": lambda b, r, t, at: float(b.state.clip_temp[r, t]),
    "psu.bulk_voltage": lambda b, r, t, at: BULK_V * int(b.state.conditions.psu_ok[r, t, at]),
    "bus.voltage": lambda b, r, t, at: float(b.state.bus_voltage[r]),
    "bus.nominal": lambda b, r, t, at: b.design.bus_nominal,
    "psu.lost": lambda b, r, t, at: int(not b.state.conditions.psu_ok[r, t, at]),
    "shelf.present": lambda b, r, t, at: _bits(~b.absent[TrayKind.POWER_SHELF][r, t]),
    "shelf.alerts": lambda b, r, t, at: _bits(~b.state.conditions.psu_ok[r, t] & ~b.absent[TrayKind.POWER_SHELF][r, t]),
    "shelf.any_alert": lambda b, r, t, at: int(not b.state.conditions.psu_ok[r, t].all()),
    "shelf.any_absent": lambda b, r, t, at: int(b.absent[TrayKind.POWER_SHELF][r, t].any()),
    "shelf.power_state": _power_state(TrayKind.POWER_SHELF),
    "shelf.health": lambda b, r, t, at: int(not b.state.conditions.psu_ok[r, t].all()),
}

BATTERY: dict[str, Reader] = {
    "bbu.charge": lambda b, r, t, at: 100.0 * _charge(b, r, t, at),
    "bbu.output": lambda b, r, t, at: float(b.state.bbu_output[r, t, at]),
    "bbu.input": lambda b, r, t, at: float(b.state.bbu_input[r, t, at]),
    "bbu.voltage": lambda b, r, t, at: CELLS * _cell_voltage(b, r, t, at),
    "bbu.cell_voltage": _cell_voltage,
    # Into the pack is positive, as a gas gauge has it.
    "bbu.current": lambda b, r, t, at: (
        float(b.state.bbu_input[r, t, at] - b.state.bbu_output[r, t, at]) / (CELLS * _cell_voltage(b, r, t, at))
    ),
    "bbu.charge_current": lambda b, r, t, at: float(b.state.bbu_input[r, t, at]) / (CELLS * _cell_voltage(b, r, t, at)),
    "bbu.discharge_current": lambda b, r, t, at: (
        float(b.state.bbu_output[r, t, at]) / (CELLS * _cell_voltage(b, r, t, at))
    ),
    "bbu.fan": lambda b, r, t, at: PSU_FAN_RPM[0] * int(b.state.bbu_output[r, t, at] + b.state.bbu_input[r, t, at] > 0),
    "bbu.charging": lambda b, r, t, at: int(b.state.bbu_input[r, t, at] > 0.0),
    "bbu.discharging": lambda b, r, t, at: int(b.state.bbu_output[r, t, at] > 0.0),
    "bbu.full": lambda b, r, t, at: int(_charge(b, r, t, at) >= BBU_FULL),
    "bbu.empty": lambda b, r, t, at: int(b.state.bbu_energy[r, t, at] <= 0.0),
    "bbu.lost": lambda b, r, t, at: int(not b.state.conditions.bbu_ok[r, t, at]),
    "bbu.on": lambda b, r, t, at: int(b.state.conditions.bbu_ok[r, t, at]),
    "bbu.backup_s": lambda b, r, t, at: (
        float(b.state.bbu_energy[r, t, at]) / max(float(b.state.bbu_output[r, t, at]), 1.0)
        if b.state.bbu_output[r, t, at] > 0.0
        else NO_END
    ),
    "bbu.temperature": lambda b, r, t, at: (
        AIR_C + BBU_HEAT_K * float(b.state.bbu_output[r, t, at] + b.state.bbu_input[r, t, at]) / b.design.bbu_max
    ),
    "bbu.ambient": lambda b, r, t, at: AIR_C + 0.1 * at,
    "bbu.capacity": lambda b, r, t, at: b.design.bbu_energy / 3600.0,
    "bbu.remaining": lambda b, r, t, at: float(b.state.bbu_energy[r, t, at]) / 3600.0,
    "bus.voltage": lambda b, r, t, at: float(b.state.bus_voltage[r]),
    "shelf.present": lambda b, r, t, at: _bits(~b.absent[TrayKind.BATTERY_SHELF][r, t]),
    "shelf.installed": lambda b, r, t, at: int((~b.absent[TrayKind.BATTERY_SHELF][r, t]).sum()),
    "shelf.alerts": lambda b, r, t, at: _bits(
        ~b.state.conditions.bbu_ok[r, t] & ~b.absent[TrayKind.BATTERY_SHELF][r, t]
    ),
    "shelf.any_alert": lambda b, r, t, at: int(not b.state.conditions.bbu_ok[r, t].all()),
    "shelf.any_absent": lambda b, r, t, at: int(b.absent[TrayKind.BATTERY_SHELF][r, t].any()),
}


def _told(target: float, usual: float) -> float:
    """Return what a unit was told to aim for, what it usually does before that."""
    return float(usual if np.isnan(target) else target)


def _pump_power(b: Bench, r: int) -> float:
    """Return what all pumps draw in W.  Assumption: cube of the speed, 1.2 kW at full speed."""
    return 1200.0 * float((b.state.pump_speed[r] ** 3).mean())


def _air(b: Bench, r: int) -> float:
    return float(b.state.conditions.air_temperature[r])


def _inside(b: Bench, r: int) -> float:
    """Return the air's temperature in a coolant unit, °C.  Assumption: a fifth of the way to its warm coolant."""
    return _air(b, r) + 0.2 * max(float(b.state.supply[r]) - _air(b, r), 0.0)


COOLANT: dict[str, Reader] = {
    "loop.flow": lambda b, r, t, at: float(b.state.flow[r]),
    "loop.supply": lambda b, r, t, at: float(b.state.supply[r]),
    "loop.return": lambda b, r, t, at: float(b.state.outlet[r]),
    "loop.delta": lambda b, r, t, at: float(b.state.outlet[r] - b.state.supply[r]),
    "loop.heat": lambda b, r, t, at: float(b.state.heat[r]),
    "loop.supply_pressure": lambda b, r, t, at: float(pressures(b.state)[0][r]),
    "loop.return_pressure": lambda b, r, t, at: float(pressures(b.state)[1][r]),
    "loop.delta_pressure": lambda b, r, t, at: float(pressures(b.state)[0][r] - pressures(b.state)[1][r]),
    "facility.flow": lambda b, r, t, at: float(b.state.facility_flow[r]),
    "facility.supply": lambda b, r, t, at: float(b.state.conditions.facility_supply[r]),
    "facility.return": lambda b, r, t, at: float(b.state.facility_return[r]),
    "facility.delta": lambda b, r, t, at: float(b.state.facility_return[r] - b.state.conditions.facility_supply[r]),
    "pump.speed": lambda b, r, t, at: 100.0 * float(b.state.pump_speed[r, at]),
    "pump.rotation": lambda b, r, t, at: PUMP_FULL_RPM * float(b.state.pump_speed[r, at]),
    "pump.mean_speed": lambda b, r, t, at: 100.0 * float(b.state.pump_speed[r].mean()),
    "pump.any_lost": lambda b, r, t, at: int(not b.state.conditions.pump_ok[r].all()),
    "pump.none_left": lambda b, r, t, at: int(not b.state.conditions.pump_ok[r].any()),
    "pump.power": lambda b, r, t, at: _pump_power(b, r),
    "pump.code": lambda b, r, t, at: int(b.state.conditions.pump_ok[r, at]),
    "unit.stopped": lambda b, r, t, at: int(not b.unit(r).meant_on),
    "unit.power_state": lambda b, r, t, at: b.unit(r).shown,
    "unit.on_for": lambda b, r, t, at: b.time - float(b.units_on_at[r]),
    "cdu.health": lambda b, r, t, at: int(not b.state.conditions.pump_ok[r].all()),
    "cdu.leak": _leak(TrayKind.COOLANT_UNIT),
    "cdu.leaked": lambda b, r, t, at: int(b.leaked[TrayKind.COOLANT_UNIT][r, t, at] > 0),
    "cdu.any_leak": lambda b, r, t, at: int(b.leaks[TrayKind.COOLANT_UNIT][r, t].any()),
    "loop.flow_rated": lambda b, r, t, at: float(b.design.flow_rated),
    "loop.flow_target": lambda b, r, t, at: _told(b.flow_target[r], b.design.flow_rated),
    "loop.supply_target": lambda b, r, t, at: _told(b.supply_target[r], b.design.supply_nominal),
    "loop.supply_nominal": lambda b, r, t, at: float(b.design.supply_nominal),
    "cdu.air_inlet": lambda b, r, t, at: _air(b, r),
    "cdu.air_outlet": lambda b, r, t, at: _air(b, r) + AIR_RISE_K * float(b.state.heat[r]) / b.design.heat_rated,
    "cdu.exchanger_fan": lambda b, r, t, at: EXCHANGER_FAN_RPM * float(b.state.pump_speed[r].mean()),
    "pump.share_power": lambda b, r, t, at: _pump_power(b, r) / max(b.design.pumps, 1),
    "pump.share_current": lambda b, r, t, at: (
        _pump_power(b, r) / max(b.design.pumps, 1) / max(float(b.state.bus_voltage[r]), 1.0)
    ),
    "bus.voltage": lambda b, r, t, at: float(b.state.bus_voltage[r]),
    "cdu.temperature": lambda b, r, t, at: _inside(b, r),
    # As much water as outside, in air that is warmer.
    "cdu.humidity": lambda b, r, t, at: (
        float(b.state.conditions.air_humidity[r]) * saturation_hpa(_air(b, r)) / saturation_hpa(_inside(b, r))
    ),
}

READERS: dict[TrayKind, dict[str, Reader]] = {
    TrayKind.COMPUTE: COMPUTE,
    TrayKind.SWITCH: SWITCH,
    TrayKind.POWER_SHELF: SHELF,
    TrayKind.BATTERY_SHELF: BATTERY,
    TrayKind.COOLANT_UNIT: COOLANT,
}
for _readers in READERS.values():
    _readers["emulated.seconds"] = lambda b, r, t, at: b.time
    _readers["place.number"] = lambda b, r, t, at: at


def _set_gpu_limit(b: Bench, r: int, t: int, at: int, value: float, after: float) -> None:
    b.asked_caps[r, t, at] = value

    def hold() -> None:
        b.board_caps[r, t, at] = value

    if after > 0:
        b.later(after, hold)
    else:
        hold()


def _clear_leaked(b: Bench, r: int, t: int, at: int, value: float, after: float) -> None:
    b.leaked[TrayKind.COOLANT_UNIT][r, t] = b.leaks[TrayKind.COOLANT_UNIT][r, t]


def _set_flow_target(b: Bench, r: int, t: int, at: int, value: float, after: float) -> None:
    b.flow_target[r] = value


def _set_supply_target(b: Bench, r: int, t: int, at: int, value: float, after: float) -> None:
    b.supply_target[r] = value


def _stop_unit(b: Bench, r: int, t: int, at: int, value: float, after: float) -> None:
    """Stop or start a coolant unit: a level, which says nothing new when it is written again."""
    if b.unit(r).meant_on is bool(value):
        b.unit(r).ask(Ask.FORCE_OFF if value else Ask.ON)


def _cycle_unit(b: Bench, r: int, t: int, at: int, value: float, after: float) -> None:
    """Let a unit lose its power for a moment; one that is told to stand goes on standing."""
    if b.unit(r).meant_on:
        b.unit(r).ask(Ask.POWER_CYCLE)


WRITERS: dict[str, Writer] = {
    "gpu.limit": _set_gpu_limit,
    "leaked.clear": _clear_leaked,
    "loop.flow_target": _set_flow_target,
    "unit.stop": _stop_unit,
    "unit.cycle": _cycle_unit,
    "loop.supply_target": _set_supply_target,
}
