"""A tray's many series in groups that a person can read: the tray, its parts, then the rest by their names.  Pure.

Only our own names of parts (`gpu0`, `psu3_inlet`) tell what a series belongs to; a device's own names are put side by
side by how they begin, and nothing is concluded from them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from datacenter_api.console.wording import slot_of
from datacenter_api.fleet.columns import Columns
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.layout import ComponentView, TrayView

_THROUGH_NUMBER = re.compile(r"^(.*?\d+)(?=_|$)")
_FIRST_WORD = re.compile(r"^([a-z]+)")
_KIND = re.compile(r"^([a-z]+)\d")
# Parts of a kind that are more than so many (a switch's ports) are one group, however much each says.
MANY = 24
# A device's own prefix makes a group from so many series on.
LEAST = 3
OTHER = "other"
# What a tray says of itself is read in this order, the rest follows by name.
_FIRST = (Quantity.POWER_STATE, Quantity.HEALTH, Quantity.POWER, Quantity.TEMPERATURE)


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of the series table that belong together.  `part`: one of the tray's own parts, or the tray itself."""

    name: str
    title: str
    part: bool
    lines: tuple[int, ...]


def group_lines(tray: TrayView, columns: Columns) -> list[Group]:
    """Return all series of a tray in groups, in the order in which they are shown."""
    found: dict[str, list[int]] = {}
    many: dict[str, list[int]] = {part.name: [] for part in tray.components if part.count > MANY}
    for line in columns.by_tray.get(slot_of(tray.place), ()):
        leaf = _leaf(tray, columns, int(line))
        kind = match[1] if many and (match := _KIND.match(leaf)) else ""
        (many[kind] if kind in many else found.setdefault(leaf, [])).append(int(line))
    parts = [f"{part.name}{n}" for part in tray.components for n in range(part.count)]
    endpoints = [slot_of(e.place) for e in tray.endpoints]
    own, foreign = _split(found, [*parts, *endpoints])
    single = {part.name for part in tray.components if _is_single(part, own)}
    own = _merged(own, tray, single)
    order = ["", *parts, *sorted(single), *endpoints]
    groups = [Group(name, name or "Tray", True, _sorted(own[name], columns)) for name in order if name in own]
    groups += [Group(name, name, False, _sorted(lines, columns)) for name, lines in many.items() if lines]
    rest = [Group(name, name, False, _sorted(lines, columns)) for name, lines in _gathered(foreign).items()]
    return [*groups, *sorted(rest, key=lambda group: (group.name == OTHER, _natural(group.name)))]


def _leaf(tray: TrayView, columns: Columns, line: int) -> str:
    return columns.series[line].place.removeprefix(tray.place).lstrip("/")


def _split(found: dict[str, list[int]], names: Sequence[str]) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return what stands at the tray or a named part, by part, and what does not, by its own name."""
    own: dict[str, list[int]] = {}
    foreign: dict[str, list[int]] = {}
    known = set(names)
    for leaf, lines in found.items():
        part = next((leaf[:end] for end in _ends(leaf) if leaf[:end] in known), None)
        if not leaf or part is not None:
            own.setdefault(part or "", []).extend(lines)
        else:
            foreign.setdefault(leaf, []).extend(lines)
    return own, foreign


def _is_single(part: ComponentView, own: dict[str, list[int]]) -> bool:
    """Return whether no part of a kind says more than one thing: leak detectors, for example."""
    return part.count > 1 and all(len(own.get(f"{part.name}{n}", ())) <= 1 for n in range(part.count))


def _merged(own: dict[str, list[int]], tray: TrayView, single: set[str]) -> dict[str, list[int]]:
    """Put the parts of the kinds in `single` into one group per kind."""
    names = {f"{part.name}{n}": part.name for part in tray.components if part.name in single for n in range(part.count)}
    merged: dict[str, list[int]] = {}
    for name, lines in own.items():
        merged.setdefault(names.get(name, name), []).extend(lines)
    return merged


def _ends(leaf: str) -> list[int]:
    return [len(leaf), *(n for n, letter in enumerate(leaf) if letter in "_/")]


def _gathered(foreign: dict[str, list[int]]) -> dict[str, list[int]]:
    """Gather names by how they begin: through their first number, else their first word, else all that is left."""
    numbered: dict[str, list[str]] = {}
    for leaf in foreign:
        match = _THROUGH_NUMBER.match(leaf)
        numbered.setdefault(match[1] if match else leaf, []).append(leaf)
    worded: dict[str, list[str]] = {}
    for name, leaves in numbered.items():
        word = _FIRST_WORD.match(name)
        short = name if sum(len(foreign[at]) for at in leaves) >= LEAST else word[1] if word else OTHER
        worded.setdefault(short, []).extend(leaves)
    gathered: dict[str, list[int]] = {}
    for name, leaves in worded.items():
        lines = [line for leaf in leaves for line in foreign[leaf]]
        gathered.setdefault(name if len(lines) >= LEAST else OTHER, []).extend(lines)
    return gathered


def _sorted(lines: Sequence[int], columns: Columns) -> tuple[int, ...]:
    def rank(line: int) -> tuple[int, list[int | str], str]:
        series = columns.series[line]
        first = _FIRST.index(series.quantity) if series.quantity in _FIRST else len(_FIRST)
        return series.place.count("_"), _natural(series.place), f"{first}{series.quantity}"

    return tuple(sorted(lines, key=rank))


def _natural(text: str) -> list[int | str]:
    """Return a key that puts 2 before 10; words and numbers take turns, so that they never meet."""
    return [int(part) if n % 2 else part for n, part in enumerate(re.split(r"(\d+)", text))]
