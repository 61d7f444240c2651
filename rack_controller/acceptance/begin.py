"""A run is begun: its folder with record, who asked for it, and every file that it needs to be gone on with."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.kept import keep
from rack_controller.acceptance.plans import plan_path, read_plan, read_plan_text
from rack_controller.acceptance.progress import PATIENCE_S, Asked, note_asked
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.run import FOLDER, SCHEMA_VERSION, RunFolder, new_id
from rack_controller.acceptance.virtual.recipe import Planted, read_planted
from rack_controller.prove.accept.plan import Level

PLAN, TRACE, FAULTS = "plan.yaml", "trace.csv", "faults.yaml"
"""Files of a run's folder instead of those that ship."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to accept: a generation's plan up to a level.

    A virtual rack is made from `seed`, with a fault `planted` or none; a live one is `rack`, its place.  `plan`,
    `trace`, `faults`: files instead of those that ship; `plan_text`: a plan that comes as text.  `patience_s`: how long
    people at a live rack are given for one thing.
    """

    generation: str
    level: str
    seed: int = 0
    planted: str = ""
    plan: Path | None = None
    trace: Path | None = None
    faults: Path | None = None
    rack: str = ""
    plan_text: str = ""
    patience_s: float = PATIENCE_S

    @property
    def rig(self) -> Literal["live", "virtual"]:
        """Return on which rig."""
        return "live" if self.rack else "virtual"


def begin(wish: Wish, state: Path, software: str, actor: str) -> RunFolder:
    """Make a run's folder; nothing runs yet (`launch.start` has it go on).

    Raises ConfigurationError or FileInvalid for a wish that cannot be met, EnvironmentUnfit when nothing can be kept.
    """
    generation = load_generation(wish.generation)
    if wish.plan_text:
        plan, digest = read_plan_text(wish.plan_text, PLAN)
    else:
        plan, digest = read_plan(wish.plan or plan_path(generation.name))
    if wish.level not in set(Level):
        raise ConfigurationError(f"level {wish.level!r}", advice="L10, L11 or L12")
    rack = wish.rack or "virtual"
    seeds = {} if wish.rack else {"made": wish.seed}
    planted_in(wish.planted, wish.faults)
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        id=new_id(rack),
        rack=rack,
        generation=generation.name,
        plan=plan.name,
        plan_sha256=digest,
        level=wish.level,
        rig=wish.rig,
        seeds=seeds,
        software=software,
        began_unix_ns=time.time_ns(),
        planted=wish.planted,
    )
    folder = RunFolder(state / FOLDER / record.id)
    for name, file in ((PLAN, wish.plan), (TRACE, wish.trace), (FAULTS, wish.faults)):
        if file is not None:
            keep(folder.path / name, file.read_bytes())
    if wish.plan_text:
        keep(folder.path / PLAN, wish.plan_text.encode())
    note_asked(
        folder.path,
        Asked(actor, record.began_unix_ns, rack, plan.name, wish.level, wish.rig, seeds, wish.planted, wish.patience_s),
    )
    folder.write(record)
    return folder


def kept_file(folder: Path, name: str) -> Path | None:
    """Return a run's own file, None where it uses the one that ships."""
    return path if (path := folder / name).is_file() else None


def planted_in(name: str, file: Path | None) -> Planted | None:
    """Return a fault to plant by its id, None for none.  Raises ConfigurationError for one that nobody knows."""
    if not name:
        return None
    known = {f.id: f for f in read_planted(file).faults}
    if name not in known:
        raise ConfigurationError(f"no fault {name!r} can be planted", advice=f"known are {', '.join(known)}")
    return known[name]
