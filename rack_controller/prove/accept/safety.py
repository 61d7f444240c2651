"""Whether what was read asks for an end: a plan's stop rules over evidence.  Pure."""

from dataclasses import dataclass

import numpy as np

from rack_controller.prove.accept.evidence import Evidence
from rack_controller.prove.accept.plan import Plan, StopRule
from rack_controller.prove.accept.verdict import Finding, Measured, Outcome


@dataclass(frozen=True, slots=True)
class Broken:
    """A stop rule and every part that broke it, each with the highest of its readings, in the rule's unit."""

    rule: StopRule
    unit: str
    highest: dict[str, float]

    @property
    def text(self) -> str:
        """Return why the run ends."""
        return f"stopped for safety: {self.rule.title}: {self._said(next(iter(self.highest)))}"

    def measured(self, evidence: Evidence) -> Measured:
        """Return the rule as a measure that failed: whoever ends a run is named as any other part at fault is."""
        rule = self.rule
        found = [
            Finding("stop", p, evidence.serial(p), self._said(p), v, rule.most, self.unit, _SOURCE, 0.9999)
            for p, v in self.highest.items()
        ]
        worst = max(found, key=lambda f: self.highest[f.place])
        judged = len(evidence.series[rule.of].places)
        title = f"No stop: {rule.title}"
        return Measured(
            "stop", title, Outcome.FAIL, judged, worst.place, worst.value, rule.most, self.unit, _SOURCE, 0.9999, found
        )

    def _said(self, place: str) -> str:
        return f"{self.rule.of} of {place} above {self.rule.most:g}"


def broken(plan: Plan, evidence: Evidence) -> Broken | None:
    """Return the first stop rule that is broken and by whom, None when none is."""
    for rule in plan.stop:
        series = evidence.series.get(rule.of)
        if series is None or not len(series.times):
            continue
        values = np.nan_to_num(series.values, nan=-np.inf)
        # Twice in a row: one reading may be a glitch.
        over = ((values > rule.most)[1:] & (values > rule.most)[:-1]).any(axis=0)
        if over.any():
            return Broken(
                rule, series.unit, {series.places[n]: float(values[:, n].max()) for n in np.flatnonzero(over)}
            )
    return None


def unsafe(plan: Plan, evidence: Evidence) -> str:
    """Return which stop rule is broken where, empty when none is."""
    found = broken(plan, evidence)
    return found.text if found else ""


_SOURCE = "the plan's stop rules"
