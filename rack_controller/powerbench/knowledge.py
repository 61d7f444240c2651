"""What a controller is told of a hall before it starts, and what only an oracle knows.  Pure."""

from collections.abc import Callable

import numpy as np

from firmware_bridge.plant.design import RackDesign
from firmware_bridge.plant.ground import LOSS_FIXED
from firmware_bridge.plant.loads import CPU_FOLLOWS
from firmware_bridge.plant.shelves import LOSS_LINEAR, LOSS_SQUARE
from rack_controller.decide.budget.design import Array, BudgetDesign, RackLaw
from rack_controller.powerbench.hall import Hall
from rack_controller.powerbench.scenario import TrainingSpec

LAW_EFFICIENCY = 1.0 / (1.0 + LOSS_LINEAR + LOSS_SQUARE)
"""Of supplies at full load without their fixed losses: the law errs on the safe side at every other load."""


def budget_design(hall: Hall, seed: int) -> BudgetDesign:
    """Return what a controller knows of the hall: with the scenario's `law_error`, racks drawn up to so much wrong."""
    scenario, n = hall.scenario, hall.count
    claim = np.zeros(n, dtype=np.int64)
    for j, job in enumerate(scenario.jobs):
        claim[np.isin(hall.rack, job.racks)] = j
    law = nominal_law(hall.design, scenario.racks)
    wrong = np.random.default_rng((seed, 7)).uniform(
        1 - scenario.law_error, 1 + scenario.law_error, (2, scenario.racks)
    )
    racks = np.eye(scenario.racks)
    design = hall.design
    return BudgetDesign(
        rack=hall.rack,
        claim=claim,
        idle=np.full(n, float(design.gpu_idle)),
        floor=np.full(n, float(design.limit_min)),
        most=np.full(n, float(design.limit_max)),
        priority=np.array([j.priority for j in scenario.jobs], dtype=np.int64),
        weight=np.ones(len(scenario.jobs)),
        together=np.array([isinstance(j, TrainingSpec) for j in scenario.jobs]),
        feeds=np.vstack([np.ones(scenario.racks), racks]),
        law=RackLaw(law.base * wrong[0], law.follow * wrong[1], law.efficiency),
    )


def nominal_law(design: RackDesign, racks: int) -> RackLaw:
    """Return what a rack draws besides its GPUs, from the generation's ratings."""
    span = design.trays * design.gpus * (design.gpu_max - design.gpu_idle)
    cpus = design.trays * design.cpus * CPU_FOLLOWS * (design.cpu_max - design.cpu_idle)
    switches = design.switches * (design.switch_max - design.switch_idle)
    follow = (cpus + switches) / span
    idle = design.trays * (design.tray_base + design.cpus * design.cpu_idle) + design.switches * design.switch_idle
    supplies = design.shelves * design.psus * LOSS_FIXED * design.psu_max * LAW_EFFICIENCY
    base = idle + supplies - follow * design.trays * design.gpus * design.gpu_idle
    return RackLaw(np.full(racks, base), np.full(racks, follow), np.full(racks, LAW_EFFICIENCY))


def true_law(hall: Hall) -> Callable[[Array], Array]:
    """Return the plant's own law, for the oracle."""
    design, law = hall.design, nominal_law(hall.design, hall.scenario.racks)
    supplies = design.shelves * design.psus
    fixed = supplies * LOSS_FIXED * design.psu_max
    base = law.base - fixed * LAW_EFFICIENCY
    uneven = LOSS_SQUARE * design.psu_max * float((design.offset**2).sum())

    def drawn(gpus: Array) -> Array:
        load = base + (1.0 + law.follow) * gpus
        square = LOSS_SQUARE / (supplies * design.psu_max) * load**2
        return np.asarray(load * (1.0 + LOSS_LINEAR) + square + fixed + uneven)

    return drawn
