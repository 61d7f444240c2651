"""The coolant units of a hall in PowerBench: their flow is seen late, and set by who is asked to.  One unit a rack."""

from collections import deque

import numpy as np

from firmware_bridge.plant.coolant import LIQUID_SHARE, SIZING_LPM_PER_W
from firmware_bridge.plant.design import RackDesign
from rack_controller.decide.budget.design import Array
from rack_controller.decide.cooling import CoolingDesign, CoolingPolicy, CoolingSeen, CoolingState, step_cooling

DEW_POINT_C = 15.0


class FlowMeter:
    """Flow of every rack, new every `every_s` and `age_s` old when it is read."""

    def __init__(self, racks: int, every_s: float, age_s: float) -> None:
        self._every, self._age = every_s, age_s
        self._samples: deque[tuple[float, Array]] = deque([(-np.inf, np.full(racks, np.nan))], maxlen=64)

    def look(self, now: float, flow: Array) -> None:
        """Take a sample when it is time for one."""
        if now - self._samples[-1][0] >= self._every - 1e-9:
            self._samples.append((now, flow.copy()))

    def read(self, now: float) -> tuple[float, Array]:
        """Return the newest sample that has arrived, and when it was taken."""
        return next(s for s in reversed(self._samples) if s[0] <= now - self._age or not np.isfinite(s[0]))


class Cooling:
    """Our cooling beside our budget: asked every cycle, it says what flow to set and what each rack may have."""

    def __init__(self, design: RackDesign, racks: int, least: Array) -> None:
        rated = np.full(racks, float(design.flow_rated))
        self._design = CoolingDesign(
            unit=np.arange(racks),
            flow_max=rated,
            flow_min=0.3 * rated,
            lpm_per_w=SIZING_LPM_PER_W * LIQUID_SHARE,
            least=least,
            supply=np.full(racks, float(design.supply_nominal)),
        )
        self._state, self._policy = CoolingState.new(self._design), CoolingPolicy()

    def decide(self, now: float, sample: tuple[float, Array], granted: Array) -> tuple[Array, Array]:
        """Return the flow to set (L/min) and the ceiling of each rack (W at its feeds), both (R,)."""
        taken_at, flow = sample
        racks = len(flow)
        seen = CoolingSeen(now, flow, taken_at, granted, np.full(racks, DEW_POINT_C), np.zeros(racks))
        self._state, decision = step_cooling(self._state, self._design, self._policy, seen)
        return decision.flow, decision.ceiling
