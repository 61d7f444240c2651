"""What a leak detector's words are worth: one detector's memory in, its verdict out.  Pure.

A detector that once said Critical stays critical whatever it says later (dry is not fixed, open may be burnt); only a
person's clearing of the latch makes its memory new.  Silence and faults are verdicts of their own, never dry.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, code_of
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.interlock import DetectorRules

DRY, CRITICAL = (code_of(Quantity.LEAK, name) for name in ("dry", "critical"))
"""Words of a leak detector, as codes."""
_HEARD = (Quality.GOOD, Quality.STALE)


class Verdict(StrEnum):
    """What one detector means."""

    DRY = "dry"
    WARNING = "warning"
    FLAPPING = "flapping"
    CRITICAL = "critical"
    FAULTY = "faulty"  # it answers, and says that it is not well or what no detector can say: open, short, disabled
    SILENT = "silent"  # no word for too long, or none that can be read
    BLIND = "blind"  # its controller started lately: it says nothing yet, and everybody knows
    UNMET = "unmet"  # never heard


WET = frozenset({Verdict.WARNING, Verdict.FLAPPING, Verdict.CRITICAL})
UNSEEN = frozenset({Verdict.FAULTY, Verdict.SILENT, Verdict.BLIND, Verdict.UNMET})
"""Verdicts under which nobody knows whether it is dry."""


class Detector(NamedTuple):
    """What is kept of one detector; times are monotonic.

    `code`: its last word, None when it answered without one; `changes`: when its word last became another;
    `wet_since`: since when it says anything but dry; `critical_since`: when it first said Critical; `cleared_to`: the
    last word that was known when a person cleared its latch.
    """

    label: str = ""
    code: float | None = None
    heard_at: Seconds | None = None
    quality: Quality = Quality.MISSING
    wet_since: Seconds | None = None
    critical_since: Seconds | None = None
    changes: tuple[Seconds, ...] = ()
    cleared_to: Seconds | None = None


class DetectorSight(NamedTuple):
    """One detector: `label` is the device's own name for it."""

    place: Place
    label: str
    verdict: Verdict


def hear(detector: Detector, code: float | None, quality: Quality, heard_at: Seconds, rules: DetectorRules) -> Detector:
    """Return the memory after one more word.  A word that is not newer than the last changes nothing, but Critical
    always counts: events and polls may overtake each other.  Not one from before its latch was cleared: a snapshot
    shows a leak that has ended once more (see `Board.store`)."""
    cleared = detector.cleared_to is not None and heard_at <= detector.cleared_to
    if code == CRITICAL and detector.critical_since is None and not cleared:
        detector = detector._replace(critical_since=heard_at)
    if detector.heard_at is not None and heard_at <= detector.heard_at:
        return detector
    changed = code is not None and detector.code is not None and code != detector.code
    recent = detector.changes and tuple(t for t in detector.changes if heard_at - t <= rules.flap_within_s)
    wet_since = detector.wet_since
    if code == DRY:
        wet_since = None
    elif code is not None and wet_since is None:
        wet_since = heard_at
    return Detector(
        detector.label,
        detector.code if code is None else code,
        heard_at,
        quality if code is not None or quality is not Quality.GOOD else Quality.MISSING,
        wet_since,
        detector.critical_since,
        (*recent, heard_at) if changed else recent,
        detector.cleared_to,
    )


def says_nothing_new(detector: Detector, code: float | None, quality: Quality) -> bool:
    """Tell whether a detector that has been dry all the time says once more that it is dry: most words by far.

    Such a word may wait for the next tick.
    """
    return code == detector.code == DRY and quality is detector.quality and not detector.changes


def is_plain(detector: Detector) -> bool:
    """Tell whether a detector says dry, and nothing in its memory makes that mean anything else."""
    return (
        detector.code == DRY
        and detector.quality is Quality.GOOD
        and detector.critical_since is None
        and detector.wet_since is None
        and not detector.changes
    )


def was_wet(detector: Detector) -> bool:
    """Tell whether the detector's last word, or Critical ever, was anything but dry."""
    return detector.critical_since is not None or detector.wet_since is not None


def dried(detector: Detector, now: Seconds) -> Detector:
    """Return the memory of a detector in the same place that says dry at `now`, and nothing before."""
    return Detector(detector.label, float(DRY), now, Quality.GOOD)


def judge(detector: Detector, now: Seconds, rules: DetectorRules, *, blind: bool = False) -> Verdict:
    """Return what the detector means at `now`; `blind`: its controller cannot know yet.

    A wet word stands even when the detector fell silent after it: silence is no drying.
    """
    if detector.critical_since is not None or detector.code == CRITICAL:
        return Verdict.CRITICAL
    if detector.heard_at is None:
        return Verdict.BLIND if blind else Verdict.UNMET
    if detector.wet_since is not None:
        long = now - detector.wet_since >= rules.warning_long_s
        return Verdict.CRITICAL if long else Verdict.WARNING
    if detector.changes and sum(now - t <= rules.flap_within_s for t in detector.changes) >= rules.flap_changes:
        return Verdict.FLAPPING
    if now - detector.heard_at > rules.silent_s or detector.quality is Quality.MISSING:
        # A resource that cannot be read is no word of the detector's: nothing running is switched off for it.
        return Verdict.BLIND if blind else Verdict.SILENT
    if detector.quality not in _HEARD:
        return Verdict.BLIND if blind else Verdict.FAULTY
    return Verdict.DRY


def all_dry(verdicts: Sequence[Verdict]) -> bool:
    """Tell whether every detector that there is is known to be dry."""
    return verdicts.count(Verdict.DRY) == len(verdicts)


def leaks_critically(verdicts: Sequence[Verdict]) -> bool:
    """Tell whether a tray leaks critically: one detector is critical, or two are wet in any degree."""
    if all_dry(verdicts):  # nearly always, and much faster than to look each one up
        return False
    wet = [v for v in verdicts if v in WET]
    return len(wet) >= 2 or Verdict.CRITICAL in wet
