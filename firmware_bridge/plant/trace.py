"""Load traces: measured node power over time becomes each GPU's demand.  Text in, arrays out; no files, no clock."""

from dataclasses import dataclass

import numpy as np

from firmware_bridge.plant.design import Array, RackDesign
from firmware_bridge.vocabulary.units import Watts

NODE_GPUS = 8
NODE_IDLE = Watts(1500.0)  # assumption: an eight-GPU H100 node with nothing to do
NODE_MAX = Watts(7300.0)  # 99th percentile of the 512-GPU log is 7.27 kW (power.md §3)
MOST_CELLS = 20_000_000
MOST_NODE_W = 1e6  # no node draws a megawatt: a slip of the unit
GAP = 10.0  # a step of so many usual ones is a hole in the measurement


class TraceInvalid(ValueError):
    """A trace is not what it must be: `line` (from 1), `expected`."""

    def __init__(self, line: int, expected: str) -> None:
        super().__init__(f"line {line}: {expected}")
        self.line, self.expected = line, expected


@dataclass(frozen=True, slots=True)
class LoadTrace:
    """Node power over time: `times` (N,) in s, rising; `watts` (N, nodes)."""

    times: Array
    watts: Array

    @property
    def period(self) -> float:
        """Return the trace's length in s; it repeats after that."""
        return float(self.times[-1] - self.times[0])


def parse_trace(text: str) -> LoadTrace:
    """Parse `t_s,node1_W,…` with one line per moment.

    Raises TraceInvalid that says line and what was expected: a header, numbers, rising times without gaps, one width.
    """
    lines = text.strip().splitlines()
    if len(lines) < 3:
        raise TraceInvalid(1, "expected a header `t_s,node1_W,…` and at least two lines of numbers")
    header = [c.strip() for c in lines[0].split(",")]
    if header[0] != "t_s" or len(header) < 2 or not all(c.endswith("_W") for c in header[1:]):
        raise TraceInvalid(1, "expected a header `t_s,node1_W,…`")
    if len(lines) * len(header) > MOST_CELLS:
        raise TraceInvalid(len(lines), f"expected at most {MOST_CELLS} values")
    rows = np.empty((len(lines) - 1, len(header)))
    for n, line in enumerate(lines[1:]):
        cells = line.split(",")
        if len(cells) != len(header):
            raise TraceInvalid(n + 2, f"expected {len(header)} values, got {len(cells)}")
        try:
            rows[n] = [float(c) for c in cells]
        except ValueError as err:
            raise TraceInvalid(n + 2, "expected numbers") from err
    _check(rows)
    return LoadTrace(rows[:, 0], rows[:, 1:])


def _check(rows: Array) -> None:
    steps = np.diff(rows[:, 0])
    usual = float(np.median(steps))
    steps = np.append(usual, steps)  # before the first line there is no step
    for expected, bad in (
        ("expected finite powers from 0", ~np.isfinite(rows).all(axis=1) | (rows[:, 1:] < 0).any(axis=1)),
        (f"expected powers in W, at most {MOST_NODE_W:g}", (rows[:, 1:] > MOST_NODE_W).any(axis=1)),
        ("expected a later time than the line before", np.append(False, np.diff(rows[:, 0]) <= 0)),
        (f"expected no gap: this step is more than {GAP:g} times the usual one of {usual:g} s", steps > GAP * usual),
    ):
        if bad.any():
            raise TraceInvalid(int(np.argmax(bad)) + 2, expected)


def node_power(trace: LoadTrace, time: float) -> Array:
    """Return each node's power in W at `time` s after the trace's start, interpolated; the trace repeats."""
    at = trace.times[0] + time % trace.period
    after = int(np.clip(np.searchsorted(trace.times, at, side="right"), 1, len(trace.times) - 1))
    t0, t1 = trace.times[after - 1], trace.times[after]
    weight = (at - t0) / (t1 - t0)
    return np.asarray(trace.watts[after - 1] * (1.0 - weight) + trace.watts[after] * weight)


def gpu_demand(trace: LoadTrace, time: float, design: RackDesign, racks: int) -> Array:
    """Return the demand of every GPU in W, (R, T, G).

    GPU k of the whole hall (rack by rack, tray by tray) follows node k // 8, nodes repeating when there are too few;
    a node's place between idle and maximum becomes its GPUs' place between theirs.
    """
    nodes = node_power(trace, time)
    index = (np.arange(racks * design.trays * design.gpus) // NODE_GPUS) % len(nodes)
    fraction = np.clip((nodes - NODE_IDLE) / (NODE_MAX - NODE_IDLE), 0.0, 1.0)
    demand = design.gpu_idle + fraction[index] * (design.gpu_max - design.gpu_idle)
    return np.asarray(demand.reshape(racks, design.trays, design.gpus))
