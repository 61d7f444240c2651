"""What battery shelves that are not full take of their bus once supplies work: a load that no limit holds.  Pure."""

import numpy as np

from rack_controller.decide.budget.design import Array

CHARGE_SHARE = 0.1  # of its rating, what a shelf charges with: assumption, as the plant's (plant/batteries.py)
FULL_PERCENT = 99.5


def charging(power: Array, level: Array, rated: Array) -> Array:
    """Return the most that each of K shelves may charge with now, (K,), W of DC.

    power: what each delivers, W, negative while it charges; level: % of its charge; both NaN where unknown; rated: W.
    One that delivers now will charge as soon as it need not, so it counts already; one of which nothing is known counts
    as one that is not full.  More than the assumed share counts where more is read.
    """
    hungry = ~(level >= FULL_PERCENT)
    return np.asarray(np.maximum(np.where(hungry, CHARGE_SHARE * rated, 0.0), np.nan_to_num(-power)))
