"""Every place of an emulated hall that a fault can name.  Answers one question: does this glob mean anything here?"""

import fnmatch
import re
from collections.abc import Iterator

from firmware_bridge.emulator.layout import RackPlan
from firmware_bridge.emulator.nvlinks import ACCESS, TRUNK, port_names
from firmware_bridge.vocabulary.generation import Generation
from firmware_bridge.vocabulary.place import join_place


def places_of(plans: list[RackPlan], generations: dict[str, Generation]) -> Iterator[str]:
    """Yield the place of every endpoint, console, component and unit, every serial line, and of the building at
    every rack."""
    for plan in plans:
        generation = generations[plan.generation]
        yield join_place(plan.place, "building")
        for line in generation.lines:
            yield join_place(plan.place, "lines", line.name)
        for slot in generation.slots:
            for spec in slot.tray.endpoints:
                yield join_place(plan.place, slot.name, spec.name)
                for unit in spec.units_of(slot.index):
                    if unit.part:
                        yield join_place(plan.place, slot.name, unit.part)
            for console in slot.tray.consoles:
                yield join_place(plan.place, slot.name, console.name)
            for component in slot.tray.components:
                if component.name not in (ACCESS, TRUNK):
                    for n in range(component.count):
                        yield join_place(plan.place, slot.name, f"{component.name}{n}")
            for port in port_names(slot):
                yield join_place(plan.place, slot.name, port)


def all_places(plans: list[RackPlan], generations: dict[str, Generation]) -> frozenset[str]:
    """Return what a fault's `where` may name: every place, and whatever holds one."""
    places = frozenset(places_of(plans, generations))
    return places | {place.rpartition("/")[0] for place in places}


def names_any(where: str, places: frozenset[str]) -> bool:
    """Tell whether a glob names any of these places."""
    return any(map(re.compile(fnmatch.translate(where)).match, places))
