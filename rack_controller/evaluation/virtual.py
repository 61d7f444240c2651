"""A plan on virtual racks, in virtual time: one sheet a rack and repetition.  The same seed gives the same sheets."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.plant.design import RackDesign
from firmware_bridge.plant.trace import parse_trace
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.acceptance.virtual.recipe import read_recipe
from rack_controller.acceptance.virtual.rig import VirtualRig
from rack_controller.evaluation.drive import drill_faults, drive_stretches
from rack_controller.evaluation.plans import under
from rack_controller.prove.accept.evidence import Evidence, Series
from rack_controller.prove.evaluate.criteria import FROM_RECORDS, EvaluationPlan
from rack_controller.prove.evaluate.sheet import Seen, Sheet, not_measured
from rack_controller.prove.evaluate.ways import DAY_S, Subject, measure

_READ = frozenset({"gpu", "feedphase", "shelf", "pump"})


@dataclass(frozen=True, slots=True)
class VirtualWish:
    """Which virtual racks to evaluate: so many of a generation, made from a seed, each measured `repeats` times."""

    generation: str
    racks: int
    seed: int
    repeats: int = 1
    trace: Path | None = None


def evaluate_virtually(
    plan: EvaluationPlan, plan_sha256: str, wish: VirtualWish, run: str, began_unix_ns: int, search: Sequence[Path] = ()
) -> list[Sheet]:
    """Return the sheets of virtual racks, one a rack and repetition.  `search`: folders with generations of one's own.

    Raises ConfigurationError, FileInvalid.
    """
    generation = load_generation(wish.generation, search)
    text = (wish.trace or seeds_folder() / "traces" / "synthetic.csv").read_text(encoding="utf-8")
    trace = hashlib.sha256(text.encode()).hexdigest()
    names = [f"virtual/{generation.name}/{wish.seed}/k{n + 1:03d}" for n in range(wish.racks)]
    rate, own = plan.work.get(generation.name), generation.own_sha256
    recipe = read_recipe()
    recipe = msgspec.structs.replace(recipe, work_rate=recipe.work_rate if rate is None else rate.tflops)
    # Racks of two generations are not twins: each generation throws dice of its own.
    made = zlib.crc32(f"{generation.name}/{wish.seed}".encode())
    rig = VirtualRig(generation, recipe, names, made, (), parse_trace(text))
    sheets: list[Sheet] = []
    for repeat in range(wish.repeats):
        began = rig.now
        seen = _measured(plan, rig, generation, trace, stated=rate is not None)
        days = (rig.now - began) / DAY_S
        seeds = {"asked": wish.seed, "made": made, "repeat": repeat}
        sheets += [
            Sheet(name, generation.name, "virtual", run, plan_sha256, began_unix_ns, days, one, seeds, {}, own)
            for name, one in zip(names, seen, strict=True)
        ]
    return sheets


def _measured(
    plan: EvaluationPlan, rig: VirtualRig, generation: Generation, trace: str, *, stated: bool
) -> list[dict[str, Seen]]:
    design = rig.parts.design
    subject = Subject(rig.parts, float(generation.busbar.power_usable), float(design.limit_default), plan.faults)
    found: list[dict[str, Seen]] = [
        {c.id: not_measured("a virtual rack has no records") for c in plan.criteria if c.way in FROM_RECORDS}
        for _ in rig.racks
    ]
    kinds = _READ | {n.partition(".")[0] for c in plan.criteria for n in (c.of, *c.counters) if n}
    for step in (*plan.steps, None):
        criteria = [c for c in plan.criteria if c.way not in FROM_RECORDS and c.step == (step.id if step else "")]
        if not criteria or (step is None and plan.faults is None):
            continue
        every = drill_faults(plan.faults, rig, rig.parts) if step is None and plan.faults else []
        every = drive_stretches(step, kinds, rig, rig.parts) if step else every
        done = under(plan, step, trace, "virtual")
        for seen, evidence in zip(found, every, strict=True):
            told = _told(evidence, plan, design, stated=stated)
            for criterion in criteria:
                seen[criterion.id] = msgspec.structs.replace(measure(criterion, told, subject), under=done)
    return found


def _told(evidence: Evidence, plan: EvaluationPlan, design: RackDesign, *, stated: bool) -> Evidence:
    """Return evidence with what pumps draw, as the plan models it, and without work that nobody has stated."""
    series = dict(evidence.series)
    speed = series.get("pump.speed")
    if speed is not None and plan.pumps is not None and design.pumps:
        rated = plan.pumps.rated_w_per_lpm * float(design.flow_rated) / design.pumps
        power = rated * np.clip(speed.values / 100.0, 0.0, None) ** 3
        series["pump.power"] = Series("pump.power", "W", speed.places, speed.times, power)
    if not stated:
        series.pop("gpu.work_rate", None)
    return replace(evidence, series=series)
