"""What is known of one rack, criterion by criterion.  What was not measured says so and has no value.  Pure."""

import msgspec


class Seen(msgspec.Struct, frozen=True):
    """One criterion of one rack.

    `value` is None where it was not measured, and `why` says why.  `low`, `high`: where arithmetic only gives bounds
    (None above: nothing bounds it).  `events` in `exposure`: of a count, in the unit that the criterion's rate is per.
    `most`: of how many parts the value counts some.  `under`: what was done to the rack meanwhile, as a hash: only
    values under the same stimuli are compared.
    """

    value: float | None = None
    why: str = ""
    low: float | None = None
    high: float | None = None
    events: int | None = None
    exposure: float | None = None
    under: str = ""
    detail: str = ""
    most: float | None = None


class Sheet(msgspec.Struct, frozen=True):
    """One rack in one run: `rig` is "virtual" or "live", `seeds` what made a virtual one.

    `run`: the evaluation or acceptance run that measured it; `days`: how long that took, of the rack's time.
    `design_sha256`: of what files of the installation's own said of its design then, empty where all of it ships.
    """

    rack: str
    generation: str
    rig: str
    run: str
    plan_sha256: str
    began_unix_ns: int
    days: float
    seen: dict[str, Seen]
    seeds: dict[str, int] = {}
    firmware: dict[str, str] = {}
    design_sha256: str = ""


NOT_MEASURED = "not measured"


def not_measured(why: str) -> Seen:
    """Return that nothing is known of a criterion, and why."""
    return Seen(None, why)
