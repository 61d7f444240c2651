"""Layers of limits over GPUs: what module, tray and workload profile leave to each, which floor it has, and the lowest.

Layers stay apart: each is worked out by itself, the lowest holds and is named, and a floor above a cap is refused.
None of them is charged: a GPU is charged what was read back of its own limit, by which all of them are enforced.  Pure.
Shapes: N GPUs.  Powers in W.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from firmware_bridge.vocabulary.limit_layers import LimitLayers, ModuleLayer
from firmware_bridge.vocabulary.place import tray_of
from rack_controller.decide.budget.design import Array, Mask
from rack_controller.decide.budget.roster import Roster
from rack_controller.model.power_layer import LayerKind, LayerWish


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: `name` for people, what it leaves to each GPU, (N,), infinite where it says nothing; `frees`: what
    would end it.  One without a kind is nobody's wish."""

    kind: LayerKind | None
    name: str
    leaves: Array
    frees: str = "power layer clear"


@dataclass(frozen=True, slots=True)
class LayersOver:
    """All layers of a roster: caps, and `floor` (N,), what each GPU draws at least, 0 where nobody says."""

    caps: tuple[Layer, ...]
    floor: Array

    @property
    def ceiling(self) -> Array:
        """Return the least that any cap leaves to each GPU, (N,), infinite where none says anything."""
        none = np.full(len(self.floor), np.inf)
        return np.asarray(np.minimum.reduce([none, *(layer.leaves for layer in self.caps)]))

    def at(self, gpu: int) -> list[tuple[str, float]]:
        """Return the caps over one GPU, the lowest first: name, W."""
        found = [(layer.name, float(layer.leaves[gpu])) for layer in self.caps if np.isfinite(layer.leaves[gpu])]
        return sorted(found, key=lambda cap: cap[1])

    def frees(self, name: str) -> str:
        """Return what would end a layer."""
        return next(layer.frees for layer in self.caps if layer.name == name)


def lay(roster: Roster, wishes: Sequence[LayerWish]) -> LayersOver:
    """Return the layers: those that generations state by themselves, and what people wish beside them."""
    caps = [*_stated(roster)]
    floor = np.zeros(len(roster.places))
    for wish in wishes:
        mine = covered(roster, wish.target)
        if wish.kind is LayerKind.FLOOR:
            floor = np.where(mine, np.maximum(floor, wish.watts), floor)
            continue
        leaves = np.where(mine, _left(roster, wish), np.inf)
        if np.isfinite(leaves).any():
            caps.append(Layer(wish.kind, f"{wish.words} by {wish.by}" if wish.by else wish.words, leaves))
    return LayersOver(tuple(caps), floor)


def check_layer(
    roster: Roster, wish: LayerWish, others: Sequence[LayerWish], ceiling: Array, promised: Array | float = 0.0
) -> None:
    """Raise ArgumentsInvalid for a layer that its generation does not have, that leaves GPUs less than they can be set
    to, or by which a floor would be above a cap.

    others: what is wished already; ceiling: (N,) W that people, interlocks and tenants' terms allow, NaN nobody;
    promised: (N,) W that tenants' terms give each at least.
    """
    mine = covered(roster, wish.target)
    if not mine.any():
        raise ArgumentsInvalid(f"{wish.target}: no GPU of these racks", advice="a rack, a tray or a GPU: k01/u12")
    for n in np.flatnonzero(mine).tolist():
        _check_known(roster, n, wish)
    before = [other for other in others if other.key != wish.key]
    over = lay(roster, [*before, wish])
    caps = np.fmin(np.minimum(over.ceiling, roster.most), ceiling)
    if wish.kind is LayerKind.FLOOR:
        _refuse(roster, mine & (wish.watts > caps + 1e-9), over, caps, np.full(len(caps), wish.watts))
        return
    left = np.where(mine, _left(roster, wish), np.inf)
    small = np.flatnonzero(mine & (left < roster.floor - 1e-9))
    if len(small):
        n = int(small[0])
        said = f"{wish.words} leaves {left[n]:.0f} W to {roster.places[n]}, which takes no limit below"
        raise ArgumentsInvalid(f"{said} {roster.floor[n]:g} W", advice="a larger one")
    floors = np.maximum(over.floor, promised)
    _refuse(roster, mine & (floors > np.maximum(caps, roster.floor) + 1e-9), over, caps, floors)


def covered(roster: Roster, target: str) -> Mask:
    """Return which GPUs, (N,), lie at or below a place."""
    return np.array([p == target or p.startswith(f"{target}/") for p in roster.places], dtype=np.bool_)


def _refuse(roster: Roster, above: Mask, over: LayersOver, caps: Array, floor: Array) -> None:
    found = np.flatnonzero(above)
    if not len(found):
        return
    n = int(found[0])
    names = over.at(n)
    by = f" by {names[0][0]}" if names and names[0][1] <= caps[n] + 1e-9 else ""
    said = f"{roster.places[n]}: a floor of {floor[n]:g} W above a cap of {caps[n]:g} W{by}"
    raise ArgumentsInvalid(said, advice="a smaller floor, or clear the lower layer first")


def _check_known(roster: Roster, gpu: int, wish: LayerWish) -> None:
    rack = roster.racks[int(roster.rack[gpu])]
    stated = LimitLayers() if rack.layers is None else rack.layers
    if wish.kind is LayerKind.PROFILE:
        if stated.profile(wish.profile) is None:
            known = ", ".join(p.name for p in stated.profiles) or "none"
            raise ArgumentsInvalid(
                f"{rack.generation} has no workload profile {wish.profile!r}", advice=f"known: {known}"
            )
    elif wish.kind is LayerKind.FLOOR:
        if stated.smoothing is None:
            raise ArgumentsInvalid(f"{rack.generation} knows no smoothing floor", advice="see its limits.yaml")
        least, most = (share * float(roster.most[gpu]) for share in (stated.smoothing.least, stated.smoothing.most))
        if not least <= wish.watts <= most:
            raise ArgumentsInvalid(f"a smoothing floor of {wish.watts:g} W", advice=f"{least:g} to {most:g} W")
    else:
        layer = stated.module if wish.kind is LayerKind.MODULE else stated.tray
        if layer is None:
            raise ArgumentsInvalid(f"{rack.generation} has no {wish.kind} limit", advice="see its limits.yaml")
        if wish.target == roster.places[gpu]:
            raise ArgumentsInvalid(f"{wish.target} is one GPU", advice=f"a {wish.kind} limit is a tray's or a rack's")
        if not layer.others_w < wish.watts <= layer.most_w:
            said = f"above {layer.others_w:g} W, which is for what is no GPU, up to {layer.most_w:g} W"
            raise ArgumentsInvalid(f"a {wish.kind} limit of {wish.watts:g} W", advice=said)


def _layers_of(roster: Roster, gpu: int) -> LimitLayers | None:
    return roster.racks[int(roster.rack[gpu])].layers


def _stated(roster: Roster) -> list[Layer]:
    """Return the module and tray limits that generations state, as layers, where they leave less than the default."""
    found = []
    for kind in (LayerKind.MODULE, LayerKind.TRAY):
        left = _shared(roster, kind, None)
        if (left < roster.most).any():
            found.append(Layer(kind, f"{kind} rating", np.where(left < roster.most, left, np.inf)))
    return found


def _left(roster: Roster, wish: LayerWish) -> Array:
    """Return what a wish leaves to every GPU, (N,), as if it covered all; infinite where a generation lacks it."""
    if wish.kind is not LayerKind.PROFILE:
        return _shared(roster, wish.kind, wish.watts)
    stated = [None if rack.layers is None else rack.layers.profile(wish.profile) for rack in roster.racks]
    share = np.array([np.inf if profile is None else profile.share for profile in stated])
    return np.asarray(share[roster.rack] * roster.most)


def _shared(roster: Roster, kind: LayerKind, watts: float | None) -> Array:
    """Return what modules or trays with that limit, or as rated, leave to each of their GPUs, (N,): they share
    alike."""
    in_tray = Counter(tray_of(place) for place in roster.places)
    left = np.full(len(roster.places), np.inf)
    for n, place in enumerate(roster.places):
        layers = _layers_of(roster, n)
        layer = None if layers is None else layers.module if kind is LayerKind.MODULE else layers.tray
        if layer is not None:
            gpus = layer.gpus if isinstance(layer, ModuleLayer) else in_tray[tray_of(place)]
            left[n] = ((layer.most_w if watts is None else watts) - layer.others_w) / gpus
    return left
