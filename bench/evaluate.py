"""Evaluations: the page that compares 200 racks with passports, and virtual racks through the whole plan."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.passport import _factory_file
from datacenter_api.console.evaluation import draw_comparison, draw_contrasts, draw_evaluations
from datacenter_api.console.evaluation_page import PATIENCE_S
from datacenter_api.evaluation.desk import EvaluationDesk
from datacenter_api.passports.desk import PassportDesk
from rack_controller.evaluation.kept import EvaluationRecord, keep_evaluation
from rack_controller.evaluation.plans import read_evaluation
from rack_controller.evaluation.virtual import VirtualWish, evaluate_virtually
from rack_controller.prove.evaluate.criteria import FROM_RECORDS, Kind
from rack_controller.prove.evaluate.sheet import Seen, Sheet

RACKS, GENERATIONS, EACH = 200, ("gb200-nvl72", "gb300-nvl72"), 4
ROUNDS = 5


def run(record: Callable[..., None]) -> None:
    """Measure `comparison_page_ms` (bar 1,000): files read, records laid on, tested, drawn; and `virtual_rack_s`.

    Wall time, the median of some rounds; `comparison_first_ms` is the first look after an import (bar 1,000).
    """
    began = time.perf_counter()
    plan, digest = read_evaluation()
    for generation in GENERATIONS:
        evaluate_virtually(plan, digest, VirtualWish(generation, EACH, 1), "bench", 0)
    record(figure="virtual_rack_s", value=(time.perf_counter() - began) / (EACH * len(GENERATIONS)), unit="s")
    with tempfile.TemporaryDirectory(prefix="rackwright-evaluate-") as folder:
        passports = PassportDesk(Path(folder))
        assert passports.take(_factory_file(RACKS), "factory.csv", "bench").accepted
        racks = passports.store.racks()
        sheets = [_sheet(plan, rack, n) for n, rack in enumerate(racks)]
        about = EvaluationRecord("ev-bench", plan.name, digest, "bench", "live", RACKS, RACKS, 1, "bench", "0")
        keep_evaluation(Path(folder), about, sheets, passports.keys.signer())
        desk = EvaluationDesk(Path(folder), passports)
        record(figure="comparison_first_ms", value=_page(desk, "generation"), unit="ms", n=RACKS)
        desk.comparison()
        for by, figure in (("generation", "comparison_page_ms"), ("rack", "comparison_by_rack_ms")):
            took = statistics.median(_page(desk, by) for _ in range(ROUNDS))
            record(figure=figure, value=took, unit="ms", n=RACKS)
        passports.close()


def _page(desk: EvaluationDesk, by: str) -> float:
    began = time.perf_counter()
    found = desk.comparison(by, patience_s=PATIENCE_S)
    page = draw_comparison(found, by) + draw_contrasts(found) + draw_evaluations(desk.kept())
    assert len(found.groups) == (RACKS if by == "rack" else 4)
    assert len(page) > 1_000
    return (time.perf_counter() - began) * 1e3


def _sheet(plan, rack: str, n: int) -> Sheet:  # type: ignore[no-untyped-def]
    dice = np.random.default_rng(n)
    seen = {}
    for criterion in (c for c in plan.criteria if c.way not in FROM_RECORDS):
        if criterion.kind is Kind.COUNT:
            seen[criterion.id] = Seen(0.0, events=int(dice.poisson(0.1)), exposure=1.0, under="a")
        else:
            seen[criterion.id] = Seen(float(dice.normal(100.0 + n % 4, 2.0)), under="a")
    return Sheet(rack, f"generation-{n % 4}", "live", "ev-bench", "ab", 1, 1.0, seen)
