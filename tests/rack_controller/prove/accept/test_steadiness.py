"""Readings that lie now and then: lost, late, stuck, jumping, above a limit for a moment; healthy ones pass."""

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from rack_controller.prove.accept.derived import derive
from rack_controller.prove.accept.evidence import Evidence, Phase, Series
from rack_controller.prove.accept.hall import with_hall
from rack_controller.prove.accept.judge import judge, judge_step
from rack_controller.prove.accept.parts import Parts, parts_of
from rack_controller.prove.accept.plan import Alone, Level, MeasureSpec, PhaseSpec, Plan, Rule, StepSpec, Tolerance
from rack_controller.prove.accept.safety import broken, unsafe
from rack_controller.prove.accept.verdict import Outcome

PHASE = Phase("full", 0.0, 0.0, 1e9, value=1000.0)
ROWS = 100


@pytest.fixture(scope="module")
def parts() -> Parts:
    generation = load_generation("gb200-nvl72")
    return parts_of(generation, design_of(generation))


@pytest.fixture
def values(parts: Parts) -> NDArray[np.float64]:
    noise = np.random.default_rng(3).standard_normal((ROWS, len(parts.of("gpu"))))
    return 1000.0 + 2.0 * noise + 50.0 * np.sin(np.arange(ROWS) / 9.0)[:, None]  # all move together


def named(parts: Parts, rule: Rule, values: NDArray[np.float64], **more: float | str) -> set[str]:
    series = Series("gpu.power", "W", parts.of("gpu"), np.arange(1.0, ROWS + 1.0), values)
    spec = MeasureSpec("m", "m", "gpu.power", rule, "a test", phase="full", **more)  # type: ignore[arg-type]
    return {f.place for f in judge(spec, Evidence("k", {"gpu.power": series}, (PHASE,)), parts).findings}


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        (Rule.HEARD, {"most": 0.1}),
        (Rule.PACES, {"share": 0.5}),
        (Rule.JUMPS, {"times": 4.0}),
        (Rule.BREATHES, {}),
        (Rule.PEAKS, {"most": 1060.0}),
    ],
)
def test_healthy_readings_pass(parts: Parts, values: NDArray[np.float64], rule: Rule, more: dict[str, float]) -> None:
    assert named(parts, rule, values, **more) == set()


def test_lost_readings_are_named_unless_nobody_was_heard(parts: Parts, values: NDArray[np.float64]) -> None:
    values[40:70] = np.nan  # the network was away
    values[::4, 5] = np.nan
    assert named(parts, Rule.HEARD, values, most=0.1) == {parts.of("gpu")[5]}


def test_a_sensor_that_shows_something_new_too_rarely_is_named(parts: Parts, values: NDArray[np.float64]) -> None:
    values[:, 6] = np.repeat(values[::10, 6], 10)
    assert named(parts, Rule.PACES, values, share=0.5) == {parts.of("gpu")[6]}


def test_a_reading_that_stands_out_once_in_a_while_is_named(parts: Parts, values: NDArray[np.float64]) -> None:
    values[50, 7] *= 1.3
    assert named(parts, Rule.JUMPS, values, times=4.0) == {parts.of("gpu")[7]}


def test_what_never_changes_is_stuck(parts: Parts, values: NDArray[np.float64]) -> None:
    values[:, 8] = 1000.0
    assert named(parts, Rule.BREATHES, values) == {parts.of("gpu")[8]}


def test_two_readings_in_a_row_beyond_a_limit_are_a_peak_and_one_is_a_glitch(
    parts: Parts, values: NDArray[np.float64]
) -> None:
    values[30, 9] = 1500.0
    values[60:62, 10] = 1500.0
    assert named(parts, Rule.PEAKS, values, most=1100.0) == {parts.of("gpu")[10]}


@pytest.mark.parametrize("rule", [Rule.PEAKS, Rule.RANGE])
def test_a_bound_against_what_was_asked_is_a_multiple_of_it(
    parts: Parts, values: NDArray[np.float64], rule: Rule
) -> None:
    values[:, 9] += 100.0
    assert named(parts, rule, values, most=1.08, against="asked") == {parts.of("gpu")[9]}
    assert named(parts, rule, values, most=1080.0) == {parts.of("gpu")[9]}


def test_a_phase_that_asked_for_no_number_holds_nothing_against_it(parts: Parts, values: NDArray[np.float64]) -> None:
    series = Series("gpu.power", "W", parts.of("gpu"), np.arange(1.0, ROWS + 1.0), values)
    spec = MeasureSpec("m", "m", "gpu.power", Rule.RANGE, "a test", phase="full", most=1.0, against="asked")
    found = judge(spec, Evidence("k", {"gpu.power": series}, (Phase("full", 0.0, 0.0, 1e9),)), parts)
    assert found.outcome is Outcome.ERROR
    assert "asked for" in found.findings[0].text


def test_a_hall_is_the_sum_of_its_racks_and_none_where_one_is_not_measured(parts: Parts) -> None:
    times, places = np.array([1.0, 2.0]), parts.of("feedphase")
    one = Evidence("k01", {"feedphase.power": Series("feedphase.power", "W", places, times, np.full((2, 6), 10e3))})
    other = Evidence("k02", {"feedphase.power": Series("feedphase.power", "W", places, times, np.full((2, 6), 20e3))})
    both = with_hall([one, other], parts)
    assert both[0].series["hall.power"].values[:, 0].tolist() == [180e3, 180e3]
    assert both[1].series["hall.share"].values[0, 0] == pytest.approx(180e3 / (2 * 132e3))
    assert both[0].series["hall.rack_power"].places == ("k01", "k02")
    assert "hall.power" not in with_hall([one, Evidence("k03")], parts)[0].series


def test_a_part_that_tells_nothing_where_its_peers_do_is_an_error(parts: Parts) -> None:
    facts = {f"{tray}/bmc": {"ipmi": False} for tray in parts.of("tray")[:-1]}
    spec = MeasureSpec("m", "m", "ipmi", Rule.FACT, "a test", wanted=[False])
    found = judge(spec, Evidence("k", facts=facts), parts)
    assert found.outcome is Outcome.ERROR
    assert [f.place for f in found.findings] == [f"{parts.of('tray')[-1]}/bmc"]


def test_serials_of_a_kind_that_nobody_tells_are_no_fault_and_an_unread_tray_is_an_error(parts: Parts) -> None:
    gpus = parts.of("gpu")
    built = {p: {"serial": f"S{n}"} for n, p in enumerate(gpus)} | {"u11/cable0": {"serial": "C"}}
    told = {p: dict(s) for p, s in built.items() if "gpu" in p and not p.startswith("u12/") and p != "u13/gpu1"}
    spec = MeasureSpec("m", "m", "serial", Rule.PLACED, "a test")
    found = judge(spec, Evidence("k", facts=told, built=built), parts)
    assert {f.place for f in found.findings if f.error} == {f"u12/gpu{n}" for n in range(4)}
    assert {f.place for f in found.findings if not f.error} == {"u13/gpu1"}


def test_part_numbers_of_a_kind_that_nobody_tells_are_no_error_and_one_of_a_kind_that_is_told_is(parts: Parts) -> None:
    gpus, supplies = parts.of("gpu"), parts.of("psu")
    built = {p: {"part": "P"} for p in (*gpus, *supplies)}
    spec = MeasureSpec("m", "m", "part", Rule.FACT, "a test", by="built")
    told = {p: {"part": "P"} for p in gpus[1:]} | {p: {"part": None} for p in supplies}
    found = judge(spec, Evidence("k", facts=told, built=built), parts)
    assert [(f.place, f.error) for f in found.findings if f.place in gpus] == [(gpus[0], True)]
    assert {f.place for f in found.findings} == {gpus[0]}
    none = judge(spec, Evidence("k", facts={p: {"part": None} for p in gpus}, built=built), parts)
    assert none.outcome is Outcome.ERROR, "where nobody tells any, nothing was compared"


def test_a_stop_rule_wants_two_readings(parts: Parts) -> None:
    from rack_controller.prove.accept.plan import Plan, StopRule

    plan = Plan(1, "p", "p", [], stop=[StopRule("gpu.power", 1100.0, "too much")])
    values = np.full((4, len(parts.of("gpu"))), 1000.0)
    values[2, 3] = 1200.0
    series = Series("gpu.power", "W", parts.of("gpu"), np.arange(4.0), values)
    assert unsafe(plan, Evidence("k", {"gpu.power": series})) == ""
    values[3, 3] = 1200.0
    assert parts.of("gpu")[3] in unsafe(plan, Evidence("k", {"gpu.power": series}))
    found = broken(plan, Evidence("k", {"gpu.power": series}, facts={parts.of("gpu")[3]: {"serial": "G3"}}))
    assert found is not None
    measured = found.measured(Evidence("k", {"gpu.power": series}, facts={parts.of("gpu")[3]: {"serial": "G3"}}))
    assert [(f.place, f.serial, f.value, f.limit) for f in measured.findings] == [
        (parts.of("gpu")[3], "G3", 1200.0, 1100.0)
    ]
    assert measured.outcome is Outcome.FAIL


def alone(parts: Parts, rule: Rule, values: NDArray[np.float64], **more: float) -> Outcome:
    """Return what came of a measure of the coolant unit's flow, which has no peers."""
    series = Series("cdu.flow", "L/min", parts.of("cdu"), np.arange(1.0, ROWS + 1.0), values[:, :1])
    spec = MeasureSpec("m", "m", "cdu.flow", rule, "a test", phase="full", **more)  # type: ignore[arg-type]
    return judge(spec, Evidence("k", {"cdu.flow": series}, (PHASE,)), parts).outcome


def test_what_has_no_peers_is_held_against_bounds_of_its_own(parts: Parts, values: NDArray[np.float64]) -> None:
    assert alone(parts, Rule.HEARD, values, most=0.1) is Outcome.PASS
    assert alone(parts, Rule.JUMPS, values, within=30.0) is Outcome.PASS
    spiky = values.copy()
    spiky[33, 0] += 400.0
    assert alone(parts, Rule.JUMPS, spiky, within=30.0) is Outcome.FAIL
    lost = values.copy()
    lost[::3, 0] = np.nan
    assert alone(parts, Rule.HEARD, lost, most=0.1) is Outcome.FAIL
    assert alone(parts, Rule.HEARD, np.full_like(values, np.nan), most=0.1) is Outcome.ERROR, "it never said a word"


def test_the_jump_of_a_reading_that_is_otherwise_still_does_not_excuse_itself(
    parts: Parts, values: NDArray[np.float64]
) -> None:
    still = np.full_like(values, 190.0)
    still[33, 0] += 400.0
    assert alone(parts, Rule.JUMPS, still, within=30.0) is Outcome.FAIL
    still[::9, 0] += 400.0
    assert alone(parts, Rule.JUMPS, still, within=30.0) is Outcome.FAIL
    peers = np.full_like(values, 1000.0)
    peers[50, 7] += 400.0
    assert named(parts, Rule.JUMPS, peers, within=30.0, unit="W") == {parts.of("gpu")[7]}
    peers[50, 8:20] += 390.0  # what happens to others at that moment is no digit either
    assert parts.of("gpu")[7] in named(parts, Rule.JUMPS, peers, within=30.0, unit="W")


def test_a_last_digit_that_peers_show_is_no_jump(parts: Parts, values: NDArray[np.float64]) -> None:
    whole = np.full_like(values, 40.0)
    whole[50, 7] += 1.0
    assert named(parts, Rule.JUMPS, whole, within=0.8, unit="°C") == {parts.of("gpu")[7]}
    whole[20:60, 10], whole[40:, 11], whole[70:, 12:14] = 41.0, 41.0, 39.0  # whole degrees: peers step as well
    assert named(parts, Rule.JUMPS, whole, within=0.8, unit="°C") == set()


def test_a_reading_that_is_held_while_its_peers_are_read_anew_does_not_jump(
    parts: Parts, values: NDArray[np.float64]
) -> None:
    values[50:, :] += 30.0
    values[50, 7] = values[49, 7]  # read a moment later than its peers
    values[:, 7] = np.round(values[:, 7], 1)
    assert parts.of("gpu")[7] not in named(parts, Rule.JUMPS, values, times=4.0)
    values[20, 8] += 60.0
    assert parts.of("gpu")[8] in named(parts, Rule.JUMPS, values, times=4.0)


def test_a_reading_that_is_taken_earlier_than_its_peers_while_the_load_comes_and_goes_does_not_jump(
    parts: Parts, values: NDArray[np.float64]
) -> None:
    values[50:52, :] += 90.0  # a load that all see for two rows
    values[49, 7] += 90.0
    values[50:52, 7] -= 90.0  # and one part saw a row earlier, and no longer
    assert parts.of("gpu")[7] not in named(parts, Rule.JUMPS, values, times=4.0)
    values[20, 7] += 60.0
    assert named(parts, Rule.JUMPS, values, times=4.0) == {parts.of("gpu")[7]}


def test_what_is_read_rarely_while_the_load_comes_and_goes_does_not_scatter(
    parts: Parts, values: NDArray[np.float64]
) -> None:
    load = np.where((np.arange(ROWS) // 10) % 2 == 1, 60.0, 0.0)[:, None]
    quiet = values - 50.0 * np.sin(np.arange(ROWS) / 9.0)[:, None]
    moving = quiet + load
    moving[:, 7] = moving[np.arange(ROWS) // 10 * 10, 7]  # read every tenth row: each of its steps is the load's
    assert named(parts, Rule.SCATTERS, moving, times=6.0) == set()
    quiet[:, 7] = moving[:, 7]
    assert named(parts, Rule.SCATTERS, quiet, times=6.0) == {parts.of("gpu")[7]}, "nobody else moved"
    moving[:, 8] += np.where(np.arange(ROWS) % 2, 60.0, -60.0)
    assert named(parts, Rule.SCATTERS, moving, times=6.0) == {parts.of("gpu")[8]}


def test_the_dew_point_is_held_against_what_humidity_and_temperature_make(parts: Parts) -> None:
    times = np.arange(1.0, ROWS + 1.0)

    def difference(dew: float) -> Outcome:
        given = {
            name: Series(name, unit, ("rack",), times, np.full((ROWS, 1), value))
            for name, unit, value in (
                ("rack.dew_point", "°C", dew),
                ("rack.temperature_air", "°C", 25.0),
                ("rack.humidity", "%", 42.0),
            )
        }
        spec = MeasureSpec("m", "m", "rack.dew_difference", Rule.RANGE, "t", "K", "full", least=-2.8, most=2.8)
        return judge(spec, Evidence("k", derive(given, parts), (PHASE,)), parts).outcome

    assert (difference(11.1), difference(6.1)) == (Outcome.PASS, Outcome.FAIL)


def coded(parts: Parts, values: NDArray[np.float64]) -> set[str]:
    series = Series("leak.state", "code", parts.of("leak"), np.arange(1.0, len(values) + 1.0), values)
    spec = MeasureSpec("m", "m", "leak.state", Rule.JUMPS, "a test", unit="code", phase="full", times=4.0)
    return {f.place for f in judge(spec, Evidence("k", {"leak.state": series}, (PHASE,)), parts).findings}


def test_a_state_that_goes_and_comes_back_is_named_however_long_it_was_away(parts: Parts) -> None:
    values = np.zeros((ROWS, len(parts.of("leak"))))
    values[30:34, 7] = 1.0  # wet for a moment
    values[60, 9] = 2.0
    values[50:, 11] = 1.0  # and one that stays: other rules see that
    assert coded(parts, values) == {parts.of("leak")[7], parts.of("leak")[9]}


def test_what_all_states_do_together_and_counters_that_grow_are_no_jumps(parts: Parts) -> None:
    values = np.zeros((ROWS, len(parts.of("leak"))))
    values[30:40] = 1.0
    values[50:, 3:] += 1.0
    assert coded(parts, values) == set()


def lone(
    parts: Parts, values: NDArray[np.float64], trace: str | None = None, **said: float
) -> dict[str, list[tuple[str, bool]]]:
    """Return what a sweep finds at the one coolant unit, by its measure."""
    series = Series("cdu.flow", "L/min", parts.of("cdu"), np.arange(1.0, ROWS + 1.0), values)
    phase = PhaseSpec("full", ROWS, trace=trace)
    step = StepSpec(id="s", title="s", level=Level.L11, measures=[], phases=[phase], sweep=["full"])
    plan = Plan(1, "p", "p", [step], alone={"cdu.flow": Alone(source="a test", **said)})
    done = judge_step(step, plan, Evidence("k", {"cdu.flow": series}, (PHASE,)), parts)
    return {m.id.partition("_")[0]: [(f.place, f.error) for f in m.findings] for m in done if m.findings}


def test_what_a_plan_says_of_an_instrument_and_of_its_peers_makes_one_measure_each(
    parts: Parts, values: NDArray[np.float64]
) -> None:
    values[40, 5] += 300.0
    raw = {"gpu.power": Series("gpu.power", "W", parts.of("gpu"), np.arange(1.0, ROWS + 1.0), values)}
    step = StepSpec(id="s", title="s", level=Level.L11, measures=[], phases=[PhaseSpec("full", ROWS)], sweep=["full"])
    by_peers = {"gpu.power": Tolerance("a test", share=0.1)}

    def swept(**alone: float) -> dict[str, set[str]]:
        said = {"gpu.power": Alone(source="a test", **alone)} if alone else {}
        plan = Plan(1, "p", "p", [step], tolerances=by_peers, alone=said)
        done = judge_step(step, plan, Evidence("k", raw, (PHASE,)), parts)
        ids = [m.id for m in done]
        assert len(ids) == len(set(ids)), "one id is one measure"
        return {m.id.partition("_")[0]: {f.place for f in m.findings} for m in done}

    assert swept()["jumps"] == {parts.of("gpu")[5]}
    assert swept(noise=9.0, jump=200.0)["jumps"] == {parts.of("gpu")[5]}
    assert swept(noise=9.0, jump=400.0)["jumps"] == set(), "what the plan says of it itself comes first"
    values[:, 9] += np.random.default_rng(5).standard_normal(ROWS) * 60.0
    assert swept()["noise"] == swept(noise=20.0)["noise"] == {parts.of("gpu")[9]}
    assert swept(noise=200.0)["noise"] == set()
    assert {"jumps", "noise", "pace", "heard"} <= swept(noise=9.0).keys()


def test_an_instrument_without_peers_is_held_to_what_the_plan_says_of_it(parts: Parts) -> None:
    steady = 150.0 + np.random.default_rng(4).standard_normal((ROWS, 1)) * 0.6 + np.linspace(0, 30, ROWS)[:, None]
    limits = {"noise": 2.5, "jump": 12.0}
    assert lone(parts, steady, **limits) == {}
    jumps, shakes = steady.copy(), 150.0 + 10.0 * (steady - steady.mean())
    jumps[40] += 40.0
    assert lone(parts, jumps, **limits) == {"jumps": [("u01", False)]}
    assert lone(parts, jumps, jump_share=0.5) == {}, "a share of what it shows"
    assert "noise" in lone(parts, shakes, **limits)
    mute = np.full((ROWS, 1), np.nan)
    assert lone(parts, mute, **limits)["heard"] == [("u01", True)], "who is mute is named"


def test_what_moves_with_a_trace_is_not_held_to_a_steady_load_s_limits(parts: Parts) -> None:
    swings = 150.0 + 40.0 * np.sin(np.arange(ROWS) / 2.0)[:, None]
    assert "noise" in lone(parts, swings, noise=2.5)
    assert lone(parts, swings, trace="recorded", noise=2.5) == {}


def test_a_jump_shows_under_a_load_that_moves_as_well_with_half_as_much_room_again(parts: Parts) -> None:
    slow = 150.0 + 40.0 * np.sin(np.arange(ROWS) / 20.0)[:, None]
    assert lone(parts, slow, trace="recorded", noise=2.5, jump=12.0) == {}
    slow[40] += 16.0
    assert lone(parts, slow, trace="recorded", jump=12.0) == {}
    slow[60] += 30.0
    assert lone(parts, slow, trace="recorded", jump=12.0) == {"jumps": [("u01", False)]}


def test_who_is_read_as_often_as_its_peers_shakes_also_while_all_move(parts: Parts) -> None:
    """A loop whose flow swings by a few times the meters' noise hid air in one tray's connector."""
    count = len(parts.of("tray"))
    noise = np.random.default_rng(9).standard_normal((ROWS, count)) * 0.045
    noise[:, 4] *= 4.5
    flow = 7.8 + noise + 0.2 * np.sin(np.arange(ROWS) / 6.0)[:, None]
    series = {"tray.flow": Series("tray.flow", "L/min", parts.of("tray"), np.arange(1.0, ROWS + 1.0), flow)}
    measure = MeasureSpec("m", "m", "tray.flow", Rule.SCATTERS, "a test", phase="full", times=2.5)
    assert {f.place for f in judge(measure, Evidence("k", series, (PHASE,)), parts).findings} == {parts.of("tray")[4]}


@pytest.mark.parametrize(("rows", "blamed"), [(1, set()), (3, {4})])
def test_a_spell_of_readings_away_from_its_peers_is_named_and_a_single_one_is_a_jump(
    parts: Parts, values: NDArray[np.float64], rows: int, blamed: set[int]
) -> None:
    values[50 : 50 + rows, 4] *= 0.8
    assert named(parts, Rule.STRAYS, values, within=60.0) == {parts.of("gpu")[n] for n in blamed}


def test_one_reading_that_is_held_over_rows_is_no_spell(parts: Parts, values: NDArray[np.float64]) -> None:
    held = values[::5].repeat(5, axis=0)
    held[50:55, 4] *= 0.8
    assert named(parts, Rule.STRAYS, held, within=60.0) == set()
    held[50:60, 4] = 0.8 * values[50:60:5, 4].repeat(5)
    assert named(parts, Rule.STRAYS, held, within=60.0) == {parts.of("gpu")[4]}
