"""What is true of R virtual racks at a moment, place by place: the plant's state and how each part was made.

The plant knows racks of one design; what sets single parts apart (a worn interface, a weak supply, a blocked hose) is
laid on its state here, in steady relations with the plant's own constants.  It refuses to model what is faster than
the plant's step.
"""

import numpy as np

from firmware_bridge.plant.coolant import (
    APPROACH_K,
    DELTA_PRESSURE_KPA,
    LIQUID_SHARE,
    STATIC_PRESSURE_KPA,
    WATER_J_PER_L_K,
)
from firmware_bridge.plant.meters import (
    FULL_LEVEL,
    HOSE_S,
    MEMORY_K_PER_W,
    STRAINER_KPA,
    SWITCH_LPM,
    behind_contact,
    board,
    dew_points,
    head,
    hoses,
    opening,
    returns,
    strainer,
    tray_air,
)
from firmware_bridge.plant.shelves import efficiency
from firmware_bridge.plant.state import State
from rack_controller.acceptance.virtual.made import Made
from rack_controller.acceptance.virtual.recipe import Recipe
from rack_controller.prove.accept.evidence import Array

R_CPU = 0.1  # K/W, as the plant's cold plates of CPUs
DROOP_V = 0.5  # 0 to 100 % load of a supply
CLIP_K, CLIP_FIXED_K, CLIP_SHARE = 20.0, 8.0, 0.04  # a clip's rise at full load, at none, and how much sharing it costs
SWITCH_K_PER_W = 0.06  # K/W to an NVSwitch that takes half of its tray's power
FAN_IDLE_RPM, FAN_SPAN_RPM = 6600.0, 11_000.0  # tray capture: 6553 rpm at 29.8 %
PSU_FAN_RPM, PSU_FAN_SPAN = 5900.0, 9000.0  # shelf capture: 5952 rpm at 12 % load
PSU_HOT_K = 30.0
PULSE = 1.6  # supplies carry at most 160 % for a moment (power.md §2.1, HPR), on a busbar without batteries
BBU_K = 6.0  # assumption: a battery unit at rest above the air
VALVE_S = 40.0  # assumption: until a stuck valve's heat shows in the supply
PUMP_RPM = 6000.0
STUCK_MOST_K = 12.0
FULL_TRAY_W = 5000.0  # assumption: at which a tray's air side is fully loaded
BRAKED = 0.5  # of its clock is left to a GPU that is braked
IDLE_CLOCK = 0.18
LAG_S = HOSE_S  # plate and hose: what is laid on the plant follows within so long


class Truth:
    """Truth of R racks.  What lags or counts is kept from call to call."""

    def __init__(self, made: Made, recipe: Recipe) -> None:
        """`made`: how the parts were made; `recipe`: nominal figures."""
        self._made, self._recipe, self._parts = made, recipe, made.parts
        self._design = made.parts.design
        self._lagging: dict[str, Array] = {}
        gpus = {place: n for n, place in enumerate(self._parts.of("gpu"))}
        self._far = np.array([gpus.get(self._parts.peer(p), -1) for p in self._parts.of("port")], dtype=np.int64)
        self._stuck_heat: Array | None = None
        self._beat = np.random.default_rng((made.racks, 9))
        racks = made.racks
        more = {t + n[4:]: t + r[4:] for t in recipe.trunks for n, r in _COUNTERS.items() if n.startswith("port.")}
        self._rates = _COUNTERS | more
        self.counted = {name: np.zeros((racks, len(self._parts.of(name.partition(".")[0])))) for name in self._rates}
        # What a rack's links and memory counted before it came here.
        dice = np.random.default_rng((racks, 7))
        self.counted["port.symbol_errors"] += dice.poisson(2.0, self.counted["port.symbol_errors"].shape)
        self.counted["gpu.rows_remapped"] += made["gpu.remapped"]

    def count(self, dt: float, dice: np.random.Generator) -> None:
        """Let counters grow by chance for `dt` s."""
        for name, rate in self._rates.items():
            per_h = np.maximum(self._made[rate], 0.0)
            if per_h.any():
                self.counted[name] += dice.poisson(per_h * dt / 3600.0)

    def of(self, state: State, at: "Moment", dt: float) -> dict[str, Array]:
        """Return every series' true value, (R, P), `dt` s after the last call."""
        made, racks = self._made, self._made.racks
        truth: dict[str, Array] = {}
        flow, supply = self._loop(state, at, truth, dt)
        self._trays(state, at, truth, flow, supply, dt)
        load = truth["tray.power_true"].sum(axis=1) + truth["switch.power"].sum(axis=1)
        self._supplies(at, truth, load)
        self._unit(state, at, truth, flow, supply, dt)
        self._links(at, truth)
        truth["gpu.power_limit"] = np.minimum(at.caps.reshape(racks, -1), made["gpu.limit_most"])
        truth["leak.state"] = self._leaks(at)
        ambient = made["rack.ambient"]
        truth["rack.temperature_air"] = ambient
        truth["rack.humidity"] = made["rack.humidity"]
        truth["rack.dew_point"] = dew_points(ambient, made["rack.humidity"])
        truth["tray.power"] = truth.pop("tray.power_true")
        return truth

    def _loop(self, state: State, at: "Moment", truth: dict[str, Array], dt: float) -> tuple[Array, Array]:
        """Return what really flows (L/min, (R,)) and at which temperature (R,) it is supplied."""
        made, design = self._made, self._design
        running = at.pump_on.astype(np.float64)
        works = np.maximum(running.sum(axis=1, keepdims=True), 1.0)
        capacity = (made["pump.capacity"] * running).sum(axis=1, keepdims=True) / works
        strainer = made["cdu.strainer"] * (STRAINER_KPA / DELTA_PRESSURE_KPA)
        blocked = np.sqrt((1.0 + STRAINER_KPA / DELTA_PRESSURE_KPA) / (1.0 + strainer))
        open_share = self._tray_share().sum(axis=1, keepdims=True)
        # What comes through a pump that stands goes round in the unit and not through the trays.
        kept = np.clip(1.0 - (made["pump.backflow"] * ~at.pump_on).sum(axis=1, keepdims=True), 0.0, 1.0)
        flow = state.flow[:, None] * capacity * blocked * kept * np.clip(open_share, 0.1, 1.5) ** 0.5
        truth["cdu.flow"] = flow
        heat = LIQUID_SHARE * (state.tray_power.sum(axis=1) + state.switch_power.sum(axis=1))
        if self._stuck_heat is None:
            self._stuck_heat = heat.copy()
        stuck = made["cdu.valve"][:, 0] <= 0.0
        carries = np.maximum(flow[:, 0], 5.0) / 60.0 * design.heat_capacity
        off = np.where(stuck, np.clip((heat - self._stuck_heat) / carries, -STUCK_MOST_K, STUCK_MOST_K), 0.0)
        slow = self._lag("slow", heat, dt, np.maximum(made["cdu.valve_lag_s"][:, 0], 1e-3))
        off = off + np.clip((heat - slow) / carries, -STUCK_MOST_K, STUCK_MOST_K)
        supply = state.supply + made["cdu.set_off_k"][:, 0] + self._lag("valve", off, dt, VALVE_S)
        # A fouled exchanger needs more of the valve for the same heat, and more approach.
        works = made["cdu.exchanger"][:, 0]
        wanted = opening(np.where(stuck, self._stuck_heat, slow) / works, design.heat_rated)
        truth["cdu.valve"] = np.where(works < 1.0, np.minimum(wanted, 100.0), wanted)[:, None]
        coldest = state.conditions.facility_supply + APPROACH_K * heat / (design.heat_rated * works)
        return flow[:, 0], np.where(works < 1.0, np.maximum(supply, coldest), supply)

    def _tray_share(self) -> Array:
        """Return each tray's share of the flow, (R, T), about 1 in all."""
        return self._design.manifold * self._made["tray.flow"]

    def _trays(
        self, state: State, at: "Moment", truth: dict[str, Array], flow: Array, supply: Array, dt: float
    ) -> None:
        made, design = self._made, self._design
        racks, trays, gpus = made.racks, design.trays, design.gpus
        to_switches = made["switch.flow"] * SWITCH_LPM / design.flow_rated
        own, truth["switch.flow"] = hoses(flow, self._tray_share(), to_switches)
        power = (state.gpu_power * at.busy(made)).reshape(racks, -1) * made["gpu.draw"]
        truth["gpu.power"] = power
        relative = np.maximum(own * trays / design.flow_rated, 0.02)
        plate = np.repeat(design.plate.convection * relative**-0.8, gpus, axis=1) * made["gpu.flow"] ** -0.8
        rise = power * (design.plate.junction + plate) * made["gpu.resistance"]
        die = np.repeat(supply[:, None], trays * gpus, axis=1) + rise
        truth["gpu.temperature"] = self._lag("die", die, dt, LAG_S)
        truth["gpu.temperature_memory"] = truth["gpu.temperature"] + MEMORY_K_PER_W * power * made["gpu.memory_heat"]
        cpus = design.cpus
        cpu = np.repeat(state.cpu_power if state.cpu_power.ndim == 2 else state.cpu_power.mean(axis=2), cpus, axis=1)
        spare = np.clip((design.cpu_max - cpu) / max(design.cpu_max - design.cpu_idle, 1.0), 0.0, 1.0)
        truth["cpu.power"] = cpu * made["cpu.draw"] + made["cpu.rest_w"] * spare
        cpu_hot = np.repeat(supply[:, None], trays * cpus, axis=1) + truth["cpu.power"] * R_CPU * made["cpu.resistance"]
        truth["cpu.temperature"] = self._lag("cpu", cpu_hot, dt, LAG_S)
        base = design.tray_base * made["tray.base"] * at.tray_on
        tray = base + power.reshape(racks, trays, gpus).sum(axis=2)
        tray = tray + truth["cpu.power"].reshape(racks, trays, cpus).sum(axis=2)
        truth["tray.power_true"] = tray
        truth["switch.power"] = state.switch_power * made["switch.draw"]
        capacity = design.heat_capacity * made["cdu.heat_capacity"]
        back = self._lag("hose", returns(supply[:, None], tray, own, capacity), dt, LAG_S)
        rows, hose = np.arange(racks)[:, None], made.wired["hose"]
        truth["tray.temperature_return"] = back[rows, hose]
        truth["tray.temperature_supply"] = np.repeat(supply[:, None], trays, axis=1)
        truth["tray.flow"] = own[rows, hose]
        truth["tray.pressure_delta"] = np.repeat(head(flow / design.flow_rated)[:, None], trays, 1)
        busy = np.clip(tray / FULL_TRAY_W, 0.0, 1.2)
        ambient = made["rack.ambient"]
        truth["tray.temperature_air"] = tray_air(ambient, busy)
        truth["tray.temperature_board"] = board(ambient, busy)
        truth["tray.power_state"] = at.tray_on.astype(np.float64)
        fans = len(self._parts.of("fan")) // max(trays, 1)
        truth["fan.speed"] = np.repeat(FAN_IDLE_RPM + FAN_SPAN_RPM * busy, fans, axis=1) * made["fan.speed"]
        truth["switch.temperature"] = (
            supply[:, None] + SWITCH_K_PER_W * made["switch.resistance"] * truth["switch.power"] / 2.0
        )
        self._work(at, truth)

    def _work(self, at: "Moment", truth: dict[str, Array]) -> None:
        made, design, recipe = self._made, self._design, self._recipe
        works = (at.demand > design.gpu_idle + 1.0).reshape(made.racks, -1)
        # Silicon that draws more is no faster: a clock is what the limit leaves of it, not what it draws.
        held = np.minimum(at.caps / np.maximum(at.demand, 1.0), 1.0) ** 0.5
        braked = np.where(self._beat.random(works.shape) < made["gpu.brakes"], BRAKED, 1.0)
        clock = recipe.clock_hz * made["gpu.clock"] * np.where(works, held.reshape(made.racks, -1), IDLE_CLOCK)
        cool = np.clip((made["gpu.slows_at"] - truth["gpu.temperature"]) / 5.0, 0.1, 1.0)
        truth["gpu.clock_core"] = clock * cool * braked
        truth["gpu.utilization"] = np.where(works, 99.0, 0.0)
        rate = truth["gpu.clock_core"] / recipe.clock_hz * made["gpu.speed"]
        truth["gpu.work_rate"] = np.where(works, recipe.work_rate * rate, 0.0)
        truth["gpu.memory_rate"] = np.where(works, recipe.memory_rate * made["gpu.memory_rate"], 0.0)

    def _supplies(self, at: "Moment", truth: dict[str, Array], load: Array) -> None:
        """Share the load over the supplies that work: equal droop, own offset, a clip's cost, what each can give."""
        made, design, parts = self._made, self._design, self._parts
        racks, psus = made.racks, design.psus
        feedphase = made.wired["feedphase"]
        live = np.take_along_axis(at.feedphase_on, feedphase, axis=1)
        works = live & at.psu_on & (made["psu.present"] > 0.0)
        clip = np.repeat(made["shelf.clip"], psus, axis=1)
        gain = works * design.psu_max / (1.0 + CLIP_SHARE * (clip - 1.0))
        bbus = made["bbu.works"] * (made["bbu.charge"] > 0.0)
        beyond = 1.0 if bbus.size else PULSE
        most = works * design.psu_max * np.where(made["psu.strength"] < 1.0, made["psu.strength"], beyond)
        total = np.maximum(gain.sum(axis=1, keepdims=True), 1.0)
        sag = (load[:, None] - (gain * made["psu.offset"]).sum(axis=1, keepdims=True)) / total
        output: Array = np.clip(gain * (sag + made["psu.offset"]), 0.0, most)
        left = load[:, None] - output.sum(axis=1, keepdims=True)
        room = np.where(output < most * 0.999, gain, 0.0)
        output = np.clip(output + left * room / np.maximum(room.sum(axis=1, keepdims=True), 1.0), 0.0, most)
        # Batteries carry what is beyond the rating of the supplies that work.
        left = np.maximum(load[:, None] - output.sum(axis=1, keepdims=True), 0.0)
        truth["bbu.power"] = left * bbus / np.maximum(bbus.sum(axis=1, keepdims=True), 1.0)
        truth["bbu.level"] = made["bbu.charge"]
        truth["bbu.temperature"] = made["rack.ambient"] + BBU_K + made["bbu.warm_k"]
        drawn = output / np.maximum(efficiency(output / design.psu_max), 1e-3)
        loss = np.maximum(drawn - output, 0.003 * design.psu_max) * made["psu.loss"]
        drawn = np.asarray(np.where(works, output + loss, 0.0))
        voltage: Array = np.asarray(np.where(works.any(axis=1), design.bus_nominal - DROOP_V * sag[:, 0], 0.0))
        truth["psu.power"], truth["psu.power_input"] = output, drawn
        truth["psu.current"] = np.divide(output, np.maximum(voltage, 1.0)[:, None], dtype=np.float64)
        sags = made["psu.inlet_ohm"] * drawn / design.feed_voltage
        truth["psu.voltage_input"] = (design.feed_voltage - sags) * live.astype(np.float64)
        truth["psu.temperature"] = 25.0 + PSU_HOT_K * output / design.psu_max * made["psu.heat"]
        truth["psu.fan_speed"] = works * (PSU_FAN_RPM + PSU_FAN_SPAN * output / design.psu_max) * made["psu.fan"]
        shelves = len(parts.of("shelf"))
        per_shelf = output.reshape(racks, shelves, psus).sum(axis=2)
        truth["shelf.power"] = per_shelf
        truth["shelf.voltage"] = np.repeat(voltage[:, None], shelves, axis=1)
        share = per_shelf / (design.psu_max * psus)
        truth["shelf.temperature_clip"] = 25.0 + CLIP_FIXED_K + CLIP_K * share**2 * made["shelf.clip"]
        truth["rack.voltage"] = voltage[:, None]
        truth["tray.voltage"] = behind_contact(voltage[:, None], truth["tray.power_true"], made["tray.contact"])
        truth["switch.voltage"] = np.repeat(voltage[:, None], len(parts.of("switch")), axis=1)
        count = len(parts.of("feedphase"))
        onto = (feedphase[:, :, None] == np.arange(count)).astype(np.float64)
        truth["feedphase.power"] = (drawn[:, :, None] * onto).sum(axis=1, dtype=np.float64)
        truth["feedphase.voltage"] = design.feed_voltage * at.feedphase_on.astype(np.float64)

    def _unit(self, state: State, at: "Moment", truth: dict[str, Array], flow: Array, supply: Array, dt: float) -> None:
        made, design = self._made, self._design
        heat = LIQUID_SHARE * (truth["tray.power_true"].sum(axis=1) + truth["switch.power"].sum(axis=1))
        heat = self._lag("loop", heat, dt, 30.0)
        moved = np.maximum(flow, 1.0) / 60.0 * design.heat_capacity * made["cdu.heat_capacity"][:, 0]
        truth["cdu.temperature_supply"] = supply[:, None]
        truth["cdu.temperature_return"] = (supply + heat / moved)[:, None]
        relative = flow / design.flow_rated
        static = STATIC_PRESSURE_KPA * made["cdu.static"]
        truth["cdu.pressure_return"] = static
        truth["cdu.pressure_supply"] = static + head(relative)[:, None]
        truth["cdu.pressure_delta"] = strainer(relative[:, None], made["cdu.strainer"])
        truth["cdu.level"] = FULL_LEVEL * made["cdu.level"]
        facility = state.conditions.facility_supply
        to_water = np.maximum(heat / (WATER_J_PER_L_K / 60.0 * 10.0), 0.05 * design.flow_rated)
        truth["cdu.facility_supply"] = facility[:, None]
        truth["cdu.facility_flow"] = to_water[:, None]
        truth["cdu.facility_return"] = (facility + heat / (to_water * WATER_J_PER_L_K / 60.0))[:, None]
        speed = 100.0 * state.pump_speed * at.pump_on
        truth["pump.speed"] = speed
        truth["pump.rotation"] = speed / 100.0 * PUMP_RPM * made["pump.turns"]

    def _leaks(self, at: "Moment") -> Array:
        rows, shows = np.arange(self._made.racks)[:, None], self._made.wired["leak"]
        return 2.0 * at.wet[rows, shows] * self._made["leak.works"]

    def _links(self, at: "Moment", truth: dict[str, Array]) -> None:
        made, recipe, parts = self._made, self._recipe, self._parts
        links = parts.nvlink.links_per_gpu if parts.nvlink else 0
        truth["gpu.nvlinks_up"] = links - made["gpu.nvlinks_down"]
        for kind in ("port", *recipe.trunks):
            truth[f"{kind}.link"] = made[f"{kind}.up"]
            truth[f"{kind}.speed"] = recipe.link_gbps * made[f"{kind}.lanes"] * made[f"{kind}.up"]
            each = len(parts.of(kind)) // max(len(parts.of("switch")), 1)
            truth[f"{kind}.ber_decades"] = made[f"{kind}.ber_decades"] + np.repeat(made["switch.ports"], each, axis=1)
        by_gpu = made["gpu.ports"] + np.repeat(made["tray.ports"], self._design.gpus, axis=1)
        truth["port.ber_decades"] = truth["port.ber_decades"] + np.where(self._far >= 0, by_gpu[:, self._far], 0.0)
        truth["nic.link"] = made["nic.up"]
        truth["nic.speed"] = recipe.nic_gbps * made["nic.rate"] * made["nic.up"]
        truth |= {name: value.copy() for name, value in self.counted.items()}

    def _lag(self, name: str, aim: Array, dt: float, within: float | Array) -> Array:
        before = self._lagging.get(name, aim)
        value = aim + (before - aim) * np.exp(-dt / within)
        self._lagging[name] = np.asarray(value)
        return self._lagging[name]


_COUNTERS = {
    "gpu.ecc_corrected": "gpu.ecc_per_h",
    "gpu.ecc_uncorrected": "gpu.uncorrected_per_h",
    "gpu.work_errors": "gpu.errors_per_h",
    "gpu.rows_remapped": "gpu.uncorrected_per_h",
    "nic.errors": "nic.errors_per_h",
    "port.symbol_errors": "port.errors_per_h",
    "port.link_downed": "port.flaps_per_h",
}


class Moment:
    """What is done to R racks now: switches of the rig as arrays over places, demand and limits of GPUs, W."""

    def __init__(self, made: Made) -> None:
        """Everything is on, dry and idle."""
        parts, design = made.parts, made.parts.design
        racks = made.racks
        self.psu_on = np.ones((racks, len(parts.of("psu"))), dtype=np.bool_)
        self.feedphase_on = np.ones((racks, len(parts.of("feedphase"))), dtype=np.bool_)
        self.pump_on = np.ones((racks, len(parts.of("pump"))), dtype=np.bool_)
        self.tray_on = np.ones((racks, design.trays), dtype=np.bool_)
        self.wet = np.zeros((racks, len(parts.of("leak"))))
        self.demand = np.full((racks, design.trays, design.gpus), float(design.gpu_idle))
        self.caps = np.full((racks, design.trays, design.gpus), float(design.limit_default))
        self.facility_k = 0.0

    def busy(self, made: Made) -> Array:
        """Return 1 for GPUs whose tray is on, (R, T, 1)."""
        return self.tray_on.astype(np.float64)[:, :, None]
