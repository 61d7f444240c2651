"""Shelves share by what each supply that is well gives: on the plant, with supplies planted dead, as the seeds ask."""

import dataclasses

import msgspec
import numpy as np
import pytest
from support.interlocked import RACK, InterlockedRack

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.plant.state import initial_state
from firmware_bridge.plant.step import step
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, code_of
from rack_controller.decide.checks import Judged, judge_check
from rack_controller.decide.plan_shelf import bound_check, share_check

GENERATION = load_generation("gb200-nvl72")


def loaded(dead: list[tuple[int, int]], load: float, told: bool = True) -> InterlockedRack:
    """Return a rack as the plant has it at a load, some supplies (shelf, supply) dead; `told`: they say so."""
    design = design_of(GENERATION)
    state = initial_state(design, 1)
    ok = np.ones((1, design.shelves, design.psus), dtype=np.bool_)
    for shelf, supply in dead:
        ok[0, shelf, supply] = False
    state = dataclasses.replace(state, conditions=dataclasses.replace(state.conditions, psu_ok=ok))
    demand = np.full((1, design.trays, design.gpus), load * design.gpu_max)
    for _ in range(60):
        state = step(state, demand, np.full_like(demand, design.limit_max), 1.0)
    rack = InterlockedRack()
    shelves = sorted((t for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF), key=lambda t: t.unit)
    for n, shelf in enumerate(shelves):
        rack.set(Place(shelf.place), Quantity.POWER, float(state.psu_output[0, n].sum()))
        for p in range(design.psus):
            health = code_of(Quantity.HEALTH, "critical" if told and not ok[0, n, p] else "ok")
            rack.set(Place(f"{shelf.place}/psu{p}"), Quantity.HEALTH, health)
    return rack


def judged(rack: InterlockedRack, per: bool = True) -> Judged:
    """Return what the seeded check of evenness says."""
    assert GENERATION.sequence is not None
    check = share_check(GENERATION.sequence)
    assert check is not None
    shelves = [t for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF]
    bound = bound_check(check, shelves)
    assert len(bound.per[f"{RACK}/u06"]) == 6
    return judge_check(bound if per else msgspec.structs.replace(bound, per={}), rack.snapshot(), {})


@pytest.mark.parametrize("load", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("dead", [[], [(0, 3)], [(0, 3), (5, 1)], [(0, 1), (0, 2)]])
def test_a_dead_supply_leaves_the_others_even(dead: list[tuple[int, int]], load: float) -> None:
    said = judged(loaded(dead, load))
    assert said.holds, said.text


def test_whole_shelves_compared_would_call_it_uneven_at_full_load() -> None:
    """This is what the check was before; it must be able to fail."""
    said = judged(loaded([(0, 3)], 1.0), per=False)
    assert not said.holds
    assert "from the mean" in said.text


def test_a_supply_that_gives_nothing_and_does_not_say_so_is_told() -> None:
    said = judged(loaded([(0, 3)], 1.0, told=False))
    assert not said.holds


def test_a_shelf_that_gives_nothing_is_told() -> None:
    rack = loaded([], 1.0)
    rack.set(f"{RACK}/u06", Quantity.POWER, 0.0)
    assert not judged(rack).holds
