"""What can be claimed of a rack's origin under one rule, with bounds: what is unknown counts against it.  Pure.

A claim is arithmetic with a rule's name on it.  It is no statement of law.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from firmware_bridge.vocabulary.place import RACK_PARTS
from rack_controller.prove.claim import ClaimVerdict, OriginClaim
from rack_controller.prove.columns import codes_of, column, numbers, spread
from rack_controller.prove.fields import (
    BASIS,
    COST,
    COST_MOST,
    CURRENCY,
    KIND,
    MONEY,
    PLACE,
    PROCESSES,
    STRENGTHS,
    TRAY_OF,
    UNKNOWN_PLACE,
    process_of,
    steps_in,
)
from rack_controller.prove.rules import Counts, Measure, OriginRule, Over

IN, OUT, UNKNOWN = 1, 0, -1
_ABSENT = -2
Outcomes = NDArray[np.int64]
Money = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lines:
    """What a share is taken over: per line its outcome and the bounds of its cost in the rule's currency.

    `most` is infinite where nothing bounds a cost.
    """

    outcome: Outcomes
    least: Money
    most: Money


def claim_of(table: pa.Table, rule: OriginRule, sites: Mapping[str, str], delivery: date | None) -> OriginClaim:
    """Return the claim that a rule allows for the records of one rack.  `sites`: the country of each site."""
    rack, parts = _split(table)
    if rule.measure is Measure.COUNTRY:
        return _country(rack, parts, rule, sites, delivery)
    lines = lines_of(parts, rule, sites)
    lower, upper = _bounds(lines)
    wanted = rule.threshold_at(delivery) if delivery is not None else None
    final = _named(_rack_outcome(rack, rule, sites)) if rule.final else ""
    return OriginClaim(
        rule=rule.name,
        title=rule.title,
        measure=rule.measure,
        verdict=_verdict(lower, upper, wanted, final),
        delivery=delivery,
        lower_percent=lower,
        upper_percent=upper,
        more_than_percent=wanted,
        final=final,
        parts=len(lines.outcome),
        parts_in=int(np.count_nonzero(lines.outcome == IN)),
        parts_out=int(np.count_nonzero(lines.outcome == OUT)),
        parts_unknown=int(np.count_nonzero(lines.outcome == UNKNOWN)),
        costs_unknown=int(np.count_nonzero(lines.least != lines.most)),
        reasons=tuple(_reasons(lines, rule, wanted, final, delivery)),
        leaves_out=rule.leaves_out,
        source=rule.source,
    )


def lines_of(parts: pa.Table, rule: OriginRule, sites: Mapping[str, str]) -> Lines:
    """Return what the share of a rule is taken over: `parts` are records below the rack itself."""
    outcome = outcomes(parts, rule, sites)
    least, most = costs(parts, rule)
    if rule.over is Over.EVERY_PART:
        return Lines(outcome, least, most)
    trays = pc.replace_substring_regex(parts.column(PLACE), TRAY_OF, r"\1")
    at, names = codes_of(trays)
    own = np.full(len(names), UNKNOWN, np.int64)
    itself = pc.equal(trays, parts.column(PLACE)).to_numpy()
    own[at[itself]] = outcome[itself]
    by_tray = [np.asarray(np.bincount(at, weights=w, minlength=len(names)), np.float64) for w in (least, most)]
    return Lines(own, by_tray[0], by_tray[1])


def outcomes(parts: pa.Table, rule: OriginRule, sites: Mapping[str, str]) -> Outcomes:
    """Return per part whether it counts as made in the rule's countries: IN, OUT or UNKNOWN.

    Evidence that is weaker than the rule asks for proves nothing in favour; what it says against stands.
    """
    kinds, names = codes_of(parts.column(KIND))
    asked = [rule.decides(kind) for kind in names]
    none = np.zeros(parts.num_rows, np.bool_)
    out, unsure, told, last = none, none, none, np.full(parts.num_rows, UNKNOWN, np.int64)
    for process in (p for p in PROCESSES if any(p in decide for decide in asked)):
        decides = spread(kinds, np.asarray([process in decide for decide in asked], np.bool_), False).astype(np.bool_)
        state = _process(parts, process, rule, sites)
        out, unsure, told = out | decides & (state == OUT), unsure | decides & (state < 0), told | decides
        last = np.where(decides & (state != _ABSENT), state, last)
    if rule.counts is Counts.LAST:
        return last
    return np.where(out, OUT, np.where(unsure | ~told, UNKNOWN, IN))


def costs(parts: pa.Table, rule: OriginRule) -> tuple[Money, Money]:
    """Return the least and the most that each part may have cost, in the rule's currency.

    A cost of another basis, or in a currency without a rate, is unknown: zero at least, at most without bound.
    """
    known, is_known = numbers(parts, COST)
    bound, is_bound = numbers(parts, COST_MOST)
    rate = _of_value(parts, CURRENCY, lambda c: rule.rates.get(c, np.nan))
    basis = _of_value(parts, BASIS, lambda b: 1.0 if b in rule.cost_bases else np.nan)
    factor = rate * basis / MONEY
    counted = np.isfinite(factor)
    exact = is_known & counted
    least = np.where(exact, known * np.where(counted, factor, 0.0), 0.0)
    most = np.where(is_bound & np.isfinite(rate), bound * np.where(np.isfinite(rate), rate, 0.0) / MONEY, np.inf)
    return least, np.where(exact, least, most)


def _of_value(parts: pa.Table, name: str, value: Callable[[str], float]) -> Money:
    codes, values = codes_of(column(parts, name))
    return spread(codes, np.asarray([value(v) for v in values], np.float64), np.nan).astype(np.float64)


def _process(parts: pa.Table, process: str, rule: OriginRule, sites: Mapping[str, str]) -> Outcomes:
    found = [_step(parts, s, rule, sites) for s in steps_in(parts.column_names) if process_of(s) == process]
    state = found[0] if found else np.full(parts.num_rows, _ABSENT, np.int64)
    for more in found[1:]:
        both = np.where((state == OUT) | (more == OUT), OUT, np.minimum(state, more))
        state = np.where(state == _ABSENT, more, np.where(more == _ABSENT, state, both))
    return state


def _step(parts: pa.Table, step: str, rule: OriginRule, sites: Mapping[str, str]) -> Outcomes:
    codes, places = codes_of(column(parts, f"{step}_place"))
    proofs, words = codes_of(column(parts, f"{step}_evidence"))
    least = STRENGTHS.index(rule.least_evidence)
    strong = np.asarray([*(STRENGTHS.index(w) >= least for w in words), False], np.bool_)
    of_place = [UNKNOWN if p == UNKNOWN_PLACE else int(country_of(p, sites) in rule.countries) for p in places]
    state = np.asarray([*of_place, _ABSENT], np.int64)
    # Every place with every word of evidence; the last of each stands for none (-1).
    either = np.where((state == IN)[:, None] & ~strong, UNKNOWN, state[:, None])
    return either[codes, proofs]


def country_of(place: str, sites: Mapping[str, str]) -> str:
    """Return the country that a place of a step lies in."""
    return sites.get(place) or place.partition("-")[0]


def _all(states: Outcomes) -> Outcomes:
    out, unknown = (states == OUT).any(axis=0), (states < 0).any(axis=0)
    return np.where(out, OUT, np.where(unknown, UNKNOWN, IN))


def _bounds(lines: Lines) -> tuple[float, float]:
    inside, unsure = lines.outcome == IN, lines.outcome == UNKNOWN
    lower = _percent(lines.least[inside].sum(), lines.most[~inside].sum(), math.floor)
    upper = _percent(lines.most[inside | unsure].sum(), lines.least[~inside & ~unsure].sum(), math.ceil)
    return (0.0, 100.0) if not len(lines.outcome) else (lower, upper)


def _percent(inside: float, outside: float, towards: Callable[[float], int]) -> float:
    if math.isinf(outside) or inside + outside == 0.0:
        return 0.0 if towards is math.floor else 100.0
    share = 1.0 if math.isinf(inside) else inside / (inside + outside)
    nudge = -1e-9 if towards is math.floor else 1e-9  # sums of floats are not exact
    share = share if share in (0.0, 1.0) else share + nudge
    return min(100.0, max(0.0, towards(share * 10_000) / 100))


def _verdict(lower: float, upper: float, wanted: float | None, final: str) -> ClaimVerdict:
    if wanted is not None and (upper <= wanted or final == "out"):
        return ClaimVerdict.NOT_MET
    if wanted is None or lower <= wanted or final == "unknown":
        return ClaimVerdict.UNDECIDED
    return ClaimVerdict.MET


def _rack_outcome(rack: pa.Table, rule: OriginRule, sites: Mapping[str, str]) -> int:
    if rack.num_rows != 1:
        return UNKNOWN
    states = np.vstack([_process(rack, p, rule, sites) for p in rule.final])
    return int(_all(states)[0])


def _named(outcome: int) -> str:
    return {IN: "in", OUT: "out"}.get(outcome, "unknown")


def _reasons(lines: Lines, rule: OriginRule, wanted: float | None, final: str, delivery: date | None) -> list[str]:
    said = []
    what = "parts" if rule.over is Over.EVERY_PART else "trays"
    unknown = int(np.count_nonzero(lines.outcome == UNKNOWN))
    if unknown:
        said.append(f"{unknown} {what} are of unknown origin: outside in the lower bound, inside in the upper")
    unbound = int(np.count_nonzero(np.isinf(lines.most)))
    bound = int(np.count_nonzero((lines.least != lines.most) & ~np.isinf(lines.most)))
    if unbound:
        said.append(f"{unbound} {what} have a cost that nothing bounds: state a cost, or the most it may be")
    if bound:
        said.append(f"{bound} {what} have a cost that is only bounded: the bound that is worse for the claim counts")
    if delivery is None:
        said.append("no day of delivery is stated: which share is asked for depends on it")
    elif wanted is None:
        said.append("the rule asks for no share on that day of delivery")
    if final in ("out", "unknown"):
        where = {"out": "was not done there", "unknown": "is not proven"}[final]
        said.append(f"the rack's own {' and '.join(rule.final)} {where}")
    return said


def _country(
    rack: pa.Table, parts: pa.Table, rule: OriginRule, sites: Mapping[str, str], delivery: date | None
) -> OriginClaim:
    per_part = _countries(parts, rule, sites)
    found = _countries(rack, rule, sites)
    country = found[0] if len(found) == 1 else ""
    counted: dict[str, int] = {}
    reason: tuple[str, ...]
    for name in per_part:
        counted[name or UNKNOWN_PLACE] = counted.get(name or UNKNOWN_PLACE, 0) + 1
    if not country:
        verdict, reason = (
            ClaimVerdict.UNDECIDED,
            ("no record of the rack itself says where its deciding step was done",),
        )
    elif not rule.countries:
        verdict, reason = ClaimVerdict.UNDECIDED, ("the rule asks for no country: it only says which",)
    else:
        verdict, reason = (ClaimVerdict.MET if country in rule.countries else ClaimVerdict.NOT_MET), ()
    return OriginClaim(
        rule=rule.name,
        title=rule.title,
        measure=rule.measure,
        verdict=verdict,
        delivery=delivery,
        country=country or UNKNOWN_PLACE,
        parts=len(per_part),
        parts_unknown=counted.get(UNKNOWN_PLACE, 0),
        by_country=dict(sorted(counted.items(), key=lambda row: (-row[1], row[0]))),
        reasons=reason,
        leaves_out=rule.leaves_out,
        source=rule.source,
    )


def _countries(parts: pa.Table, rule: OriginRule, sites: Mapping[str, str]) -> list[str]:
    """Return per part the country of the last deciding step that is told of, empty where it is unknown."""
    kinds, names = codes_of(parts.column(KIND))
    result = np.full(parts.num_rows, "", dtype=object)
    least = STRENGTHS.index(rule.least_evidence)
    for step in steps_in(parts.column_names):
        decides = np.append(np.asarray([process_of(step) in rule.decides(k) for k in names], np.bool_), np.False_)[
            kinds
        ]
        codes, places = codes_of(column(parts, f"{step}_place"))
        proofs, words = codes_of(column(parts, f"{step}_evidence"))
        strong = np.append(np.asarray([STRENGTHS.index(w) >= least for w in words], np.bool_), np.False_)[proofs]
        told = decides & (codes >= 0)
        of_place = np.asarray(["" if p == UNKNOWN_PLACE else country_of(p, sites) for p in places] + [""], dtype=object)
        result = np.where(told, np.where(strong, of_place[codes], ""), result)
    return list(result)


def _split(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the record of the rack itself and those of its parts."""
    if not table.num_rows:
        return table, table
    places = table.column(PLACE)
    at = pc.index(places, "/".join(places[0].as_py().split("/")[:RACK_PARTS])).as_py()
    if at < 0:
        return table.slice(0, 0), table
    if at == 0:
        return table.slice(0, 1), table.slice(1)
    return table.slice(at, 1), pa.concat_tables([table.slice(0, at), table.slice(at + 1)])
