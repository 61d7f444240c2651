"""What a rack has passed before it is accepted together with others: its own sealed run of the same plan up to L11."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.run import FOLDER, RECORD, RunFolder, runs_in
from rack_controller.evaluation.from_run import SealedRun, read_sealed_run
from rack_controller.prove.accept.plan import Level, Plan
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


def came_before(state: Path, rack: str, generation: str, plan: Plan) -> CameBefore:
    """Return what a rack that runs has passed of a plan below L12: its newest run that went so far and was sealed.

    A newer run that did not pass takes the place of an older one that did.  Only what its seal says is believed.
    """
    advice = f"accept it by itself first, by the same plan: `rackwright accept run --rack {rack.rpartition('/')[2]}`"
    for record in sorted(_own(state, rack, generation, plan.name), key=lambda r: r.began_unix_ns, reverse=True):
        folder = state / FOLDER / record.id
        sealed = read_sealed_run(folder, SigningKeys(state / KEYS).names())
        if record.outcome is None or (not sealed.fault and Level.L11 not in sealed.levels):
            continue
        fault = sealed.fault or _not_sealed(folder, record, sealed)
        if fault or not sealed.passed or record.outcome is not Outcome.PASS:
            why = fault or f"it ended with {record.outcome}"
            return CameBefore(why=f"{rack} is not accepted at L11: run {record.id}: {why}; {advice}")
        below = {s.id for s in plan.steps if s.level is not Level.L12}
        wanted = {n for s in plan.upto(Level.L12, together=True) for n in s.after if n in below}
        lacks = sorted(wanted - {s.id for s in record.steps})
        if lacks:
            return CameBefore(why=f"{rack}: run {record.id} has not done {', '.join(lacks)}; {advice}")
        return CameBefore(record.id, tuple(record.steps))
    return CameBefore(why=f"{rack} is not accepted at L11: no run of {plan.name} is kept of it; {advice}")


def _not_sealed(folder: Path, record: RunRecord, sealed: SealedRun) -> str:
    """Return why a record is not the one that was sealed, empty where it is."""
    if (sealed.run, sealed.rack, sealed.generation) != (record.id, record.rack, record.generation):
        return f"what was sealed is run {sealed.run} of {sealed.rack}, a {sealed.generation}"
    try:
        files = {name: (folder / name).read_bytes() for name in (EVIDENCE, EVIDENCE + SUFFIX, RECORD)}
    except OSError as err:
        return f"its record cannot be read: {err.strerror}"
    return next((str(b) for b in look_at_run(files, []).beside if b.file == RECORD), "")


def _own(state: Path, rack: str, generation: str, plan: str) -> Iterator[RunRecord]:
    """Yield the records of a rack's own runs of a plan; one that cannot be read proves nothing."""
    for folder in runs_in(state):
        record = _read(folder)
        if record is None or record.together or record.rig != "live":
            continue
        if (record.rack, record.generation, record.plan) == (rack, generation, plan):
            yield record


def _read(folder: RunFolder) -> RunRecord | None:
    try:
        return folder.read()
    except ConfigurationError:
        return None
