"""The laws of pumps and of the coolant's loop, each as one expression.  Pure; read as those of `laws.py` are.

Flows in L/min or, `moving`, L/s; temperatures °C; heat W.
"""

from typing import NamedTuple

from firmware_bridge.plant.laws import Values, greater, lesser, moves, within


class PumpFactors(NamedTuple):
    """What pumps are reckoned with in a step of `dt` s.

    `none`, `full`: 0 and 1.  `per_w`: speed per W of load, `least` speed; `goes`: how much of their way they go;
    `per_pump` L/min of one at full speed.
    """

    none: float
    full: float
    dt: float
    per_w: float
    least: float
    goes: float
    per_pump: float


class WaterFactors(NamedTuple):
    """What a loop is reckoned with in a step.

    `none`, `full`: 0 and 1.  `still` L/min, `per_min`: 1/60; `capacity` J/(L K); `per_cell`: how often
    1 L/s goes through a volume of the return line in a step; `hottest` °C; `approach` K per W of the facility's side;
    `valve_goes`: how much of its way the valve goes; `unit_keeps`: W per K of the unit's own volume in a step;
    `per_rise`: L/min per W, `least_flow` L/min, `per_lpm` W per K and L/min of the facility's side.
    """

    none: float
    full: float
    still: float
    per_min: float
    capacity: float
    per_cell: float
    hottest: float
    approach: float
    valve_goes: float
    unit_keeps: float
    per_rise: float
    least_flow: float
    per_lpm: float


def pump_aims(load: Values, per_w: Values, least: Values, full: Values) -> Values:
    """Return how fast pumps are to run for the heat of a load, as a share of their most."""
    return within(load * per_w, least, full)


def pump_wants(aim: Values, boost: Values, full: Values, ok: Values) -> Values:
    """Return how fast a pump runs that makes good for missing ones, as far as it can; `ok`: 1 where it works."""
    return lesser(aim * boost, full) * ok


def flows(flow: Values, still: Values, per_min: Values) -> Values:
    """Return what moves, L/s; still water still carries a little."""
    return greater(flow, still) * per_min


def enters(supply: Values, heat: Values, carries: Values, hottest: Values) -> Values:
    """Return how warm the coolant leaves the rack that takes up a heat, `carries` W per K."""
    return lesser(supply + heat / carries, hottest)


def keeps(ratio: Values, full: Values) -> Values:
    """Return what share of its own a volume keeps in a step that `ratio` times its volume goes through."""
    return full / (ratio + full)


def mixes(cell: Values, before: Values, keep: Values, takes: Values) -> Values:
    """Return how warm a volume is that keeps a share and takes another of what comes `before` it."""
    return cell * keep + before * takes


def turns(
    outlet: Values,
    moving: Values,
    unit_goes: Values,
    supply: Values,
    heat: Values,
    valve: Values,
    aim: Values,
    facility: Values,
    by: WaterFactors,
) -> tuple[Values, Values, Values, Values, Values]:
    """Return the valve, the supply, the heat that the facility takes, its flow and its return after a step.

    `unit_goes`: how much of its way the unit's own volume goes; `aim`: the supply that is wanted.
    """
    carries = moving * by.capacity
    reachable = facility + greater(heat, by.none) * by.approach
    asked = greater(outlet - greater(aim, reachable), by.none) * carries
    after = valve + moves(valve, asked, by.valve_goes)
    wanted = lesser(greater(outlet - after / carries, reachable), greater(outlet, facility))
    change = (wanted - supply) * unit_goes
    taken = carries * (outlet - supply) - change * by.unit_keeps
    moved = greater(taken, by.none)
    flow = greater(moved * by.per_rise, by.least_flow)
    return after, supply + change, taken, flow, facility + moved / (flow * by.per_lpm)
