"""Floods of alike findings of one second become a few: nobody reads forty lines that say the same.  Pure.

Only what tells of itself in the readings as well is folded; leaks, losses and refusals are always told one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity

MOST_NAMED = 8
_SEVERITIES = (Severity.OK, Severity.WARNING, Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class Fold:
    """How a kind is folded: from `above` findings in one second on, the first `told` stay, the rest is one line."""

    above: int
    told: int
    rest: str


FOLDS: Mapping[str, Fold] = {
    "endpoint.met": Fold(1, 0, "{count} endpoints answer for the first time"),
    "alarm.set": Fold(4, 1, "{count} more alarms are set: {names}"),
    "alarm.cleared": Fold(4, 1, "{count} more alarms are cleared: {names}"),
}


def fold_floods(findings: Sequence[Finding], rack: Place) -> list[Finding]:
    """Return the findings of one second with floods folded, in their order; a fold stands at the rack, with its count.

    Its severity is the worst of what it stands for.
    """
    floods = {k: [f for f in findings if f.kind == k] for k in FOLDS}
    floods = {kind: alike for kind, alike in floods.items() if len(alike) > FOLDS[kind].above}
    if not floods:
        return list(findings)
    kept: list[Finding] = []
    seen = dict.fromkeys(floods, 0)
    for finding in findings:
        if finding.kind not in floods:
            kept.append(finding)
            continue
        fold, seen[finding.kind] = FOLDS[finding.kind], seen[finding.kind] + 1
        if seen[finding.kind] <= fold.told:
            kept.append(finding)
        elif seen[finding.kind] == fold.told + 1:
            kept.append(_folded(floods[finding.kind][fold.told :], fold, rack))
    return kept


def _folded(rest: Sequence[Finding], fold: Fold, rack: Place) -> Finding:
    if len(rest) == 1:
        return rest[0]
    more = ", …" if len(rest) > MOST_NAMED else ""
    names = ", ".join(f.message.removesuffix(" set").removesuffix(" cleared") for f in rest[:MOST_NAMED]) + more
    worst = max((f.severity for f in rest), key=_SEVERITIES.index)
    places = ", ".join(f.place.removeprefix(f"{rack}/") for f in rest)[:1_000]
    details: dict[str, str | float | int | None] = {"count": len(rest), "places": places}
    return Finding(rack, rest[0].kind, worst, fold.rest.format(count=len(rest), names=names), details)
