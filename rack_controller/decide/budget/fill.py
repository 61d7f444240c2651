"""Progressive filling: every claim rises at the pace of its weight until a limit binds or its request is met.  Pure.

Max-min fair within a priority, strict between priorities.  The claims may share any set of limits: no tree is assumed.
"""

import numpy as np

from rack_controller.decide.budget.design import Array, Index

_CLOSE = 1e-9


def fill(slack: Array, slopes: Array, weight: Array, priority: Index) -> tuple[Array, Index]:
    """Return the level of every claim, (J,), 0 to 1, and which limit held it, (J,), -1 where its request is met.

    slack: (C,) W left of each limit before anything is granted; slopes: (C, J) W that each limit carries more when a
    claim goes from 0 to 1.  A limit without slack holds every claim that it carries.  No limit is ever passed.
    """
    level = np.zeros(len(weight))
    bound_by = np.full(len(weight), -1, dtype=np.int64)
    left = np.maximum(slack, 0.0)
    for rank in np.unique(priority):
        active = priority == rank
        while active.any():
            rate = slopes @ np.where(active, weight, 0.0)
            reach = np.divide(left, rate, out=np.full(len(left), np.inf), where=rate > _CLOSE)
            full = (1.0 - level[active]) / weight[active]
            most = min(float(reach.min(initial=np.inf)), float(full.min()))
            level = np.where(active, np.minimum(level + weight * most, 1.0), level)
            left = np.maximum(left - rate * most, 0.0)
            tight = np.flatnonzero(reach <= most * (1.0 + _CLOSE))
            for limit in tight:
                held = active & (slopes[limit] > _CLOSE)
                bound_by[held] = limit
                active &= ~held
            active &= level < 1.0 - _CLOSE
    return level, bound_by
