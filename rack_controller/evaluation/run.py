"""An evaluation from its wish to its sealed sheets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.evaluation.from_run import sheet_of_run
from rack_controller.evaluation.kept import EvaluationRecord, keep_evaluation, new_evaluation_id
from rack_controller.evaluation.plans import STANDARD, read_evaluation
from rack_controller.evaluation.virtual import VirtualWish, evaluate_virtually
from rack_controller.prove.evaluate.sheet import Sheet
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

MOST_GENERATIONS, MOST_SHEETS = 16, 5_000
Told = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class EvaluationWish:
    """What to evaluate: so many virtual racks of each generation, made from a seed, each measured `repeats` times."""

    generations: tuple[str, ...]
    racks: int = 4
    seed: int = 1
    repeats: int = 1
    plan: str = STANDARD
    trace: Path | None = None


def run_evaluation(
    wish: EvaluationWish,
    state: Path,
    actor: str,
    software: str,
    now_unix_ns: int,
    told: Told = lambda name, count: None,
) -> Path:
    """Evaluate virtual racks and keep the sheets under a seal; returns the folder.

    Raises ConfigurationError or FileInvalid for a wish that cannot be met, EnvironmentUnfit when nothing can be kept.
    """
    generations = tuple(dict.fromkeys(wish.generations))
    if not 1 <= len(generations) <= MOST_GENERATIONS or len(generations) * wish.racks * wish.repeats > MOST_SHEETS:
        advice = f"1 to {MOST_GENERATIONS} generations, {MOST_SHEETS} sheets at most"
        raise ConfigurationError("too little or too much to evaluate", advice=advice)
    plan, digest = read_evaluation(wish.plan, [state])
    name = new_evaluation_id()
    sheets: list[Sheet] = []
    for generation in generations:
        asked = VirtualWish(generation, wish.racks, wish.seed, wish.repeats, wish.trace)
        found = evaluate_virtually(plan, digest, asked, name, now_unix_ns, own_generations(state))
        sheets += found
        told(generation, len(found))
    of = f"{', '.join(generations)}; seed {wish.seed}"
    return _kept(state, name, plan.name, digest, of, "virtual", sheets, actor, software, now_unix_ns)


def take_run(run: str, plan_name: str, state: Path, actor: str, software: str, now_unix_ns: int) -> Path:
    """Keep what an acceptance run has measured as an evaluation of its rack; returns the folder.

    Raises ConfigurationError where the run's seal does not hold or it has not ended.
    """
    plan, digest = read_evaluation(plan_name, [state])
    name = new_evaluation_id()
    sheet = sheet_of_run(state, run, plan, digest, name)
    of = f"{sheet.rack}; acceptance run {run}"
    return _kept(state, name, plan.name, digest, of, sheet.rig, [sheet], actor, software, now_unix_ns)


def _kept(
    state: Path,
    name: str,
    plan: str,
    digest: str,
    of: str,
    rig: str,
    sheets: list[Sheet],
    actor: str,
    software: str,
    now_unix_ns: int,
) -> Path:
    racks = len({s.rack for s in sheets})
    record = EvaluationRecord(name, plan, digest, of, rig, racks, len(sheets), now_unix_ns, actor, software)
    return keep_evaluation(state, record, sheets, SigningKeys(state / KEYS).signer())
