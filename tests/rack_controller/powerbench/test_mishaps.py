"""What goes wrong with racks becomes conditions of the plant and limits, and short rides through it."""

import msgspec
import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.plant.sensors import SensorBank
from firmware_bridge.plant.trace import LoadTrace
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.powerbench.hall import Hall, Trace
from rack_controller.powerbench.mishaps import conditions_of, under_way, working_supplies
from rack_controller.powerbench.run import run_logged, run_once
from rack_controller.powerbench.scenario import Happening, Scenario, ServingSpec, TraceSpec, TrainingSpec, Writes

WHAT = ["feed", "deaf trays", "restart", "demand response", "leak", "phase", "shelves", "clip", "nothing seen"]
WHAT += ["a pump", "warm facility water"]
DESIGN = design_of(load_generation("gb200-nvl72"))
SHORT = Scenario(
    schema_version=1,
    name="short",
    title="Two racks",
    generation="gb200-nvl72",
    racks=2,
    seconds=30.0,
    oversubscription=1.2,
    jobs=[
        TrainingSpec(racks=[0], peak_w=1160.0, compute_s=4.0, exchange_s=1.0),
        ServingSpec(racks=[1], peak_w=1160.0, load=0.7, burst=0.2),
    ],
)


def struck(happening: Happening, now: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    on = conditions_of([happening], under_way([happening], now), DESIGN, 2)
    return working_supplies(on, DESIGN).sum(axis=(1, 2)), on.tray_on.sum(axis=1)


@pytest.mark.parametrize(
    ("wrong", "supplies"),
    [
        ({"supplies": 3}, [45, 48]),
        ({"shelves": 2}, [36, 48]),
        ({"feeds": [0]}, [24, 48]),
        ({"feeds": [1], "phase": 2}, [40, 48]),
        ({"feeds": [0, 1]}, [0, 48]),
        ({"feeds": [7]}, [48, 48]),
    ],
)
def test_what_fails_takes_supplies_of_its_racks_only(wrong: dict[str, object], supplies: list[int]) -> None:
    found, _ = struck(Happening(at_s=5.0, racks=[0], **wrong))  # type: ignore[arg-type]
    assert found.tolist() == supplies


def test_a_leak_takes_trays_before_supplies() -> None:
    leak = Happening(at_s=10.0, racks=[0], leak=True)
    seen = [struck(leak, 10.0 + after) for after in (0.1, 0.5, 1.5, 2.5)]
    assert [int(trays[0]) for _, trays in seen] == [18, 0, 0, 0]
    assert [int(supplies[0]) for supplies, _ in seen] == [48, 48, 48, 0]


def test_a_hot_clip_and_a_gliding_limit_bound_what_may_be_drawn() -> None:
    wrong = [Happening(at_s=0.0, racks=[0], clip=4.0), Happening(at_s=10.0, limit=0.5, within_s=10.0)]
    hall = Hall(msgspec.structs.replace(SHORT, happenings=wrong), DESIGN, 0)
    assert hall.limits(1.0)[1] == pytest.approx(0.5 * hall.limits(1.0)[2])
    assert [hall.limits(t)[0] / hall.limits(0.0)[0] for t in (10.0, 15.0, 25.0)] == pytest.approx([1.0, 0.75, 0.5])


@pytest.mark.parametrize(
    "wrong",
    [
        Happening(at_s=15.0, racks=[0, 1], feeds=[0]),
        Happening(at_s=15.0, racks=[1], trays=4, deaf=True),
        Happening(at_s=15.0, restart=True),
        Happening(at_s=12.0, limit=0.75, within_s=10.0),
        Happening(at_s=15.0, racks=[1], leak=True),
        Happening(at_s=15.0, racks=[0, 1], feeds=[1], phase=2),
        Happening(at_s=15.0, racks=[0], shelves=5),
        Happening(at_s=15.0, racks=[0], clip=4.0),
        Happening(at_s=15.0, for_s=12.0, telemetry=False, lost=0.1),
        Happening(at_s=15.0, racks=[0], pumps=1),
        Happening(at_s=8.0, facility_c=42.0),
    ],
    ids=WHAT,
)
def test_the_budget_rides_through(wrong: Happening) -> None:
    cooling = bool(wrong.pumps or wrong.facility_c)
    score = run_once(msgspec.structs.replace(SHORT, happenings=[wrong], cooling=cooling), "budget", seed=1)
    assert (score.over_s, score.overshoot) == (0.0, 0.0)
    assert not score.tripped
    assert score.hottest_c <= 90.0
    if wrong.leak:
        assert score.off_s <= 5.0


def test_supplies_that_fail_one_by_one_bind_in_the_end_and_are_never_overloaded() -> None:
    wrong = [
        Happening(at_s=6.0, racks=[0], supplies=24),
        *(Happening(8.0 + 2 * n, racks=[0], supplies=1) for n in range(9)),
    ]
    scenario = msgspec.structs.replace(SHORT, happenings=wrong)
    score = run_once(scenario, "budget", seed=1)
    assert (score.over_s, score.overshoot, score.tripped) == (0.0, 0.0, False)
    hall = Hall(scenario, DESIGN, 0)
    assert hall.limits(29.0)[1] < 0.7 * hall.limits(0.0)[1]
    assert score.training < 0.97 * run_once(SHORT, "budget", seed=1).training


def test_a_step_to_full_load_passes_no_limit() -> None:
    jobs = [TrainingSpec(racks=[0, 1], peak_w=1160.0, compute_s=4.0, exchange_s=1.0, starts_at_s=15.0)]
    score = run_once(msgspec.structs.replace(SHORT, jobs=jobs), "budget", seed=1)
    assert (score.over_s, score.overshoot, score.forced_s) == (0.0, 0.0, 0.0)
    assert run_once(msgspec.structs.replace(SHORT, jobs=jobs), "none", seed=1).over_s > 5.0


def test_an_ac_loss_runs_on_batteries_and_comes_back_rack_by_rack_within_every_limit() -> None:
    jobs = [msgspec.structs.replace(job, racks=[job.racks[0]]) for job in SHORT.jobs]
    back = [Happening(at_s=12.0, for_s=6.0 + 4.0 * rack, racks=[rack], feeds=[0, 1]) for rack in (0, 1)]
    scenario = msgspec.structs.replace(SHORT, generation="orv3-hpr-nvl36x2", jobs=jobs, happenings=back)
    score = run_once(scenario, "budget", seed=1)
    assert (score.over_s, score.overshoot, score.tripped, score.dark_s) == (0.0, 0.0, False, 0.0)


def test_without_pumps_limits_are_told_within_a_second_and_dies_stay_cool() -> None:
    wrong = [Happening(at_s=15.3, for_s=10.0, racks=[0], pumps=2)]
    score = run_once(msgspec.structs.replace(SHORT, happenings=wrong, cooling=True), "budget", seed=1)
    assert score.caps_s <= 1.0
    assert score.hottest_c <= 90.0
    assert (score.over_s, score.overshoot) == (0.0, 0.0)


def test_measured_power_is_replayed_and_without_a_trace_it_is_said() -> None:
    times = np.arange(0.0, 40.0, 2.0)
    watts = np.where(times[:, None] % 10 < 6, 7300.0, 1500.0) * np.ones((1, 9))
    jobs = [TraceSpec(racks=[0], peak_w=1160.0), SHORT.jobs[1]]
    scenario = msgspec.structs.replace(SHORT, jobs=jobs)
    score = run_once(scenario, "budget", 0, Trace(power=LoadTrace(times, watts)))
    assert (score.over_s, score.overshoot) == (0.0, 0.0)
    assert 0.8 < score.training <= 1.0
    with pytest.raises(ConfigurationError, match="give it with --trace"):
        run_once(scenario, "budget", 0)


def test_sensors_are_late_smoothed_and_off() -> None:
    bank = SensorBank(2, every_s=0.5, window_s=1.0, gain=np.array([1.1, 0.9]), drift=0.01)
    fresh = [bank.look(0.1 * n, np.full(2, 0.0 if n < 10 else 100.0), 0.1) for n in range(60)]
    assert sum(fresh) == 12
    assert bank.taken_at == pytest.approx(5.5)
    assert bank.shown == pytest.approx([110.0, 90.0], rel=0.02)
    late = SensorBank(1, 0.1, 1.0)
    late.look(0.0, np.zeros(1), 0.1)
    late.look(1.0, np.full(1, 100.0), 1.0)
    assert late.shown[0] == pytest.approx(100 * (1 - np.exp(-1.0)))


def test_floors_that_do_not_fit_put_a_rack_of_the_last_priority_off_and_back_when_they_do() -> None:
    wrong = [Happening(at_s=12.0, for_s=10.0, limit=0.45)]
    scenario = msgspec.structs.replace(SHORT, happenings=wrong, seconds=45.0)
    score, log = run_logged(scenario, "budget", seed=1)
    assert (score.over_s, score.overshoot) == (0.0, 0.0)
    assert score.settle_s <= 1.0
    dark = [m.dark for m in log.moments]
    assert max(dark) == 1
    assert dark[-1] == 0
    assert score.served > 0.9  # serving goes on


def test_no_more_is_shed_than_floors_need_though_the_rest_works_in_step_with_it() -> None:
    jobs = [
        TrainingSpec(racks=[0, 1, 2], peak_w=1160.0, compute_s=4.0, exchange_s=1.0),
        ServingSpec(racks=[3], peak_w=1160.0, load=0.7, burst=0.2),
    ]
    wrong = [Happening(at_s=12.0, limit=0.48)]
    scenario = msgspec.structs.replace(SHORT, racks=4, jobs=jobs, happenings=wrong, seconds=22.0, oversubscription=1.25)
    score, log = run_logged(scenario, "budget", seed=1)
    assert (score.over_s, score.overshoot) == (0.0, 0.0)
    assert max(m.dark for m in log.moments) == 1


def test_what_has_had_no_time_to_follow_yet_puts_no_rack_off() -> None:
    """A limit that a device came with counts as its most until ours is read back: that is no shortfall."""
    slow = msgspec.structs.replace(SHORT, generation="gb300-nvl72", oversubscription=1.5, writes=Writes((0.3, 1.0)))
    score, log = run_logged(slow, "budget", seed=1)
    assert max(m.dark for m in log.moments) == 0
    assert (score.over_s, score.overshoot) == (0.0, 0.0)


def test_a_limit_that_falls_evenly_is_kept_by_slow_writes_too() -> None:
    wrong = [Happening(at_s=12.0, limit=0.75, within_s=10.0)]
    score = run_once(msgspec.structs.replace(SHORT, happenings=wrong, writes=Writes((0.3, 1.0))), "budget", seed=1)
    assert (score.over_s, score.overshoot) == (0.0, 0.0)


def test_half_of_the_supplies_pass_no_limit_though_they_lose_more_than_all_of_them_did() -> None:
    """What a meter has shown of losses before is not believed of another set of supplies."""
    jobs = [
        TrainingSpec([0], 1160.0, compute_s=9.0, exchange_s=1.0, checkpoint_every_s=20.0, checkpoint_s=8.0),
        ServingSpec([1, 2], 1160.0, load=0.9, burst=0.6),
    ]
    wrong = [Happening(at_s=20.0, for_s=12.0, racks=[0, 1, 2], feeds=[1])]
    scenario = msgspec.structs.replace(SHORT, generation="orv3-hpr-nvl36x2", racks=3, jobs=jobs, seconds=40.0)
    scenario = msgspec.structs.replace(scenario, happenings=wrong, writes=Writes((0.05, 0.2), 0.02))
    score = run_once(scenario, "budget", seed=1)
    assert (score.over_s, score.overshoot) == (0.0, 0.0)
