"""Runs 500 seeds of the simulation: a rack, its controllers and what goes wrong, in virtual time on one core."""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the runs are those that `make test` takes a sample of

from support.simulation.world import live

SEEDS = 500


def run(record: Any) -> None:
    """Measure `sim/seeds`, `sim/violations`, `sim/seeds_per_s`."""
    began = time.process_time()
    found = 0
    for seed in range(SEEDS):
        violations = live(seed).violations
        found += len(violations)
        if violations:
            print(f"seed {seed}: {violations[0]}", file=sys.stderr)
    record(figure="seeds", value=SEEDS, unit="1", n=SEEDS)
    record(figure="violations", value=found, unit="1", n=SEEDS)
    record(figure="seeds_per_s", value=SEEDS / (time.process_time() - began), unit="1/s", n=SEEDS)
