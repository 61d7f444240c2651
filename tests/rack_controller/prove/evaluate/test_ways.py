"""What each way makes of readings: numbers that can be worked out by hand, and nothing where something is missing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from rack_controller.prove.accept.evidence import Evidence, Phase, Series
from rack_controller.prove.accept.parts import parts_of
from rack_controller.prove.evaluate.criteria import CriterionSpec, FaultDrill, Way
from rack_controller.prove.evaluate.ways import Subject, measure

GENERATION = load_generation("gb200-nvl72")
PARTS = parts_of(GENERATION, design_of(GENERATION))
DRILL = FaultDrill(["psu"], 1.0, 1.0)
SUBJECT = Subject(PARTS, 132_000.0, 1200.0, DRILL)
GPUS = len(PARTS.of("gpu"))
TIMES = np.arange(1.0, 11.0)


def series(name: str, values: float | list[float] | np.ndarray, unit: str = "W") -> Series:
    """Return ten rows of a series, one a second: a value for all parts, one for each part, or all of them."""
    places = PARTS.of(name.partition(".")[0])
    grid = np.broadcast_to(np.asarray(values, dtype=np.float64), (len(TIMES), len(places))).copy()
    return Series(name, unit, places, TIMES, grid)


def evidence(*given_series: Series, phases: tuple[Phase, ...] = (Phase("full", 0.0, 0.0, 10.0),)) -> Evidence:
    return Evidence("k01", {s.name: s for s in given_series}, phases)


def criterion(way: Way, **said: object) -> CriterionSpec:
    return CriterionSpec("x", "X", "1", "higher", way, "a test", step="s", stretch="full", **said)  # type: ignore[arg-type]


FULL = (series("gpu.power", 1150.0), series("feedphase.power", 19_000.0), series("pump.power", 500.0))


def test_goodput_is_of_the_slowest_gpu_on_all_that_the_facility_gives() -> None:
    rates = np.full(GPUS, 100.0)
    rates[7] = 80.0
    seen = measure(criterion(Way.WORK_PER_KW), evidence(*FULL, series("gpu.work_rate", rates)), SUBJECT)
    assert seen.value == pytest.approx(72 * 80.0 / (6 * 19.0 + 2 * 0.5))


@pytest.mark.parametrize("left_out", ["feedphase.power", "pump.power", "gpu.work_rate"])
def test_what_nobody_measures_has_no_goodput(left_out: str) -> None:
    some = [s for s in (*FULL, series("gpu.work_rate", 100.0)) if s.name != left_out]
    seen = measure(criterion(Way.WORK_PER_KW), evidence(*some), SUBJECT)
    assert (seen.value, seen.why) == (None, f"nothing measures {left_out}")


def test_a_silent_part_is_not_left_out_of_a_sum_or_an_extreme() -> None:
    silent = series("gpu.work_rate", 100.0)
    silent.values[:, 3] = np.nan
    seen = measure(criterion(Way.WORK_PER_KW), evidence(*FULL, silent), SUBJECT)
    assert seen.value is None
    assert "10 of 10 moments" in seen.why
    hot = series("gpu.temperature", 70.0, "°C")
    hot.values[:, 3] = np.nan
    seen = measure(criterion(Way.MARGIN, of="gpu.temperature", limit=85.0), evidence(*FULL, hot), SUBJECT)
    assert (seen.value, "1 of 72" in seen.why) == (None, True)


def test_gpus_that_draw_little_say_nothing_of_full_load() -> None:
    idle = evidence(series("gpu.power", 300.0), series("gpu.temperature", 50.0))
    seen = measure(criterion(Way.MARGIN, of="gpu.temperature", limit=85.0, loaded="full"), idle, SUBJECT)
    assert seen.value is None
    assert "21.6 of 86.4 kW" in seen.why


def test_the_hottest_gpu_sets_the_margin() -> None:
    heat = np.full(GPUS, 70.0)
    heat[5] = 79.0
    seen = measure(
        criterion(Way.MARGIN, of="gpu.temperature", limit=85.0),
        evidence(*FULL, series("gpu.temperature", heat)),
        SUBJECT,
    )
    assert seen.value == pytest.approx(6.0)
    assert PARTS.of("gpu")[5] in seen.detail


def test_headroom_is_of_the_peak_and_what_the_design_plans_to_use() -> None:
    power = series("shelf.power", 13_000.0)
    power.values[4] = 14_000.0
    assert measure(criterion(Way.HEADROOM), evidence(power), SUBJECT).value == pytest.approx(1 - 112 / 132)


def test_the_steepest_rise_counts_and_not_the_mean() -> None:
    power = series("feedphase.power", np.repeat(np.array([[1.0, 1, 1, 2, 5, 6, 6, 6, 6, 6]]).T * 1000.0, 6, axis=1))
    assert measure(criterion(Way.RAMP), evidence(power), SUBJECT).value == pytest.approx(18.0)


def test_spread_and_work_at_a_limit_are_shares() -> None:
    rates = np.linspace(98.0, 102.0, GPUS)
    seen = measure(criterion(Way.SPREAD, of="gpu.work_rate"), evidence(series("gpu.work_rate", rates)), SUBJECT)
    assert seen.value == pytest.approx(0.04)
    work = series("gpu.work_rate", 100.0)
    work.values[5:] = 90.0
    phases = (Phase("full", 0, 0, 5.0), Phase("limited", 5, 5.0, 10.0))
    asked = criterion(Way.WORK_RATIO, against="full")
    asked = CriterionSpec(**{**{f: getattr(asked, f) for f in asked.__struct_fields__}, "stretch": "limited"})
    assert measure(asked, evidence(*FULL, work, phases=phases), SUBJECT).value == pytest.approx(0.9)


def test_the_worst_outage_counts_and_is_named() -> None:
    power, clock = series("gpu.power", 1150.0), series("gpu.clock_core", 1.9e9, "Hz")
    power.values[5:8, :4] = 0.0
    clock.values[8:, :10] = 1.2e9
    phases = (
        Phase("before", 0, 0, 5.0),
        Phase("faults1", 5, 5.0, 8.0, "u11"),
        Phase("faults1", 8, 8.0, 10.0, "u01/pump0"),
    )
    seen = measure(criterion(Way.USABLE, faults=1), evidence(power, clock, phases=phases), SUBJECT)
    assert (seen.value, "u01/pump0" in seen.detail) == (62.0, True)
    none = measure(criterion(Way.USABLE, faults=2), evidence(power, clock, phases=phases), SUBJECT)
    assert (none.value, none.why) == (None, "no part was taken out")


def test_a_part_that_fails_twice_is_one_failure_in_its_exposure() -> None:
    lost, wrong = series("gpu.ecc_uncorrected", 0.0), series("gpu.work_errors", 3.0)
    lost.values[5:, [2, 9]] = 2.0
    wrong.values[5:, 2] = 4.0
    asked = criterion(Way.FAILURES, counters=["gpu.ecc_uncorrected", "gpu.work_errors"])
    seen = measure(asked, evidence(lost, wrong), SUBJECT)
    assert (seen.events, seen.exposure) == (2, pytest.approx(10 / 86_400))
    gone = measure(asked, evidence(lost), SUBJECT)
    assert (gone.value, gone.why) == (None, "nothing measures gpu.work_errors")


def test_firmware_is_counted_against_the_baseline_and_nothing_else() -> None:
    facts = {p: {"firmware": "1"} for p in PARTS.of("gpu")} | {"u11/bmc": {"firmware": "7"}}
    facts[PARTS.of("gpu")[3]] = {"firmware": "2"}
    told = replace(evidence(), facts=facts, baseline={"gpu": {"firmware": "1"}})
    seen = measure(criterion(Way.DRIFT), told, SUBJECT)
    assert (seen.value, seen.detail, seen.most) == (1.0, f"of 72: {PARTS.of('gpu')[3]}", 72.0)
    assert measure(criterion(Way.DRIFT), replace(told, baseline={}), SUBJECT).why == "no baseline is known"


@given(st.sampled_from([w for w in Way if w in {"work_per_kw", "headroom", "ramp", "spread", "margin", "usable"}]))
def test_no_readings_are_no_value_and_a_reason(way: Way) -> None:
    seen = measure(criterion(way, of="gpu.temperature", limit=85.0, faults=1), Evidence("k01"), SUBJECT)
    assert seen.value is None
    assert seen.why
