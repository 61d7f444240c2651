"""Acceptance in virtual time: one whole rack, planted faults that must be named, and healthy racks that must pass.

Figures: `full_rack_virtual_s`, wall time of a whole rack acceptance; `planted_faults_missed`, faults of
`seeds/acceptance/planted.yaml` that the named step did not find at every named part; `false_alarms_50_racks`, findings
in 50 healthy racks of normal spread in one batch, and how long that took.
"""

import time
from collections.abc import Callable, Sequence

from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.virtual.batch import accept_virtually, missed
from rack_controller.acceptance.virtual.recipe import Planted, read_planted

GENERATION = "gb200-nvl72"
SEEDS = (20261129, 7)
BATCH, HEALTHY = 34, 50


def run(record: Callable[..., None]) -> None:
    """Measure and record."""
    began = time.perf_counter()
    (one,) = accept_virtually(GENERATION, 1, seed=SEEDS[0])
    took = time.perf_counter() - began
    virtual = sum(step.took_s for step in one)
    record(figure="full_rack_virtual_s", value=took, unit="s", baseline=virtual, ratio=took / virtual)
    record(figure="false_alarms_one_rack", value=_findings([one]), unit="findings")
    faults = read_planted().faults
    found = _not_found(faults, SEEDS[0])
    record(figure="planted_faults_missed", value=len(found), unit="faults", n=len(faults))
    for name in found:
        record(figure=f"missed_{name}", value=1.0, unit="fault")
    began = time.perf_counter()
    healthy = accept_virtually(GENERATION, HEALTHY, seed=SEEDS[1])
    record(figure="false_alarms_50_racks", value=_findings(healthy), unit="findings", n=HEALTHY)
    record(figure="fifty_racks_s", value=time.perf_counter() - began, unit="s", n=HEALTHY)


def _not_found(faults: Sequence[Planted], seed: int) -> list[str]:
    names: list[str] = []
    for first in range(0, len(faults), BATCH):
        some = faults[first : first + BATCH]
        done = accept_virtually(GENERATION, len(some), seed=seed, faults=some)
        names += [f.id for f, steps in zip(some, done, strict=True) if missed(f, steps)]
    return names


def _findings(racks: Sequence[Sequence[StepRecord]]) -> int:
    return sum(len(step.findings) for steps in racks for step in steps)
