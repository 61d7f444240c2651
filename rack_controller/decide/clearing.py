"""Whether a latch may be cleared: the condition over, the record complete, enough persons.  Pure."""

import msgspec

from rack_controller.model.interlock import Clearing
from rack_controller.model.latch import Inspection, Latch

ORPHAN = Clearing(persons=2, record=["found", "done"])
"""What clears a latch whose cause the policy no longer knows: nobody can say what it stood for, so two persons do."""


def why_not(latch: Latch, rule: Clearing, inspection: Inspection, actor: str, *, holds: str) -> str:
    """Return why `actor` cannot clear or sign for the latch now, empty when they can.

    `holds`: what is still seen of what tripped it, empty when nothing is.  Dry is not fixed: the record says what was
    found and done.
    """
    if not latch.open:
        return f"latch {latch.id} is cleared already"
    if holds:
        return f"what tripped it is still seen: {holds}"
    missing = inspection.missing(rule.record)
    if missing:
        return f"the inspection record lacks {', '.join(name.replace('_', ' ') for name in missing)}"
    if actor in latch.signed:
        return f"{actor} has signed already; another person must"
    return ""


def sign(latch: Latch, rule: Clearing, inspection: Inspection, actor: str, now_ns: int) -> Latch:
    """Return the latch with one more signature; cleared when that was the last one needed."""
    signed = [*latch.signed, actor]
    cleared = now_ns if len(signed) >= rule.persons else None
    return msgspec.structs.replace(latch, signed=signed, inspection=inspection, cleared_ns=cleared)
