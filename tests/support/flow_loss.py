"""A rack of the plant that loses its coolant while the interlocks watch it, in virtual time.

The plant moves by 0.1 s; once a second, or as often as is said, the interlocks see what its sensors say, and what they
order is done: caps at the next step, a host that is asked to end takes its time or never does, one that is forced off
is off within seconds.
"""

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import Array, design_of
from firmware_bridge.plant.state import State, initial_state
from firmware_bridge.plant.step import step
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.interlock import Order
from rack_controller.model.interlock import Act
from tests.support.interlocked import InterlockedRack

STEP_S = 0.1
SETTLE_S = 200
MARGIN_FROM_C = 87.0  # what a tray's controller counts its GPUs' margins from
FORCED_TAKES_S = 3.0


@cache
def settled(load: float) -> tuple[State, Array, Array]:
    """Return a rack that has run under a load for a while, its GPUs' limits and what they want, W, (1, T, G)."""
    design = design_of(load_generation("gb200-nvl72"))
    state = initial_state(design, 1)
    cap = np.full((1, design.trays, design.gpus), float(design.limit_default))
    demand = np.full((1, design.trays, design.gpus), load * design.gpu_max)
    for _ in range(SETTLE_S):
        state = step(state, demand, cap, 1.0)
    return state, cap, demand


@dataclass
class FlowLoss:
    """`share`: of the pumps' flow, what is left.  `load`: of what the GPUs may draw.  `ends_after`: how long a host
    takes to end when it is asked to, None for never.  `caps`: whether caps are carried out.  `every`: how often power
    and margins are read, in s; the flow is read once a second."""

    share: float
    load: float = 1.0
    ends_after: float | None = 10.0
    caps: bool = True
    every: float = 1.0
    rack: InterlockedRack = field(default_factory=InterlockedRack)
    hottest: float = 0.0
    done: list[tuple[float, Act, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state, self.cap, self.demand = settled(self.load)
        self.compute = [Place(t.place) for t in self.rack.layout.trays if t.kind == TrayKind.COMPUTE]
        self.switches = [Place(t.place) for t in self.rack.layout.trays if t.kind == TrayKind.SWITCH]
        self.ends: dict[Place, float] = {}
        self._say()
        self.rack.tick(0)
        assert self.rack.orders == []

    def run(self, seconds: float) -> "FlowLoss":
        """Lose the coolant now, and let so much time pass."""
        began, steps = self.rack.now, round(self.every / STEP_S)
        self.state = replace(self.state, conditions=replace(self.state.conditions, flow_share=np.full(1, self.share)))
        for _ in range(round(seconds / self.every)):
            for _ in range(steps):
                self.state = step(self.state, self.demand, self.cap, STEP_S)
                self.rack.now = round(self.rack.now + STEP_S, 6)
                self._end_hosts()
                self.hottest = max(self.hottest, float(self.state.gpu_die.max()))
            before = len(self.rack.orders)
            self._say()
            self.rack.tick(0)
            for order in self.rack.orders[before:]:
                self._obey(order, self.rack.now - began)
        return self

    def want(self, load: float) -> "FlowLoss":
        """Let every GPU want such a share of what it may draw, from now on."""
        self.demand = np.full_like(self.demand, load * self.state.design.gpu_max)
        return self

    def at(self, act: Act) -> float:
        """Return how many seconds after the loss an act was ordered for the whole rack for the first time."""
        return next(at for at, done, count in self.done if done is act and count == len(self.compute + self.switches))

    def on(self) -> int:
        """Return how many trays are on."""
        conditions = self.state.conditions
        return int(conditions.tray_on.sum() + conditions.switch_on.sum())

    def _say(self) -> None:
        rack, state = self.rack, self.state
        (unit,) = [Place(t.place) for t in rack.layout.trays if t.kind == TrayKind.COOLANT_UNIT]
        if self.rack.now % 1.0 < STEP_S / 2:
            rack.set(unit, Quantity.FLOW, float(state.flow[0]))
        rack.set(unit, Quantity.TEMPERATURE_SUPPLY, float(state.supply[0]))
        shelves = [Place(t.place) for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF]
        for n, shelf in enumerate(shelves):
            rack.set(shelf, Quantity.POWER, float(state.psu_output[0, n].sum()))
        for t, tray in enumerate(self.compute):
            rack.switch(bool(state.conditions.tray_on[0, t]), [tray])
            for g, die in enumerate(state.gpu_die[0, t].tolist()):
                rack.set(join_place(tray, f"gpu{g}"), Quantity.TEMPERATURE_MARGIN, MARGIN_FROM_C - die)
        for s, tray in enumerate(self.switches):
            rack.switch(bool(state.conditions.switch_on[0, s]), [tray])

    def _obey(self, order: Order, at: float) -> None:
        self.done.append((round(at, 1), order.act, len(order.targets)))
        if order.act is Act.CAP and self.caps and order.share is not None:
            self.cap = np.minimum(self.cap, order.share * self.state.design.limit_default)
        takes = {Act.GRACEFUL_OFF: self.ends_after, Act.FORCE_OFF: FORCED_TAKES_S}.get(order.act)
        if takes is not None:
            for tray in order.targets:
                self.ends[tray] = min(self.ends.get(tray, float("inf")), self.rack.now + takes)

    def _end_hosts(self) -> None:
        on = self.state.conditions
        over = {tray for tray, at in self.ends.items() if at <= self.rack.now}
        tray_on = on.tray_on & ~np.array([[tray in over for tray in self.compute]])
        switch_on = on.switch_on & ~np.array([[tray in over for tray in self.switches]])
        if (tray_on != on.tray_on).any() or (switch_on != on.switch_on).any():
            self.state = replace(self.state, conditions=replace(on, tray_on=tray_on, switch_on=switch_on))
