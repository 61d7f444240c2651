"""Several virtual racks through a whole plan at once, each with its own planted fault or none."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.plant.trace import LoadTrace, parse_trace
from rack_controller.acceptance.engine import run_step
from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.virtual.elsewhere import transplanted
from rack_controller.acceptance.virtual.planting import virtual_parts
from rack_controller.acceptance.virtual.recipe import Planted, read_planted, read_recipe
from rack_controller.acceptance.virtual.rig import VirtualRig
from rack_controller.prove.accept.plan import Level


def recorded_load(path: Path | None = None) -> LoadTrace:
    """Return the load trace of a soak: a file's, or the one that ships."""
    return parse_trace((path or seeds_folder() / "traces" / "synthetic.csv").read_text(encoding="utf-8"))


def accept_virtually(
    generation: str,
    racks: int,
    *,
    seed: int,
    faults: Sequence[Planted | None] = (),
    steps: Sequence[str] = (),
    retest: bool = False,
    level: Level = Level.L11,
) -> list[list[StepRecord]]:
    """Take racks through a generation's plan up to a level and return each one's steps; `steps` chooses some of them.

    From L12 on they are accepted together: neighbours are racks of one NVLink domain where it spans several.
    """
    found = load_generation(generation)
    plan, _ = read_plan(plan_path(generation))
    names = [f"k{n + 1:02d}" for n in range(racks)]
    rig = VirtualRig(found, read_recipe(), names, seed, faults, recorded_load())
    done: list[list[StepRecord]] = [[] for _ in names]
    for step in plan.upto(level):
        if steps and step.id not in steps:
            continue
        before = [name for name in step.after if not steps or name in steps]
        chosen = msgspec.structs.replace(step, after=before)
        for rack, record in zip(done, run_step(chosen, plan, rig, rig.parts, done, retest=retest), strict=True):
            rack.append(record)
    return done


def planted_for(design: str) -> list[Planted]:
    """Return the planted faults that racks of a design can have, at its own places."""
    file = read_planted()
    names = {file.generation, design, *(f.of for f in file.faults if f.of)}
    own = {name: virtual_parts(load_generation(name)) for name in names}
    there = (transplanted(f, own[f.of or file.generation], own[design], design) for f in file.faults)
    return [f for f in there if f is not None]


def not_found(design: str, faults: Sequence[Planted], *, seed: int, at_once: int) -> list[str]:
    """Return the ids of faults that racks of a design, so many at once, go through their plan with and nobody names.

    A rack is taken as far as the steps go that should find its fault: where they are of a cluster, two racks at least.
    """
    plan, _ = read_plan(plan_path(design))
    levels = {s.id: s.level for s in plan.steps}
    lost: list[str] = []
    for level in Level:
        some = [f for f in faults if level is max((levels[s] for s in f.steps), default=Level.L11)]
        for first in range(0, len(some), at_once):
            part = some[first : first + at_once]
            racks = max(len(part), 2 if level is Level.L12 else 1)
            done = accept_virtually(design, racks, seed=seed, faults=part, level=max(level, Level.L11))
            lost += [f.id for f, steps in zip(part, done, strict=False) if missed(f, steps)]
    return lost


def missed(fault: Planted, steps: Sequence[StepRecord]) -> bool:
    """Return whether some part that a fault is about was not named by any step that should find it."""
    named = {f.place for s in steps if s.id in fault.steps for f in s.findings}
    return not set(fault.parts) <= named
