"""Which GPU is behind which NVLink port of a switch, as far as the generation says.  Pure; often an assumption.

Rule (vocabulary's NvlinkPlan): every GPU has one link to each switch chip of its rack; a tray's ports count chip after
chip, one port per GPU of the rack; the GPU numbers its links tray after tray, chip after chip.
"""

import re
from dataclasses import dataclass

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from rack_controller.model.layout import Layout, NvlinkView

_NUMBERED = re.compile(r"([a-z_]+)(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Wiring:
    """One rack's share of a domain: its switch trays and its GPUs, both from the floor up, and how they are wired."""

    domain: str
    plan: NvlinkView
    switches: tuple[Place, ...]
    gpus: tuple[Place, ...]

    def peer_of(self, port: Place) -> tuple[Place, int] | None:
        """Return the GPU behind a switch port and the number of its link; None for any other port."""
        match = _NUMBERED.fullmatch(leaf_of(port))
        tray = tray_of(port)
        if match is None or match[1] != self.plan.port or tray not in self.switches or not self.gpus:
            return None
        chip, gpu = divmod(int(match[2]) - self.plan.first_port, len(self.gpus))
        if not 0 <= chip < self.plan.chips_per_tray:
            return None
        return self.gpus[gpu], self.switches.index(tray) * self.plan.chips_per_tray + chip

    def ports_of(self, gpu: Place) -> tuple[Place, ...]:
        """Return the switch ports of a GPU's links, by link number."""
        at = self.gpus.index(gpu) + self.plan.first_port
        return tuple(
            Place(f"{switch}/{self.plan.port}{at + chip * len(self.gpus)}")
            for switch in self.switches
            for chip in range(self.plan.chips_per_tray)
        )

    @property
    def managers(self) -> frozenset[Place]:
        """Return the switch trays on which the fabric manager is to run."""
        wanted = self.plan.fabric_manager_trays
        return frozenset(place for n, place in enumerate(self.switches) if n in wanted)


def wirings_of(layout: Layout) -> tuple[Wiring, ...]:
    """Return the wiring of each domain of a rack whose generation says how it is wired."""
    found = []
    for domain in layout.domains:
        if domain.nvlink is None:
            continue
        trays = [t for t in sorted(layout.trays, key=lambda t: t.unit) if t.domain == domain.name]
        switches = tuple(Place(t.place) for t in trays if t.kind == TrayKind.SWITCH)
        counts = [(t.place, c.count) for t in trays for c in t.components if c.name == "gpu"]
        gpus = tuple(Place(f"{place}/gpu{n}") for place, count in counts for n in range(count))
        found.append(Wiring(domain.name, domain.nvlink, switches, gpus))
    return tuple(found)
