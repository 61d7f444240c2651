"""Whether what was read asks for an end: a plan's stop rules over evidence.  Pure."""

import numpy as np

from rack_controller.prove.accept.evidence import Evidence
from rack_controller.prove.accept.plan import Plan


def unsafe(plan: Plan, evidence: Evidence) -> str:
    """Return which stop rule is broken where, empty when none is."""
    for rule in plan.stop:
        series = evidence.series.get(rule.of)
        if series is None or not len(series.times):
            continue
        values = np.nan_to_num(series.values, nan=-np.inf)
        # Twice in a row: one reading may be a glitch.
        over = (values > rule.most)[1:] & (values > rule.most)[:-1]
        if over.any():
            place = series.places[int(np.flatnonzero(over.any(axis=0))[0])]
            return f"stopped for safety: {rule.title}: {rule.of} of {place} above {rule.most:g}"
    return ""
