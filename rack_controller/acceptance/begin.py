"""A run is begun: its folder with record, who asked for it, and every file that it needs to be gone on with."""

import hashlib
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from firmware_bridge.generations.load import load_generation
from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.emulated import EmulatedHands
from rack_controller.acceptance.engine import LEAST_TOGETHER
from rack_controller.acceptance.kept import keep
from rack_controller.acceptance.one_run import beginning
from rack_controller.acceptance.plans import plan_path, plan_text, read_plan, whole_plan
from rack_controller.acceptance.progress import PATIENCE_S, Asked, note_asked
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.run import FOLDER, SCHEMA_VERSION, RunFolder, new_id
from rack_controller.acceptance.virtual.planting import planted_in
from rack_controller.prove.accept.plan import Level, Plan

PLAN, TRACE, FAULTS = "plan.yaml", "trace.csv", "faults.yaml"
"""Files of a run's folder: its whole plan, and what it has instead of files that ship."""


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

    Raises ConfigurationError or FileInvalid for a wish that cannot be met, EnvironmentUnfit when nothing can be kept,
    RackTaken while another run has the rack.
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
    search = own_generations(state)
    generation = load_generation(wish.generation, search)
    path = wish.plan or (None if wish.plan_text else plan_path(generation.name, search))
    said, name = (wish.plan_text, PLAN) if path is None else (plan_text(path), str(path))
    plan, text = whole_plan(said, name, search)
    if wish.level not in set(Level):
        raise ConfigurationError(f"level {wish.level!r}", advice="L10, L11 or L12")
    alone = len(racks) == 1
    if not alone and not plan.upto(Level.L12, together=True):
        raise ConfigurationError(f"{plan.name} has no step of L12", advice="name a plan that takes racks together")
    planted_in(wish.planted, wish.faults, generation, search)
    now = time.time_ns()
    runs = {new_id(rack): rack for rack in racks}
    runs_live = bool(wish.rack) or not alone
    played = {rack for rack in racks if runs_live and EmulatedHands.at(state, rack) is not None}
    records = [
        RunRecord(
            schema_version=SCHEMA_VERSION,
            id=run,
            rack=rack,
            generation=generation.name,
            plan=plan.name,
            plan_sha256=hashlib.sha256(text.encode()).hexdigest(),
            level=wish.level,
            rig="live" if runs_live else "virtual",
            seeds={} if runs_live else {"made": wish.seed},
            software=software,
            began_unix_ns=now,
            planted=wish.planted,
            together={} if alone else runs,
            design_sha256=generation.own_sha256,
            shipped_sha256=generation.shipped_sha256,
            accepts=plan.accepts,
            emulated=rack in played,
        )
        for run, rack in runs.items()
    ]
    live = [record.rack for record in records if record.rig == "live"]
    with beginning(state, live) if live else nullcontext():
        # The leading run comes last: without it nobody goes on with the others.
        return [_keep(wish, text, record, state, actor) for record in reversed(records)][::-1]


def _keep(wish: Wish, plan: str, record: RunRecord, state: Path, actor: str) -> RunFolder:
    """Keep a run's folder with all that it needs to be gone on with.  `plan`: the whole plan's text."""
    folder = RunFolder(state / FOLDER / record.id)
    keep(folder.path / PLAN, plan.encode())  # whole: no upgrade changes it, and no file that it took something of
    for name, file in ((TRACE, wish.trace), (FAULTS, wish.faults)):
        if file is not None:
            keep(folder.path / name, file.read_bytes())
    rig: Literal["live", "virtual"] = "live" if record.rig == "live" else "virtual"
    asked = Asked(actor, record.began_unix_ns, record.rack, record.plan, record.level, rig, record.seeds)
    note_asked(folder.path, msgspec.structs.replace(asked, planted=record.planted, patience_s=wish.patience_s))
    folder.write(record)
    return folder


def kept_file(folder: Path, name: str) -> Path | None:
    """Return a run's own file, None where it uses the one that ships."""
    return path if (path := folder / name).is_file() else None


def kept_plan(folder: Path, record: RunRecord) -> Plan:
    """Return the plan that a run keeps; a run that an older version began may keep none and have the one that ships.

    Raises ConfigurationError where it is not the plan that the run began with.
    """
    plan, digest = read_plan(kept_file(folder, PLAN) or plan_path(record.generation))
    if digest != record.plan_sha256:
        raise ConfigurationError("the plan was changed since the run began", advice="begin a new run")
    return plan
