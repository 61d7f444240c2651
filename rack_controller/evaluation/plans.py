"""Evaluation plans as files: the one that ships, an installation's own, or one that is named."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import parse
from rack_controller.prove.evaluate.criteria import EvaluationPlan, EvaluationStep, evaluation_plan_of

FOLDER, STANDARD = "evaluation", "standard"


def read_evaluation(name: str = STANDARD, search: Sequence[Path] = ()) -> tuple[EvaluationPlan, str]:
    """Return a plan and the SHA-256 of its text: `NAME`, of the first folder of `search` that has it, or the seeds'.

    Raises ConfigurationError when there is none, FileInvalid with file, line and field when it is wrong.
    """
    roots = [*(root / FOLDER for root in search), seeds_folder() / FOLDER]
    path = next((p for root in roots if (p := root / f"{name}.yaml").is_file()), None)
    if path is None or "/" in name:
        known = ", ".join(sorted({p.stem for root in roots for p in root.glob("*.yaml")}))
        raise ConfigurationError(f"there is no evaluation plan {name[:64]!r}", advice=f"known are {known}")
    return read_evaluation_file(path)


def read_evaluation_file(path: Path) -> tuple[EvaluationPlan, str]:
    """Return a file's plan and the SHA-256 of its text.  Raises ConfigurationError, FileInvalid."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(
            f"cannot read {path}: {getattr(err, 'strerror', None) or err}", advice="name a file that is there"
        ) from err
    return evaluation_plan_of(parse(text, str(path))), hashlib.sha256(text.encode()).hexdigest()


def under(plan: EvaluationPlan, step: EvaluationStep | None, trace: str, rig: str) -> str:
    """Return a hash of what is done to a rack in a step (None: the fault drill), for telling what can be compared.

    A virtual rack's values are never held beside a real one's.
    """
    done = [rig, plan.faults] if step is None else [rig, step.stretches]
    traced = [trace, plan.pumps] if step is not None and any(s.trace for s in step.stretches) else [plan.pumps]
    return hashlib.sha256(msgspec.json.encode([done, traced])).hexdigest()[:16]
