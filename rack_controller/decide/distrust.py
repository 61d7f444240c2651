"""Which values of serial units are not to be believed: frozen while their neighbours move, or of an impossible size.

Pure and in arrays: one call per rack and snapshot.  Neighbours are the same quantity of a shelf's supplies: they share
a load evenly, so that one that stands still among moving ones is a register that nobody writes any more, and one of
three times the median, or of another sign, is no measurement.  Nor is one of a supply that gives more than it takes, or
loses more than heat can: the one further from its neighbours.  It refuses to judge alone: with fewer than three all are
believed.
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
    `moved` of them.  `times`: further from zero than so many times the neighbours' median is no measurement.

    `most_out`, `least_out`: what a supply gives lies between these shares of what it takes, from `loaded` W on: below
    its own use counts.  Both are read one after the other and a load steps, so that only the `lasting`-th fresh reading
    in a row counts.  Supplies of these racks give 0.95 and more of what they take (Open Rack V3, at 30 % of load).
    """

    readings: int = 20
    moved: float = 0.5
    times: float = 3.0
    most_out: float = 1.1
    least_out: float = 0.7
    loaded: float = 300.0
    lasting: int = 3


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
    given: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))  # where a supply's output power is
    taken: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))  # and its input power, in `columns`
    unlike: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))  # fresh readings that these two disagree
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
    unlike = _unlike(memory, now, fresh, rules)
    impossible = _impossible(memory, after, now, rules)
    known = ~np.isnan(now[memory.given] + now[memory.taken])
    impossible[_further_off(memory, now, known & (unlike >= rules.lasting))] = True
    doubted = {int(c): memory.doubted[c] for c in memory.columns[np.isnan(now)] if c in memory.doubted}
    doubted |= {int(c): "impossible" for c in memory.columns[impossible]}
    doubted |= {int(c): "stuck" for c in memory.columns[stuck]}
    fresh_memory = replace(
        memory,
        values=np.where(fresh, now, memory.values),
        taken_at=np.where(fresh, taken, memory.taken_at),
        quiet=quiet,
        others=others,
        unlike=unlike,
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
    usual = _usual(memory, now)
    known = usual > 0.0
    wrong[known] |= np.abs(now[known]) > rules.times * usual[known]
    return wrong


def _usual(memory: Memory, now: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the neighbours' median of each column, as a size without a sign; 0 where fewer than three are known."""
    usual = np.zeros(now.size)
    for group in range(len(memory.sizes)):
        members = np.flatnonzero(memory.groups == group)
        known = np.abs(now[members][~np.isnan(now[members])])
        usual[members] = float(np.median(known)) if known.size >= 3 else 0.0
    return usual


def _unlike(
    memory: Memory, now: NDArray[np.float64], fresh: NDArray[np.bool_], rules: DistrustRules
) -> NDArray[np.float64]:
    """Return in how many fresh readings in a row each supply gave what it cannot give of what it took."""
    given, taken = now[memory.given], now[memory.taken]
    loaded = np.maximum(given, taken) >= rules.loaded  # unknown is not loaded
    apart = loaded & ((given > rules.most_out * taken) | (given < rules.least_out * taken))
    anew = fresh[memory.given] | fresh[memory.taken]
    return np.where(apart, memory.unlike + anew, np.where(anew, 0.0, memory.unlike))


def _further_off(memory: Memory, now: NDArray[np.float64], apart: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return of each supply that is apart the one of its two columns that is further from its neighbours' median."""
    usual = np.maximum(_usual(memory, now), 1.0)
    given, taken = memory.given[apart], memory.taken[apart]
    off_given, off_taken = (np.abs(np.abs(now[c]) / usual[c] - 1.0) for c in (given, taken))
    further: NDArray[np.intp] = np.where(off_given >= off_taken, given, taken)
    return further


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
    at = {(s.place, s.quantity): n for n, s in enumerate(after.table.gauges[c] for c in columns)}
    both = [(n, at.get((p, Quantity.POWER_INPUT))) for (p, q), n in at.items() if q is Quantity.POWER]
    pairs = [(given, taken) for given, taken in both if taken is not None]
    return Memory(
        after.table.table_id,
        columns,
        np.array([n for n, g in enumerate(kept) for _ in g], dtype=np.intp),
        np.array([float(len(g)) for g in kept]),
        unknown,
        unknown.copy(),
        np.zeros(columns.size),
        np.zeros(columns.size),
        np.array([given for given, _ in pairs], dtype=np.intp),
        np.array([taken for _, taken in pairs], dtype=np.intp),
        np.zeros(len(pairs)),
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
        "impossible": f"{name} of {value:g} {series.unit} cannot be: its sign or size fits neither neighbours nor loss",
        "believed": f"{name} is believed again",
    }[why]
    return Finding(series.place, f"reading.{why}", severity, text)
