"""Acceptance in virtual time: one whole rack, planted faults that must be named, and healthy racks that must pass.

Figures: `full_rack_virtual_s`, wall time of a whole rack acceptance; `planted_faults_missed`, faults of
`seeds/acceptance/planted.yaml` that the named step did not find at every named part; `false_alarms_50_racks`, findings
in 50 healthy racks of normal spread in one batch, and how long that took.  Of the other designs that ship the same with
their own plans: `planted_faults_missed_DESIGN`, `false_alarms_DESIGN` and, two racks of a domain together,
`false_alarms_cluster`.
"""

import time
from collections.abc import Callable, Sequence

from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.virtual.batch import accept_virtually, not_found, planted_for
from rack_controller.prove.accept.plan import Level

GENERATION = "gb200-nvl72"
OTHERS = ("gb300-nvl72", "vera-rubin-nvl72", "orv3-hpr-nvl36x2")
PAIR = "orv3-hpr-nvl36x2"
SEEDS = (20261129, 7)
BATCH, HEALTHY, HEALTHY_OTHERS = 34, 50, 10


def run(record: Callable[..., None]) -> None:
    """Measure and record."""
    began = time.perf_counter()
    (one,) = accept_virtually(GENERATION, 1, seed=SEEDS[0])
    took = time.perf_counter() - began
    virtual = sum(step.took_s for step in one)
    record(figure="full_rack_virtual_s", value=took, unit="s", baseline=virtual, ratio=took / virtual)
    record(figure="false_alarms_one_rack", value=_findings([one]), unit="findings")
    faults = planted_for(GENERATION)
    found = not_found(GENERATION, faults, seed=SEEDS[0], at_once=BATCH)
    record(figure="planted_faults_missed", value=len(found), unit="faults", n=len(faults))
    for name in found:
        record(figure=f"missed_{name}", value=1.0, unit="fault")
    began = time.perf_counter()
    healthy = accept_virtually(GENERATION, HEALTHY, seed=SEEDS[1])
    record(figure="false_alarms_50_racks", value=_findings(healthy), unit="findings", n=HEALTHY)
    record(figure="fifty_racks_s", value=time.perf_counter() - began, unit="s", n=HEALTHY)
    for design in OTHERS:
        there = planted_for(design)
        found = not_found(design, there, seed=SEEDS[0], at_once=BATCH)
        record(figure=f"planted_faults_missed_{design}", value=len(found), unit="faults", n=len(there))
        for name in found:
            record(figure=f"missed_{design}_{name}", value=1.0, unit="fault")
        healthy = accept_virtually(design, HEALTHY_OTHERS, seed=SEEDS[1])
        record(figure=f"false_alarms_{design}", value=_findings(healthy), unit="findings", n=HEALTHY_OTHERS)
    pair = accept_virtually(PAIR, 2, seed=SEEDS[1], level=Level.L12)
    record(figure="false_alarms_cluster", value=_findings(pair), unit="findings", n=2)


def _findings(racks: Sequence[Sequence[StepRecord]]) -> int:
    return sum(len(step.findings) for steps in racks for step in steps)
