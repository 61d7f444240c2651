"""An evaluation in a process of its own: `python -m rack_controller.evaluation STATE WISH`; prints its id."""

import sys
import time
from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.evaluation.run import EvaluationWish, run_evaluation


class _Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    generations: tuple[str, ...]
    racks: int
    seed: int
    repeats: int
    plan: str
    actor: str
    software: str


def main() -> int:
    """Run it; 2 and a line that says why when it cannot be."""
    try:
        _, state, text = sys.argv
        wish = msgspec.json.decode(text, type=_Wish)
    except (ValueError, msgspec.MsgspecError) as err:
        print(f"expected STATE WISH: {err}", file=sys.stderr)
        return 2
    asked = EvaluationWish(wish.generations, wish.racks, wish.seed, wish.repeats, wish.plan)
    try:
        folder = run_evaluation(asked, Path(state), wish.actor, wish.software, time.time_ns())
    except RackwrightError as err:
        print(err, file=sys.stderr)
        return 2
    print(folder.name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
