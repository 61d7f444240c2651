"""Coolant that follows granted power: raise flow, prove it, then let limits rise; lower in reverse.  Pure.

A coolant unit has one owner.  Its racks send demands, the largest wins for all of them: they lie side by side on one
manifold, so its flow is what its neediest rack needs, times its racks.  What a rack may be granted is what flow that
was measured carries; so a loss of flow lowers limits in the same cycle, whatever its cause.
"""

from dataclasses import dataclass

import numpy as np

from firmware_bridge.vocabulary.amounts import power_text
from rack_controller.decide.budget.design import Array, Index


@dataclass(frozen=True, slots=True)
class CoolingDesign:
    """`unit` (R,): each rack's coolant unit; `flow_max`, `flow_min` (U,) L/min; `lpm_per_w`: flow that a watt at the
    feeds needs; `least` (R,) W: what a rack draws with all limits at their floor; `supply` (U,) °C: wished for."""

    unit: Index
    flow_max: Array
    flow_min: Array
    lpm_per_w: float
    least: Array
    supply: Array


@dataclass(frozen=True, slots=True)
class CoolingPolicy:
    """`ahead_w`: how much more than now granted a rack's flow is to carry, so that a raise need not wait.
    `proof`: share of what is needed that has to be measured.  `hold_s`: flow is lowered so long after its need.
    `falls`: a measurement that is less than this of the one before, and of what is asked for, is a loss: racks
    are held to their floors until it has stood for `steady_s`.
    `stale_s`: an older measurement proves nothing, and carries nothing when it is twice as old.
    `dew_margin_k`: the supply stays so far above the dew point.  `slew_k_per_s`: it moves no faster, unless it must.
    `warn_k`: how much warmer it may be asked for before all of a unit's load goes off, since its valve is late then;
    `gone_s`: flow is lowered so long after load that was told to go is proven gone: once round the loop."""

    ahead_w: float = 15_000.0
    proof: float = 0.95
    hold_s: float = 60.0
    falls: float = 0.96  # a meter scatters by a hundredth; pumps without power lose 5 % in a tenth of a second
    steady_s: float = 2.0
    stale_s: float = 3.0
    dew_margin_k: float = 3.0
    slew_k_per_s: float = 1.0 / 60.0
    warn_k: float = 2.0
    gone_s: float = 30.0


@dataclass(frozen=True, slots=True)
class CoolingSeen:
    """`flow` (U,) L/min, NaN unknown, measured at `flow_at` (U,) s, or all at once.  `granted` (R,) W: what limits
    allow at the feeds now.  `dew_point` (U,) °C, NaN unknown.  `going` (R,) W: how much of that is about to go off; it
    counts for the flow until it has."""

    now: float
    flow: Array
    flow_at: Array | float
    granted: Array
    dew_point: Array
    going: Array


@dataclass(frozen=True, slots=True)
class CoolingState:
    """`target`, `needed_at` (U,): flow that was last asked for, and when so much was last needed; `supply` (U,) °C.

    `flow` (U,) as it was last measured, at `flow_at`; `lost_at` (U,): when it last fell.  `warned_at` (U,): when load
    was last about to go."""

    target: Array
    needed_at: Array
    supply: Array
    flow: Array
    lost_at: Array
    warned_at: Array
    flow_at: Array | float = -np.inf
    at: float = -np.inf

    @classmethod
    def new(cls, design: CoolingDesign, supply: Array | None = None) -> "CoolingState":
        """Return a start that asks for all flow there is: nothing is known of what racks draw.

        supply: (U,) °C that units are set to, NaN unknown: it moves from there, slowly.
        """
        begins = design.supply.copy() if supply is None else np.where(np.isfinite(supply), supply, design.supply)
        never, unknown = np.full(len(design.flow_max), -np.inf), np.full(len(design.flow_max), np.nan)
        return cls(design.flow_max.copy(), never, begins, unknown, never, never)


@dataclass(frozen=True, slots=True)
class CoolingDecision:
    """`flow` (U,) L/min and `supply` (U,) °C to be set.  `ceiling` (R,) W: the most that measured flow carries.
    `heat_goes` (U,) W: what the unit is warned will be gone at once.  `why` (U,): what decided, in operators' words."""

    flow: Array
    supply: Array
    ceiling: Array
    heat_goes: Array
    why: tuple[str, ...]


def step_cooling(
    state: CoolingState, design: CoolingDesign, policy: CoolingPolicy, seen: CoolingSeen
) -> tuple[CoolingState, CoolingDecision]:
    """Return the next state, what to set on the units, and what each rack may be granted at most."""
    racks = np.bincount(design.unit, minlength=len(design.flow_max))
    neediest = np.zeros(len(racks))
    np.maximum.at(neediest, design.unit, seen.granted + policy.ahead_w)
    need = np.clip(neediest * design.lpm_per_w * racks, design.flow_min, design.flow_max)
    higher = need >= state.target
    needed_at = np.where(higher, seen.now, state.needed_at)
    heat_goes: Array = np.zeros(len(racks))
    np.add.at(heat_goes, design.unit, np.minimum(seen.going, seen.granted))
    warned_at = np.where(heat_goes > 0.0, seen.now, state.warned_at)
    foreseen = (seen.now - warned_at < policy.hold_s) & (heat_goes <= 0.0)
    lowers = ~higher & (seen.now - needed_at >= np.where(foreseen, policy.gone_s, policy.hold_s))
    target = np.where(higher | lowers, need, state.target)
    supply = _supply(state, design, policy, seen, heat_goes)
    lost_at = _lost(state, policy, seen)
    old = np.broadcast_to(seen.now - np.asarray(seen.flow_at), need.shape)
    ceiling = _ceiling(design, policy, seen, racks, old)
    ceiling = np.where((seen.now - lost_at < policy.steady_s)[design.unit], design.least, ceiling)
    why = tuple(
        _reason(float(f), float(t), bool(up), float(age) > policy.stale_s) + _warning(float(goes))
        for f, t, up, age, goes in zip(seen.flow, target, need > state.target, old, heat_goes, strict=True)
    )
    after = CoolingState(target, needed_at, supply, seen.flow, lost_at, warned_at, seen.flow_at, seen.now)
    return after, CoolingDecision(target, supply, ceiling, heat_goes, why)


def _lost(state: CoolingState, policy: CoolingPolicy, seen: CoolingSeen) -> Array:
    """Return when each unit's flow last fell short of what it was asked for, and of what it had been, (U,), s."""
    falls = (seen.flow < policy.falls * state.flow) & (seen.flow < policy.falls * state.target)
    falls &= np.asarray(seen.flow_at) > np.asarray(state.flow_at)
    return np.where(falls, seen.now, state.lost_at)


def _ceiling(design: CoolingDesign, policy: CoolingPolicy, seen: CoolingSeen, racks: Index, old: Array) -> Array:
    """Return what the flow that was measured, `old` s ago, carries in each rack, W; never less than a rack at its floor
    draws."""
    proven = np.where(old <= 2.0 * policy.stale_s, np.nan_to_num(seen.flow), 0.0)
    carries = proven / np.maximum(racks, 1) / (policy.proof * design.lpm_per_w)
    carries = np.where(proven >= policy.proof * design.flow_max, np.inf, carries)
    allowed = carries[design.unit]
    stale = (old > policy.stale_s)[design.unit]  # an old measurement lets nothing rise
    allowed = np.where(stale, np.minimum(allowed, seen.granted), allowed)
    return np.maximum(allowed, design.least)


def _supply(
    state: CoolingState, design: CoolingDesign, policy: CoolingPolicy, seen: CoolingSeen, heat_goes: Array
) -> Array:
    """Return the supply temperature: towards what is wished for, slowly; above the dew point at once.

    Before load goes off it is wished for warmer, by how much of the unit's load that is: its valve begins to close.
    """
    least = np.nan_to_num(seen.dew_point + policy.dew_margin_k, nan=-np.inf)
    granted = np.bincount(design.unit, weights=np.minimum(seen.granted, 1e9), minlength=len(heat_goes))
    warning = policy.warn_k * np.clip(heat_goes / np.maximum(granted, 1.0), 0.0, 1.0)
    wished = np.maximum(design.supply + warning, least)
    step = policy.slew_k_per_s * max(seen.now - state.at, 0.0) if np.isfinite(state.at) else 0.0
    return np.asarray(np.maximum(state.supply + np.clip(wished - state.supply, -step, step), least))


def _warning(heat_goes: float) -> str:
    return f"; warned that {power_text(heat_goes)} go off" if heat_goes > 0.0 else ""


def _reason(flow: float, target: float, rises: bool, stale: bool) -> str:
    if not np.isfinite(flow):
        return "flow is unknown: racks are held to their floors"
    if stale:
        return "flow was measured too long ago: nothing rises"
    if rises:
        return f"flow is raised to {target:.0f} L/min; limits rise when it is measured"
    if flow < 0.9 * target:
        return f"{flow:.0f} of {target:.0f} L/min measured: limits follow what it carries"
    return f"{target:.0f} L/min hold"
