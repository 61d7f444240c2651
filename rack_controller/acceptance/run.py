"""A whole run of one rack in a folder of its own: begun, gone on with after a crash, and taken to its end.

Racks that are accepted together have a folder each, with a verdict of its own, and go from step to step as one.
`run.json` is replaced after every step, so that whoever comes after a crash goes on with the next one: a step that was
not finished is done again from rest, which its record tells, and only what lies in the folder counts.
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.acceptance.drive import planned_seconds
from rack_controller.acceptance.engine import outcome_of, run_step
from rack_controller.acceptance.kept import alone, keep, keep_written, sha256_of
from rack_controller.acceptance.raw import pack
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.rig import Rig
from rack_controller.acceptance.watch import FolderWatch, Watch
from rack_controller.prove import run_files
from rack_controller.prove.accept.evidence import Evidence, FactValue
from rack_controller.prove.accept.ocptv import Output
from rack_controller.prove.accept.parts import Parts, parts_of
from rack_controller.prove.accept.plan import Level, Plan, StepSpec
from rack_controller.prove.accept.suspects import Suspect, suspects
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.keys import Signer
from rack_controller.prove.many_files import FolderFiles
from rack_controller.prove.seal import SUFFIX, seal

FOLDER, RECORD, EVIDENCE = "acceptance", run_files.RECORD, run_files.EVIDENCE
FLOOR_USED = "floor.json"
"""What a live run took of the floor: records, and which instruments logged what."""
UNDER_WAY = run_files.UNDER_WAY
"""Which step is under way, and how often it was cut before."""
HANDED = "handed-in"
"""Who hands in has nobody else do so meanwhile by this name, nor the run be sealed."""
SCHEMA_VERSION = 1
Keeps = Callable[[Sequence[RunRecord]], None]
"""Has kept what records rest on beside them, before they are written."""
Told = Callable[[StepRecord, str], None]
"""Takes a step that ended and, of racks together, whose it is."""


class _UnderWay(msgspec.Struct, frozen=True):
    step: str
    cut: int = 0


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where one run is kept."""

    path: Path

    def read(self) -> RunRecord:
        """Return the record as it is.  Raises ConfigurationError when there is none or it cannot be read."""
        try:
            return msgspec.json.decode((self.path / RECORD).read_bytes(), type=RunRecord)
        except OSError as err:
            raise ConfigurationError(f"no run at {self.path}", advice="`rackwright accept show` lists them") from err
        except msgspec.MsgspecError as err:
            raise ConfigurationError(f"{self.path / RECORD} cannot be read: {err}", advice="restore it") from err

    def write(self, record: RunRecord) -> None:
        """Keep the record: on the disk before this returns.  Raises EnvironmentUnfit."""
        keep(self.path / RECORD, msgspec.json.format(msgspec.json.encode(record)))

    @property
    def is_sealed(self) -> bool:
        """Return whether its seal is there: the last thing that a run writes."""
        return (self.path / (EVIDENCE + SUFFIX)).is_file()

    def told(self) -> RunRecord:
        """Return the record as far as it may be told: it has no outcome until that is sealed.  Raises as `read`."""
        return self.as_told(self.read())

    def as_told(self, record: RunRecord) -> RunRecord:
        """Return a record that was read as far as it may be told."""
        return record if self.is_sealed else msgspec.structs.replace(record, outcome=None)

    def begin_step(self, step: StepSpec) -> int:
        """Note that a step is under way, on the disk before this returns; returns how often it was cut before."""
        path = self.path / UNDER_WAY
        try:
            before = msgspec.json.decode(path.read_bytes(), type=_UnderWay)
        except FileNotFoundError:
            before = None
        except (OSError, msgspec.MsgspecError) as err:
            raise ConfigurationError(f"{path} cannot be read: {err}", advice="restore or remove it") from err
        cut = before.cut + 1 if before is not None and before.step == step.id else 0
        keep(path, msgspec.json.encode(_UnderWay(step.id, cut)))
        return cut

    def keep_raw(self, step: StepSpec, evidence: Evidence, tries: int, cut: int = 0) -> tuple[str, str]:
        """Keep what was read in a step; returns the file's name in the folder and its SHA-256.

        `cut`: how often the step was cut before; what it kept until then stays as it is.
        """
        if not evidence.series:
            return "", ""
        name = f"raw-{step.id}-again{cut}-{tries}.npz" if cut else f"raw-{step.id}-{tries}.npz"
        arrays = pack(evidence)
        keep_written(self.path / name, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]
        try:
            return name, sha256_of(self.path / name)
        except OSError as err:
            raise EnvironmentUnfit(f"{name} cannot be read: {err.strerror}", advice="look at it") from err

    def files(self) -> FolderFiles:
        """Return every file of the folder and of folders in it, by path, read one by one.  Raises EnvironmentUnfit."""
        try:
            found = sorted(p for p in self.path.rglob("*") if p.is_file())
            return FolderFiles(self.path, [p.relative_to(self.path).as_posix() for p in found])
        except OSError as err:
            raise EnvironmentUnfit(f"{self.path.name} cannot be read: {err.strerror}", advice="look at it") from err

    def finish(self, record: RunRecord, facts: dict[str, dict[str, FactValue]], signer: Signer) -> bytes:
        """Write the run out as OCP Test & Validation, sealed; returns the output."""
        output = written_out(record, facts)
        about = {
            "kind": "acceptance",
            "run": record.id,
            "rack": record.rack,
            "outcome": str(record.outcome),
            "plan_sha256": record.plan_sha256,
            "levels": sorted({s.level for s in record.steps if s.required}),
            **({"together": record.together} if record.together else {}),
            run_files.RAW_HASHES: {s.raw: s.raw_sha256 for s in record.steps if s.raw} | _floor_of(self.path),
        }
        with alone(self.path, HANDED):  # what was being handed in as the run ended is under the seal
            about[run_files.FILE_HASHES] = run_files.hashes_beside(self.files())
        content = b"".join(output.lines)
        keep(self.path / EVIDENCE, content)
        keep(self.path / (EVIDENCE + SUFFIX), seal(EVIDENCE, output.lines, output.names, signer, about))
        return content


def _floor_of(folder: Path) -> dict[str, str]:
    """Return the file of what was taken of the floor with its hash, nothing where the run took nothing."""
    path = folder / FLOOR_USED
    return {FLOOR_USED: hashlib.sha256(path.read_bytes()).hexdigest()} if path.is_file() else {}


def go_on_together(
    records: Sequence[RunRecord],
    folders: Sequence[RunFolder],
    plan: Plan,
    rig: Rig,
    parts: Parts,
    told: Told = lambda step, rack: None,
    watch: Watch | None = None,
    before: Sequence[Sequence[StepRecord]] = (),
    unmet: Sequence[str] = (),
    keeps: Keeps = lambda records: None,
) -> list[RunRecord]:
    """Run the steps of a plan that the records of a rig's racks lack, one after the other; returns them at their end.

    `before`: what each rack passed before its run; `unmet`: why it may not begin, empty where it may.  A run that was
    stopped stays stopped, and of racks together all are.  `keeps` comes before records are written, those with an
    outcome too.  Raises ConfigurationError for a record of another plan.
    """
    steps = plan.upto(Level(records[0].level), together=len(records) > 1)
    kept = {r.rack: r for r in records}
    records = _as_far_as_all(records)
    done = [s.id for s in records[0].steps]
    if done != [s.id for s in steps[: len(done)]]:
        raise ConfigurationError("the run is of another plan", advice="begin a new one")
    watch = watch or FolderWatch(folders[0].path, {s.id: planned_seconds(s, parts) for s in steps}, real=False)
    # A rig that began anew counts from nothing; the run's own time goes on where its record ends.
    ahead = max(max((s.began_s + s.took_s for s in records[0].steps), default=0.0) - rig.now, 0.0)
    by_rack = {record.rack: folder for record, folder in zip(records, folders, strict=True)}
    earlier = before or [()] * len(records)

    try:
        for step in steps[len(done) :]:
            if records[0].outcome is not None:
                break
            if why := watch.stop():  # no step begins any more
                records = [msgspec.structs.replace(r, outcome=Outcome.STOPPED, why=why) for r in records]
                break
            watch.begin(step)
            cut = max(folder.begin_step(step) for folder in folders)

            def keep_raw(step: StepSpec, evidence: Evidence, tries: int, cut: int = cut) -> tuple[str, str]:
                return by_rack[evidence.rack].keep_raw(step, evidence, tries, cut)

            so_far = [[*passed, *record.steps] for passed, record in zip(earlier, records, strict=True)]
            ended = run_step(step, plan, rig, parts, so_far, keep_raw, watch=watch, unmet=unmet)
            ended = [msgspec.structs.replace(e, began_s=e.began_s + ahead, cut=cut) for e in ended]
            records = _stopped_together([_with(r, e) for r, e in zip(records, ended, strict=True)])
            keeps(records)
            for record, folder, one in zip(records, folders, ended, strict=True):
                folder.write(record)
                kept[record.rack] = record
                told(one, record.rack if len(records) > 1 else "")
    finally:
        watch.end()
    ends = [r if r.outcome is not None else msgspec.structs.replace(r, outcome=outcome_of(r.steps)) for r in records]
    changed = [(record, folder) for record, folder in zip(ends, folders, strict=True) if record != kept[record.rack]]
    if changed:
        keeps(ends)
    for record, folder in changed:
        folder.write(record)
    return ends


def _as_far_as_all(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Return records of racks together up to the last step that a crash left all of them: the next is done again."""
    records = _stopped_together(records)
    if all(r.outcome is not None for r in records):
        return records
    steps = min(len(r.steps) for r in records)
    return [msgspec.structs.replace(r, steps=r.steps[:steps], outcome=None) for r in records]


def _stopped_together(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Return records of racks together, all of them stopped where one is, with its reason."""
    first = next((r for r in records if r.outcome is Outcome.STOPPED), None)
    if first is None:
        return list(records)
    why = first.why if len(records) == 1 or first.rack in first.why else f"{first.why} in {first.rack}"
    return [msgspec.structs.replace(r, outcome=Outcome.STOPPED, why=r.why or why) for r in records]


def _with(record: RunRecord, ended: StepRecord) -> RunRecord:
    record = msgspec.structs.replace(record, steps=[*record.steps, ended])
    if ended.outcome is not Outcome.STOPPED:
        return record
    return msgspec.structs.replace(record, outcome=Outcome.STOPPED, why=ended.why)


def written_out(record: RunRecord, facts: dict[str, dict[str, FactValue]]) -> Output:
    """Return a record as OCP Test & Validation output."""
    output = Output(record.began_unix_ns)
    parameters: dict[str, object] = {
        "generation": record.generation,
        "level": record.level,
        "rig": record.rig,
        "seeds": record.seeds,
    }
    parameters |= {"together": record.together, "before": record.before} if record.together else {}
    parameters |= {"design_sha256": record.design_sha256} if record.design_sha256 else {}
    parameters |= {} if record.accepts else {"accepts": False}
    parameters |= {"emulated": True} if record.emulated else {}
    output.begin(record.plan, record.plan_sha256[:12], "rackwright accept run", parameters, record.rack, facts)
    at = 0.0
    for step in record.steps:
        output.step(step.id, step.began_s, step.took_s, step.outcome, step.measures, step.raw, step.said)
        at = max(at, step.began_s + step.took_s)
    output.end(at, record.outcome or Outcome.ERROR)
    return output


def suspects_of(record: RunRecord, design: Generation | None) -> list[Suspect]:
    """Return the parts that a run's findings point at, most suspected first.

    Without the run's design no tray takes the place of its parts: nobody knows how many it has.
    """
    places = parts_of(design, design_of(design)).places.values() if design is not None else ()
    trays = Counter(
        f"{tray}/{part.rstrip('0123456789')}"
        for kind in places
        for tray, _, part in (p.partition("/") for p in kind)
        if part
    )
    return suspects(record.findings, trays)


def new_id(rack: str) -> str:
    """Return an id for a run that begins now."""
    return f"{rack.rpartition('/')[2]}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(2).hex()}"


def runs_in(state: Path) -> list[RunFolder]:
    """Return the runs that are kept below a state directory, newest last."""
    root = state / FOLDER
    return [RunFolder(p.parent) for p in sorted(root.glob(f"*/{RECORD}"), key=lambda p: p.stat().st_mtime)]
