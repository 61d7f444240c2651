"""What is still seen of what tripped a latch, why, and until when: what who wants to clear it waits for.  Pure.

A detector's old Critical is left aside here, and what its words of the last minute mean is not: one that changes them
again and again is no dry one yet.
"""

from collections.abc import Mapping

from firmware_bridge.vocabulary.attention import Attention
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import Detector, Verdict
from rack_controller.decide.heard import Heard
from rack_controller.decide.interlock import Key, Standing
from rack_controller.model.interlock import DetectorRules, Row

Waits = Mapping[Place, str]
"""What ends by itself at a tray, and when, in words."""


def still_seen(key: Key, row: Row | None, fresh: Mapping[Key, Standing], waits: Waits) -> str:
    """Return what of a latch's cause, and of what must not be there either when it is cleared, is seen now; empty when
    nothing is.  `fresh`: what an evaluation finds that remembers no Critical."""
    cause, place = key
    causes = [cause, *(row.clear.not_while if row is not None else ())]
    seen = list(dict.fromkeys(fresh[c, place].evidence for c in causes if (c, place) in fresh))
    if not seen:
        return ""
    why = waits.get(place, "")
    return "; ".join(seen) + (f" ({why})" if why else "")


def what_ends_by_itself(
    heard: Heard, attentions: Mapping[Place, Attention], now: Seconds, rules: DetectorRules
) -> dict[Place, str]:
    """Return by tray what keeps its detectors from counting as dry although they say so, and for how long.

    `attentions`: of each endpoint.
    """
    found: dict[Place, list[str]] = {}
    for endpoint, attention in attentions.items():
        if attention.blind:
            left = "" if attention.blind_until is None else f": {max(0.0, attention.blind_until - now):.0f} s more"
            found.setdefault(tray_of(endpoint), []).append(f"{attention.blind}{left}")
    for tray, detectors in heard.doubtful.items():
        for place, detector in detectors.items():
            if heard.verdict(place, now, rules) is Verdict.FLAPPING:
                found.setdefault(tray, []).append(_flaps(place, detector, now, rules))
    return {tray: ", ".join(words) for tray, words in found.items()}


def _flaps(place: Place, detector: Detector, now: Seconds, rules: DetectorRules) -> str:
    """A detector flaps until so many changes no longer lie within the time that the rule names."""
    left = detector.changes[-rules.flap_changes] + rules.flap_within_s - now
    times = sum(now - t <= rules.flap_within_s for t in detector.changes)
    name = leaf_of(place)
    return f"{name} changed its word {times} times within {rules.flap_within_s:g} s: {max(0.0, left):.0f} s more"
