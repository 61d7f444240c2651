"""Robust statistics: medians and scatter that a few bad parts do not move.  Pure, over the last axis or the first."""

import numpy as np

from rack_controller.prove.accept.evidence import Array

TO_SIGMA = 1.4826
"""The median absolute deviation times this is the standard deviation of a normal."""
ALIKE = 1e-9
"""Steps below this share of the greatest reading are the machine's arithmetic and none of an instrument."""
READ_APART = 2
"""Rows that a part is read earlier or later than its peers."""
READ_ALONG = 0.8
"""Who says something new in so large a share of the rows is read as often as rows are taken."""
LEAST_STEPS = 4
"""Fewer steps of parts of their own are something that happened, and not an instrument's last digit."""


def middle(values: Array) -> Array:
    """Return each part's median over time, (N, P) → (P,), NaN where nothing was read."""
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    known = len(values) - np.isnan(values).sum(axis=0)
    ordered = np.sort(values, axis=0)  # what is unknown sorts to the end
    low, high = np.maximum((known - 1) // 2, 0), np.minimum(known // 2, len(values) - 1)
    columns = np.arange(values.shape[1])
    return np.where(known > 0, 0.5 * (ordered[low, columns] + ordered[high, columns]), np.nan)


def scatter(values: Array) -> Array:
    """Return each part's robust standard deviation over time, (N, P) → (P,); what trends slowly is no scatter.

    A value that is only held from one row to the next says nothing of it.
    """
    if len(values) < 3:
        return np.full(values.shape[1:], np.nan)
    steps = np.abs(np.diff(values, axis=0))
    still = np.where((steps == 0.0).any(axis=0), 0.0, np.nan)
    steps[steps == 0.0] = np.nan
    found = middle(steps)
    return np.asarray(np.where(np.isnan(found), still, found) * TO_SIGMA / np.sqrt(2.0))


def scatter_of_its_own(values: Array, part: int, noise: float) -> float:
    """Return one part's scatter, (N, P), each of its steps less as much as all parts moved since its reading before.

    What they moved by less than their own `noise` is no movement.  A part that says something new in most rows is read
    along with its peers: their movement is taken off row by row.
    """
    common = centres(values)
    steps = np.nan_to_num(np.diff(values[:, part]))
    if len(steps) and np.count_nonzero(steps) >= READ_ALONG * len(steps):
        return float(scatter((values[:, part] - common)[:, None])[0])
    own, before = [], 0
    for row in (np.flatnonzero(steps) + 1).tolist():
        near = common[max(before - READ_APART, 0) : row + READ_APART + 1]
        moved = max(float(np.nanmax(near) - np.nanmin(near)) - noise, 0.0)
        own.append(max(abs(steps[row - 1]) - moved, 0.0))
        before = row
    return float(np.median(own)) * TO_SIGMA / np.sqrt(2.0) if own else 0.0


def centre(values: Array) -> float:
    """Return the median of parts, NaN when none is known."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def centres(values: Array) -> Array:
    """Return the median of all parts at each moment, (N, P) → (N,), NaN when none is known: `centre` of every row."""
    return middle(np.where(np.isfinite(values), values, np.nan).T)


def spread(values: Array) -> float:
    """Return the robust standard deviation of parts, 0 when fewer than two are known."""
    known = values[np.isfinite(values)]
    return float(np.median(np.abs(known - np.median(known))) * TO_SIGMA) if known.size > 1 else 0.0


def last_digit(values: Array) -> float:
    """Return the smallest step that a part makes of its own from one reading to the next, (N, P), in the values' unit.

    What most parts do at one moment is the rack's movement and taken off first: whole digits less whole digits are
    whole digits.  0 where too few such steps are left to tell a last digit from something that happened.
    """
    steps = np.diff(values, axis=0)
    steps = steps[np.isfinite(steps).any(axis=1)]
    if not steps.size:
        return 0.0
    # The lower of two medians: the mean of both would be half a digit.
    own = np.abs(steps - np.nanquantile(steps, 0.5, axis=1, method="lower", keepdims=True))
    own = own[own > ALIKE * np.nanmax(np.abs(values))]
    return float(own.min()) if own.size >= LEAST_STEPS else 0.0


def standard_error(values: Array) -> Array:
    """Return the standard error of each part's median over time, (N, P) → (P,)."""
    count = np.maximum(np.isfinite(values).sum(axis=0), 1)
    return np.asarray(1.2533 * scatter(values) / np.sqrt(count))


def slope(times: Array, values: Array) -> Array:
    """Return each part's trend per second over time, (N, P) → (P,), the medians of both thirds at the ends compared."""
    third = len(times) // 3
    if third < 3:
        return np.full(values.shape[1:], np.nan)
    span = float(np.median(times[-third:]) - np.median(times[:third]))
    return (middle(values[-third:]) - middle(values[:third])) / span
