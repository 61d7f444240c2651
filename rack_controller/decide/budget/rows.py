"""Every limit that a budget keeps, as rows over racks: each rack's own, the graph above, budgets, caps of a while.

Shapes: R racks, C rows.  W of AC at the racks' feeds.  Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rack_controller.decide.budget.design import Array
from rack_controller.decide.budget.roster import BudgetRack
from rack_controller.decide.supply.graph import GraphLimit
from rack_controller.decide.supply.usable import Usable
from rack_controller.model.power_policy import PowerBudget, covers
from rack_controller.model.power_view import PowerCap

REACHED_BEFORE = 0.8  # of the time that a cap gives: the rest is for writing and seeing it


COOLING_STEP_W = 500.0


class RowKind(StrEnum):
    """Where a limit comes from."""

    RACK = "rack"
    GRAPH = "graph"
    BUDGET = "budget"
    CAP = "cap"
    COOLING = "cooling"
    RAMP = "ramp"


@dataclass(frozen=True, slots=True)
class Row:
    """One limit: `watts`, and `share` (R,) of each rack's power that it carries; `by` names what binds in it."""

    name: str
    kind: RowKind
    watts: float
    share: Array
    by: str = ""


def rack_rows(racks: Sequence[BudgetRack], usable: Sequence[Usable]) -> list[Row]:
    """Return each rack's own limit, from what it may use of DC."""
    rows = []
    for r, (rack, may) in enumerate(zip(racks, usable, strict=True)):
        case = may.binding
        after = f" after {case.lost} is lost" if case.lost else ""
        watts = may.watts / float(rack.law.efficiency[0])
        name, by = rack.place.rpartition("/")[2], case.binding.name + after
        rows.append(Row(name, RowKind.RACK, watts, _one(len(racks), r), by))
    return rows


def graph_rows(limits: Sequence[GraphLimit]) -> list[Row]:
    """Return the rows of the graph above the racks."""
    return [Row(limit.name, RowKind.GRAPH, limit.watts, limit.share, limit.node) for limit in limits]


def budget_rows(racks: Sequence[BudgetRack], budgets: Sequence[PowerBudget]) -> list[Row]:
    """Return the rows of a policy's budgets; one that covers none of these racks is left out."""
    rows = [Row(b.name, RowKind.BUDGET, b.limit_kw * 1e3, covered_racks(racks, b.racks), b.name) for b in budgets]
    return [row for row in rows if row.share.any()]


def cooling_rows(racks: Sequence[BudgetRack], index: Sequence[int], ceiling: Array) -> list[Row]:
    """Return what the coolant that was measured carries of the racks at `index`; none where it carries all.

    In whole steps: a flow that flickers moves no limits.
    """
    return [
        Row(f"coolant of {racks[r].place.rpartition('/')[2]}", RowKind.COOLING, watts, _one(len(racks), r), "its flow")
        for r, watts in zip(index, (np.floor(ceiling / COOLING_STEP_W) * COOLING_STEP_W).tolist(), strict=True)
        if watts < float("inf")
    ]


def cap_rows(racks: Sequence[BudgetRack], caps: Sequence[PowerCap], unix_ns: int) -> list[Row]:
    """Return the rows of caps that last now; one that has time comes down evenly and is there before that is over."""
    rows = []
    for cap in caps:
        if not cap.begins_unix_ns <= unix_ns < cap.until_unix_ns:
            continue
        share = covered_racks(racks, [cap.target])
        if share.any():
            by = cap.reason or f"asked for by {cap.by}"
            rows.append(Row(cap.id, RowKind.CAP, cap_watts(cap, unix_ns), share, by))
    return rows


def cap_watts(cap: PowerCap, unix_ns: int) -> float:
    """Return what a cap allows now, W."""
    if cap.from_w <= cap.watts or cap.within_s <= 0:
        return cap.watts
    passed = (unix_ns - cap.begins_unix_ns) / 1e9 / (cap.within_s * REACHED_BEFORE)
    return cap.watts + (cap.from_w - cap.watts) * max(0.0, 1.0 - passed)


def covered_racks(racks: Sequence[BudgetRack], globs: Sequence[str]) -> Array:
    """Return which racks globs name, (R,), as shares of 1."""
    return np.array([1.0 if covers(globs, rack.place) else 0.0 for rack in racks])


def _one(count: int, at: int) -> Array:
    share = np.zeros(count)
    share[at] = 1.0
    return share
