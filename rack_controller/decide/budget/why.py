"""Which layer holds a GPU: its device's own limit, its module, tray or workload profile, a person, an interlock, its
tenant's terms, the budget.  Pure.

Layers stay apart; the lowest wins and is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.layers import LayersOver
from rack_controller.decide.budget.live import LiveDecision
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import RowKind

DEVICE = "its own default"
SHED = "shed: its tray is off"
_LEAST_W = 1.0


@dataclass(frozen=True, slots=True)
class Layers:
    """Every limit on a GPU, the lowest first, with its W; what would free it from the lowest."""

    each: tuple[tuple[str, float], ...]
    frees: str

    @property
    def layer(self) -> str:
        """Return the name of the layer that holds it."""
        return self.each[0][0]

    @property
    def watts(self) -> float:
        """Return what it may draw."""
        return self.each[0][1]


def layers_of(
    roster: Roster,
    claims: Claims,
    decision: LiveDecision,
    at: int,
    wanted: tuple[float, str] | None,
    full: int | None = None,
    over: LayersOver | None = None,
) -> Layers:
    """Return the layers of the GPU `at`; `wanted`: what a person or an interlock wants there, W, and who; `full`: the
    limit that is fullest (`fullest`); `over`: the layers of modules, trays and profiles."""
    if decision.most[at] <= 0.0:
        return Layers(((SHED, 0.0), (DEVICE, float(roster.most[at]))), "power on, once a limit has room for it")
    found = [(DEVICE, float(roster.most[at]), "nothing: it is as its device has it")]
    if wanted is not None:
        watts, by = wanted
        interlock = by.startswith("interlock ")
        name = by if interlock else f"limit of {by}"
        frees = "its cause is over, and a person raises it (limit clear)" if interlock else "limit set or clear"
        found.append((name, watts, frees))
    if claims.tenant[at] and claims.ceiling[at] < roster.most[at] - _LEAST_W:
        found.append((f"terms of {claims.tenant[at]}", float(claims.ceiling[at]), "a larger most_kw in the policy"))
    if over is not None:
        found += [(name, watts, over.frees(name)) for name, watts in over.at(at)]
    told = float(decision.told[at])
    if told < min(w for _, w, _ in found) - _LEAST_W:
        found.append((f"budget: {_row(decision, claims, at, full)}", told, _frees(decision, claims, at, full)))
    found.sort(key=lambda layer: layer[1])
    return Layers(tuple((name, watts) for name, watts, _ in found), found[0][2])


def binding_rows(decision: LiveDecision, claims: Claims) -> set[int]:
    """Return the rows that hold some claim now."""
    count = len(decision.rows)
    return {int(c) for c in decision.step.bound_by if 0 <= c < count}


def _row(decision: LiveDecision, claims: Claims, at: int, full: int | None) -> str:
    row = _bound(decision, claims, at, full)
    return "what is left to it" if row is None else f"{decision.rows[row].name} ({decision.rows[row].by})"


def _frees(decision: LiveDecision, claims: Claims, at: int, full: int | None) -> str:
    row = _bound(decision, claims, at, full)
    if row is None:
        return "it asks for more: what it does not ask for is lent to others"
    limit = decision.rows[row]
    others = "less asked for by whoever comes before it, or alike"
    ends = {
        RowKind.RACK: "a supply, shelf or feed that comes back",
        RowKind.GRAPH: "the node that comes back",
        RowKind.BUDGET: "a larger budget",
        RowKind.CAP: "the cap's end",
        RowKind.COOLING: "more flow that is measured",
        RowKind.RAMP: "time: what its racks may draw rises with their ramp",
    }[limit.kind]
    return f"{others}; or {ends}"


def _bound(decision: LiveDecision, claims: Claims, at: int, full: int | None) -> int | None:
    """Return the row that holds a GPU's claim, else the fullest one."""
    row = int(decision.step.bound_by[claims.claim[at]])
    if 0 <= row < len(decision.rows):
        return row
    return full


def fullest(decision: LiveDecision) -> int | None:
    """Return the limit that is all but granted, None where each has room."""
    if not decision.rows:
        return None
    charged: Sequence[float] = decision.step.charged.tolist()
    full = [c / max(w, 1.0) for c, w in zip(charged, decision.limits.tolist(), strict=True)]
    worst = int(np.argmax(full))
    return worst if full[worst] > 1.0 - 0.02 else None
