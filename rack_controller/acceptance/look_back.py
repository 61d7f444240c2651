"""What a run still can tell when it is looked back at: its plan, its raw series, what is worth drawing of them."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.acceptance.begin import kept_plan
from rack_controller.acceptance.kept import sha256_of
from rack_controller.acceptance.raw import unpack
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.run import RunFolder
from rack_controller.prove.accept.evidence import Evidence
from rack_controller.prove.accept.parts import parts_of
from rack_controller.prove.accept.plan import Plan
from rack_controller.prove.report.exhibits import Drawing, drawings_of
from rack_controller.prove.report.model import Exhibit
from rack_controller.prove.report.svg import draw
from rack_controller.prove.report.written import plural

_UNREADABLE = (OSError, KeyError, ValueError, zipfile.BadZipFile)


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
    for step in record.steps:
        raw = _raw(folder.path, record.rack, step)
        if raw is None or step.id not in steps:
            continue
        drawings = drawings_of(step, steps[step.id], plan, raw, parts)
        yield step.id, [Exhibit(_caption(d, step), draw(d)) for d in drawings]


def _raw(folder: Path, rack: str, step: StepRecord) -> Evidence | None:
    """Return what was read in a step; None where nothing is kept, or where what is kept is not what was measured."""
    if not step.raw:
        return None
    path = folder / step.raw
    try:
        if sha256_of(path) != step.raw_sha256:
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return unpack(rack, {name: arrays[name] for name in arrays.files})
    except _UNREADABLE:
        return None


def _caption(drawing: Drawing, step: StepRecord) -> str:
    named = ", ".join(drawing.marked)
    many = plural(len(drawing.places), "part")
    why = "Out of bounds" if drawing.faulty else "Nearest to its limit"
    if len(drawing.places) == 1:
        return f"{drawing.title}. {step.raw}."
    return (
        f"{drawing.title}. {why}: {named}. Band and median of {many}; the time that was judged is shaded. {step.raw}."
    )
