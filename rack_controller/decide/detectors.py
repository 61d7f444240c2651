"""What a leak detector's words are worth: one detector's memory in, its verdict out.  Pure.

A detector that once said Critical stays critical whatever it says later (dry is not fixed, open may be burnt); only a
person's clearing of the latch makes its memory new.  Silence and faults are verdicts of their own, never dry.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from firmware_bridge.vocabulary.quantities import Quantity, code_of
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.interlock import DetectorRules

_DRY, _WARNING, _CRITICAL = (code_of(Quantity.LEAK, name) for name in ("dry", "warning", "critical"))


class Verdict(StrEnum):
    """What one detector means."""

    DRY = "dry"
    WARNING = "warning"
    FLAPPING = "flapping"
    CRITICAL = "critical"
    FAULTY = "faulty"  # it answers without a value: open, short, disabled
    SILENT = "silent"  # no word for too long
    BLIND = "blind"  # its controller started lately: it says nothing yet, and everybody knows
    UNMET = "unmet"  # never heard


WET = frozenset({Verdict.WARNING, Verdict.FLAPPING, Verdict.CRITICAL})
UNSEEN = frozenset({Verdict.FAULTY, Verdict.SILENT, Verdict.BLIND, Verdict.UNMET})
"""Verdicts under which nobody knows whether it is dry."""


@dataclass(frozen=True, slots=True)
class Detector:
    """What is kept of one detector; times are monotonic.

    `code`: its last word, None when it answered without one; `changes`: when its word last became another;
    `wet_since`: since when it says anything but dry; `critical_since`: when it first said Critical.
    """

    label: str = ""
    code: float | None = None
    heard_at: Seconds | None = None
    quality: Quality = Quality.MISSING
    wet_since: Seconds | None = None
    critical_since: Seconds | None = None
    changes: tuple[Seconds, ...] = ()


def hear(detector: Detector, code: float | None, quality: Quality, heard_at: Seconds, rules: DetectorRules) -> Detector:
    """Return the memory after one more word.  A word that is not newer than the last changes nothing, but Critical
    always counts: events and polls may overtake each other."""
    if code == _CRITICAL and detector.critical_since is None:
        detector = replace(detector, critical_since=heard_at)
    if detector.heard_at is not None and heard_at <= detector.heard_at:
        return detector
    changed = code is not None and detector.code is not None and code != detector.code
    recent = tuple(t for t in detector.changes if heard_at - t <= rules.flap_within_s)
    wet_since = detector.wet_since
    if code == _DRY:
        wet_since = None
    elif code is not None and wet_since is None:
        wet_since = heard_at
    return replace(
        detector,
        code=detector.code if code is None else code,
        heard_at=heard_at,
        quality=quality if code is not None or quality is not Quality.GOOD else Quality.MISSING,
        wet_since=wet_since,
        changes=(*recent, heard_at) if changed else recent,
    )


def judge(detector: Detector, now: Seconds, rules: DetectorRules, *, blind: bool = False) -> Verdict:
    """Return what the detector means at `now`; `blind`: its controller cannot know yet.

    A wet word stands even when the detector fell silent after it: silence is no drying.
    """
    if detector.critical_since is not None or detector.code == _CRITICAL:
        return Verdict.CRITICAL
    if detector.heard_at is None:
        return Verdict.BLIND if blind else Verdict.UNMET
    if detector.wet_since is not None:
        long = now - detector.wet_since >= rules.warning_long_s
        return Verdict.CRITICAL if long else Verdict.WARNING
    recent = [t for t in detector.changes if now - t <= rules.flap_within_s]
    if len(recent) >= rules.flap_changes:
        return Verdict.FLAPPING
    if now - detector.heard_at > rules.silent_s:
        return Verdict.BLIND if blind else Verdict.SILENT
    if detector.quality not in (Quality.GOOD, Quality.STALE):
        return Verdict.BLIND if blind else Verdict.FAULTY
    return Verdict.DRY


def leaks_critically(verdicts: Collection[Verdict]) -> bool:
    """Tell whether a tray leaks critically: one detector is critical, or two are wet in any degree."""
    return Verdict.CRITICAL in verdicts or sum(v in WET for v in verdicts) >= 2
