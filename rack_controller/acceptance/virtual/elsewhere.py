"""Faults of one design planted in another: the n-th part of a kind there stands for the n-th part of it here.  Pure."""

import fnmatch
from collections.abc import Iterable

import msgspec

from rack_controller.acceptance.virtual.recipe import Change, Planted
from rack_controller.prove.accept.parts import Parts


def transplanted(fault: Planted, own: Parts, other: Parts, design: str) -> Planted | None:
    """Return a fault of racks with `own` parts for racks with `other` ones of a design, None where it cannot be there.

    It cannot be where the design has none of its parts, or too few of them to tell all that it is about apart.
    """
    if fault.designs and design not in fault.designs:
        return None
    there = _places([*_named(fault, own), *fault.parts], own, other)
    if not all(there.values()):
        return None
    changes = [_change(c, there, other) for c in fault.changes]
    if not all(c.at for c in changes):
        return None
    return msgspec.structs.replace(fault, changes=changes, parts=[there[p] for p in fault.parts])


def _named(fault: Planted, own: Parts) -> Iterable[str]:
    """Return every place that a fault is about: where it is, and the part that it makes another one look like."""
    for change in fault.changes:
        yield from (p for p in change.at if "*" not in p)
        if _is_place(change.to, own):
            yield str(change.to).removeprefix("@")


def _is_place(to: object, own: Parts) -> bool:
    return isinstance(to, str) and bool(own.kind_of(to.removeprefix("@")))


def _change(change: Change, there: dict[str, str], other: Parts) -> Change:
    to, kind = change.to, (change.set or change.sensor).partition(".")[0]
    if isinstance(to, str) and to.removeprefix("@") in there:
        to = "@" * to.startswith("@") + there[to.removeprefix("@")]
    at = [place for p in change.at for place in (fnmatch.filter(other.of(kind), p) if "*" in p else [there[p]])]
    return msgspec.structs.replace(change, at=at, to=to)


def _places(places: Iterable[str], own: Parts, other: Parts) -> dict[str, str]:
    """Return which part of the other design stands for each of ours, empty for none; no part stands for two."""
    there: dict[str, str] = {}
    for place in places:
        tray = place.partition("/")[0]
        whole = [tray] if own.of(own.kind_of(tray)) else []
        for name in [*whole, place]:
            if name in there:
                continue
            within = there.get(tray, "") if name != tray else ""
            there[name] = _stands_for(name, own, other, set(there.values()), within)
    return there


def _stands_for(place: str, own: Parts, other: Parts, taken: set[str], within: str) -> str:
    """Return the part that stands for one of ours, of a tray where `within` names it: by its name there, or in turn."""
    kind = own.kind_of(place)
    same = f"{within}/{place.partition('/')[2]}"
    if kind and other.kind_of(same) == kind:
        return same
    if kind == place and other.of(kind):
        return place
    ours = [p for p in own.of(kind) if not within or p.partition("/")[0] == place.partition("/")[0]]
    theirs = [p for p in other.of(kind) if not within or p.partition("/")[0] == within]
    first = ours.index(place) * len(theirs) // len(ours) if ours else 0
    return next((p for p in theirs[first:] + theirs[:first] if p not in taken), "")
