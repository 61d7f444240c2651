"""Rules about readings themselves: whether an instrument is heard, moves, keeps pace, and does not jump.  Pure.

A sensor that lies now and then, or says something new too rarely, hides behind a median: it is found here.
"""

import numpy as np

from rack_controller.prove.accept.compare import COUNTED, MOST_ALONE, UNASKED, UNSEEN, _number, bounds, rounding
from rack_controller.prove.accept.evidence import Array, Evidence, Series
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import MeasureSpec
from rack_controller.prove.accept.robust import READ_APART, centre, centres, middle, scatter
from rack_controller.prove.accept.weighed import Weighed, Weight, weigh

SPELL = 2
"""Readings in a row that are a spell: a single one may be a glitch, which `jumps` is about."""
LEAST_CHANGES = 4
"""Fewer changes of most parts in a phase say nothing of who keeps pace."""


def judge_peaks(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """No part lies beyond `least` or `most` for longer than one reading at a time, in any phase of that name."""
    series = evidence.series[measure.of]
    low, high = bounds(measure, evidence)
    if np.isnan(low) or np.isnan(high):
        return Weighed(gap=UNASKED)
    highest, lowest = np.full(len(series.places), np.nan), np.full(len(series.places), np.nan)
    for phase in evidence.phases_called(measure.phase):
        values = series.during(phase).values
        if len(values) < 2:
            continue
        # What two readings in a row are at least above, and below: a single one may be a glitch.
        highest = np.fmax(highest, _most(np.minimum(values[1:], values[:-1])))
        lowest = np.fmin(lowest, -_most(-np.maximum(values[1:], values[:-1])))
    above = highest - high >= low - lowest
    worst, limits = np.where(above, highest, lowest), np.where(above, high, low)

    def said(n: int) -> str:
        return f"{measure.of} reaches {_number(worst[n])} {measure.unit}, {_number(limits[n])} is the limit"

    excess = np.maximum(highest - high, low - lowest)
    return weigh(series.places, worst, limits, excess, 0.01 * np.abs(worst), said, UNSEEN)


def judge_breath(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """An analogue reading is not exactly the same throughout a phase: one that is comes from no sensor."""
    series = evidence.series[measure.of]
    values = _joined(series, evidence, measure.phase)
    changes = _changes(values)
    if len(values) < 5:
        return Weighed(gap=UNSEEN)
    known = np.isfinite(values).sum(axis=0) >= 5
    need = np.full(len(series.places), measure.least or 1.0)

    def said(n: int) -> str:
        return f"{measure.of} shows {_number(middle(values)[n])} {measure.unit} throughout: it is stuck"

    return weigh(
        series.places,
        np.where(known, changes, np.nan),
        need,
        np.where(known, need - changes, np.nan),
        np.full(len(need), 0.3),
        said,
        UNSEEN,
    )


def judge_pace(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Each part shows something new at least `share` as often as its peers do."""
    series = evidence.series[measure.of]
    values = _joined(series, evidence, measure.phase)
    changes = np.where(np.isfinite(values).any(axis=0), _changes(values), np.nan)
    usual = centre(changes)
    # Of what hardly moves within a phase nobody is late.
    need = np.full(len(series.places), (measure.share or 0.5) * usual if usual >= LEAST_CHANGES else 0.0)

    def said(n: int) -> str:
        return f"{measure.of} shows something new {changes[n]:.0f} times, its peers {usual:.0f} times"

    return weigh(series.places, changes, need, need - changes, np.sqrt(need) / 2.0, said, UNSEEN)


def judge_hearing(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """At most a share of `most` of each part's readings is missing, where most of its peers' are there."""
    series = evidence.series[measure.of]
    values = _joined(series, evidence, measure.phase)
    if not len(values):
        return Weighed(gap=UNSEEN)
    lost = np.isnan(values).mean(axis=0)
    # What nobody says at this moment is the rack's silence and not a part's; of a part alone nobody else could say it.
    shared = (np.isnan(values).mean(axis=1) > 0.5) & (len(series.places) >= MOST_ALONE)
    own = np.isnan(values[~shared]).mean(axis=0) if (~shared).any() else lost
    if len(own) < MOST_ALONE:
        own = np.where(lost < 1.0, own, np.nan)  # what never says a word is not lost on the way
        if np.isnan(own).all():
            mute = [Weight(p, None, None, 1.0, 0.0, UNSEEN, unseen=True) for p in series.places]
            return Weighed(len(mute), mute, mute[0])
    limits = np.full(len(own), measure.most or 0.0)

    def said(n: int) -> str:
        return f"{measure.of}: {own[n]:.0%} of its readings are missing"

    return weigh(series.places, own, limits, own - limits, np.full(len(own), 0.01), said, UNSEEN)


def judge_jumps(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """No reading of a part stands out of its neighbours in time by `times` what its peers' do, and by `within`.

    While all move, what one is read earlier or later than its peers is no jump: as much as these moved meanwhile is
    taken off.  Of parts that have no peers `within` alone counts, and a `share` of what they show.  What is counted or
    coded may not go and come back at all, however long it was away: a counter that grows does not.
    """
    series = evidence.series[measure.of]
    cut = [series.during(p).values for p in evidence.phases_called(measure.phase)]
    noise = float(np.nan_to_num(centre(scatter(_joined(series, evidence, measure.phase)))))
    stands = np.full(len(series.places), np.nan)
    found = stands
    for values in cut:
        own = _standing_out(values)
        stands = np.fmax(stands, _returned(values) if measure.unit in COUNTED else _most(own))
        moved = np.maximum(_moved(values) - noise, 0.0)
        found = stands if measure.unit in COUNTED else np.fmax(found, _most(np.maximum(own - moved, 0.0)))
    # In a phase of few readings most parts' stand out by nothing: then their noise is what they may stand out by.
    usual = float(np.nanmax([centre(stands), noise, 0.0])) if len(found) >= MOST_ALONE else 0.0
    bound = max((measure.times or 6.0) * usual, measure.within or 0.0)
    if measure.unit not in COUNTED and (found > bound).any():
        bound = max(bound, rounding(measure, [_still(values, bound)[:, ~(found > bound)] for values in cut]))
    limits = np.full(len(found), bound)
    if measure.share is not None:
        limits = np.fmax(limits, measure.share * np.abs(middle(_joined(series, evidence, measure.phase))))

    def said(n: int) -> str:
        return f"{measure.of} jumps by {_number(found[n])} {measure.unit}, its peers by {_number(usual)}"

    return weigh(series.places, found, limits, found - limits, 0.2 * limits, said, UNSEEN)


def judge_strays(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """No part is for a spell, two of its readings or longer, elsewhere beside its peers than it is most of the time.

    By `within` or a `share` of what it shows it may be, and by `times` what its peers are.  While all move, as much as
    they moved meanwhile is taken off.
    """
    series = evidence.series[measure.of]
    cut = [series.during(p).values for p in evidence.phases_called(measure.phase)]
    joined = _joined(series, evidence, measure.phase)
    noise = float(np.nan_to_num(centre(scatter(joined))))
    found = np.full(len(series.places), np.nan)
    for values in cut:
        away = values - centres(values)[:, None]
        away = away - middle(away)
        moved = np.maximum(_moved(values) - noise, 0.0)
        away = np.sign(away) * np.maximum(np.abs(away) - moved, 0.0)
        new = centre(_changes(values))
        rows = SPELL * max(round((len(values) - 1) / new), 1) if new > 0.0 else len(values) + 1
        if len(values) < rows:
            continue
        spells = np.lib.stride_tricks.sliding_window_view(away, rows, axis=0)
        found = np.fmax(found, _most(np.maximum(spells.min(axis=-1), -spells.max(axis=-1))))
    if not np.isfinite(found).any():
        return Weighed()  # in a phase of so few readings nothing is a spell
    usual = float(np.nan_to_num(centre(found)))
    limits = np.full(len(found), max((measure.times or 0.0) * max(usual, 0.0), measure.within or 0.0))
    if measure.share is not None:
        limits = np.fmax(limits, measure.share * np.abs(middle(joined)))

    def said(n: int) -> str:
        return f"{measure.of} is for a spell {_number(found[n])} {measure.unit} away from where it is beside its peers"

    return weigh(series.places, found, limits, found - limits, 0.1 * limits, said, UNSEEN)


def _standing_out(values: Array) -> Array:
    """Return by how much each reading stands out of the one before and the one after it, over all parts' common
    movement: (N, P) → (N, P), unknown of the first and the last."""
    standing = np.full(values.shape, np.nan)
    if len(values) < 3:
        return standing
    alone = values.shape[1] < MOST_ALONE
    common = np.zeros((len(values), 1)) if alone else centres(values)[:, None]
    own = values - common
    before, after = own[1:-1] - own[:-2], own[1:-1] - own[2:]
    # A reading that is held while its peers are read anew stands out of them too, and is no jump of its own.
    there_and_back = (values[1:-1] - values[:-2]) * (values[1:-1] - values[2:]) > 0.0
    same_way = np.where((before * after > 0.0) & there_and_back, np.minimum(np.abs(before), np.abs(after)), 0.0)
    standing[1:-1] = np.where(np.isfinite(before + after), same_way, np.nan)
    return standing


def _moved(values: Array) -> Array:
    """Return how far all parts together moved about each row, (N, P) → (N, 1), 0 of parts that have no peers."""
    if values.shape[1] < MOST_ALONE or not len(values):
        return np.zeros((len(values), 1))
    common = np.pad(centres(values), READ_APART, mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(common, 2 * READ_APART + 1)
    return np.asarray(np.nan_to_num(near.max(axis=1) - near.min(axis=1)))[:, None]


def _returned(values: Array) -> Array:
    """Return how far each part's count or code went and came back: (N, P) → (P,), unknown of fewer than two readings.

    What all parts do together is not taken away first: a count that stood while its peers grew would seem to fall.
    """
    found = np.full(values.shape[1], np.nan)
    for n, column in enumerate(values.T):
        steps = np.diff(column[np.isfinite(column)])
        if len(steps):
            found[n] = min(steps[steps > 0.0].sum(), -steps[steps < 0.0].sum())
    return found


def _still(values: Array, bound: float) -> Array:
    """Return the readings without the moments at which a part stands out by more than `bound`."""
    return np.where(np.any(_standing_out(values) > bound, axis=1, keepdims=True), np.nan, values)


def _most(values: Array) -> Array:
    known = np.isfinite(values).any(axis=0)
    return np.where(known, np.where(np.isfinite(values), values, -np.inf).max(axis=0), np.nan)


def _joined(series: Series, evidence: Evidence, phase: str) -> Array:
    cut = [series.during(p).values for p in evidence.phases_called(phase)]
    return np.vstack(cut) if cut else np.empty((0, len(series.places)))


def _changes(values: Array) -> Array:
    """Return how often each part shows something new, (P,)."""
    return np.asarray((np.abs(np.diff(values, axis=0)) > 0.0).sum(axis=0), dtype=np.float64)
