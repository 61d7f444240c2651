"""Rules about what a stimulus does: the part that it is done to must react as it should, and no other.  Pure."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rack_controller.prove.accept.compare import UNSEEN, _number
from rack_controller.prove.accept.evidence import Array, Evidence, Phase, Series
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import MeasureSpec, Rule
from rack_controller.prove.accept.robust import centre, middle, scatter, spread, standard_error
from rack_controller.prove.accept.weighed import Weighed, Weight, weigh

LEAST_PEERS = 3
"""So many parts of a series have a median to be held against; fewer are held against what is wanted of each."""
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]


def unit_weighed(rule: Rule, judged: int, unit: str) -> str:
    """Return the unit of what a rule weighs, where `unit` is read: some weigh shares of what peers do, or changes."""
    if rule is Rule.BREATHES:
        return "changes"
    return "1" if rule is Rule.TAKES or (rule is Rule.FOLLOWS and judged >= LEAST_PEERS) else unit


def judge_following(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """From one phase to another each part changes as much as its peers: between `least` and `most` times their median.

    A sensor that is stuck changes by nothing; a part that saturates by less.  What a part's own noise may make of its
    change is allowed beside: one that is stuck has none.
    """
    series = evidence.series[measure.of]
    change = _median(series, evidence, measure.to) - _median(series, evidence, measure.phase)
    if len(series.places) < LEAST_PEERS:
        return _moving(measure, series, change)
    usual = centre(change)
    if not np.isfinite(usual) or abs(usual) < (measure.within or 0.0):
        return Weighed(gap=f"{measure.of} changes by {_number(usual)} between the phases: too little to judge")
    ratio = change / usual
    least, most = measure.least if measure.least is not None else 0.0, measure.most or np.inf
    margin = (measure.times or 0.0) * spread(ratio)
    least, most = min(least, 1.0 - margin) if margin else least, max(most, 1.0 + margin)
    noise = NOISE_TIMES * _noise_of_change(series, evidence, measure) / abs(usual)
    low, high = least - noise, most + noise
    limits = np.where(ratio < 1.0, low, high)

    def said(n: int) -> str:
        return (
            f"{measure.of} changes by {_number(change[n])} {measure.unit} from {measure.phase} to {measure.to}, "
            f"its peers by {_number(usual)}"
        )

    return weigh(
        series.places, ratio, limits, np.maximum(low - ratio, ratio - high), np.full(len(ratio), 0.02), said, UNSEEN
    )


NOISE_TIMES = 4.0


def _noise_of_change(series: Series, evidence: Evidence, measure: MeasureSpec) -> Array:
    """Return the standard error of each part's change from one phase to another, (P,)."""
    found = np.zeros(len(series.places))
    for name in (measure.phase, measure.to):
        cut = [series.during(p).values for p in evidence.phases_called(name)]
        values = np.vstack(cut) if cut else np.empty((0, len(series.places)))
        found = np.hypot(found, np.nan_to_num(standard_error(values)))
    return np.asarray(found)


def moves(series: Series, evidence: Evidence, phase: str, to: str) -> bool:
    """Return whether the parts of a series plainly move from one phase to another, far more than they differ in it."""
    change = _median(series, evidence, to) - _median(series, evidence, phase)
    usual = abs(centre(change))
    return bool(np.isfinite(usual) and usual > PLAIN_TIMES * max(spread(change), 1e-9))


PLAIN_TIMES = 8.0


def _moving(measure: MeasureSpec, series: Series, change: Array) -> Weighed:
    """Parts without peers change by `within` at least."""
    need = np.full(len(change), measure.within or 0.0)

    def said(n: int) -> str:
        return f"{measure.of} changes by {_number(change[n])} {measure.unit} from {measure.phase} to {measure.to}"

    return weigh(series.places, change, need, need - change, 0.05 * need, said, UNSEEN)


def judge_response(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """What was done to a part shows where the design has it show, and nowhere else.

    The change against the moment before must reach `within` (with its sign) at each part that feels it by design; no
    other part may show `share` of that.  Who does not react and who reacts instead are both named.
    """
    series = evidence.series[measure.of]
    need, stray_share = measure.within or 0.0, measure.share if measure.share is not None else 0.5
    found: list[Weight] = []
    near: Weight | None = None
    judged = 0
    hung = _Hung()
    for phase in evidence.phases_called(measure.phase):
        felt = parts.feels(phase.place, measure.of.partition(".")[0])
        own = np.array([p in felt for p in series.places], dtype=np.bool_)
        if not own.any():
            continue
        judged += 1
        change = _change(series, phase)
        shows = change * np.sign(need)
        bar = stray_share * max(abs(need), float(np.nan_to_num(shows[own], nan=0.0).max()))
        deaf = np.flatnonzero(own & ~(shows >= abs(need)))
        strays = np.flatnonzero(~own & (np.nan_to_num(shows, nan=-np.inf) >= bar))
        text = _told(measure, series, phase, change, own, strays)
        # A feed is no part of the rack: who hangs on it is named.  A phase is none either: who was pulled is named.
        wired = measure.of.startswith("feedphase.")
        hung.pulled(felt, phase.place, deaf=wired and deaf.size > 0)
        for n in [*deaf, *strays[:4]]:
            place = phase.place if wired else series.places[int(n)]
            off = abs(need) - float(shows[n]) if own[n] else float(shows[n]) - bar
            found.append(_reaction(place, float(change[n]), need, off, text))
        least = int(np.flatnonzero(own)[np.argmin(np.nan_to_num(shows[own], nan=-np.inf))])
        weight = _reaction(series.places[least], float(change[least]), need, abs(need) - float(shows[least]), text)
        near = weight if near is None or weight.excess > near.excess else near
    if near is None:
        return Weighed(gap="nothing was done to any part that this would show at")
    found = [replace(w, place=hung.blame(w.place)) for w in found]
    return Weighed(judged, list({(w.place, w.text): w for w in found}.values()), near)


class _Hung:
    """Who hangs on which phase of a feed by design, and whether it showed there when it was pulled.

    One that does not is wired elsewhere; where nobody does, it is the phase that is, or its meter.
    """

    def __init__(self) -> None:
        self._deaf: dict[str, dict[str, bool]] = {}

    def pulled(self, felt: Collection[str], place: str, *, deaf: bool) -> None:
        """Note whether what was done to a part showed where it should."""
        for phase in felt:
            self._deaf.setdefault(phase, {})[place] = deaf

    def blame(self, place: str) -> str:
        """Return who is named for a part: its phase where all that hang on it are deaf, else itself."""
        return next((f for f, d in self._deaf.items() if place in d and len(d) > 1 and all(d.values())), place)


def judge_taking(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """While a part is out, each that is left takes as much more as its peers: `least` to `most` times their median."""
    series = evidence.series[measure.of]
    worst = np.full(len(series.places), np.nan)
    for phase in evidence.phases_called(measure.phase):
        gone = parts.feels(phase.place, measure.of.partition(".")[0])
        left = np.array([p not in gone for p in series.places], dtype=np.bool_)
        change = _change(series, phase)
        usual = centre(change[left])
        if not left.any() or not abs(usual) >= (measure.within or 0.0):
            continue
        ratio = np.where(left, change / usual, np.nan)
        further = np.isnan(worst) | (np.abs(ratio - 1.0) > np.abs(worst - 1.0))
        worst = np.where(left & further, ratio, worst)
    low, high = measure.least or 0.0, measure.most or np.inf
    limits = np.where(worst < 1.0, low, high)

    def said(n: int) -> str:
        return f"{measure.of}: it took {worst[n]:.2f} of what its peers took"

    excess = np.maximum(low - worst, worst - high)
    return weigh(series.places, worst, limits, excess, np.full(len(worst), 0.02), said, UNSEEN)


def judge_ceasing(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """While a part is out, at most `within` is read of it and of what lies in it; what is silent then shows nothing."""
    series = evidence.series[measure.of]
    most = np.full(len(series.places), np.nan)
    for phase in evidence.phases_called(measure.phase):
        gone = parts.feels(phase.place, measure.of.partition(".")[0])
        out = np.array([p in gone for p in series.places], dtype=np.bool_)
        most = np.where(out, np.fmax(most, np.abs(middle(series.during(phase).values))), most)
    seen = np.flatnonzero(np.isfinite(most))
    if not len(seen):
        return Weighed()
    limit = measure.within or 0.0

    def said(n: int) -> str:
        return f"{measure.of} still shows {_number(most[seen[n]])} {measure.unit} while it is out"

    places, values = [series.places[int(n)] for n in seen], most[seen]
    bound = np.full(len(seen), limit)
    return weigh(places, values, bound, values - bound, 0.1 * bound, said, UNSEEN)


def judge_lag(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """When a load steps, each part follows at most `within` seconds later than its peers.

    How late one is: the area between its step and an instant one, from where it was before `phase` to where it is in
    `to`, over the height of the step.  As long as it is between two new readings of its own it may be late as well.
    """
    series = evidence.series[measure.of]
    late, gap = np.full(len(series.places), np.nan), UNSEEN
    for phase in evidence.phases_called(measure.phase):
        before = (series.times <= phase.since) & (series.times > phase.since - BEFORE_S)
        cut = series.during(phase)
        start, end = middle(series.values[before]), _median(series, evidence, measure.to)
        height = end - start
        if len(cut.times) < LEAST_ROWS or not abs(centre(height)) > STEPS_OF_NOISE * centre(scatter(cut.values)):
            gap = f"{measure.of} changes by {_number(centre(height))}: too little to judge who is late"
            continue
        values = _filled(cut.values)
        with np.errstate(invalid="ignore", divide="ignore"):
            missing = 1.0 - (values - start) / height
        each = np.diff(cut.times, prepend=phase.begin)[:, None]
        reading = (phase.end - phase.begin) / np.maximum((np.diff(values, axis=0) != 0.0).sum(axis=0), 1)
        late = np.fmax(late, np.maximum((missing * each).sum(axis=0) - reading, 0.0))
    usual = centre(late)
    if not np.isfinite(usual):
        return Weighed(gap=gap)
    own, most = late - usual, np.full(len(late), measure.within or 0.0)

    def said(n: int) -> str:
        return f"{measure.of} follows {own[n]:.0f} s later than its peers, {most[n]:g} s are allowed"

    return weigh(series.places, own, most, own - most, np.full(len(own), 1.0), said, UNSEEN)


def _filled(values: Array) -> Array:
    """Return readings, (N, P), with each that is unknown as the next one of its part is, and after its last as that."""
    found = values.copy()
    for row in range(len(found) - 2, -1, -1):
        found[row] = np.where(np.isnan(found[row]), found[row + 1], found[row])
    for row in range(1, len(found)):
        found[row] = np.where(np.isnan(found[row]), found[row - 1], found[row])
    return found


LEAST_ROWS, STEPS_OF_NOISE = 6, 10.0
"""Fewer rows, or a step that is no more times the readings' scatter, show nobody's lag."""


def judge_alone(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """While each part of a kind is out, what is left works within `least` and `most`.

    Those that are left are named; where all together do in `to` as much as without one they do at best, what is left is
    not weak: the one that is out takes something with it, and it is named.
    """
    series = evidence.series[measure.of]
    found: list[Weight] = []
    near: Weight | None = None
    low, high = measure.least or 0.0, measure.most or np.inf
    phases = evidence.phases_called(measure.phase)
    all_work = _median(series, evidence, measure.to)[0] if measure.to else np.nan
    without = [float(middle(series.during(p).values)[0]) for p in phases]
    best = max((v for v in without if np.isfinite(v)), default=np.nan)
    for phase, value in zip(phases, without, strict=True):
        left = [p for p in parts.of(parts.kind_of(phase.place)) if p != phase.place]
        # A weak one costs all together half of what it costs alone; what runs through one that stands costs them none.
        if best - value > SHOWS * abs(best) and best - all_work < ITS_SHARE * (best - value):
            left = [phase.place]
        limit = high if value > high else low
        text = f"{measure.of} {_number(value)} {measure.unit} without {phase.place}, {_number(limit)} is the limit"
        weight = Weight(
            left[0] if left else phase.place, value, limit, max(value - high, low - value), 0.01 * value, text
        )
        near = weight if near is None or weight.excess > near.excess else near
        if weight.excess > 0.0 or not np.isfinite(value):
            found += [Weight(p, value, limit, weight.excess, weight.uncertainty, text) for p in left]
    if near is None or not np.isfinite(near.excess):
        return Weighed(gap=UNSEEN)
    return Weighed(len(phases), found, near)


ITS_SHARE, SHOWS = 0.25, 0.02
"""Of what is missing without a part as much is missing of all together at the least where what is left is weak; without
which part least is missing tells nothing, nor do others that are no more than a fiftieth below it."""


def judge_removal(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """What a part said it carried is what the others take over when it is pulled: between `least` and `most` of it.

    A part that reports wrongly, alone among its peers, is found by this even when it agrees with itself.
    """
    series = evidence.series[measure.of]
    values: list[float] = []
    places: list[str] = []
    for phase in evidence.phases_called(measure.phase):
        at = series.index(phase.place)
        if at < 0:
            continue
        change = _change(series, phase)
        others = float(np.nansum(np.delete(change, at)))
        places.append(phase.place)
        values.append(-float(change[at]) / others if others else float("nan"))
    ratio = np.array(values)
    # All share one load that may itself have moved: what is common to all is not the part's.
    ratio = ratio / centre(ratio) if len(ratio) else ratio
    low, high = measure.least or 0.0, measure.most or np.inf
    margin = (measure.times or 0.0) * spread(ratio)
    low, high = min(low, 1.0 - margin) if margin else low, max(high, 1.0 + margin)
    limits = np.where(ratio < 1.0, low, high)

    def said(n: int) -> str:
        return f"it said it carried {ratio[n]:.3f} of what the others took over"

    excess = np.maximum(low - ratio, ratio - high)
    return weigh(places, ratio, limits, excess, np.full(len(ratio), 0.01), said, UNSEEN)


def _reaction(place: str, value: float, need: float, excess: float, text: str) -> Weight:
    """Return one reaction; of a part that was not read before or after it is not known, which blames nobody."""
    if np.isfinite(value):
        return Weight(place, value, need, excess, 0.05 * abs(need), text)
    unread = f"{text}: not read both before and after"
    return Weight(place, None, need, abs(need), 0.05 * abs(need), unread, unseen=True)


def _told(measure: MeasureSpec, series: Series, phase: Phase, change: Array, own: Mask, strays: Indices) -> str:
    felt = ", ".join(f"{series.places[int(n)]} {_number(change[n])}" for n in np.flatnonzero(own)[:4])
    seen = ", ".join(f"{series.places[int(n)]} {_number(change[n])}" for n in strays[:4])
    told = f"{measure.phase}: {phase.place}; {measure.of} changed at {felt} {measure.unit}"
    return told + (f", and where it should not: {seen}" if seen else "")


def _change(series: Series, phase: Phase) -> Array:
    """Return how much each part is away from where it was just before the phase, (P,)."""
    before = (series.times <= phase.since) & (series.times > phase.since - BEFORE_S)
    inside = (series.times > phase.begin) & (series.times <= phase.end)
    reading = series.values[inside]
    return middle(reading) - middle(series.values[before])


BEFORE_S = 8.0


def _median(series: Series, evidence: Evidence, phase: str) -> Array:
    cut = [series.during(p).values for p in evidence.phases_called(phase)]
    return middle(np.vstack(cut)) if cut else np.full(len(series.places), np.nan)
