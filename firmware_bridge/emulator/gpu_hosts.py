"""Emulated GPU hosts: what NVML would say on each compute tray's host, from the plant and the host faults in force.

Answers the agents' question over the control socket; whoever asks takes the events.  A tray that is off says nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import ArmedFault, FaultTable
from firmware_bridge.emulator.gpu_links import links_of, links_up
from firmware_bridge.emulator.layout import RackPlan
from firmware_bridge.plant.step import SLOWDOWN_C
from firmware_bridge.vocabulary.generation import Generation, Slot
from firmware_bridge.vocabulary.place import Place, join_place, slug
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.wire.nvml.grants import HeldGpu
from firmware_bridge.wire.nvml.message import (
    ACCESS_LOST,
    ACCESS_OK,
    ACCESS_RESET,
    GpuReport,
    HostEvent,
    HostReport,
)

NVML = "nvml"
DRIVER, LIBRARY = "emulated", "emulated"
CLOCK_IDLE_HZ, CLOCK_FULL_HZ = 345e6, 1965e6  # k8s-test-infra GB200 profile: 345 MHz at rest; full is an assumption
MEMORY_COOLER_K = 2.0  # same profile: memory 34 °C where the GPU has 36 °C
IDLE, POWER_CAP, HW_THERMAL = 0x1, 0x4, 0x48
AT_REST, AT_CAP = 0.02, 0.99
AT_ONCE = 256
_ONCE = (FaultKind.XID, FaultKind.GPU_RESET, FaultKind.DRIVER_RELOAD)
_ACCESS_CODES = {ACCESS_LOST: 0, ACCESS_OK: 1, ACCESS_RESET: 2}


@dataclass(slots=True)
class _Host:
    """One host and what it has told of."""

    place: Place
    tray: Place
    rack: int
    index: int
    gpus: int
    bench: Bench
    events: list[HostEvent] = field(default_factory=list)
    next_id: int = 1
    xids: dict[int, int] = field(default_factory=dict)


class GpuHosts:
    """All hosts of a hall.  `look` is called with every tick of the plant, `told` when agents ask."""

    def __init__(self, plans: Iterable[RackPlan], benches: Mapping[str, Bench], faults: FaultTable) -> None:
        self._faults = faults
        self._hosts: list[_Host] = []
        self._begun: dict[str, int] = {}  # by fault: how often it has begun
        rows: dict[str, int] = {}
        for plan in plans:
            row = rows[plan.generation] = rows.get(plan.generation, -1) + 1
            bench = benches[plan.generation]
            for slot, name in hosts_of(bench.generation):
                tray = join_place(plan.place, slot.name)
                gpus = slot.tray.component("gpu")
                count = gpus.count if gpus is not None else 0
                self._hosts.append(_Host(join_place(tray, name), tray, row, slot.index, count, bench))

    @property
    def places(self) -> list[Place]:
        """Return every host's place."""
        return [host.place for host in self._hosts]

    def site_endpoints(self) -> tuple[SiteEndpoint, ...]:
        """Return the hosts as a site file lists them: they have no address."""
        return tuple(SiteEndpoint(host.place, agent=True) for host in self._hosts)

    def look(self, unix_ns: int) -> None:
        """Let XIDs, resets and reloads that have begun since the last look happen, once per beginning."""
        for armed in self._faults.of_hosts():
            fault = armed.fault
            if fault.what in _ONCE and armed.left != 0:
                for host in self._hosts:
                    self._begin(host, armed, unix_ns)

    def told(self) -> list[dict[str, Any]]:
        """Return what each running host says now, and take its events."""
        said = []
        for host in self._hosts:
            if not host.bench.state.conditions.tray_on[host.rack, host.index] or self._is(
                FaultKind.AGENT_SILENT, host, host.place
            ):
                continue
            events, host.events = host.events, []
            said.append({"place": host.place, "report": self._report(host), "events": events})
        return said

    def strikes(self, kind: FaultKind, place: str) -> bool:
        """Return whether a fault of a kind is on at a GPU's place now.  Raises ValueError where no running host is."""
        tray = place.rpartition("/")[0]
        host = next((h for h in self._hosts if h.tray == tray), None)
        if host is None or not host.bench.state.conditions.tray_on[host.rack, host.index]:
            raise ValueError(f"no host runs at {tray!r}")
        return self._is(kind, host, place)

    def wrong(self, gpus: Sequence[str], now: float) -> list[bool]:
        """Return which GPUs, by their places, compute wrongly at emulated `now`, s, if they compute at all."""
        armed = [a for a in self._faults.of_hosts() if a.fault.what is FaultKind.WRONG_RESULTS and a.left != 0]
        faults = [a.fault for a in armed if a.fault.is_on(now)]
        return [any(f.applies_to(place) for f in faults) for place in gpus]

    def keep_limits(self, place: str, watts: Mapping[int, float]) -> list[HeldGpu]:
        """Set limits as a host's driver does, W by number of the GPU, and return what it keeps then.

        Raises ValueError for a place that is no host's.
        """
        host = next((h for h in self._hosts if h.place == place), None)
        if host is None:
            raise ValueError(f"no emulated host is at {place!r}")
        return [self._keep(host, number, watts[number]) for number in sorted(watts)]

    def _keep(self, host: _Host, number: int, watts: float) -> HeldGpu:
        bench, at = host.bench, (host.rack, host.index, number)
        why = self._deaf(host, number)
        if why:
            return HeldGpu(number, refused=why)
        design = bench.design
        taken = min(max(watts, float(design.limit_min)), float(design.limit_max))
        said = "" if taken == watts else f"{watts:g} W is outside what it takes"
        if self._is(FaultKind.LIMIT_FORBIDDEN, host, host.place):
            said = "no permission" if bench.driver_caps[at] != taken else ""
        else:
            bench.driver_caps[at] = taken
        return HeldGpu(number, float(bench.driver_caps[at]), float(bench.caps[at]), said)

    def _deaf(self, host: _Host, number: int) -> str:
        """Return why a GPU takes no limit and says none, empty when it does."""
        if number >= host.gpus:
            return "no such GPU"
        if not host.bench.state.conditions.tray_on[host.rack, host.index]:
            return "off"
        if self._is(FaultKind.NVML_MISSING, host, host.place):
            return "library_not_found"
        place = join_place(host.tray, f"gpu{number}")
        return "gpu_lost" if self._is(FaultKind.GPU_LOST, host, place) else ""

    def _begin(self, host: _Host, armed: ArmedFault, unix_ns: int) -> None:
        fault, now = armed.fault, host.bench.time
        for number in range(host.gpus):
            if not fault.applies_to(join_place(host.tray, f"gpu{number}")):
                continue
            beginning = fault.beginnings(now)
            key = f"{armed.id} {host.place} {number}"
            if beginning <= self._begun.get(key, 0):
                continue
            self._begun[key] = beginning
            armed.struck += 1
            if fault.what is FaultKind.XID:
                self._raise_xid(host, number, fault.xid, unix_ns)
            elif fault.what is FaultKind.GPU_RESET:
                host.bench.forget_limit_of(host.rack, host.index, number)
            else:
                host.bench.forget_in_band(host.rack, host.index, number)

    def _raise_xid(self, host: _Host, number: int, xid: int, unix_ns: int) -> None:
        host.events.append(HostEvent(host.next_id, unix_ns, "xid", number, xid))
        del host.events[:-AT_ONCE]
        host.next_id += 1
        host.xids[number] = host.xids.get(number, 0) + 1

    def _is(self, kind: FaultKind, host: _Host, place: str) -> bool:
        now = host.bench.time
        return any(a.fault.what is kind and a.left != 0 and a.fault.is_on(now) for a in self._faults.on_host(place))

    def _report(self, host: _Host) -> HostReport:
        if self._is(FaultKind.NVML_MISSING, host, host.place):
            return HostReport(library="library_not_found")
        has_faults = bool(self._faults.of_hosts())
        return HostReport(
            driver=DRIVER,
            nvml=LIBRARY,
            gpus=[self._gpu(host, number, has_faults) for number in range(host.gpus)],
        )

    def _gpu(self, host: _Host, number: int, has_faults: bool) -> GpuReport:
        place = join_place(host.tray, f"gpu{number}")
        access = ACCESS_OK
        if has_faults and self._is(FaultKind.GPU_LOST, host, place):
            access = ACCESS_LOST
        elif has_faults and self._is(FaultKind.RESET_PENDING, host, place):
            access = ACCESS_RESET
        design = host.bench.design
        values: dict[str, float | int] = {"gpu_access": _ACCESS_CODES[access], "xids": host.xids.get(number, 0)}
        down: list[int] = []
        if access == ACCESS_OK:
            links, down = _links(host, number)
            values |= _values(host, number) | links
        limits = {
            "default": float(design.limit_default),
            "min": float(design.limit_min),
            "max": float(design.limit_max),
        }
        return GpuReport(
            index=number,
            access=access,
            reason="" if access == ACCESS_OK else {ACCESS_LOST: "gpu_lost"}.get(access, access),
            # The same number as the BMC shows, so that both can be held against each other.
            serial=f"EMU-{slug(host.tray).upper()}-GPU{number}",
            uuid=f"GPU-emulated-{slug(place)}",
            bus_id=f"{_bus_domain(number):08x}:01:00.0",
            name="Emulated GPU",
            values=values,
            limits_w=limits,
            links_down=down,
            clique=0,
        )


def _bus_domain(number: int) -> int:
    """Return a GPU's PCI domain as its host's console shows it: 8, 9, 18, 19 (hexadecimal), two GPUs per CPU."""
    return 0x10 * (number // 2) + 8 + number % 2


def hosts_of(generation: Generation) -> list[tuple[Slot, str]]:
    """Return the slots of a generation that have a host with an agent, each with the endpoint's name."""
    return [
        (slot, spec.name)
        for slot in generation.slots
        for spec in slot.tray.endpoints
        if spec.protocol == NVML and spec.enabled
    ]


def held_back(share: Any, power: Any, cap: Any, die: Any) -> Any:
    """Return whether GPUs run below their full clock: at rest, at their limit or too hot; numbers or arrays of them.

    `share`: how busy, 0 to 1; `power`, `cap` W; `die` °C.
    """
    return (share < AT_REST) | (power >= AT_CAP * cap) | (die >= SLOWDOWN_C)


def _values(host: _Host, number: int) -> dict[str, float | int]:
    """Derive what a driver would say from the plant; every constant is named above with its source."""
    bench, r, t = host.bench, host.rack, host.index
    s, design = bench.state, bench.design
    power, die = float(s.gpu_power[r, t, number]), float(s.gpu_die[r, t, number])
    cap = float(bench.caps[r, t, number])
    share = float(np.clip((power - design.gpu_idle) / max(design.gpu_max - design.gpu_idle, 1.0), 0.0, 1.0))
    reasons = IDLE if share < AT_REST else POWER_CAP if power >= AT_CAP * cap else 0
    if die >= SLOWDOWN_C:
        reasons |= HW_THERMAL
    # What works boosts as far as its limit and its heat let it; how much of it works shows in its power.
    pace = share if held_back(share, power, cap, die) else 1.0
    pair = s.gpu_power[r, t, number // 2 * 2 : number // 2 * 2 + 2].sum()
    cpu = s.cpu_power[r, t] if design.cpus else 0.0
    return {
        "power_average": round(power, 1),
        "power_instant": round(power, 1),
        "power_module": round(float(pair + cpu), 1),
        "power_limit_enforced": cap,
        "power_limit_set": float(bench.driver_caps[r, t, number]),
        "temperature_core": round(die),
        "temperature_memory": round(die - MEMORY_COOLER_K),
        "temperature_margin": round(SLOWDOWN_C - die),
        "clock_core": CLOCK_IDLE_HZ + pace * (CLOCK_FULL_HZ - CLOCK_IDLE_HZ),
        "clock_reasons": reasons,
        "utilization": round(100.0 * share),
        "energy_total": int(s.gpu_energy[r, t, number]),
        "alarms": 0b11 if die >= SLOWDOWN_C else 0,
        "ecc_corrected": 0,
        "ecc_uncorrected": 0,
        "ecc_uncorrected_lifetime": 0,
        "rows_remapped": 0,
        "recovery_action": 0,
        "fabric_state": 3,
    }


def _links(host: _Host, number: int) -> tuple[dict[str, float | int], list[int]]:
    """Return a GPU's side of its links, which are those of the switch ports that lead to it, and which are down."""
    ports, at = host.bench.nvlinks, (host.bench, host.rack, host.index, number)
    up = links_up(*at)
    values: dict[str, float | int] = {
        "nvlinks_up": sum(up),
        "nvlink_recoveries": int(links_of(ports.recoveries, *at).sum()),
        "nvlink_errors": int(links_of(ports.symbols, *at).sum()),
    }
    return values, [n for n, is_up in enumerate(up) if not is_up]
