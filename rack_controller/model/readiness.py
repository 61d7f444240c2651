"""Whether an endpoint is as it must be: judgements, and which part it is.  Travels on `state`."""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """What a judgement comes to.  Unknown is no pass."""

    OK = "ok"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


class Ready(StrEnum):
    """An endpoint as a whole: all that is required is well, something is not, or not enough is known."""

    READY = "ready"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Judgement(msgspec.Struct, frozen=True):
    """One thing that was looked at: `found` is what is, `wanted` what should be, both in an operator's words.

    `where` names the property; `source` says why it is wanted, `confirmed` whether a primary source does.  `fixable`:
    it can be set by command.
    """

    name: str
    title: str
    found: str
    wanted: str
    verdict: Verdict
    required: bool
    where: str = ""
    why: str = ""
    source: str = ""
    confirmed: bool = False
    fixable: bool = False


class PartView(msgspec.Struct, frozen=True):
    """The part behind an endpoint as it says itself; None where it does not."""

    serial: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    part_number: str | None = None


class PartSeen(msgspec.Struct, frozen=True):
    """A part that stood at a place, from when until when (0: it stands there now)."""

    serial: str
    since_unix_ns: int
    until_unix_ns: int = 0


class Readiness(msgspec.Struct, frozen=True):
    """The reply to `state` with want=readiness.  `age_s` since it was read; `error` of a newer look that failed."""

    place: str
    ready: Ready
    judgements: list[Judgement]
    part: PartView = PartView()
    history: list[PartSeen] = []
    taken_unix_ns: int = 0
    age_s: float | None = None
    error: str = ""


def blocking(judgements: list[Judgement]) -> list[str]:
    """Return the names of what is required and known to be wrong."""
    return [j.name for j in judgements if j.required and j.verdict is Verdict.DIFFERS]


def ready_of(judgements: list[Judgement]) -> Ready:
    """Return what the judgements come to together."""
    required = [j for j in judgements if j.required]
    if any(j.verdict is Verdict.DIFFERS for j in required):
        return Ready.BLOCKED
    return Ready.UNKNOWN if any(j.verdict is Verdict.UNKNOWN for j in required) else Ready.READY
