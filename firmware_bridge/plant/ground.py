"""What stays the same from step to step: masks, gains and scratch arrays, prepared once for conditions.  Pure."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_bridge.plant.design import Array, Mask, RackDesign
from firmware_bridge.plant.loops.compiled import Loops
from firmware_bridge.plant.state import HOLD_UP_J_PER_W, Conditions, State
from firmware_bridge.plant.wiring import PHASES

LOSS_FIXED = 0.003748  # of its rating: what a supply draws with its output on and no load; see `shelves.py`
DROOP_V = 0.5  # 0 to 100 % load (southbound.md §1.1, ORv3)
BLOCK = 98_304  # values of one array that the laws of GPUs work on at a time: smaller parts cost more than they save


@dataclass(frozen=True, slots=True)
class Ground:
    """Prepared for racks of a design under `conditions` with so many `opened` breakers.

    Arrays here lie as they are read, racks last; T trays, W switch trays.
    `supplied` (R,): whether any supply works, or none is needed; `works` (H, P, R): 1 where one does, `all_work`: every
    one; `gain_offset` (H, P, 1): W that it gives with no sag; `offset` (R,): the mean of those that work, V; `rating`
    (R,): of all that work, W; `hold_up` (R,): J in their capacitors.
    `draws` (R, H, P): which feed a supply draws from, `row` (H × P, R): which phase of all, `plain`: from its first one
    everywhere.  `phases` (F × 3, H × P): 1 where a supply hangs on a feed's phase by its first feed; `phase_of`
    (3, H × P).  `per_breaker` (F, 1, 1): 1/W of a phase's rating.
    `tray_on` (R, T), `switch_on` (W, R): 1 or 0; `all_on`: every tray is.  `parts`: slices of trays, as many as a cache
    holds, `scratch` for the largest, `tray_scratch` (2, T, R).  `spread`, `rest` (T, G, R): a GPU wants
    demand × spread + rest.
    `convection` (T, 1): K/W from plate to coolant at rated flow, for each tray's share of it.
    `clip` (H, R): resistance of a busbar clip against a good one.
    `pump_ok` (Q, R): 1 where a pump and its unit run; `boost` (R,): how much faster those that are left have to run;
    `flow_told` (R,): what share of the rated flow the unit is told, NaN where it follows the heat, None: everywhere.
    `flow_share`, `supply_aim`, `facility` (R,): conditions in the arrays' own type, °C.
    `loops`: compiled ones, where somebody wants them; `memo`: what they bound.
    """

    conditions: Conditions
    opened: int
    supplied: Mask
    works: Array
    all_work: bool
    gain_offset: Array
    offset: Array
    rating: Array
    hold_up: Array
    draws: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    plain: bool
    phases: Array
    phase_of: Array
    per_breaker: Array
    tray_on: Array
    switch_on: Array
    all_on: bool
    parts: tuple[slice, ...]
    scratch: Array
    tray_scratch: Array
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
    memo: dict[str, object] = field(default_factory=dict)


def prepare(state: State, loops: Loops | None = None) -> Ground:
    """Return the ground for a state's conditions and open breakers; `loops`: compiled ones."""
    design, on, dtype, racks = state.design, state.conditions, state.flow.dtype, state.racks
    working, draws, plain = _supplied(design, on, state.breaker_open)
    works = _lying(working, dtype)
    supplies = works.sum(axis=(0, 1))
    count = np.maximum(supplies, dtype.type(1.0))
    offset = (design.offset * DROOP_V).astype(dtype)[:, :, None]
    depth = max(design.trays, 1)
    rows = max(1, BLOCK // max(design.gpus * racks, 1))
    spread = np.repeat(design.spread[:, :, None], racks, axis=2).astype(dtype)
    return Ground(
        conditions=on,
        opened=int(state.breaker_open.sum()),
        supplied=np.asarray((supplies > 0.0) | (design.shelves == 0)),
        works=works,
        all_work=bool(working.all()),
        gain_offset=offset * dtype.type(design.psu_max / DROOP_V),
        offset=(works * offset).sum(axis=(0, 1)) / count,
        rating=count * dtype.type(design.psu_max),
        hold_up=supplies * dtype.type(HOLD_UP_J_PER_W * design.psu_max),
        draws=draws,
        row=_lying(draws * PHASES + design.wiring.phase, np.int64).reshape(-1, racks),
        plain=plain,
        phases=_phases(design).astype(dtype),
        phase_of=(design.wiring.phase.ravel()[None, :] == np.arange(3)[:, None]).astype(dtype),
        per_breaker=(1.0 / design.wiring.breaker).astype(dtype)[:, None, None],
        tray_on=np.zeros_like(state.tray_power) + on.tray_on,
        switch_on=_lying(on.switch_on, dtype),
        all_on=bool(on.tray_on.all()),
        parts=tuple(slice(n, min(n + rows, depth)) for n in range(0, depth, rows)),
        scratch=np.empty((min(rows, depth), design.gpus, racks), dtype),
        tray_scratch=np.empty((2, design.trays, racks), dtype),
        spread=spread,
        rest=(float(design.gpu_idle) * (1.0 - spread)).astype(dtype),
        convection=(design.plate.convection * (design.manifold * max(design.trays, 1)) ** -0.8).astype(dtype)[:, None],
        clip=_lying(on.clip, dtype),
        pump_ok=_lying(on.pump_ok & on.unit_on[:, None], dtype),
        boost=(design.pumps / np.maximum(on.pump_ok.sum(axis=1), 1)).astype(dtype),
        flow_told=(on.flow_target / design.flow_rated).astype(dtype) if np.isfinite(on.flow_target).any() else None,
        flow_share=on.flow_share.astype(dtype),
        supply_aim=np.where(np.isnan(on.supply_target), design.supply_nominal, on.supply_target).astype(dtype),
        facility=on.facility_supply.astype(dtype),
        loops=loops,
    )


def _lying(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> Any:
    """Return values (R, …) with the racks last, as they are read, in a type."""
    return np.ascontiguousarray(np.moveaxis(values, 0, -1), dtype=dtype)


def _supplied(design: RackDesign, on: Conditions, opened: Mask) -> tuple[Mask, npt.NDArray[np.int64], bool]:
    """Return which supplies work (R, H, P), which feed each draws from, and whether all draw from their first."""
    wiring = design.wiring
    live = on.phase_ok & ~opened[:, :, None]
    first = wiring.reaches.argmax(axis=2) if wiring.reaches.size else np.zeros(wiring.phase.shape, dtype=np.int64)
    if live.all():
        return on.psu_ok, np.broadcast_to(first, on.psu_ok.shape), True
    # (R, F, H, P): the phase that a supply hangs on is live on that feed, and the feed reaches it.
    seen = live[:, :, wiring.phase] & np.moveaxis(wiring.reaches, 2, 0)[None]
    works = on.psu_ok & seen.any(axis=1)
    draws = np.where(works, seen.argmax(axis=1), first)
    return works, draws, bool((draws == first).all())


def _phases(design: RackDesign) -> Array:
    wiring, feeds = design.wiring, len(design.wiring.breaker)
    first = wiring.reaches.argmax(axis=2).ravel() if wiring.reaches.size else np.zeros(0, dtype=np.int64)
    row = first * 3 + wiring.phase.ravel()
    return np.asarray(row[None, :] == np.arange(feeds * 3)[:, None], dtype=np.float64)
