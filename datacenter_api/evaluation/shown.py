"""What the API and the command line show of evaluations."""

import msgspec

from rack_controller.prove.evaluate.needed import Needed
from rack_controller.prove.evaluate.sheet import Sheet


class EvaluationRow(msgspec.Struct, frozen=True):
    """One evaluation that is kept.  `fault`: why it does not count, empty where its seal holds."""

    id: str
    plan: str
    of: str
    rig: str
    racks: int
    sheets: int
    began_unix_ns: int
    actor: str
    sha256: str
    fault: str = ""


class EvaluationShown(msgspec.Struct, frozen=True):
    """One evaluation with every sheet of it."""

    evaluation: EvaluationRow
    sheets: list[Sheet]


class NeededRow(msgspec.Struct, frozen=True):
    """What it takes to show an effect in one criterion.  `needed` is None where nothing is known of racks' spread."""

    criterion: str
    title: str
    unit: str
    effect_percent: float
    needed: Needed | None
    exposure_days: float | None = None
    why: str = ""
