"""Every part of a rack by its place, and what its design expects of its position.  Pure, from a generation."""

from dataclasses import dataclass, field

import numpy as np

from firmware_bridge.plant.design import RackDesign
from firmware_bridge.vocabulary.generation import Generation, NvlinkPlan, TrayKind
from rack_controller.prove.accept.evidence import Array

_KINDS = {
    TrayKind.COMPUTE: "tray",
    TrayKind.SWITCH: "switch",
    TrayKind.POWER_SHELF: "shelf",
    TrayKind.BATTERY_SHELF: "battery",
    TrayKind.COOLANT_UNIT: "cdu",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """Places below the rack by kind (`gpu`: u11/gpu0, …, bottom up), the feeds, and how links are wired."""

    places: dict[str, tuple[str, ...]]
    feeds: dict[str, tuple[str, ...]]  # of each shelf
    phases: int
    nvlink: NvlinkPlan | None
    design: RackDesign
    racks: int = 1  # that share an NVLink domain
    usable_w: float = 0.0  # what a rack may draw of its busbar
    _kinds: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Turn the places by kind round: they are asked for thousands of times."""
        for kind in reversed(self.places):
            self._kinds.update(dict.fromkeys(self.places[kind], kind))

    def of(self, kind: str) -> tuple[str, ...]:
        """Return the places of a kind, none when the rack has none."""
        return self.places.get(kind, ())

    def kind_of(self, place: str) -> str:
        """Return what kind of part is at a place, empty when nothing is."""
        return self._kinds.get(place, "")

    def phase_of(self, psu: str) -> str:
        """Return the phase of a feed that a supply hangs on by design: a shelf's go round the phases of its feeds."""
        shelf, _, part = psu.partition("/")
        number = int(part.removeprefix("psu"))
        feeds = self.feeds.get(shelf) or ("",)
        return f"feed-{feeds[number % len(feeds)]}/l{number // len(feeds) % self.phases + 1}"

    def feels(self, place: str, kind: str) -> frozenset[str]:
        """Return which parts of a kind the design has feel it when something is done to the part at `place`.

        The part itself and what lies in it; of a supply its phase; of a feed the shelves on it; of a detector its tray.
        """
        done_to = self.kind_of(place)
        if done_to == "psu" and kind == "feedphase":
            return frozenset({self.phase_of(place)})
        if done_to == "feed" and kind == "shelf":
            return frozenset(
                s for s in self.of("shelf") if f"feed-{self.feeds[s][0]}" == place and len(self.feeds[s]) == 1
            )
        if done_to == "feed" and kind == "psu":
            return frozenset(p for p in self.of("psu") if self.phase_of(p).startswith(place + "/"))
        if done_to == "leak" and kind == "tray":
            return frozenset({place.partition("/")[0]}) & frozenset(self.of("tray"))
        if place.startswith("*/"):  # the part of this name in every tray
            return frozenset(p for p in self.of(kind) if p.endswith(place[1:]))
        return frozenset(p for p in self.of(kind) if p == place or p.startswith(place + "/"))

    def next_rack(self, domain: tuple[str, ...], rack: str) -> str:
        """Return the rack that the trunks of a rack lead to: the next one of its domain, the first behind the last."""
        return domain[(domain.index(rack) + 1) % len(domain)]

    def peer(self, port: str) -> str:
        """Return the GPU that the design puts behind a switch port (NvlinkPlan's rule), empty for none."""
        gpus, tray = self.of("gpu"), port.partition("/")[0]
        if self.nvlink is None or not gpus or tray not in self.of("switch"):
            return ""
        number = int(port.rpartition(self.nvlink.port)[2]) - self.nvlink.first_port
        return gpus[number % len(gpus)] if number < self.nvlink.chips_per_tray * len(gpus) else ""


def parts_of(generation: Generation, design: RackDesign, fans: int = 4) -> Parts:
    """Return a generation's parts.  `fans`: of each compute tray, whose number no generation states."""
    places: dict[str, list[str]] = {"rack": ["rack"], "hall": ["hall"], "feedphase": [], "endpoint": []}
    feeds: dict[str, tuple[str, ...]] = {}
    set_up: list[str] = []
    plan = next((d.nvlink for d in generation.domains if d.nvlink is not None), None)
    for slot in sorted(generation.slots, key=lambda s: s.unit):
        kind = _KINDS[slot.tray.kind]
        places.setdefault(kind, []).append(slot.name)
        if kind == "shelf":
            feeds[slot.name] = slot.feeds
        for part in slot.tray.components:
            name = "port" if plan is not None and part.name == plan.port and kind == "switch" else part.name
            places.setdefault(name, []).extend(f"{slot.name}/{part.name}{n}" for n in _numbers(part.count, name, plan))
        if kind == "tray":
            places.setdefault("fan", []).extend(f"{slot.name}/fan{n}" for n in range(fans))
        places["endpoint"].extend(f"{slot.name}/{e.name}" for e in slot.tray.endpoints if e.enabled)
        set_up.extend(f"{slot.name}/{e.name}" for e in slot.tray.endpoints if e.enabled and e.settings)
    # Those of which the design knows settings; of one that knows none, all.
    places["controller"] = set_up or places["endpoint"]
    phases = max((f.phases for f in generation.feeds), default=1)
    places["feedphase"] = [f"feed-{f.name}/l{n + 1}" for f in generation.feeds for n in range(f.phases)]
    places["feed"] = [f"feed-{f.name}" for f in generation.feeds]
    racks = max((d.racks for d in generation.domains if d.nvlink is not None), default=1)
    usable = float(generation.busbar.power_usable or generation.busbar.power_max)
    return Parts({k: tuple(v) for k, v in places.items()}, feeds, phases, plan, design, racks, usable)


def _numbers(count: int, name: str, plan: NvlinkPlan | None) -> range:
    first = plan.first_port if plan is not None and name == "port" else 0
    return range(first, first + count)


def profile(parts: Parts, name: str, places: tuple[str, ...]) -> Array:
    """Return what a design expects of each place against the mean of its peers, (P,); 1 where it expects them alike.

    `manifold`: a tray's share of the flow.  `heat`: one over it.  `plate`: a GPU's thermal resistance at that share.
    """
    if name not in {"manifold", "heat", "plate"}:
        return np.ones(len(places))
    share = dict(zip(parts.of("tray"), parts.design.manifold * max(parts.design.trays, 1), strict=True))
    own = np.array([share.get(p.partition("/")[0], 1.0) for p in places])
    if name == "manifold":
        return own
    if name == "heat":
        return 1.0 / own
    plate = parts.design.plate
    return (plate.junction + plate.convection * own**-0.8) / (plate.junction + plate.convection)
