"""Load traces: parsed with line numbers in complaints, sampled, mapped onto trays."""

from pathlib import Path

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.plant.design import design_of
from firmware_bridge.plant.trace import gpu_demand, node_power, parse_trace

REAL = Path(__file__).resolve().parents[4] / "shared/data/power/mlperf_train_v40_power/gpt3_512xH100_ac.csv"
DESIGN = design_of(load_generation("gb200-nvl72"))
SMALL = "t_s,node1_W,node2_W\n0,1500,7300\n2,7300,1500\n4,1500,7300\n"


def test_samples_lie_between_the_lines_and_repeat() -> None:
    trace = parse_trace(SMALL)
    assert trace.period == 4.0
    np.testing.assert_allclose(node_power(trace, 1.0), [4400, 4400])
    np.testing.assert_allclose(node_power(trace, 2.0), [7300, 1500])
    np.testing.assert_allclose(node_power(trace, 5.0), node_power(trace, 1.0))


def test_a_node_drives_two_trays_and_nodes_repeat() -> None:
    demand = gpu_demand(parse_trace(SMALL), 0.0, DESIGN, 2)
    assert demand.shape == (2, 18, 4)
    assert (demand[0, :2] == DESIGN.gpu_idle).all()
    assert (demand[0, 2:4] == DESIGN.gpu_max).all()
    assert (demand[0, 4:6] == DESIGN.gpu_idle).all()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1"),
        ("time,node1_W\n0,1\n1,1\n", "line 1"),
        ("t_s,node1_W\n0,1\n1\n", "line 3: expected 2 values, got 1"),
        ("t_s,node1_W\n0,1\n1,many\n", "line 3: expected numbers"),
        ("t_s,node1_W\n0,1\n1,nan\n", "line 3"),
        ("t_s,node1_W\n0,1\n1,1\n1,1\n", "line 4: expected a later time"),
        ("t_s,node1_W\n0,1\n2,1\n1,1\n", "line 4: expected a later time"),
        ("t_s,node1_W\n0,1\n1,-3\n2,1\n", "line 3: expected finite powers from 0"),
        ("t_s,node1_W\n0,1\n1,inf\n2,1\n", "line 3: expected finite powers from 0"),
        ("t_s,node1_W\n0,1\n1,7e6\n2,1\n", "line 3: expected powers in W, at most 1e"),
        ("t_s,node1_W\n0,1\n2,1\n4,1\n90,1\n92,1\n", "line 5: expected no gap"),
    ],
)
def test_a_bad_trace_is_refused_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_trace(text)


def test_the_shipped_trace_idles_trains_and_pauses() -> None:
    trace = parse_trace((seeds_folder() / "traces/synthetic.csv").read_text())
    total = np.array([gpu_demand(trace, t, DESIGN, 1).sum() for t in np.arange(0, trace.period, 1.0)])
    assert total.min() < 0.2 * total.max()
    assert 180 <= trace.period <= 600


@pytest.mark.skipif(not REAL.exists(), reason="needs the shared power traces")
def test_the_measured_trace_loads_and_stays_within_the_gpus_ratings() -> None:
    trace = parse_trace(REAL.read_text())
    assert trace.watts.shape == (1705, 64)
    demand = gpu_demand(trace, 600.0, DESIGN, 10)
    assert (demand >= DESIGN.gpu_idle).all()
    assert (demand <= DESIGN.gpu_max).all()
    assert demand.mean() > 0.8 * DESIGN.gpu_max
