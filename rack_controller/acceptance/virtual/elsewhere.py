"""Faults of one design planted in another: the n-th part of a kind there stands for the n-th part of it here.  Pure."""

import msgspec

from rack_controller.acceptance.virtual.recipe import Change, Planted
from rack_controller.prove.accept.parts import Parts


def transplanted(fault: Planted, own: Parts, other: Parts, design: str) -> Planted | None:
    """Return a fault of racks with `own` parts for racks with `other` ones of a design, None where it cannot be there.

    It cannot be where the design has none of its parts, or where two of its parts would be one.
    """
    if fault.designs and design not in fault.designs:
        return None
    there = {place: _place(place, own, other) for c in fault.changes for place in c.at}
    there |= {place: _place(place, own, other) for place in fault.parts}
    if not all(there.values()) or len(set(there.values())) < len(there):
        return None
    changes = [_change(c, there, own, other) for c in fault.changes]
    return msgspec.structs.replace(fault, changes=changes, parts=[there[p] for p in fault.parts])


def _change(change: Change, there: dict[str, str], own: Parts, other: Parts) -> Change:
    to = change.to
    if isinstance(to, str) and own.kind_of(to.removeprefix("@")):
        to = "@" * to.startswith("@") + _place(to.removeprefix("@"), own, other)
    return msgspec.structs.replace(change, at=[there[p] for p in change.at], to=to)


def _place(place: str, own: Parts, other: Parts) -> str:
    """Return the part of the other design that stands for one of ours, empty when it has none."""
    kind = own.kind_of(place)
    if not kind or not other.of(kind):
        return ""
    if kind == place:
        return place
    tray, _, leaf = place.partition("/")
    if leaf and own.of(own.kind_of(tray)):
        found = f"{_place(tray, own, other)}/{leaf}"
        return found if other.kind_of(found) == kind else ""
    at = own.of(kind).index(place)
    return other.of(kind)[at * len(other.of(kind)) // len(own.of(kind))]
