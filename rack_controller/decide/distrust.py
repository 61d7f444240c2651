"""Which values of serial units are not to be believed: frozen while their neighbours move, or of an impossible sign.

Pure and in arrays: one call per rack and snapshot.  Neighbours are the same quantity of a shelf's supplies: they share
a load evenly, so that one that stands still among moving ones is a register that nobody writes any more, and one of
three times the median, or of another sign, is no measurement.  It refuses to judge alone: with fewer than three all
are believed.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Series
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.snapshot import Snapshot

_DIGITS = "0123456789"
SHARING = frozenset(("psu",))
"""Parts that share one load: batteries do not, each charges as it needs."""
WATCHED = frozenset((Quantity.POWER, Quantity.POWER_INPUT, Quantity.CURRENT))
NEVER_NEGATIVE = frozenset((Quantity.POWER, Quantity.POWER_INPUT, Quantity.VOLTAGE, Quantity.FREQUENCY))


@dataclass(frozen=True, slots=True)
class DistrustRules:
    """`readings`: so many fresh readings without the last bit changing, while the average neighbour moved in the share
    `moved` of them.  `times`: further from zero than so many times the neighbours' median is no measurement."""

    readings: int = 20
    moved: float = 0.5
    times: float = 3.0


RULES = DistrustRules()


@dataclass(frozen=True)
class Memory:
    """What is kept from one snapshot to the next, per watched column; `doubted` says which and why."""

    table_id: int = -1
    columns: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    groups: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    sizes: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    values: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    taken_at: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    quiet: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))  # fresh readings since the last change
    others: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))  # changes of neighbours since then
    doubted: dict[int, str] = field(default_factory=dict)


def doubt_values(
    memory: Memory, after: Snapshot, trays: Collection[Place], rules: DistrustRules = RULES
) -> tuple[Memory, list[Finding]]:
    """Return what is doubted now and what changed.  `trays` are those whose endpoint hangs on a serial line."""
    if memory.table_id != after.table.table_id:
        memory = _laid_out(after, trays)
    if not memory.columns.size:
        return memory, []
    now, taken = after.gauges[memory.columns], after.taken_at[memory.columns]
    fresh = (taken != memory.taken_at) & ~np.isnan(now)
    changed = fresh & (now != memory.values)
    count = len(memory.sizes)
    per_group = np.bincount(memory.groups, weights=changed, minlength=count)[memory.groups]
    quiet = np.where(changed | np.isnan(now), 0.0, memory.quiet + fresh)
    others = np.where(changed | np.isnan(now), 0.0, memory.others + per_group - changed)
    neighbours = memory.sizes[memory.groups] - 1.0
    stuck = (quiet >= rules.readings) & (now != 0.0) & (others >= rules.moved * rules.readings * neighbours)
    doubted = {int(c): "stuck" for c in memory.columns[stuck]}
    doubted |= {int(c): "impossible" for c in memory.columns[_impossible(memory, after, now, rules)]}
    fresh_memory = replace(
        memory,
        values=np.where(fresh, now, memory.values),
        taken_at=np.where(fresh, taken, memory.taken_at),
        quiet=quiet,
        others=others,
        doubted=doubted,
    )
    return fresh_memory, _findings(memory.doubted, doubted, after)


def flag_doubted(memory: Memory, snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with what is doubted flagged instead of good."""
    columns = [c for c in memory.doubted if snapshot.quality[c] == Quality.GOOD]
    if not columns:
        return snapshot
    quality = snapshot.quality.copy()
    quality[columns] = Quality.FLAGGED
    quality.flags.writeable = False
    return replace(snapshot, quality=quality)


def _impossible(memory: Memory, after: Snapshot, now: NDArray[np.float64], rules: DistrustRules) -> NDArray[np.bool_]:
    signed = np.array([after.table.gauges[c].quantity in NEVER_NEGATIVE for c in memory.columns])
    wrong: NDArray[np.bool_] = signed & (now < 0.0)
    for group in range(len(memory.sizes)):
        members = np.flatnonzero(memory.groups == group)
        known = np.abs(now[members][~np.isnan(now[members])])
        usual = float(np.median(known)) if known.size >= 3 else 0.0
        if usual > 0.0:
            wrong[members] |= np.abs(now[members]) > rules.times * usual
    return wrong


def _laid_out(after: Snapshot, trays: Collection[Place]) -> Memory:
    found: dict[tuple[Place, str, Quantity], list[int]] = {}
    for column, series in enumerate(after.table.gauges):
        tray = tray_of(series.place)
        part = leaf_of(series.place).rstrip(_DIGITS)
        if series.quantity in WATCHED and tray in trays and part in SHARING:
            found.setdefault((tray, part, series.quantity), []).append(column)
    kept = [columns for columns in found.values() if len(columns) >= 3]
    columns = np.array([c for g in kept for c in g], dtype=np.intp)
    unknown = np.full(columns.size, np.nan)
    return Memory(
        after.table.table_id,
        columns,
        np.array([n for n, g in enumerate(kept) for _ in g], dtype=np.intp),
        np.array([float(len(g)) for g in kept]),
        unknown,
        unknown.copy(),
        np.zeros(columns.size),
        np.zeros(columns.size),
    )


def _findings(before: dict[int, str], now: dict[int, str], after: Snapshot) -> list[Finding]:
    found = []
    for column, why in now.items():
        if before.get(column) != why:
            found.append(_finding(after.table.gauges[column], why, Severity.WARNING, float(after.gauges[column])))
    gone = [c for c in before if c not in now and c < len(after.table.gauges)]
    found += [_finding(after.table.gauges[c], "believed", Severity.OK, float(after.gauges[c])) for c in gone]
    return found


def _finding(series: Series, why: str, severity: Severity, value: float) -> Finding:
    name = f"{leaf_of(tray_of(series.place))} {leaf_of(series.place)} {series.quantity.replace('_', ' ')}"
    text = {
        "stuck": f"{name} stands still at {value:g} {series.unit} while its neighbours move",
        "impossible": f"{name} of {value:g} {series.unit} cannot be: its sign or size is not its neighbours'",
        "believed": f"{name} is believed again",
    }[why]
    return Finding(series.place, f"reading.{why}", severity, text)
