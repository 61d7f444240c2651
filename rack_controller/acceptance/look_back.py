"""What a run still can tell when it is looked back at: its plan, its raw series, what is worth drawing of them."""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np

from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.acceptance.begin import kept_plan
from rack_controller.acceptance.kept import sha256_of
from rack_controller.acceptance.raw import unpack
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.run import RunFolder
from rack_controller.prove.accept.parts import Parts, parts_of
from rack_controller.prove.accept.plan import Plan
from rack_controller.prove.report.exhibits import Drawing, drawings_of
from rack_controller.prove.report.model import Exhibit
from rack_controller.prove.report.svg import draw
from rack_controller.prove.report.written import plural

_UNREADABLE = (OSError, KeyError, ValueError, zipfile.BadZipFile)
MOST_DRAWN = 64
"""Steps whose drawings are kept, of some three runs: a report is made again and again while people waive and sign."""


def plan_of_run(folder: RunFolder, record: RunRecord) -> Plan | None:
    """Return the plan that a run began with, None where it is not there any more."""
    try:
        return kept_plan(folder.path, record)
    except RackwrightError:
        return None


def exhibits_of(
    folder: RunFolder, record: RunRecord, plan: Plan, design: Generation
) -> Iterator[tuple[str, Sequence[Exhibit]]]:
    """Yield each step of a run of this design that kept its series, with what is worth drawing of it, worst first."""
    parts = parts_of(design, design_of(design))
    steps = {s.id: s for s in plan.steps}
    by = f"{record.generation} {record.design_sha256} {record.shipped_sha256} {record.plan_sha256}"
    for step in record.steps:
        if step.id not in steps or not _as_measured(folder.path, step):
            continue
        drawn = _Drawn(step.raw_sha256, msgspec.json.encode(step), by, folder.path, record.rack, step, plan, parts)
        try:
            yield step.id, _exhibits(drawn)
        except _UNREADABLE:
            continue


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What a step's drawings are made from: told from others by what was read, what was found, plan and design."""

    raw_sha256: str
    record: bytes
    by: str
    folder: Path = field(compare=False)
    rack: str = field(compare=False)
    step: StepRecord = field(compare=False)
    plan: Plan = field(compare=False)
    parts: Parts = field(compare=False)


@lru_cache(maxsize=MOST_DRAWN)
def _exhibits(of: _Drawn) -> tuple[Exhibit, ...]:
    """Return what is worth drawing of a step, of the very bytes that were measured.  Raises one of `_UNREADABLE`."""
    content = (of.folder / of.step.raw).read_bytes()
    if hashlib.sha256(content).hexdigest() != of.raw_sha256:
        raise ValueError(f"{of.step.raw} is not what was measured")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        raw = unpack(of.rack, {name: arrays[name] for name in arrays.files})
    spec = next(s for s in of.plan.steps if s.id == of.step.id)
    drawings = drawings_of(of.step, spec, of.plan, raw, of.parts)
    return tuple(Exhibit(_caption(d, of.step), draw(d)) for d in drawings)


def _as_measured(folder: Path, step: StepRecord) -> bool:
    """Return whether a step's series are kept, and are what was measured."""
    try:
        return bool(step.raw) and sha256_of(folder / step.raw) == step.raw_sha256
    except OSError:
        return False


def _caption(drawing: Drawing, step: StepRecord) -> str:
    named = ", ".join(drawing.marked)
    many = plural(len(drawing.places), "part")
    why = "Out of bounds" if drawing.faulty else "Nearest to its limit"
    if len(drawing.places) == 1:
        return f"{drawing.title}. {step.raw}."
    return (
        f"{drawing.title}. {why}: {named}. Band and median of {many}; the time that was judged is shaded. {step.raw}."
    )
