"""An acceptance run as evidence: believed where its seal holds, read from its raw series where their hash is sealed."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson

from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.begin import PLAN, kept_file
from rack_controller.acceptance.designs import design_as_begun
from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.acceptance.raw import unpack
from rack_controller.acceptance.run import EVIDENCE, FOLDER, RunFolder
from rack_controller.prove.accept.evidence import Evidence
from rack_controller.prove.accept.parts import parts_of
from rack_controller.prove.accept.plan import StepSpec
from rack_controller.prove.evaluate.criteria import FROM_RECORDS, CriterionSpec, EvaluationPlan
from rack_controller.prove.evaluate.sheet import Seen, Sheet, not_measured
from rack_controller.prove.evaluate.ways import DAY_S, Subject, measure
from rack_controller.prove.seal import SUFFIX, judge
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

KIND = "acceptance"


@dataclass(frozen=True, slots=True)
class SealedRun:
    """What an acceptance run's sealed file says.  `fault`: why it does not count, empty where it does.

    `passed` is None where it came to no verdict; `ended_unix_ns` is its last line's moment; `levels`: those of which it
    has done a required step.  `accepts`: whether its plan accepts anything.
    """

    run: str
    rack: str = ""
    generation: str = ""
    level: str = ""
    rig: str = ""
    passed: bool | None = None
    ended_unix_ns: int = 0
    sha256: str = ""
    plan_sha256: str = ""
    levels: tuple[str, ...] = ()
    raw_sha256: tuple[tuple[str, str], ...] = ()
    design_sha256: str = ""
    accepts: bool = True
    fault: str = ""

    def covers(self, level: str) -> bool:
        """Return whether it says something of a level: its plan went so far, and had a required step there."""
        return not self.fault and self.passed is not None and level in self.levels


def read_sealed_run(folder: Path, known: Sequence[str]) -> SealedRun:
    """Return what a run's sealed file says.  Nothing that is not under the seal is believed."""
    try:
        content, sealed = (folder / EVIDENCE).read_bytes(), (folder / f"{EVIDENCE}{SUFFIX}").read_bytes()
    except OSError as err:
        return SealedRun(folder.name, fault=f"it is not sealed yet: {err.strerror}")
    return judge_sealed_run(folder.name, content, sealed, known)


def judge_sealed_run(name: str, content: bytes, sealed: bytes, known: Sequence[str]) -> SealedRun:
    """Return what sealed bytes say of a run.  `known`: fingerprints of keys that are trusted."""
    opinion = judge(EVIDENCE, content, sealed, known)
    if not opinion.holds:
        return SealedRun(name, fault=f"its seal does not hold: {opinion.faults[0]}")
    if not opinion.trusted:
        return SealedRun(name, fault=f"signed by {opinion.signer[:16]}, a key that nobody here was told of")
    about: dict[str, Any] = opinion.statement["predicate"]["about"]
    try:
        documents = [orjson.loads(line) for line in content.splitlines()]
        start = next(d for d in documents if "testRunStart" in d.get("testRunArtifact", {}))
        parameters = start["testRunArtifact"]["testRunStart"]["parameters"]
        if about["kind"] != KIND:
            return SealedRun(name, fault="what was sealed is no acceptance run")
        return SealedRun(
            run=str(about["run"]),
            rack=str(about["rack"]),
            generation=str(parameters["generation"]),
            level=str(parameters["level"]),
            rig=str(parameters["rig"]),
            passed={"pass": True, "fail": False}.get(str(about["outcome"])),
            ended_unix_ns=int(datetime.fromisoformat(documents[-1]["timestamp"]).timestamp() * 1e9),
            sha256=hashlib.sha256(content).hexdigest(),
            plan_sha256=str(about["plan_sha256"]),
            levels=tuple(str(level) for level in about.get("levels", ())),
            raw_sha256=tuple(sorted((str(n), str(d)) for n, d in about["raw_sha256"].items())),
            design_sha256=str(parameters.get("design_sha256", "")),
            accepts=bool(parameters.get("accepts", True)),
        )
    except (KeyError, IndexError, StopIteration, TypeError, ValueError, AttributeError) as err:
        return SealedRun(name, fault=f"it is no acceptance run: {err!r}")


def sheet_of_run(state: Path, run: str, plan: EvaluationPlan, plan_sha256: str, evaluation: str) -> Sheet:
    """Return what a run has measured, criterion by criterion.

    Raises ConfigurationError where there is no such run, its seal does not hold, or its design is not at hand.
    """
    folder = state / FOLDER / run
    if "/" in run or not folder.is_dir():
        raise ConfigurationError(f"no run {run[:64]!r}", advice="`rackwright accept show` lists them")
    sealed = read_sealed_run(folder, SigningKeys(state / KEYS).names())
    if sealed.fault:
        raise ConfigurationError(f"run {run} does not count: {sealed.fault}", advice="see `rackwright verify`")
    record = RunFolder(folder).read()
    generation = design_as_begun(sealed.generation, sealed.design_sha256, state)
    design = design_of(generation)
    subject = Subject(parts_of(generation, design), float(generation.busbar.power_usable), float(design.limit_default))
    stimuli = _stimuli(sealed, folder)
    kept = {step.id: step.raw for step in record.steps}
    raw = dict(sealed.raw_sha256)
    seen: dict[str, Seen] = {}
    evidence: dict[str, Evidence | str] = {}
    for criterion in plan.criteria:
        if criterion.way in FROM_RECORDS:
            seen[criterion.id] = not_measured("see its records")
            continue
        step = criterion.in_acceptance.step if criterion.in_acceptance else ""
        if step not in evidence:
            evidence[step] = _evidence(folder, kept.get(step, ""), raw, sealed.rack)
        seen[criterion.id] = _measured(criterion, evidence[step], subject, stimuli.get(step), sealed.rig)
    days = sum(s.took_s for s in record.steps) / DAY_S
    return Sheet(
        sealed.rack,
        sealed.generation,
        sealed.rig,
        evaluation,
        plan_sha256,
        record.began_unix_ns,
        days,
        seen,
        dict(record.seeds),
        design_sha256=sealed.design_sha256,
    )


def _measured(
    criterion: CriterionSpec, evidence: Evidence | str, subject: Subject, stimulus: StepSpec | None, rig: str
) -> Seen:
    where = criterion.in_acceptance
    if where is None:
        return not_measured("no step of an acceptance measures it")
    if isinstance(evidence, str):
        return not_measured(evidence)
    there = msgspec.structs.replace(
        criterion, step=where.step, stretch=where.stretch, against=where.against, loaded=where.loaded
    )
    done = [rig, None if stimulus is None else stimulus.phases]
    under = hashlib.sha256(msgspec.json.encode(done)).hexdigest()[:16]
    return msgspec.structs.replace(measure(there, evidence, subject), under=under)


def _evidence(folder: Path, name: str, raw: dict[str, str], rack: str) -> Evidence | str:
    """Return a step's raw series as evidence, or why there are none that can be believed."""
    if not name or "/" in name:
        return "the run has kept no raw series of that step"
    try:
        content = (folder / name).read_bytes()
    except OSError as err:
        return f"{name} cannot be read: {err.strerror}"
    if raw.get(name) != hashlib.sha256(content).hexdigest():
        return f"{name} is not what was sealed"
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            return unpack(rack, {array: found[array] for array in found.files})
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as err:
        return f"{name} holds no series with their phases: {err}"


def _stimuli(sealed: SealedRun, folder: Path) -> dict[str, StepSpec]:
    """Return the steps of the plan that a run followed, none where that is not at hand any more."""
    try:
        plan, digest = read_plan(kept_file(folder, PLAN) or plan_path(sealed.generation))
    except ConfigurationError:
        return {}
    return {step.id: step for step in plan.steps} if digest == sealed.plan_sha256 else {}
