"""What is wrong with racks at a moment, as a scenario says it: conditions for the plant, and what supplies can give."""

from collections.abc import Sequence

import numpy as np

from firmware_bridge.plant.design import Mask, RackDesign
from firmware_bridge.plant.state import Conditions
from rack_controller.powerbench.scenario import Happening

TRAYS_OFF_S, SWITCHES_OFF_S, SUPPLIES_OFF_S = 0.3, 1.0, 2.0
"""After a leak: interlocks have compute trays off within 0.25 s of it being seen, then switches, then supplies."""


def under_way(happenings: Sequence[Happening], now: float) -> tuple[int, ...]:
    """Return the numbers of what happens at `now`; a leak's steps count as new happenings of their own."""
    found = []
    for n, wrong in enumerate(happenings):
        if wrong.at_s <= now and (wrong.for_s == 0.0 or now < wrong.at_s + wrong.for_s):
            after = now - wrong.at_s + 1e-9
            steps = sum(after >= s for s in (TRAYS_OFF_S, SWITCHES_OFF_S, SUPPLIES_OFF_S)) if wrong.leak else 0
            found.append(10 * n + steps)
    return tuple(found)


def conditions_of(happenings: Sequence[Happening], now: tuple[int, ...], design: RackDesign, racks: int) -> Conditions:
    """Return the plant's conditions under what `under_way` names."""
    on = Conditions.healthy(design, racks)
    for key in now:
        wrong, step = happenings[key // 10], key % 10
        if wrong.facility_c is not None:
            on.facility_supply[:] = wrong.facility_c
        for rack in wrong.racks:
            _strike(on, wrong, rack)
            if wrong.leak:
                on.tray_on[rack] &= step < 1
                on.switch_on[rack] &= step < 2
                on.psu_ok[rack] &= step < 3
    return on


def working_supplies(on: Conditions, design: RackDesign) -> Mask:
    """Return which supplies have voltage and work, (R, H, P)."""
    wiring = design.wiring
    live = on.phase_ok[:, :, wiring.phase] & np.moveaxis(wiring.reaches, 2, 0)[None]
    return np.asarray(on.psu_ok & live.any(axis=1))


def _strike(on: Conditions, wrong: Happening, rack: int) -> None:
    ok = on.psu_ok[rack]
    left = np.argwhere(ok)[: wrong.supplies]
    ok[left[:, 0], left[:, 1]] = False
    whole = np.flatnonzero(ok.any(axis=1))[: wrong.shelves]
    ok[whole] = False
    for feed in wrong.feeds:
        if feed < on.phase_ok.shape[1]:
            on.phase_ok[rack, feed, slice(None) if wrong.phase is None else wrong.phase] = False
    on.pump_ok[rack, : wrong.pumps] = False
    on.clip[rack, :1] = np.maximum(on.clip[rack, :1], wrong.clip)
