"""Series that no instrument shows but that several together prove: resistances, balances, ratios.  Pure.

A derived series has the places of the part that it says something of, and is unknown wherever one of its inputs is.
"""

from collections.abc import Callable, Mapping

import numpy as np

from firmware_bridge.plant.coolant import WATER_J_PER_L_K
from firmware_bridge.wire.moist_air import dew_point_c
from rack_controller.prove.accept.evidence import Array, Series
from rack_controller.prove.accept.hall import HALL
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.robust import middle

All = Mapping[str, Series]
LEAST_POWER_W, LEAST_FLOW_LPM = 20.0, 0.3
LEAST_GPU, LEAST_CPU, LEAST_PSU, LEAST_TRAY = 0.25, 0.5, 0.15, 0.4
"""Below these a ratio says nothing; of parts, as shares of their rating: half of a small supply's load is little of a
large one's."""


LEAST_SHARE = 0.05
"""Of its rated flow a tray is taken to have at the least: with less no plate does what its design says."""
LEAST_A = 5.0
"""A supply's current below which no ratio is made of it, A: a tenth of an ampere of noise is two per cent there."""
OF_ALL_IN_A_TRAY = {
    "tray.work_rate": "gpu",
    "tray.resistance": "gpu",
    "tray.gpu_power": "gpu",
    "switch.ber_decades": "port",
}
"""Means over a tray's parts of a kind: one bad part moves them as well, and then it is the part that is bad."""


def derive(series: All, parts: Parts) -> dict[str, Series]:
    """Return the series with every derived one added whose inputs are all there."""
    found = dict(series)
    for name, (unit, needs, make) in DERIVED.items():
        if all(n in found for n in needs):
            like = found[needs[0]]
            values = make(found, parts)
            places = like.places if values.shape[1] == len(like.places) else ("rack",)
            found[name] = Series(name, unit, places, like.times, values)
    return found


def inputs_of(name: str) -> tuple[str, ...]:
    """Return the measured series that a series needs: itself, or what it is derived from."""
    if name in HALL:
        return HALL[name]
    if name not in DERIVED:
        return (name,)
    return tuple(sorted({leaf for need in DERIVED[name][1] for leaf in inputs_of(need)}))


def _ratio(above: Array, below: Array, least: float) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(np.abs(below) >= least, above / below, np.nan))


def _of_all(series: All, name: str) -> Array:
    """Return the sum of a series over all its parts, (N, 1); unknown where one part is."""
    return np.asarray(series[name].values.sum(axis=1, keepdims=True))


def _sum_in(series: All, name: str, trays: tuple[str, ...]) -> Array:
    """Return the sum of a series over the parts below each tray, (N, T); unknown where one part is."""
    s = series[name]
    own = np.array([[p.partition("/")[0] == t for t in trays] for p in s.places], dtype=np.float64)
    own = own.reshape(len(s.places), len(trays))  # a design may have no part of a kind
    unknown = np.isnan(s.values)
    return np.asarray(np.where(unknown @ own > 0.0, np.nan, np.where(unknown, 0.0, s.values) @ own))


def _mean_in(series: All, name: str, like: str) -> Array:
    """Return the mean of a series over the parts below each tray of another one, (N, T); unknown where one part is,
    and where there is none."""
    trays, below = series[like].places, [p.partition("/")[0] for p in series[name].places]
    count = np.array([below.count(t) for t in trays])
    return np.asarray(np.where(count > 0, _sum_in(series, name, trays) / np.maximum(count, 1), np.nan))


def _mean_at_far_end(series: All, name: str, like: str, parts: Parts) -> Array:
    """Return the mean of a series of ports over those that lead to each part of another one, or to what lies in it."""
    ends = [parts.peer(p) for p in series[name].places]
    own = np.array([[e == p or e.startswith(f"{p}/") for p in series[like].places] for e in ends], dtype=np.float64)
    values, count = series[name].values, own.reshape(len(ends), -1).sum(axis=0)
    unknown = np.isnan(values)
    total = np.where(unknown @ own > 0.0, np.nan, np.where(unknown, 0.0, values) @ own)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _across(series: All, name: str) -> Array:
    """Return the median of a series over its parts, (N, 1); unknown where nobody tells."""
    values = series[name].values
    return np.asarray(middle(values.T)[:, None])


def _dew_point(air: Series, humidity: Series) -> Array:
    """Return the dew point of air of °C and % of humidity, (N, 1) each, in °C; unknown beyond the formula's bounds."""
    pairs = np.nan_to_num(np.stack((air.values, humidity.values), axis=-1), nan=-1e3).reshape(-1, 2)
    found = [dew_point_c(float(a), float(h)) for a, h in pairs]
    return np.array([np.nan if d is None else d for d in found]).reshape(air.values.shape)


def _above(series: All, name: str) -> Array:
    """Return how much warmer than the loop's supply a series is, K."""
    return series[name].values - series["cdu.temperature_supply"].values[:, :1]


def _gpu_resistance(s: All, parts: Parts) -> Array:
    return _ratio(_above(s, "gpu.temperature"), s["gpu.power"].values, LEAST_GPU * parts.design.gpu_max)


def _resistance_ratio(s: All, parts: Parts) -> Array:
    """Return every GPU's thermal resistance against its design's at the flow that its tray has."""
    design, column = parts.design, {t: n for n, t in enumerate(s["tray.flow"].places)}
    flow = s["tray.flow"].values[:, [column[p.partition("/")[0]] for p in s["gpu.resistance"].places]]
    relative = np.maximum(flow * max(design.trays, 1) / max(design.flow_rated, 1.0), LEAST_SHARE)
    plate = design.plate
    return np.asarray(s["gpu.resistance"].values / (plate.junction + plate.convection * relative**-0.8))


def _inlet_drop(s: All, parts: Parts) -> Array:
    """Return how much less voltage each supply has than its phase, V, while it gives power."""
    column = {p: n for n, p in enumerate(s["feedphase.voltage"].places)}
    own = [column[parts.phase_of(p)] for p in s["psu.voltage_input"].places]
    works = s["psu.power"].values >= LEAST_PSU * parts.design.psu_max
    return np.where(works, s["feedphase.voltage"].values[:, own] - s["psu.voltage_input"].values, np.nan)


def _tray_most(parts: Parts) -> float:
    """Return what a tray draws at most, W."""
    design = parts.design
    return float(design.tray_base + design.gpus * design.gpu_max + design.cpus * design.cpu_max)


def _tray_heat(s: All, parts: Parts) -> Array:
    moved = s["tray.flow"].values * parts.design.heat_capacity / 60.0
    return np.asarray(moved * (s["tray.temperature_return"].values - s["tray.temperature_supply"].values))


def _loop_heat(s: All, parts: Parts) -> Array:
    moved = s["cdu.flow"].values * parts.design.heat_capacity / 60.0
    return np.asarray(moved * (s["cdu.temperature_return"].values - s["cdu.temperature_supply"].values))


def _facility_heat(s: All, parts: Parts) -> Array:
    moved = s["cdu.facility_flow"].values * WATER_J_PER_L_K / 60.0
    return np.asarray(moved * (s["cdu.facility_return"].values - s["cdu.facility_supply"].values))


def _hung(inputs: Series, parts: Parts) -> Array:
    """Return what the supplies take that hang on each phase of a feed by design, (N, phases)."""
    onto = np.array([[parts.phase_of(psu) == phase for phase in parts.of("feedphase")] for psu in inputs.places])
    return np.asarray(np.nan_to_num(inputs.values) @ onto.astype(np.float64))


Maker = Callable[[All, Parts], Array]
DERIVED: dict[str, tuple[str, tuple[str, ...], Maker]] = {
    "gpu.resistance": ("K/W", ("gpu.temperature", "gpu.power", "cdu.temperature_supply"), _gpu_resistance),
    "gpu.work_per_clock": (
        "1",
        ("gpu.work_rate", "gpu.clock_core"),
        lambda s, p: _ratio(s["gpu.work_rate"].values, s["gpu.clock_core"].values, 1.0),
    ),
    "gpu.memory_rise": (
        "K",
        ("gpu.temperature_memory", "gpu.temperature"),
        lambda s, p: s["gpu.temperature_memory"].values - s["gpu.temperature"].values,
    ),
    "tray.work_rate": (
        "TFLOP/s",
        ("tray.power", "gpu.work_rate"),
        lambda s, p: _mean_in(s, "gpu.work_rate", "tray.power"),
    ),
    "tray.resistance": (
        "K/W",
        ("tray.power", "gpu.resistance"),
        lambda s, p: _mean_in(s, "gpu.resistance", "tray.power"),
    ),
    "switch.ber_decades": (
        "log10",
        ("switch.power", "port.ber_decades"),
        lambda s, p: _mean_in(s, "port.ber_decades", "switch.power"),
    ),
    "cpu.resistance": (
        "K/W",
        ("cpu.temperature", "cpu.power", "cdu.temperature_supply"),
        lambda s, p: _ratio(_above(s, "cpu.temperature"), s["cpu.power"].values, LEAST_CPU * p.design.cpu_max),
    ),
    "gpu.resistance_ratio": ("1", ("gpu.resistance", "tray.flow"), _resistance_ratio),
    "gpu.limit_share": (
        "1",
        ("gpu.power_limit",),
        lambda s, p: s["gpu.power_limit"].values / max(float(p.design.limit_default), 1.0),
    ),
    "gpu.ber_decades": (
        "log10",
        ("gpu.power", "port.ber_decades"),
        lambda s, p: _mean_at_far_end(s, "port.ber_decades", "gpu.power", p),
    ),
    "tray.ber_decades": (
        "log10",
        ("tray.power", "port.ber_decades"),
        lambda s, p: _mean_at_far_end(s, "port.ber_decades", "tray.power", p),
    ),
    "tray.gpu_power": (
        "W",
        ("tray.power", "gpu.power"),
        lambda s, p: _mean_in(s, "gpu.power", "tray.power"),
    ),
    "tray.rise": (
        "K",
        ("tray.temperature_return", "tray.temperature_supply"),
        lambda s, p: s["tray.temperature_return"].values - s["tray.temperature_supply"].values,
    ),
    "tray.heat": ("W", ("tray.flow", "tray.temperature_return", "tray.temperature_supply"), _tray_heat),
    "tray.heat_ratio": (
        "1",
        ("tray.heat", "tray.power"),
        lambda s, p: _ratio(s["tray.heat"].values, s["tray.power"].values, LEAST_POWER_W),
    ),
    "tray.other_power": (
        "W",
        ("tray.power", "gpu.power", "cpu.power"),
        lambda s, p: (
            s["tray.power"].values
            - _sum_in(s, "gpu.power", s["tray.power"].places)
            - _sum_in(s, "cpu.power", s["tray.power"].places)
        ),
    ),
    "tray.hydraulic": (
        "L/min/√kPa",
        ("tray.flow", "tray.pressure_delta"),
        lambda s, p: _ratio(s["tray.flow"].values, np.sqrt(np.abs(s["tray.pressure_delta"].values)), 0.1),
    ),
    "tray.contact": (
        "mΩ",
        ("tray.voltage", "tray.power", "rack.voltage"),
        lambda s, p: (
            1e3
            * _ratio(
                (s["rack.voltage"].values[:, :1] - s["tray.voltage"].values) * s["tray.voltage"].values,
                s["tray.power"].values,
                LEAST_TRAY * _tray_most(p),
            )
        ),
    ),
    "psu.efficiency": (
        "1",
        ("psu.power", "psu.power_input"),
        lambda s, p: _ratio(s["psu.power"].values, s["psu.power_input"].values, LEAST_PSU * p.design.psu_max),
    ),
    "psu.loss": (
        "W",
        ("psu.power_input", "psu.power"),
        lambda s, p: s["psu.power_input"].values - s["psu.power"].values,
    ),
    "psu.current_ratio": (
        "V",
        ("psu.power", "psu.current"),
        lambda s, p: _ratio(s["psu.power"].values, s["psu.current"].values, LEAST_A),
    ),
    "psu.inlet_drop": ("V", ("psu.voltage_input", "feedphase.voltage", "psu.power"), _inlet_drop),
    "shelf.sum_ratio": (
        "1",
        ("shelf.power", "psu.power"),
        lambda s, p: _ratio(s["shelf.power"].values, _sum_in(s, "psu.power", s["shelf.power"].places), 300.0),
    ),
    "pump.ratio": (
        "RPM/%",
        ("pump.rotation", "pump.speed"),
        lambda s, p: _ratio(s["pump.rotation"].values, s["pump.speed"].values, 5.0),
    ),
    "cdu.flow_per_speed": (
        "L/min/%",
        ("cdu.flow", "pump.speed"),
        lambda s, p: _ratio(s["cdu.flow"].values, s["pump.speed"].values.mean(axis=1, keepdims=True), 5.0),
    ),
    "cdu.strainer": (
        "kPa/(L/min)²",
        ("cdu.pressure_delta", "cdu.flow"),
        lambda s, p: 1e3 * _ratio(s["cdu.pressure_delta"].values, s["cdu.flow"].values ** 2, 25.0),
    ),
    "cdu.rise": (
        "K",
        ("cdu.temperature_return", "cdu.temperature_supply"),
        lambda s, p: s["cdu.temperature_return"].values - s["cdu.temperature_supply"].values,
    ),
    "cdu.supply_difference": (
        "K",
        ("cdu.temperature_supply", "tray.temperature_supply"),
        lambda s, p: s["cdu.temperature_supply"].values - _across(s, "tray.temperature_supply"),
    ),
    "cdu.approach": (
        "K",
        ("cdu.temperature_supply", "cdu.facility_supply"),
        lambda s, p: s["cdu.temperature_supply"].values - s["cdu.facility_supply"].values,
    ),
    "cdu.pressure_rise": (
        "kPa",
        ("cdu.pressure_supply", "cdu.pressure_return"),
        lambda s, p: s["cdu.pressure_supply"].values - s["cdu.pressure_return"].values,
    ),
    "cdu.loop_heat": ("W", ("cdu.flow", "cdu.temperature_return", "cdu.temperature_supply"), _loop_heat),
    "cdu.facility_heat": ("W", ("cdu.facility_flow", "cdu.facility_return", "cdu.facility_supply"), _facility_heat),
    "cdu.valve_share": (
        "1",
        ("cdu.valve", "cdu.loop_heat"),
        lambda s, p: _ratio(s["cdu.valve"].values * p.design.heat_rated / 100.0, s["cdu.loop_heat"].values, 1000.0),
    ),
    "cdu.heat_ratio": (
        "1",
        ("cdu.loop_heat", "shelf.power"),
        lambda s, p: _ratio(s["cdu.loop_heat"].values, _of_all(s, "shelf.power"), 1000.0),
    ),
    "cdu.facility_ratio": (
        "1",
        ("cdu.facility_heat", "cdu.loop_heat"),
        lambda s, p: _ratio(s["cdu.facility_heat"].values, s["cdu.loop_heat"].values, 1000.0),
    ),
    "cdu.flow_ratio": (
        "1",
        ("cdu.flow", "tray.flow", "switch.flow"),
        lambda s, p: _ratio(
            s["cdu.flow"].values,
            _of_all(s, "tray.flow") + _of_all(s, "switch.flow"),
            LEAST_FLOW_LPM,
        ),
    ),
    "rack.air_rise": (
        "K",
        ("rack.temperature_air", "tray.temperature_air"),
        lambda s, p: _across(s, "tray.temperature_air") - s["rack.temperature_air"].values,
    ),
    "rack.bus_difference": (
        "V",
        ("rack.voltage", "shelf.voltage"),
        lambda s, p: s["rack.voltage"].values - _across(s, "shelf.voltage"),
    ),
    "rack.bus_ratio": (
        "1",
        ("rack.voltage", "shelf.voltage"),
        lambda s, p: _ratio(s["rack.voltage"].values, _across(s, "shelf.voltage"), 10.0),
    ),
    "rack.dew_difference": (
        "K",
        ("rack.dew_point", "rack.temperature_air", "rack.humidity"),
        lambda s, p: s["rack.dew_point"].values - _dew_point(s["rack.temperature_air"], s["rack.humidity"]),
    ),
    "rack.dew_margin": (
        "K",
        ("rack.dew_point", "cdu.temperature_supply"),
        lambda s, p: s["cdu.temperature_supply"].values[:, :1] - s["rack.dew_point"].values,
    ),
    "rack.gpu_power_share": (
        "1",
        ("rack.voltage", "gpu.power"),
        lambda s, p: _across(s, "gpu.power") / max(float(p.design.gpu_max), 1.0),
    ),
    "rack.tray_contact": ("mΩ", ("rack.voltage", "tray.contact"), lambda s, p: _across(s, "tray.contact")),
    "rack.efficiency": (
        "1",
        ("rack.voltage", "psu.power", "psu.power_input"),
        lambda s, p: _ratio(
            _of_all(s, "psu.power"),
            _of_all(s, "psu.power_input"),
            1000.0,
        ),
    ),
    "rack.power_ratio": (
        "1",
        ("rack.voltage", "shelf.power", "tray.power", "switch.power"),
        lambda s, p: _ratio(
            _of_all(s, "shelf.power"),
            _of_all(s, "tray.power") + _of_all(s, "switch.power"),
            1000.0,
        ),
    ),
    "feedphase.ratio": (
        "1",
        ("feedphase.power", "psu.power_input"),
        lambda s, p: _ratio(s["feedphase.power"].values, _hung(s["psu.power_input"], p), 500.0),
    ),
    "rack.feed_ratio": (
        "1",
        ("rack.voltage", "feedphase.power", "psu.power_input"),
        lambda s, p: _ratio(
            _of_all(s, "feedphase.power"),
            _of_all(s, "psu.power_input"),
            1000.0,
        ),
    ),
}
