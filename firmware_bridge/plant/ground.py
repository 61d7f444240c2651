"""What stays the same from step to step: masks, gains and scratch arrays, prepared once for conditions.  Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_bridge.plant.design import Array, Mask, RackDesign
from firmware_bridge.plant.loops import Loops
from firmware_bridge.plant.state import Conditions, State, laid

LOSS_FIXED = 0.003748  # of its rating: what a supply draws with its output on and no load; see `shelves.py`
DROOP_V = 0.5  # 0 to 100 % load (southbound.md §1.1, ORv3)
R_CONVECTION = 0.018  # K/W, plate to coolant at rated flow; follows flow^-0.8 (power.md §2.4 lumped model)
BLOCK = 98_304  # values of one array that the laws of GPUs work on at a time: smaller parts cost more than they save


@dataclass(frozen=True, slots=True)
class Ground:
    """Prepared for racks of a design under `conditions` with so many `opened` breakers.

    `supplies` (R,): how many work; `supplied` (R,): whether any does, or none is needed; `gain` (R, H, P): W per V of
    sag of each, 0 where it is dead; `gain_offset`: the same times its offset; `fixed`: W that it draws with its output
    on; `offset` (R,): the mean of those that work, V; `rating` (R,): of all that work, W; `least_sag` V: with less of
    it some supply gives nothing.
    `draws` (R, H, P): which feed a supply draws from, `plain`: from its first one everywhere.
    `phases` (F × 3, H × P): 1 where a supply hangs on a feed's phase by its first feed; `phase_of` (3, H × P).
    `per_breaker` (F, 1, 1): 1/W of a phase's rating.
    `tray_on`, `switch_on`: 1 or 0; `all_on`: every tray is.  `parts`: slices of trays, as many as a cache holds.
    `spread`, `rest` (R, T, G): a GPU wants demand × spread + rest.
    `convection` (T,): K/W from plate to coolant at rated flow, for each tray's share of it.
    `clip` (R, H): resistance of a busbar clip against a good one.
    `pump_ok` (R, Q): 1 where a pump works; `boost` (R,): how much faster those that are left have to run;
    `flow_told` (R,): what share of the rated flow the unit is told, NaN where it follows the heat, None: everywhere.
    `flow_share`, `supply_aim`, `facility` (R,): conditions in the arrays' own type, °C.
    `loops`: compiled ones, where somebody wants them.
    """

    conditions: Conditions
    opened: int
    supplies: Array
    supplied: Mask
    gain: Array
    gain_offset: Array
    fixed: Array
    offset: Array
    rating: Array
    least_sag: float
    draws: npt.NDArray[np.int64]
    plain: bool
    phases: Array
    phase_of: Array
    per_breaker: Array
    tray_on: Array
    switch_on: Array
    all_on: bool
    parts: tuple[slice, ...]
    spread: Array
    rest: Array
    convection: Array
    clip: Array
    pump_ok: Array
    boost: Array
    flow_told: Array | None
    flow_share: Array
    supply_aim: Array
    facility: Array
    loops: Loops | None


def prepare(state: State, loops: Loops | None = None) -> Ground:
    """Return the ground for a state's conditions and open breakers; `loops`: compiled ones."""
    design, on, dtype = state.design, state.conditions, state.flow.dtype
    working, draws, plain = _supplied(design, on, state.breaker_open)
    one = np.zeros_like(state.psu_output)
    one += working
    gain = one * dtype.type(design.psu_max / DROOP_V)
    offset = (design.offset * DROOP_V).astype(dtype)
    count = np.maximum(one.sum(axis=(1, 2)), dtype.type(1.0))
    idle = float(design.gpu_idle)
    depth = max(design.trays, 1)
    rows = max(1, BLOCK // max(design.gpus * state.racks, 1))
    supplies, spread = one.sum(axis=(1, 2)), np.zeros_like(state.gpu_power) + design.spread.astype(dtype)
    return Ground(
        conditions=on,
        opened=int(state.breaker_open.sum()),
        supplies=supplies,
        supplied=np.asarray((supplies > 0.0) | (design.shelves == 0)),
        gain=gain,
        gain_offset=gain * offset,
        fixed=one * dtype.type(LOSS_FIXED * design.psu_max),
        offset=(one * offset).sum(axis=(1, 2)) / count,
        rating=count * dtype.type(design.psu_max),
        least_sag=-DROOP_V * float(design.offset.min(initial=0.0)),
        draws=draws,
        plain=plain,
        phases=_phases(design).astype(dtype),
        phase_of=(design.wiring.phase.ravel()[None, :] == np.arange(3)[:, None]).astype(dtype),
        per_breaker=(1.0 / design.wiring.breaker).astype(dtype)[:, None, None],
        tray_on=np.zeros_like(state.tray_power) + on.tray_on,
        switch_on=np.zeros_like(state.switch_power) + on.switch_on,
        all_on=bool(on.tray_on.all()),
        parts=tuple(slice(n, min(n + rows, depth)) for n in range(0, depth, rows)),
        spread=spread,
        rest=(idle * (1.0 - spread)).astype(dtype),
        convection=(R_CONVECTION * (design.manifold * max(design.trays, 1)) ** -0.8).astype(dtype),
        clip=np.zeros_like(state.clip_temp) + on.clip,
        pump_ok=np.zeros_like(state.pump_speed) + on.pump_ok,
        boost=(design.pumps / np.maximum(on.pump_ok.sum(axis=1), 1)).astype(dtype),
        flow_told=(on.flow_target / design.flow_rated).astype(dtype) if np.isfinite(on.flow_target).any() else None,
        flow_share=on.flow_share.astype(dtype),
        supply_aim=np.where(np.isnan(on.supply_target), design.supply_nominal, on.supply_target).astype(dtype),
        facility=on.facility_supply.astype(dtype),
        loops=loops,
    )


def _supplied(design: RackDesign, on: Conditions, opened: Mask) -> tuple[Mask, npt.NDArray[np.int64], bool]:
    """Return which supplies work (R, H, P), which feed each draws from, and whether all draw from their first."""
    wiring = design.wiring
    live = on.phase_ok & ~opened[:, :, None]
    first = wiring.reaches.argmax(axis=2) if wiring.reaches.size else np.zeros(wiring.phase.shape, dtype=np.int64)
    if live.all():
        return on.psu_ok, np.broadcast_to(first, on.psu_ok.shape), True
    # (R, F, H, P): the phase that a supply hangs on is live on that feed, and the feed reaches it.
    seen = live[:, :, wiring.phase] & np.moveaxis(wiring.reaches, 2, 0)[None]
    draws = seen.argmax(axis=1)
    return on.psu_ok & seen.any(axis=1), draws, bool((draws == first)[on.psu_ok & seen.any(axis=1)].all())


def _phases(design: RackDesign) -> Array:
    wiring, feeds = design.wiring, len(design.wiring.breaker)
    first = wiring.reaches.argmax(axis=2).ravel() if wiring.reaches.size else np.zeros(0, dtype=np.int64)
    row = first * 3 + wiring.phase.ravel()
    return np.asarray(row[None, :] == np.arange(feeds * 3)[:, None], dtype=np.float64)


__all__ = ["BLOCK", "DROOP_V", "Ground", "laid", "prepare"]
