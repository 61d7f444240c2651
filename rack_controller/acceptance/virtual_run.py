"""An acceptance of one virtual rack, kept in a state directory: begun or gone on with."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.run import FOLDER, SCHEMA_VERSION, RunFolder, go_on, new_id
from rack_controller.acceptance.virtual.batch import recorded_load
from rack_controller.acceptance.virtual.recipe import Planted, read_planted, read_recipe
from rack_controller.acceptance.virtual.rig import VirtualRig
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys


@dataclass(frozen=True, slots=True)
class Wish:
    """What to accept: a generation's plan up to a level, on a rack made from `seed`, with a fault planted or none.

    `plan`, `trace`, `faults`: files instead of those that ship.
    """

    generation: str
    level: str
    seed: int
    planted: str = ""
    plan: Path | None = None
    trace: Path | None = None
    faults: Path | None = None


def accept(wish: Wish, state: Path, software: str, told: Callable[[StepRecord], None]) -> tuple[RunRecord, RunFolder]:
    """Begin an acceptance of a virtual rack and take it to its end.

    Raises ConfigurationError or FileInvalid for a wish that cannot be met, EnvironmentUnfit when nothing can be kept.
    """
    generation = load_generation(wish.generation)
    path = wish.plan or plan_path(generation.name)
    plan, digest = read_plan(path)
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        id=new_id("virtual"),
        rack="virtual",
        generation=generation.name,
        plan=plan.name,
        plan_sha256=digest,
        level=wish.level,
        rig="virtual",
        seeds={"made": wish.seed},
        software=software,
        began_unix_ns=time.time_ns(),
        planted=wish.planted,
    )
    _planted(wish.planted, wish.faults)
    folder = RunFolder(state / FOLDER / record.id)
    folder.write(record)
    return resume(folder, state, told, wish)


def resume(
    folder: RunFolder, state: Path, told: Callable[[StepRecord], None], wish: Wish | None = None
) -> tuple[RunRecord, RunFolder]:
    """Go on with a run where its folder says that it was; a run that has ended is only written out again."""
    record = folder.read()
    plan, digest = read_plan((wish.plan if wish else None) or plan_path(record.generation))
    if digest != record.plan_sha256:
        raise ConfigurationError("the plan was changed since the run began", advice="begin a new run")
    fault = _planted(record.planted, wish.faults if wish else None)
    trace = recorded_load(wish.trace if wish else None)
    seed = record.seeds["made"]
    generation = load_generation(record.generation)
    rig = VirtualRig(generation, read_recipe(), [record.rack], seed, [fault], trace)
    record = go_on(record, folder, plan, rig, rig.parts, told)
    (evidence,) = rig.collect(())
    facts = {place: dict(said) for place, said in evidence.facts.items()}
    folder.finish(record, facts, SigningKeys(state / KEYS).signer())
    return record, folder


def _planted(name: str, file: Path | None) -> Planted | None:
    if not name:
        return None
    known = {f.id: f for f in read_planted(file).faults}
    if name not in known:
        raise ConfigurationError(f"no fault {name!r} can be planted", advice=f"known are {', '.join(known)}")
    return known[name]
