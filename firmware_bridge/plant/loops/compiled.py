"""The plant's loops for many racks at once, compiled by numba (extra `fast`).  Pure.

They say in which order values are visited, and no physics: that stands in `laws.py` and `water.py`, which numpy reads
too.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from firmware_bridge.plant import laws, water
from firmware_bridge.plant.laws import greater, lesser, within
from firmware_bridge.plant.loops.heat import move_heat, move_loop, move_plates, move_pumps
from firmware_bridge.plant.loops.supplies import draw, move_shelves, pulse, share_little, share_plainly, warm_breakers
from firmware_bridge.plant.loops.trays import move_tray, move_trays
from firmware_bridge.vocabulary.errors import ConfigurationError

PARTS = (move_tray, share_plainly, share_little, draw, pulse, warm_breakers, move_plates, move_loop)
LAWS = (
    *(laws.allowed, laws.busy_share, laws.bus_at, laws.clip_aims, laws.follows, laws.heats, laws.moves),
    *(laws.plate_goes, laws.plate_moves, laws.sags, laws.spent, laws.supply_draws, laws.supply_gives),
    *(laws.tray_draws, laws.wanted),
    *(water.enters, water.flows, water.keeps, water.mixes, water.pump_aims, water.pump_wants, water.turns),
)


class Loops(NamedTuple):
    """The loops that a step calls, compiled or not."""

    move_trays: Callable[..., None]
    move_shelves: Callable[..., Any]
    move_pumps: Callable[..., None]
    move_heat: Callable[..., Any]


PLAIN = Loops(move_trays, move_shelves, move_pumps, move_heat)
"""Not compiled: slow, and the same."""


@functools.cache
def compiled() -> Loops:
    """Return the loops compiled, which takes some seconds at their first call.

    Raises ConfigurationError where numba is not installed.
    """
    try:
        numba: Any = importlib.import_module("numba")
        extending: Any = importlib.import_module("numba.extending")
    except ImportError as err:
        raise ConfigurationError("compiled loops need numba: pip install 'rackwright[fast]'") from err
    for bound, of_one in ((within, _of_within), (lesser, _of_lesser), (greater, _of_greater)):
        extending.overload(bound)(of_one)
    for part in (*LAWS, *PARTS):
        extending.register_jitable(error_model="numpy")(part)
    fast = numba.njit(error_model="numpy")
    return Loops(*(fast(loop) for loop in PLAIN))


# numpy's own functions mind values that are no numbers, one by one; these are what a processor does.
def _of_within(value: Any, low: Any, high: Any) -> Any:
    return _within


def _of_lesser(one: Any, other: Any) -> Any:
    return _lesser


def _of_greater(one: Any, other: Any) -> Any:
    return _greater


def _within(value: Any, low: Any, high: Any) -> Any:
    return min(max(value, low), high)


def _lesser(one: Any, other: Any) -> Any:
    return min(one, other)


def _greater(one: Any, other: Any) -> Any:
    return max(one, other)
