"""Rules over the length of a phase: settling, counting, drifting, falling silent.  Pure."""

import numpy as np

from rack_controller.prove.accept.compare import UNSEEN, _number
from rack_controller.prove.accept.evidence import Array, Evidence
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import MeasureSpec
from rack_controller.prove.accept.robust import centre, centres, middle, scatter, slope, spread
from rack_controller.prove.accept.weighed import Weighed, weigh

HOUR_S = 3600.0
TELLS = 3.0
"""A drift of fewer standard errors than that may be none."""
OF_THIRDS = 1.2533 * 2.0**0.5
"""By this much, times the readings' scatter over √n, the medians of n readings at two ends scatter about each other."""


def judge_settling(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Each part is at most (1 + `share`) times the phase's value from `most` seconds on, and stays there.

    The phase's value is what the stimulus asked for (a limit in W).  A part that never gets there takes for ever.
    """
    series = evidence.series[measure.of]
    took = np.zeros(len(series.places))
    most = measure.most or 0.0
    for phase in evidence.phases_called(measure.phase):
        cut = series.during(phase)
        if not len(cut.times):
            return Weighed(gap=UNSEEN)
        above = cut.values > phase.value * (1.0 + (measure.share or 0.0))
        unknown = ~np.isfinite(cut.values).any(axis=0)
        last = np.where(above.any(axis=0), len(above) - 1 - above[::-1].argmax(axis=0), -1)
        ended = np.append(cut.times, np.inf)[last + 1] - phase.since
        ended = np.where(last < 0, 0.0, np.where(last == len(above) - 1, np.inf, ended))
        took = np.where(unknown, np.nan, np.maximum(took, ended))
    shown = np.where(np.isinf(took), 9e9, took)

    def said(n: int) -> str:
        return "never obeys" if np.isinf(took[n]) else f"obeys after {took[n]:.2f} s, {most:g} s is allowed"

    limits = np.full(len(took), most)
    return weigh(series.places, shown, limits, shown - most, np.full(len(took), 0.1), said, UNSEEN)


def judge_counts(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Each part's counter grows by at most `most` an hour, or by `times` as much as the median of its peers does.

    What it grew by before it was set back to nothing counts as well.
    """
    series = evidence.series[measure.of]
    grown, hours = np.zeros(len(series.places)), 0.0
    for phase in evidence.phases_called(measure.phase):
        cut = series.during(phase)
        if len(cut.times) > 1:
            known = np.isfinite(cut.values).all(axis=0)
            grown = grown + np.where(known, np.maximum(np.diff(cut.values, axis=0), 0.0).sum(axis=0), np.nan)
            hours += float(cut.times[-1] - cut.times[0]) / HOUR_S
    if hours <= 0.0:
        return Weighed(gap=UNSEEN)
    rate = grown / hours
    usual = centre(rate)
    bound = max(measure.most or 0.0, (measure.times or 0.0) * usual)
    limits = np.full(len(rate), bound)

    def said(n: int) -> str:
        return f"{measure.of} grows by {_number(rate[n])} an hour, the rack's median by {_number(usual)}"

    # What is counted comes by chance: its error is the square root of the count.
    error = np.sqrt(np.maximum(np.abs(grown), 1.0)) / hours
    return weigh(series.places, rate, limits, rate - limits, error, said, UNSEEN)


def judge_drift(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Each part changes by at most `most` of itself an hour, beyond what all its peers together do when it has any.

    Where readings scatter so much that the phase is too short to tell such a drift from none, nothing is judged.
    """
    series = evidence.series[measure.of]
    phases = evidence.phases_called(measure.phase)
    if not phases:
        return Weighed(gap=UNSEEN)
    cut = series.during(phases[-1])
    level = middle(cut.values)
    with np.errstate(invalid="ignore", divide="ignore"):
        drift = slope(cut.times, cut.values) * HOUR_S / np.abs(level)
    own = drift - centre(drift) if len(drift) > 3 else drift
    most = max(measure.most or 0.0, (measure.times or 0.0) * spread(own))
    error = _drift_error(cut.values, cut.times)
    if (blind := TELLS * centre(error[np.isfinite(own)])) > most:
        lasted = phases[-1].end - phases[-1].begin
        return Weighed(gap=f"{lasted:.0f} s are too short to tell {most:.2%} an hour from noise of {blind:.2%}")
    limits = np.full(len(own), most)

    def said(n: int) -> str:
        return f"{measure.of} drifts by {own[n]:+.2%} an hour, {most:.2%} is allowed"

    return weigh(series.places, own, limits, np.abs(own) - most, error, said, UNSEEN)


def judge_silence(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """No part is unknown for longer than `most` seconds at a stretch."""
    series = evidence.series[measure.of]
    if not len(series.times):
        return Weighed(gap=UNSEEN)
    step = float(np.median(np.diff(series.times))) if len(series.times) > 1 else 1.0
    longest, now = np.zeros(len(series.places)), np.zeros(len(series.places))
    for row in ~np.isfinite(series.values):
        now = np.where(row, now + step, 0.0)
        longest = np.maximum(longest, now)
    most = measure.most or 0.0
    limits = np.full(len(longest), most)

    def said(n: int) -> str:
        return f"{measure.of} was unknown for {longest[n]:.0f} s, {most:g} s is allowed"

    return weigh(series.places, longest, limits, longest - most, np.full(len(longest), step), said, UNSEEN)


def _drift_error(values: Array, times: Array) -> Array:
    """Return the standard error of each part's drift, 1/h, (N, P) → (P,); what all peers do at one moment is none.

    A value that is only held from one row to the next is no reading of its own.
    """
    if values.shape[1] > 3:
        common = centres(values)[:, None]
        values = values - common + centre(common[:, 0])
    third = max(len(times) // 3, 1)
    span = float(np.median(times[-third:]) - np.median(times[:third])) if len(times) > 1 else 1.0
    new = np.maximum((np.nan_to_num(np.diff(values, axis=0)) != 0.0).sum(axis=0) / 3.0, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = OF_THIRDS * scatter(values) / np.abs(middle(values))
    return np.asarray(np.nan_to_num(relative / np.sqrt(new) * HOUR_S / max(span, 1.0), nan=1.0))
