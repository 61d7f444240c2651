import numpy as np
import pytest

from firmware_bridge.plant.jobs import LOW_SHARE, Serving, Training, speed

IDLE, PEAK = 150.0, 1150.0
JOB = Training(PEAK, 0.5, compute_s=4.0, exchange_s=1.0, checkpoint_every_s=20.0, checkpoint_s=5.0)


def test_speed_follows_power_by_the_published_law() -> None:
    drawn = np.array([150.0, 400.0, 1150.0, 1300.0])
    assert speed(drawn, np.full(4, PEAK), IDLE, 0.5) == pytest.approx([0.0, 0.5, 1.0, 1.0])


def test_the_slowest_gpu_sets_the_pace() -> None:
    after = JOB.worked(0.0, np.array([PEAK, 400.0]), np.full(2, PEAK), IDLE, dt=1.0)
    assert after.clock == pytest.approx(0.5)


def test_an_iteration_computes_then_exchanges_and_a_checkpoint_draws_little() -> None:
    wave, job = [], JOB
    for n in range(25):
        wave.append(round(job.demand(float(n), IDLE)))
        job = job.worked(float(n), np.array([PEAK]), np.array([PEAK]), IDLE, dt=1.0)
    low = round(IDLE + LOW_SHARE * (PEAK - IDLE))
    assert wave[:20] == [1150, 1150, 1150, 1150, low] * 4
    assert wave[21:25] == [low] * 4


def test_a_job_idles_until_it_starts() -> None:
    job = Training(PEAK, 0.5, 4.0, 1.0, 0.0, 0.0, starts_at=10.0)
    assert job.demand(9.9, IDLE) == IDLE
    assert job.worked(9.9, np.array([IDLE]), np.array([IDLE]), IDLE, 0.1).clock == 0.0
    assert job.demand(10.0, IDLE) == PEAK


def test_nothing_that_arrives_is_lost_and_nothing_is_served_twice() -> None:
    rng = np.random.default_rng(0)
    queue = Serving(PEAK, 0.5, np.zeros(3), np.zeros(3), np.zeros(3))
    for _ in range(500):
        arriving = rng.uniform(0, 0.15, 3)
        queue = queue.worked(queue.busy(arriving, 0.1), rng.uniform(0.3, 1.0, 3), arriving, 0.1)
    assert (queue.queue >= 0).all()
    assert queue.arrived == pytest.approx(queue.served + queue.queue)
