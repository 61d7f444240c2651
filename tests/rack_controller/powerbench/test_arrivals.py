import numpy as np
import pytest

from firmware_bridge.vocabulary.errors import FileInvalid
from rack_controller.powerbench.arrivals import binned, made_up, read_requests

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"


def test_a_trace_becomes_times_and_weighted_tokens() -> None:
    lines = [HEADER, "2023-11-16 18:17:03.9799600,4808,10", "2023-11-16 18:17:05.4799600,100,20"]
    times, work = read_requests(lines, "t.csv")
    assert times == pytest.approx([0.0, 1.5])
    assert work == pytest.approx([490.8, 30.0])


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["a,b,c"], 1),
        ([HEADER, "2023-11-16 18:17:03,1,2"], 1),
        ([HEADER, "2023-11-16 18:17:03,1,2", "2023-11-16 18:17:02,1,2"], 3),
        ([HEADER, "2023-11-16 18:17:03,1,nan", "2023-11-16 18:17:04,1,2"], 2),
        ([HEADER, "2023-11-16 18:17:03,1,-2", "2023-11-16 18:17:04,1,2"], 2),
        ([HEADER, "yesterday,1,2"], 2),
        ([HEADER, "2023-11-16 18:17:03,1"], 2),
        ([], 1),
    ],
)
def test_a_wrong_trace_is_refused_with_file_and_line(lines: list[str], line: int) -> None:
    with pytest.raises(FileInvalid) as refused:
        read_requests(lines, "t.csv")
    assert (refused.value.file, refused.value.line) == ("t.csv", line)


def test_the_mean_load_is_what_was_asked_for_whatever_the_trace() -> None:
    times = np.sort(np.random.default_rng(1).uniform(0, 600, 4000))
    work = binned(times, np.ones(4000), steps=6000, dt=0.1, racks=3, load=0.6, decode_s=4.0)
    assert work.mean() / 0.1 == pytest.approx(0.6, rel=0.03)
    made = made_up(np.random.default_rng(2), 20_000, 0.1, 4, 0.6, burst=0.3, burst_s=20.0, decode_s=4.0)
    assert made.mean() / 0.1 == pytest.approx(0.6, rel=0.1)


def test_the_same_seed_gives_the_same_arrivals() -> None:
    made = [made_up(np.random.default_rng(3), 50, 0.1, 2, 0.6, 0.3, 20.0, 4.0) for _ in range(2)]
    assert np.array_equal(made[0], made[1])
