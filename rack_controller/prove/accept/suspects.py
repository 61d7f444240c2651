"""Which parts a run's findings point at, most suspected first: one fault shows in many measures.  Pure.

Every measure that names a part counts once, by its confidence; what belongs to a tray most of whose parts of a kind are
found counts for the tray.  It orders what people look at; it takes nothing back and adds nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from rack_controller.prove.accept.verdict import Finding

SWEPT = ("sweep_", "noise_", "motion_", "heard_", "pace_", "jumps_", "strays_")
SWEEP_WEIGHT = 0.3
"""A sweep sees consequences as well as causes: what it finds counts less than a measure that was made for it."""
MOST_OF_A_TRAY = 0.75


class Suspect(msgspec.Struct, frozen=True):
    """One part with its serial number, how much points at it, in which measures, and what was said first."""

    place: str
    serial: str
    score: float
    measures: list[str]
    text: str


def suspects(findings: Iterable[Finding], siblings: Mapping[str, int], most: int = 8) -> list[Suspect]:
    """Return the parts that findings point at.  `siblings`: how many parts a tray has of a kind, by `tray/kind`."""
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    first: dict[str, Finding] = {}
    together: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for finding in findings:
        if not finding.place:
            continue
        weight = finding.confidence * (SWEEP_WEIGHT if finding.measure.startswith(SWEPT) else 1.0)
        scores[finding.place][finding.measure] = max(scores[finding.place].get(finding.measure, 0.0), weight)
        told = first.setdefault(finding.place, finding)
        if told.measure.startswith(SWEPT) and not finding.measure.startswith(SWEPT):
            first[finding.place] = finding
        tray, _, part = finding.place.partition("/")
        if part:
            together[f"{tray}/{part.rstrip('0123456789')}", finding.measure][finding.place] = weight
    for (kind, measure), places in together.items():
        count = siblings.get(kind, 0)
        if count > 1 and len(places) >= MOST_OF_A_TRAY * count:
            tray = kind.partition("/")[0]
            scores[tray][measure] = max([scores[tray].get(measure, 0.0), *places.values()])
            for place in places:
                del scores[place][measure]
            first.setdefault(tray, first[next(iter(places))])
    ranked = sorted(((sum(m.values()), place) for place, m in scores.items() if m), key=lambda s: (-s[0], s[1]))
    return [
        Suspect(place, first[place].serial, round(score, 3), sorted(scores[place]), first[place].text)
        for score, place in ranked[:most]
    ]
