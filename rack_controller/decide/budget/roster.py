"""The GPUs of every rack under one budget, side by side in arrays.  Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from firmware_bridge.vocabulary.generation import Generation, TrayKind
from firmware_bridge.vocabulary.limit_layers import LimitLayers
from firmware_bridge.vocabulary.place import Place, join_place
from rack_controller.decide.budget.design import Array, Index, RackLaw
from rack_controller.decide.supply.law import gpu_span, law_of
from rack_controller.decide.supply.wiring import RackWiring, wiring_of


@dataclass(frozen=True, slots=True)
class BudgetRack:
    """One rack: `nodes` says on which node of the site's graph each of its feeds hangs; `layers`: its limits above a
    GPU's own, None where its generation states none."""

    place: Place
    generation: str
    wiring: RackWiring
    law: RackLaw
    nodes: Mapping[str, str] = field(default_factory=dict)
    layers: LimitLayers | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    """N GPUs at `places` in R `racks`; `rack` (N,); `idle`, `floor` (the least that can be set), `most` (the default
    limit), all (N,) in W."""

    racks: tuple[BudgetRack, ...]
    places: tuple[Place, ...]
    rack: Index
    idle: Array
    floor: Array
    most: Array

    @property
    def law(self) -> RackLaw:
        """Return the racks' laws side by side, (R,)."""
        laws = [rack.law for rack in self.racks]
        return RackLaw(
            np.concatenate([law.base for law in laws]),
            np.concatenate([law.follow for law in laws]),
            np.concatenate([law.efficiency for law in laws]),
        )

    def span(self, rack: int) -> slice:
        """Return where a rack's GPUs stand."""
        found = np.flatnonzero(self.rack == rack)
        return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def roster_of(
    racks: Sequence[tuple[Place, Generation]], nodes: Mapping[Place, Mapping[str, str]] | None = None
) -> Roster:
    """Return the roster of these racks; `nodes`: of each rack its feeds' nodes."""
    members, places = [], list[Place]()
    rack, idle, floor, most = [], [], [], []
    for r, (place, generation) in enumerate(racks):
        wired = {} if nodes is None else nodes.get(place, {})
        law, layers = law_of(generation), generation.layers
        members.append(BudgetRack(place, generation.name, wiring_of(generation), law, wired, layers))
        for slot in generation.slots_of(TrayKind.COMPUTE):
            gpu = slot.tray.component("gpu")
            if gpu is None:
                continue
            low, high = gpu_span(gpu)
            for n in range(gpu.count):
                places.append(join_place(place, slot.name, f"gpu{n}"))
                rack.append(r)
                idle.append(low)
                floor.append(min(float(gpu.limit_min or low), high))
                most.append(high)
    arrays = (np.array(values, dtype=np.float64) for values in (idle, floor, most))
    return Roster(tuple(members), tuple(places), np.array(rack, dtype=np.int64), *arrays)
