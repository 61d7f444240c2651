"""Where water falls: a leaking tray and the rack below it in, who gets wet out.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.model.interlock import DripMap
from rack_controller.model.layout import Layout, TrayView


@dataclass(frozen=True, slots=True)
class Drip:
    """`trays`: who gets wet, the leaking tray first; `rack`: why the whole rack must be taken for wet, empty if not."""

    trays: tuple[Place, ...]
    rack: str = ""


def falls_on(layout: Layout, leaking: Place, labels: Iterable[str], drip: DripMap) -> Drip:
    """Return where the water of the tray `leaking` falls; `labels` are the names of its wet detectors.

    A detector whose name a point of the map knows adds that point's trays; without one the map's default counts.  Wet
    equipment of a kind in `rack_if_wet` makes it the rack's leak.
    """
    points = [p for p in drip.points if any(p.label.lower() in label.lower() for label in labels)]
    below = max([drip.below, *(p.below for p in points)])
    wet = _below(layout, leaking, below)
    struck = [t for t in wet if t.kind in drip.rack_if_wet]
    everywhere = next((f"water of {p.label} reaches the whole rack" for p in points if p.rack), "")
    if struck and not everywhere:
        names = ", ".join(leaf_of(Place(t.place)) for t in struck)
        everywhere = f"water of {leaf_of(leaking)} falls on {names}"
    trays = tuple(Place(t.place) for t in wet if t.kind in (TrayKind.COMPUTE, TrayKind.SWITCH))
    return Drip((leaking, *trays), everywhere)


def _below(layout: Layout, leaking: Place, count: int) -> list[TrayView]:
    at = next((t.unit for t in layout.trays if t.place == leaking), None)
    if at is None:
        return []
    lower = sorted((t for t in layout.trays if t.unit < at), key=lambda t: -t.unit)
    return lower[:count]
