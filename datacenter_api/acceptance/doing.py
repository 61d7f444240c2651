"""What a run does now, in words that the console and the command line share.  Pure, plain text."""

from rack_controller.acceptance.pace import DECLARED
from rack_controller.acceptance.progress import Progress
from rack_controller.prove.report.written import duration, stamp

NOT_IN_IT = "what it waits for now is not in that"


def waiting(now: Progress) -> str:
    """Return a run's phase, what it waits for since when (UTC) and until when, and its share of the whole."""
    part = f", part {now.part}" if now.part else ""
    phase = f" · {now.phase}{part}" if now.phase else ""
    until = "" if now.until_unix_ns is None else f", until {_time(now.until_unix_ns)}"
    since = _time(now.since_unix_ns)
    return f"{phase}: waits for {now.waits_for} since {since}{until} · {now.share:.0%} of the run"


def how_far(now: Progress) -> str:
    """Return how far a run is in steps, and what is left by what; empty where nobody told."""
    if not now.steps:
        return ""
    least = "about" if now.wait_counts and now.left_by != DECLARED else "at least"
    left = "" if now.left_s is None else f" · {least} {duration(now.left_s)} left, by {now.left_by}"
    more = f"; {NOT_IN_IT}" if left and not now.wait_counts else ""
    return f"{now.steps_done} of {now.steps} step{'s' * (now.steps != 1)} done{left}{more}"


def _time(unix_ns: int) -> str:
    return stamp(unix_ns)[11:19]
