"""What people note of a rack's way into service, and the hours that follow from it.  Pure."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from rack_controller.prove.evaluate.sheet import Seen, not_measured

HOUR_NS = 3_600 * 10**9


class What(StrEnum):
    """A moment on the way: the truck is unloaded, work begins, something fails, it works again."""

    DOCKED = "docked"
    FIRST_JOB = "first_job"
    FAILED = "failed"
    REPAIRED = "repaired"


class Milestone(msgspec.Struct, frozen=True):
    """One moment of one rack, when it was, and who noted it when."""

    rack: str
    what: What
    unix_ns: int
    actor: str
    noted_unix_ns: int
    note: str = ""


def dock_to_job(milestones: Sequence[Milestone]) -> Seen:
    """Return the hours from the first `docked` to the first `first_job` after it."""
    docked = _first(milestones, What.DOCKED, 0)
    job = None if docked is None else _first(milestones, What.FIRST_JOB, docked.unix_ns)
    if docked is None or job is None:
        return not_measured("nobody noted when it was docked" if docked is None else "no first job was noted")
    return Seen((job.unix_ns - docked.unix_ns) / HOUR_NS, detail=f"noted by {docked.actor}, {job.actor}")


def time_to_repair(milestones: Sequence[Milestone]) -> Seen:
    """Return the mean hours from each `failed` to the next `repaired`; what is not repaired yet does not count."""
    hours, failed = [], None
    for one in sorted(milestones, key=lambda m: m.unix_ns):
        if one.what is What.FAILED and failed is None:
            failed = one
        elif one.what is What.REPAIRED and failed is not None:
            hours.append((one.unix_ns - failed.unix_ns) / HOUR_NS)
            failed = None
    if not hours:
        return not_measured("no repair was noted" if failed is None else "noted as failed, not as repaired yet")
    return Seen(sum(hours) / len(hours), detail=f"{len(hours)} repairs")


def _first(milestones: Sequence[Milestone], what: What, since: int) -> Milestone | None:
    found = [m for m in milestones if m.what is what and m.unix_ns >= since]
    return min(found, key=lambda m: m.unix_ns, default=None)
