"""A rack's budget in words and numbers for people: limits, what it may use, claims, who is held.  Pure."""

from collections.abc import Mapping, Sequence

import numpy as np

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.supply import Redundancy
from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.design import Array
from rack_controller.decide.budget.layers import LayersOver
from rack_controller.decide.budget.live import LiveDecision, LiveSight
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import RowKind
from rack_controller.decide.budget.shed import what_to_shed
from rack_controller.decide.budget.why import DEVICE, Layers, binding_rows, fullest, layers_of
from rack_controller.decide.supply.usable import Usable
from rack_controller.model.limit import SetPoint
from rack_controller.model.power_view import ClaimView, HeldView, LimitView, UsableView

_CLOSE_W = 1.0


def say_usable(may: Usable) -> UsableView:
    """Return what a rack may use."""
    case = may.binding
    return UsableView(
        watts=may.watts,
        now_w=may.under(Redundancy.N).standing,
        n_plus_1_w=may.under(Redundancy.N_PLUS_1).standing,
        n_plus_n_w=may.under(Redundancy.N_PLUS_N).standing,
        wanted=may.wanted,
        binding=case.binding.name,
        lost=case.lost,
        unprotected=list(may.dark),
        constraints=[(c.name, c.limit, c.usable) for c in sorted(may.now.constraints, key=lambda c: c.usable)],
    )


def say_limits(roster: Roster, claims: Claims, decision: LiveDecision, meters: Array, rack: int) -> list[LimitView]:
    """Return every limit that carries a rack, its own first."""
    binding, floors = binding_rows(decision, claims), np.minimum(claims.least, decision.most)
    found = []
    for c, row in enumerate(decision.rows):
        if row.share[rack] <= 0:
            continue
        drawn = float((row.share * np.where(row.share > 0, meters, 0.0)).sum())
        ramp = row.kind is RowKind.RAMP  # whom floors push above it nobody sheds
        short, unkept = (0.0 if ramp else float(lack[c]) for lack in (decision.step.shortfall, decision.step.unkept))
        shed = what_to_shed(roster, claims, row.share, floors, short) if short > _CLOSE_W else None
        found.append(
            LimitView(
                name=row.name,
                kind=row.kind,
                by=row.by,
                limit_w=row.watts,
                charged_w=float(decision.step.charged[c]),
                drawn_w=None if np.isnan(drawn) else drawn,
                headroom_w=row.watts - float(decision.step.charged[c]),
                binds=c in binding,
                shortfall_w=short,
                shed=[] if shed is None else list(shed.trays),
                unkept_w=unkept if unkept > _CLOSE_W else 0.0,
            )
        )
    return found


def say_claims(roster: Roster, claims: Claims, decision: LiveDecision, power: Array, rack: int) -> list[ClaimView]:
    """Return who asks for power in a rack, whoever comes first first."""
    found, promised = [], np.where(claims.floor > claims.least + _CLOSE_W, np.minimum(claims.floor, decision.most), 0.0)
    reduced = np.maximum(promised - decision.step.floors, 0.0)
    for j, name in enumerate(claims.names):
        mine = (claims.claim == j) & (roster.rack == rack)
        if not mine.any():
            continue
        row = int(decision.step.bound_by[j])
        drawn = float(power[mine].sum())
        found.append(
            ClaimView(
                name=name,
                kind=claims.kinds[j],
                priority=int(claims.priority[j]),
                gpus=int(mine.sum()),
                wanted_w=float(decision.wanted[mine].sum()),
                granted_w=float(decision.told[mine].sum()),
                drawn_w=None if np.isnan(drawn) else drawn,
                level=float(decision.step.level[j]),
                held_by=decision.rows[row].name if 0 <= row < len(decision.rows) else "",
                synchronous=bool(claims.together[j]),
                promised_w=float(promised[mine].sum()),
                reduced_w=float(reduced[mine].sum()) if reduced[mine].sum() > _CLOSE_W else 0.0,
            )
        )
    return sorted(found, key=lambda c: (c.priority, c.name))


def held_of(
    roster: Roster,
    claims: Claims,
    decision: LiveDecision,
    rack: int,
    wanted: Mapping[str, SetPoint],
    over: LayersOver | None = None,
) -> dict[Place, Layers]:
    """Return every GPU of a rack that some layer holds below its device's default, with its layers."""
    found: dict[Place, Layers] = {}
    full = fullest(decision)
    for at in np.flatnonzero(roster.rack == rack).tolist():
        place = roster.places[at]
        point = wanted.get(place)
        asked = None if point is None else (point.value, point.by)
        layers = layers_of(roster, claims, decision, at, asked, full, over)
        if layers.layer != DEVICE:
            found[place] = layers
    return found


def say_held(
    roster: Roster, decision: LiveDecision, sight: LiveSight, held: Mapping[Place, Layers], since: Mapping[Place, int]
) -> list[HeldView]:
    """Return the GPUs that are held; `since`: from when on by that layer, unix ns."""
    at = {place: n for n, place in enumerate(roster.places)}
    return [
        HeldView(
            place=place,
            watts=layers.watts,
            layer=layers.layer,
            since_unix_ns=since.get(place, 0),
            frees=layers.frees,
            default_w=float(roster.most[at[place]]),
            reads_w=_number(sight.read[at[place]]),
            drawn_w=_number(sight.power[at[place]]),
            charged_w=float(decision.holds[at[place]]),
            layers=list(layers.each),
        )
        for place, layers in held.items()
    ]


def stranded(limits: Sequence[LimitView], claims: Sequence[ClaimView]) -> tuple[float, str]:
    """Return what a rack's own limit leaves, its claims ask for, and another limit keeps: W of AC, and that limit."""
    own = next((limit for limit in limits if limit.kind == RowKind.RACK), None)
    held = [claim for claim in claims if claim.held_by]
    if own is None or not held:
        return 0.0, ""
    by = held[0].held_by
    if by == own.name:
        return 0.0, by
    asked = sum(max(claim.wanted_w - claim.granted_w, 0.0) for claim in held)
    return max(0.0, min(own.headroom_w, asked)), by


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
