"""Small halls for tests of the power budget."""

from typing import Any

import numpy as np

from rack_controller.decide.budget.design import Array, BudgetDesign, RackLaw, Seen


def hall(
    racks: int = 2, gpus: int = 4, together: tuple[bool, ...] = (True, False), priority: tuple[int, ...] = (1, 0)
) -> BudgetDesign:
    """Return racks of `gpus` devices from 150 over 400 to 1200 W; claims take whole racks in turn."""
    n, claims = racks * gpus, min(len(together), racks)
    rack = np.repeat(np.arange(racks), gpus)
    return BudgetDesign(
        rack=rack,
        claim=rack % claims,
        idle=np.full(n, 150.0),
        floor=np.full(n, 400.0),
        most=np.full(n, 1200.0),
        priority=np.array(priority[:claims], dtype=np.int64),
        weight=np.ones(claims),
        together=np.array(together[:claims]),
        feeds=np.vstack([np.ones(racks), np.eye(racks)]),
        law=RackLaw(np.full(racks, 1000.0), np.full(racks, 0.1), np.full(racks, 0.97)),
    )


def sight(design: BudgetDesign, **more: Any) -> Seen:
    """Return a sight in which everything idles at its most, unless said otherwise; taken just now."""
    n = len(design.most)
    now = more.pop("now", 0.0)
    power: Array = more.pop("power", np.full(n, 150.0))
    fields: dict[str, Any] = {
        "now": now,
        "limits": np.full(len(design.feeds), 1e9),
        "power": power,
        "power_at": now,
        "caps": np.full(n, 1200.0),
        "caps_at": now,
        "meters": design.law.drawn(design.per_rack(power)),
    }
    return Seen(**(fields | more))
