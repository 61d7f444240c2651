"""What a rack has passed before it is accepted together with others: its own sealed run of the same plan up to L11."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from firmware_bridge.generations.load import load_generation
from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import ConfigurationError, RackwrightError
from rack_controller.acceptance.begin import kept_plan
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.run import FOLDER, RECORD, RunFolder, runs_in
from rack_controller.evaluation.from_run import SealedRun, read_sealed_run
from rack_controller.prove.accept.plan import Level, Plan
from rack_controller.prove.accept.plan_diff import differences, in_words
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.run_files import EVIDENCE, look_at_run
from rack_controller.prove.seal import SUFFIX
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys


@dataclass(frozen=True, slots=True)
class CameBefore:
    """The run that counts, with its steps; `why` says what to do where there is none, and is empty otherwise."""

    run: str = ""
    steps: Sequence[StepRecord] = ()
    why: str = ""


def came_before(state: Path, rack: str, generation: str, plan: Plan, plan_sha256: str) -> CameBefore:
    """Return what a rack that runs has passed of a plan below L12: its newest run that went so far and was sealed.

    The plan is the same where its hash is the sealed one, and where all that is done and judged below L12 is: neither
    its name nor its texts matter.  A newer run that did not pass takes the place of an older one that did, also one by
    another plan of that name; one that passed by such a plan says nothing, nor does one of a design that was changed
    since.  Only what its seal says is believed.
    """
    design = load_generation(generation, own_generations(state)).own_sha256
    advice = f"accept it by itself first, by the same plan: `rackwright accept run --rack {rack.rpartition('/')[2]}`"
    other = ""
    for record in sorted(_own(state, rack, generation), key=lambda r: r.began_unix_ns, reverse=True):
        folder = state / FOLDER / record.id
        unlike = _unlike(folder, record, plan, plan_sha256)
        if unlike and record.plan != plan.name:
            continue
        sealed = read_sealed_run(folder, SigningKeys(state / KEYS).names())
        if record.outcome is None or (not sealed.fault and Level.L11 not in sealed.levels):
            continue
        fault = sealed.fault or _not_sealed(folder, record, sealed)
        if fault or not sealed.passed or record.outcome is not Outcome.PASS:
            why = fault or f"it ended with {record.outcome}"
            return CameBefore(why=f"{rack} is not accepted at L11: run {record.id}: {why}; {advice}")
        if record.design_sha256 != design:
            what = f"{rack} is not accepted at L11: run {record.id} is of {generation} as it was before it was changed"
            other = other or f"{what}; {advice}"
            continue
        if unlike:
            other = other or _by_another(rack, record, unlike)
            continue
        below = {s.id for s in plan.steps if s.level is not Level.L12}
        wanted = {n for s in plan.upto(Level.L12, together=True) for n in s.after if n in below}
        lacks = sorted(wanted - {s.id for s in record.steps})
        if lacks:
            return CameBefore(why=f"{rack}: run {record.id} has not done {', '.join(lacks)}; {advice}")
        return CameBefore(record.id, tuple(record.steps))
    none = f"{rack} is not accepted at L11: no run of {plan.name} is kept of it; {advice}"
    return CameBefore(why=other or none)


def _by_another(rack: str, record: RunRecord, unlike: str) -> str:
    """Return that a rack passed a plan of this name with another content, and what can be done about it."""
    return (
        f"{rack} is not accepted at L11 by this plan: run {record.id} passed another one of the same name ({unlike}); "
        f"accept it by itself by the plan of now, or take the racks together by the plan of that run, which it keeps "
        f"(plan.yaml in `rackwright accept report {record.id} --form zip`; then --plan plan.yaml)"
    )


def _unlike(folder: Path, record: RunRecord, plan: Plan, plan_sha256: str) -> str:
    """Return what sets the plan of a run apart below L12, empty where it is the same."""
    if record.plan_sha256 == plan_sha256:
        return ""
    try:
        return in_words(differences(_kept(folder, record.plan_sha256), plan))
    except RackwrightError as err:
        return f"its SHA-256 is {record.plan_sha256[:12]} and not {plan_sha256[:12]}; what differs is not known: {err}"


@lru_cache(maxsize=64)
def _kept(folder: Path, digest: str) -> Plan:
    """Return the plan with this SHA-256 that a run keeps, read once."""
    return kept_plan(folder, msgspec.structs.replace(RunFolder(folder).read(), plan_sha256=digest))


def _not_sealed(folder: Path, record: RunRecord, sealed: SealedRun) -> str:
    """Return why a record is not the one that was sealed, empty where it is."""
    if (sealed.run, sealed.rack, sealed.generation) != (record.id, record.rack, record.generation):
        return f"what was sealed is run {sealed.run} of {sealed.rack}, a {sealed.generation}"
    try:
        files = {name: (folder / name).read_bytes() for name in (EVIDENCE, EVIDENCE + SUFFIX, RECORD)}
    except OSError as err:
        return f"its record cannot be read: {err.strerror}"
    return next((str(b) for b in look_at_run(files, []).beside if b.file == RECORD), "")


def _own(state: Path, rack: str, generation: str) -> Iterator[RunRecord]:
    """Yield the records of a rack's own runs; one that cannot be read proves nothing."""
    for folder in runs_in(state):
        whose = _whose_at(folder.path / RECORD)
        if whose is None or whose.together or whose.rig != "live":
            continue
        if (whose.rack, whose.generation) == (rack, generation) and (record := _read(folder)) is not None:
            yield record


class _Whose(msgspec.Struct, frozen=True):
    """What of a run's record says whose it is."""

    rack: str
    generation: str
    rig: str
    together: dict[str, str] = {}


def _whose_at(path: Path) -> _Whose | None:
    """Return whose run a record is of, None where it cannot be read; each is read once, until it is replaced."""
    try:
        now = path.stat()
        return _whose(path, now.st_ino, now.st_mtime_ns, now.st_size)
    except (OSError, msgspec.MsgspecError):
        return None


@lru_cache(maxsize=4096)
def _whose(path: Path, node: int, changed_ns: int, size: int) -> _Whose:
    return msgspec.json.decode(path.read_bytes(), type=_Whose)


def _read(folder: RunFolder) -> RunRecord | None:
    try:
        return folder.read()
    except ConfigurationError:
        return None
