"""When a planted fault is in force: what is wrong under load, after a cycle or now and then, and right else."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.virtual.made import Made, changed, index_of
from rack_controller.acceptance.virtual.recipe import Change, Planted, When
from rack_controller.prove.accept.evidence import Array

Mask = npt.NDArray[np.bool_]


class Occasions:
    """Of every change that is not always in force, at which of its places it is now."""

    def __init__(self, made: Made, faults: Sequence[Planted | None]) -> None:
        """`made`: how the parts were made, which changes of parameters alter while they are in force."""
        self._made = made
        self._all = [(r, c) for r, f in enumerate(faults) for c in (f.changes if f else ()) if c.when is not None]
        self._force: dict[tuple[int, int], Mask] = {(r, id(c)): np.zeros(len(c.at), np.bool_) for r, c in self._all}
        self._own = {(r, id(c)): self._healthy(r, c) for r, c in self._all if c.set}
        self._given: list[tuple[str, str, float]] = []

    def given(self, verb: str, place: str, now: float) -> None:
        """Note that a stimulus was given, to a part or to the rack."""
        if self._all:
            self._given.append((verb, place, now))

    def look(self, truth: Mapping[str, Array], now: float) -> bool:
        """Look which changes are in force at `now`, and return whether a part is made differently since."""
        altered = False
        for rack, change in self._all:
            assert change.when is not None
            before = self._force[rack, id(change)]
            force = np.array([self._holds(change.when, rack, place, truth, now) for place in change.at])
            force = force | before if change.when.stays else force
            self._force[rack, id(change)] = force
            if change.set and (force != before).any():
                altered = True
                healthy = self._own[rack, id(change)]
                columns = [index_of(self._made.parts, change.set.partition(".")[0], p) for p in change.at]
                self._made.values[change.set][rack, columns] = np.where(force, changed(healthy, change), healthy)
        return altered

    def in_force(self, rack: int, change: Change) -> Mask:
        """Return at which of its places a change is in force, (places,)."""
        if change.when is None:
            return np.ones(len(change.at), np.bool_)
        return self._force[rack, id(change)]

    def _healthy(self, rack: int, change: Change) -> Array:
        kind = change.set.partition(".")[0]
        if change.set not in self._made.values:
            raise ConfigurationError(f"{change.set!r} cannot be wrong now and then", advice="plant it for good")
        return self._made.values[change.set][rack, [index_of(self._made.parts, kind, p) for p in change.at]].copy()

    def _holds(self, when: When, rack: int, place: str, truth: Mapping[str, Array], now: float) -> bool:
        if when.of and not self._is_so(when, rack, place, truth):
            return False
        if when.after:
            since = [t for verb, p, t in self._given if verb == when.after and _within(place, p)]
            past = now - since[-1] - when.wait_s if since else -1.0
            if past < 0.0 or (when.for_s and past >= when.for_s):
                return False
        return not when.every_s or now % when.every_s < when.for_s

    def _is_so(self, when: When, rack: int, place: str, truth: Mapping[str, Array]) -> bool:
        if when.of not in truth:
            raise ConfigurationError(f"no series {when.of!r}", advice=f"known are {', '.join(sorted(truth))}")
        places = self._made.parts.of(when.of.partition(".")[0])
        own = [n for n, p in enumerate(places) if p == place] or [
            n for n, p in enumerate(places) if p.partition("/")[0] == place.partition("/")[0]
        ]
        values = truth[when.of][rack]
        value = float(np.max(values[own] if own else values))
        return (when.above is None or value > when.above) and (when.below is None or value < when.below)


def _within(place: str, what: str) -> bool:
    return not what or place == what or place.startswith(what + "/")
