"""Evaluations that were never run: sheets with values that are known, kept under a seal."""

from pathlib import Path

from rack_controller.evaluation.kept import EvaluationRecord, keep_evaluation
from rack_controller.prove.evaluate.sheet import Seen, Sheet
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

OLD, NEW = "gb200-nvl72", "gb300-nvl72"


def keep_sheets(state: Path, name: str, racks: dict[str, tuple[str, float]], *, rig: str = "live") -> Path:
    """Keep an evaluation: by rack its generation and its goodput per kW."""
    sheets = [
        Sheet(rack, generation, rig, name, "ab", 1, 0.5, {"goodput-per-kw": Seen(value, under="a")})
        for rack, (generation, value) in racks.items()
    ]
    record = EvaluationRecord(name, "standard", "ab", "six racks", rig, len(racks), len(racks), 1, "ada", "0")
    return keep_evaluation(state, record, sheets, SigningKeys(state / KEYS).signer())


def six_racks(state: Path, name: str = "ev-1") -> Path:
    """Keep three racks of each of two generations, the newer one better by a fifth."""
    values = {OLD: (100.0, 101.0, 99.0), NEW: (120.0, 121.5, 119.0)}
    racks = {f"lab1/a/r01/{g[2]}{n}": (g, v) for g, some in values.items() for n, v in enumerate(some)}
    return keep_sheets(state, name, racks)
