"""What a stimulus brings to light: who follows late, who still shows something while out, whose fault a loss is."""

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from rack_controller.prove.accept.evidence import Array, Evidence, Phase, Series
from rack_controller.prove.accept.judge import judge
from rack_controller.prove.accept.parts import Parts, parts_of
from rack_controller.prove.accept.plan import MeasureSpec, Rule
from rack_controller.prove.accept.verdict import Outcome

RISEN, FULL = Phase("risen", 100.0, 100.0, 190.0), Phase("full", 190.0, 190.0, 300.0)
TIMES = np.arange(2.0, 301.0, 2.0)


@pytest.fixture(scope="module")
def parts() -> Parts:
    generation = load_generation("gb200-nvl72")
    return parts_of(generation, design_of(generation))


def spec(rule: Rule, of: str, **more: object) -> MeasureSpec:
    return MeasureSpec(id="m", title="m", of=of, rule=rule, source="a test", **more)  # type: ignore[arg-type]


def step(parts: Parts, late_s: dict[str, float], height: float = 30.0, every: int = 1) -> Series:
    """Return GPUs that go from 35 to 65 °C with a lag of 5 s, some with another one; read in every so many rows."""
    places = parts.of("gpu")
    lag = np.array([late_s.get(p, 5.0) for p in places])
    since = np.maximum(TIMES - RISEN.since, 0.0)[:, None]
    values: Array = 35.0 + height * (1.0 - np.exp(-since / lag))
    values = values + 0.2 * np.random.default_rng(2).standard_normal(values.shape)
    rows = np.arange(len(TIMES))
    return Series("gpu.temperature", "°C", places, TIMES, values[rows - rows % every])


def named(series: Series, measure: MeasureSpec, parts: Parts, *phases: Phase) -> list[str]:
    return [f.place for f in judge(measure, Evidence("k", {series.name: series}, phases), parts).findings]


@pytest.mark.parametrize("every", [1, 5])
def test_who_follows_a_step_later_than_its_peers_is_named(parts: Parts, every: int) -> None:
    lag = spec(Rule.LAGS, "gpu.temperature", phase="risen", to="full", within=12.0)
    assert named(step(parts, {"u13/gpu0": 40.0}, every=every), lag, parts, RISEN, FULL) == ["u13/gpu0"]
    assert named(step(parts, {}, every=every), lag, parts, RISEN, FULL) == []


def test_what_was_not_read_since_the_step_is_taken_as_its_next_reading_shows_it(parts: Parts) -> None:
    shown = step(parts, {"u13/gpu0": 40.0})
    shown.values[50:54] = np.nan  # of before the step
    shown.values[60, 7] = np.nan
    lag = spec(Rule.LAGS, "gpu.temperature", phase="risen", to="full", within=12.0)
    assert named(shown, lag, parts, RISEN, FULL) == ["u13/gpu0"]


def test_where_nothing_steps_nobody_is_late_and_that_is_said(parts: Parts) -> None:
    lag = spec(Rule.LAGS, "gpu.temperature", phase="risen", to="full", within=12.0)
    still = judge(lag, Evidence("k", {"gpu.temperature": step(parts, {}, height=0.1)}, (RISEN, FULL)), parts)
    assert still.outcome is Outcome.ERROR
    assert "too little" in still.findings[0].text


def test_what_is_out_and_still_shows_power_is_named_and_what_falls_silent_is_not(parts: Parts) -> None:
    places = parts.of("psu")
    phases = [Phase("pulled", 10.0 * n, 10.0 * n + 1, 10.0 * n + 8, place=p) for n, p in enumerate(places[:4], 1)]
    times = np.arange(1.0, 60.0)
    values = np.full((len(times), len(places)), 2400.0)
    for n, p in enumerate(phases):
        values[(times > p.since) & (times <= p.end), n] = (0.0, 440.0, np.nan, 20.0)[n]
    shown = Series("psu.power", "W", places, times, values)
    assert named(shown, spec(Rule.CEASES, "psu.power", phase="pulled", within=100.0), parts, *phases) == [places[1]]


@pytest.mark.parametrize(
    ("both", "without", "blamed"),
    [
        (1.96, (1.95, 1.96), []),
        (1.84, (1.96, 1.70), ["u01/pump0"]),  # weak: together half of it is missing
        (1.96, (1.96, 1.50), ["u01/pump1"]),  # what runs back through the one that stands costs both together nothing
    ],
)
def test_what_is_missing_without_a_part_is_its_own_where_all_together_lack_nothing(
    parts: Parts, both: float, without: tuple[float, float], blamed: list[str]
) -> None:
    stops = [Phase("stopped", 20.0 * n, 20.0 * n + 5, 20.0 * n + 15, place=f"u01/pump{n - 1}") for n in (1, 2)]
    times = np.arange(1.0, 60.0)
    values = np.full((len(times), 1), both)
    for phase, value in zip(stops, without, strict=True):
        values[(times > phase.since) & (times <= phase.end)] = value
    flow = Series("cdu.flow_per_speed", "L/min/%", ("u01",), times, values)
    alone = spec(Rule.ALONE, "cdu.flow_per_speed", phase="stopped", to="both", least=1.78, most=2.14)
    given = dict.fromkeys((flow.name, "cdu.flow", "pump.speed"), flow)
    found = judge(alone, Evidence("k", given, (Phase("both", 0.0, 0.0, 15.0), *stops)), parts).findings
    assert [f.place for f in found] == blamed
