"""What is true of one emulated rack where a test floor measures: by series of its instruments, out of the plant.

A series that nothing here knows the truth of is not in the table: then nobody measures it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.gpu_hosts import CLOCK_FULL_HZ, CLOCK_IDLE_HZ, held_back
from firmware_bridge.emulator.live import PUMP_FULL_RPM
from firmware_bridge.generations.instruments import Figures
from firmware_bridge.plant.design import Array, Mask
from firmware_bridge.plant.meters import (
    CONTACT_MOHM,
    SWITCH_LPM,
    behind_contact,
    dew_points,
    head,
    hoses,
    opening,
    returns,
    strainer,
)


@dataclass(frozen=True, slots=True)
class Rack:
    """One rack of a bench: its row, and the nominal figures of what is measured at it."""

    bench: Bench
    row: int
    figures: Figures

    def of(self, values: Array | Mask) -> Array:
        """Return this rack's part of values (R, …), flat."""
        return np.asarray(values[self.row], dtype=np.float64).ravel()

    def each(self, value: Array) -> Array:
        """Return one value of the rack, (R,), for each of its compute trays."""
        return np.repeat(self.of(value), self.bench.design.trays)

    @property
    def hoses(self) -> tuple[Array, Array]:
        """Return the flows of its compute and of its switch trays, L/min."""
        design = self.bench.design
        to_switches = np.full((1, design.switches), SWITCH_LPM / design.flow_rated)
        trays, switches = hoses(self.bench.state.flow[[self.row]], design.manifold[None, :], to_switches)
        return trays[0], switches[0]

    @property
    def relative(self) -> Array:
        """Return the loop's flow against the rated one, (1,)."""
        return self.of(self.bench.state.flow) / self.bench.design.flow_rated

    @property
    def work(self) -> Array:
        """Return the clock of each GPU against the full one, 0 where it does not work."""
        state, design = self.bench.state, self.bench.design
        power, die, caps = self.of(state.gpu_power), self.of(state.gpu_die), self.of(self.bench.caps)
        share = np.clip((power - design.gpu_idle) / max(design.gpu_max - design.gpu_idle, 1.0), 0.0, 1.0)
        pace = np.where(held_back(share, power, caps, die), share, 1.0)
        clock = CLOCK_IDLE_HZ + pace * (CLOCK_FULL_HZ - CLOCK_IDLE_HZ)
        return np.asarray(np.where(self.works, clock / CLOCK_FULL_HZ, 0.0))

    @property
    def works(self) -> Mask:
        """Return which GPUs have more to do than to idle."""
        return np.asarray(self.of(self.bench.state.gpu_power) > self.bench.design.gpu_idle + 1.0)

    @property
    def nics_up(self) -> Array:
        """Return 1 for each network port whose tray is on: every port is cabled on a test floor."""
        on = self.of(self.bench.state.conditions.tray_on)
        slots = {s.index: s.tray.component("nic") for s in self.bench.generation.slots if s.tray.component("gpu")}
        counts = [0 if (part := slots.get(n)) is None else part.count for n in range(len(on))]
        return np.repeat(on, counts)

    def ports(self, values: Array | Mask) -> Array:
        """Return what values (R, S, P) say of the ports towards GPUs."""
        return self.of(values[:, :, : self.bench.nvlinks.access])


def _tray_return(rack: Rack) -> Array:
    state, design = rack.bench.state, rack.bench.design
    return returns(rack.each(state.supply), rack.of(state.tray_power), rack.hoses[0], design.heat_capacity)


def _feed_volts(rack: Rack) -> Array:
    state, phases = rack.bench.state, [f.phases for f in rack.bench.generation.feeds]
    live = state.conditions.phase_ok[rack.row] & ~state.breaker_open[rack.row][:, None]
    return _phases(live * rack.bench.design.feed_voltage, phases)


def _phases(values: Array, phases: list[int]) -> Array:
    """Return values (F, 3) of the phases that each feed has, flat."""
    return np.concatenate([values[n, :count] for n, count in enumerate(phases)] or [np.empty(0)])


def _feed_power(rack: Rack) -> Array:
    return _phases(rack.bench.state.phase_power[rack.row], [f.phases for f in rack.bench.generation.feeds])


TRUTH: dict[str, Callable[[Rack], Array]] = {
    "tray.flow": lambda k: k.hoses[0],
    "switch.flow": lambda k: k.hoses[1],
    "tray.temperature_supply": lambda k: k.each(k.bench.state.supply),
    "tray.temperature_return": _tray_return,
    "tray.pressure_delta": lambda k: np.repeat(head(k.relative), k.bench.design.trays),
    "tray.voltage": lambda k: behind_contact(
        k.each(k.bench.state.bus_voltage), k.of(k.bench.state.tray_power), CONTACT_MOHM
    ),
    "rack.voltage": lambda k: k.of(k.bench.state.bus_voltage),
    "rack.humidity": lambda k: k.of(k.bench.state.conditions.air_humidity),
    "rack.temperature_air": lambda k: k.of(k.bench.state.conditions.air_temperature),
    "rack.dew_point": lambda k: dew_points(
        k.of(k.bench.state.conditions.air_temperature), k.of(k.bench.state.conditions.air_humidity)
    ),
    "shelf.temperature_clip": lambda k: k.of(k.bench.state.clip_temp),
    "feedphase.power": _feed_power,
    "feedphase.voltage": _feed_volts,
    "cdu.level": lambda k: k.of(k.bench.level),
    "cdu.valve": lambda k: opening(k.of(k.bench.state.valve), k.bench.design.heat_rated),
    "cdu.pressure_delta": lambda k: strainer(k.relative),
    "cdu.facility_flow": lambda k: k.of(k.bench.state.facility_flow),
    "cdu.facility_supply": lambda k: k.of(k.bench.state.conditions.facility_supply),
    "cdu.facility_return": lambda k: k.of(k.bench.state.facility_return),
    "gpu.work_rate": lambda k: k.figures.work_rate * k.work,
    "gpu.memory_rate": lambda k: k.figures.memory_rate * k.works.astype(np.float64),
    "pump.rotation": lambda k: PUMP_FULL_RPM * k.of(k.bench.state.pump_speed),
    "nic.link": lambda k: k.nics_up,
    "nic.speed": lambda k: k.figures.nic_gbps * k.nics_up,
    "nic.errors": lambda k: np.zeros_like(k.nics_up),  # no emulated fault spoils a packet
    "port.speed": lambda k: k.figures.link_gbps * k.ports(k.bench.nvlinks.up),
    "port.symbol_errors": lambda k: np.asarray(np.floor(k.ports(k.bench.nvlinks.symbols))),
    "port.link_downed": lambda k: k.ports(k.bench.nvlinks.downed),
}
"""Of each series (P,) values in the order of its kind's places.  What a stress tool counts wrong is `FloorMeters`' own:
it is counted while somebody looks."""
