"""A run is begun: its folder with record, who asked for it, and every file that it needs to be gone on with."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.engine import LEAST_TOGETHER
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

    A virtual rack is made from `seed`, with a fault `planted` or none; a live one is `rack`, its place; several live
    ones are named beside it (`begin_together`).  `plan`,
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
    if wish.rig == "live" and wish.level == Level.L12:
        raise ConfigurationError(
            f"L12 takes racks together, and {wish.rack} would be alone", advice="name two racks or more, or L11"
        )
    return _begin(wish, [wish.rack or "virtual"], state, software, actor)[0]


def begin_together(wish: Wish, racks: Sequence[str], state: Path, software: str, actor: str) -> list[RunFolder]:
    """Make the folders of a run of racks together at L12, one a rack, the leading one first.  `racks`: their places.

    Raises what `begin` raises, and ConfigurationError for racks that cannot be taken together.
    """
    twice = sorted({rack for rack in racks if racks.count(rack) > 1})
    if twice:
        raise ConfigurationError(f"{', '.join(twice)} is named twice", advice="name each rack once")
    if len(racks) < LEAST_TOGETHER:
        raise ConfigurationError(f"{len(racks)} rack is not several", advice="name two racks or more, or L11 of one")
    if wish.level != Level.L12:
        raise ConfigurationError(
            f"{wish.level} is of each rack by itself", advice="begin a run of each, or take them together at L12"
        )
    return _begin(wish, racks, state, software, actor)


def _begin(wish: Wish, racks: Sequence[str], state: Path, software: str, actor: str) -> list[RunFolder]:
    generation = load_generation(wish.generation)
    if wish.plan_text:
        plan, digest = read_plan_text(wish.plan_text, PLAN)
    else:
        plan, digest = read_plan(wish.plan or plan_path(generation.name))
    if wish.level not in set(Level):
        raise ConfigurationError(f"level {wish.level!r}", advice="L10, L11 or L12")
    alone = len(racks) == 1
    if not alone and not plan.upto(Level.L12, together=True):
        raise ConfigurationError(f"{plan.name} has no step of L12", advice="name a plan that takes racks together")
    planted_in(wish.planted, wish.faults)
    now = time.time_ns()
    runs = {new_id(rack): rack for rack in racks}
    records = [
        RunRecord(
            schema_version=SCHEMA_VERSION,
            id=run,
            rack=rack,
            generation=generation.name,
            plan=plan.name,
            plan_sha256=digest,
            level=wish.level,
            rig="virtual" if alone and not wish.rack else "live",
            seeds={} if wish.rack or not alone else {"made": wish.seed},
            software=software,
            began_unix_ns=now,
            planted=wish.planted,
            together={} if alone else runs,
        )
        for run, rack in runs.items()
    ]
    # The leading run comes last: without it nobody goes on with the others.
    return [_keep(wish, record, state, actor) for record in reversed(records)][::-1]


def _keep(wish: Wish, record: RunRecord, state: Path, actor: str) -> RunFolder:
    """Keep a run's folder with all that it needs to be gone on with."""
    folder = RunFolder(state / FOLDER / record.id)
    for name, file in ((PLAN, wish.plan), (TRACE, wish.trace), (FAULTS, wish.faults)):
        if file is not None:
            keep(folder.path / name, file.read_bytes())
    if wish.plan_text:
        keep(folder.path / PLAN, wish.plan_text.encode())
    rig: Literal["live", "virtual"] = "live" if record.rig == "live" else "virtual"
    asked = Asked(actor, record.began_unix_ns, record.rack, record.plan, record.level, rig, record.seeds)
    note_asked(folder.path, msgspec.structs.replace(asked, planted=record.planted, patience_s=wish.patience_s))
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
