"""The NVLink ports of a bench's switch trays: up or down, error ratios and counters, moved on with the plant.

Which GPU is behind a port is the generation's (assumed) wiring; a port is up while its tray and its GPU's tray have
power.  No dice: an error ratio is a number of the port, and its counters grow by it.
"""

import fnmatch

import numpy as np

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.plant.design import Array, Mask
from firmware_bridge.vocabulary.generation import Generation, Slot, TrayKind
from firmware_bridge.vocabulary.place import Place

ACCESS, TRUNK = "acp", "sw"  # towards GPUs, towards another rack's switches (NVOS manual: roles of interfaces)
RAW_BER = 3e-9  # assumption: before correction, of a healthy port
BITS_PER_SECOND = 4e11  # NVOS manual: a port of 400G
RECOVERIES_PER_S = 0.2  # assumption: how often a port with a high error ratio recovers
_KINDS = frozenset((FaultKind.PORT_DOWN, FaultKind.HIGH_BER, FaultKind.FABRIC_MANAGER_DOWN, FaultKind.WRONG_VERSION))


class NvlinkPorts:
    """R racks, S switch trays, P ports each.  `up`, `shown`, `ber`, `recoveries`, `downed`, `symbols`: (R, S, P).

    `shown` is what the switch says of a port: with `port_down` of level warning it says down while the link is up.

    `manager` (R, S): 0 the fabric manager does not run here, 1 it says it is not well, 2 it runs.  `versions` are the
    trays that run another NVOS than the usual one.
    """

    def __init__(self, generation: Generation, racks: list[Place]) -> None:
        slots = generation.slots_of(TrayKind.SWITCH)
        self.names = port_names(slots[0]) if slots else ()
        self.access = sum(name.startswith(ACCESS) for name in self.names)
        shape = (len(racks), len(slots), max(len(self.names), 1))
        self.up: Mask = np.ones(shape, dtype=np.bool_)
        self.shown: Mask = self.up.copy()
        self.ber, self.recoveries, self.downed, self.symbols = (np.zeros(shape) for _ in range(4))
        self.manager = np.zeros(shape[:2], dtype=np.int8)
        self.versions: dict[tuple[int, int], str] = {}
        self._expected = sorted({n for d in generation.domains if d.nvlink for n in d.nvlink.fabric_manager_trays})
        self._places = [(r, s, f"{place}/{s.name}") for r, place in enumerate(racks) for s in slots]
        self._struck: dict[str, tuple[Mask, Mask]] = {}
        self._behind = _behind(generation, self.names, shape[2])
        self._shape = shape

    def advance(self, seconds: float, faults: tuple[Fault, ...], tray_on: Mask, switch_on: Mask) -> None:
        """Move on by emulated `seconds`; `tray_on` (R, T) and `switch_on` (R, S) have power."""
        was = self.up
        ones = np.ones((len(tray_on), 1), dtype=np.bool_)
        peers = np.concatenate((tray_on, ones), axis=1)[:, self._behind]
        self.up = np.asarray(switch_on[:, : self._shape[1], None] & peers[:, None, :])
        self.shown = self.up.copy()
        self.ber = np.zeros(self._shape)
        self.manager[:] = 0
        self.manager[:, [n for n in self._expected if n < self._shape[1]]] = 2
        self.versions.clear()
        for fault in faults:
            if fault.what in _KINDS:
                self._strike(fault)
        self.shown &= self.up
        self.downed += was & ~self.up
        bad = self.up & (self.ber > 0.0)
        self.recoveries += RECOVERIES_PER_S * seconds * bad
        self.symbols += self.ber * BITS_PER_SECOND * seconds * bad

    def _strike(self, fault: Fault) -> None:
        trays, ports = self._where(fault.where)
        if fault.what is FaultKind.FABRIC_MANAGER_DOWN:
            self.manager[trays & (self.manager > 0)] = 1 if fault.level == "warning" else 0
        elif fault.what is FaultKind.WRONG_VERSION:
            self.versions |= {(int(r), int(s)): fault.text for r, s in np.argwhere(trays)}
        elif fault.what is FaultKind.HIGH_BER:
            self.ber[ports] = fault.ratio
        else:
            (self.shown if fault.level == "warning" else self.up)[ports] = False

    def _where(self, where: str) -> tuple[Mask, Mask]:
        """Return which trays and which ports a glob names; kept, because faults are asked for at every step."""
        if where not in self._struck:
            if len(self._struck) > 256:
                self._struck.clear()
            trays, ports = np.zeros(self._shape[:2], dtype=np.bool_), np.zeros(self._shape, dtype=np.bool_)
            for rack, slot, place in self._places:
                trays[rack, slot.index] = whole = fnmatch.fnmatchcase(place, where)
                for n, name in enumerate(self.names):
                    ports[rack, slot.index, n] = whole or fnmatch.fnmatchcase(f"{place}/{name}", where)
            self._struck[where] = (trays, ports)
        return self._struck[where]


def port_names(slot: Slot) -> tuple[str, ...]:
    """Return the names of a switch tray's ports in the order of their numbers: acp1, acp2, …, then sw1p1s1, …."""
    names: list[str] = []
    for kind, tail in ((ACCESS, ""), (TRUNK, "p1s1")):
        found = slot.tray.component(kind)
        names += [f"{kind}{n + 1}{tail}" for n in range(found.count if found is not None else 0)]
    return tuple(names)


def _behind(generation: Generation, names: tuple[str, ...], ports: int) -> Array:
    """Return the index of the compute tray whose GPU is behind each port, -1 for a port towards another switch."""
    owners = [s.index for s in generation.slots_of(TrayKind.COMPUTE) for _ in range(_gpus(s))]
    access = sum(name.startswith(ACCESS) for name in names)
    return np.array([owners[n % len(owners)] if owners and n < access else -1 for n in range(ports)], dtype=np.intp)


def _gpus(slot: Slot) -> int:
    found = slot.tray.component("gpu")
    return found.count if found is not None else 0
