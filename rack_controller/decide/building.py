"""What a building's words mean for a rack: how far each is believed, and how what was asked of it stands.  Pure.

The building is heard, never waited for: every answer here is about what is known now.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from firmware_bridge.vocabulary.building import BuildingContract, Meaning
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Standing
from rack_controller.model.building_view import Isolation
from rack_controller.model.interlock import REQUESTS, Act, InterlockPolicy

KINDS: Mapping[Act, str] = {Act.REQUEST_ELECTRICAL_ISOLATION: "electrical", Act.REQUEST_LIQUID_ISOLATION: "liquid"}
STATUS: Mapping[Act, Meaning] = {
    Act.REQUEST_ELECTRICAL_ISOLATION: Meaning.ELECTRICALLY_ISOLATED,
    Act.REQUEST_LIQUID_ISOLATION: Meaning.LIQUID_ISOLATED,
}
WANTED: Mapping[Act, Meaning] = {
    Act.REQUEST_ELECTRICAL_ISOLATION: Meaning.ELECTRICAL_WANTED,
    Act.REQUEST_LIQUID_ISOLATION: Meaning.LIQUID_WANTED,
}
_TYPE = "type:"


@dataclass(frozen=True, slots=True)
class Heard:
    """The last word about one point.  `at`: monotonic, when it was said as far as we know; `why`: why it cannot be
    believed; `told_ms`: the sender's own time."""

    value: float | None
    at: Seconds
    told_ms: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A point now.  `value` is there also where it is not believed, if it was a number; `age` is None before a word."""

    value: float | None
    quality: Quality
    why: str
    age: Seconds | None

    @property
    def known(self) -> float | None:
        """Return the value where it can be believed."""
        return self.value if self.quality is Quality.GOOD else None


def judge_point(heard: Heard | None, now: Seconds, contract: BuildingContract) -> Judged:
    """Return how far the last word is believed now."""
    if heard is None:
        return Judged(None, Quality.MISSING, "nothing was said of it yet", None)
    age = Seconds(max(0.0, now - heard.at))
    if age > contract.stale_s:
        why = f"nothing was said of it for {age:.0f} s; it is due every {contract.republish_s:.0f} s"
        return Judged(heard.value, Quality.STALE, why, age)
    if heard.why:
        quality = Quality.REFUSED if heard.why.startswith(_TYPE) else Quality.FLAGGED
        return Judged(heard.value, quality, heard.why, age)
    return Judged(heard.value, Quality.GOOD, "", age)


def any_set(judged: Sequence[Judged]) -> bool | None:
    """Return whether one of several says yes; None while one is not known and no other does."""
    known = [j.known for j in judged]
    if any(value is not None and value > 0 for value in known):
        return True
    return None if not known or None in known else False


def all_set(judged: Sequence[Judged]) -> bool | None:
    """Return whether all of several say yes; one that says no is enough, one that is not known is too little."""
    known = [j.known for j in judged]
    if any(value is not None and value <= 0 for value in known):
        return False
    return None if not known or None in known else True


def why_unseen(leak: Sequence[Judged], fault: Sequence[Judged]) -> str:
    """Return why the building's leak sensor of the rack sees nothing, empty when it does, or when there is none.

    A point that the building announced and never said anything of yet is no fault: its word is still due.
    """
    if any_set(fault):
        return "the building says that its leak sensor is faulty"
    doubted = [j for j in leak if j.quality not in (Quality.GOOD, Quality.MISSING)]
    return f"the building's word on leaks cannot be believed: {doubted[0].why}" if doubted else ""


def why_silent(heartbeat: Heard | None, doubt: str, since: Seconds, now: Seconds, contract: BuildingContract) -> str:
    """Return why nobody hears the building, empty while its next heartbeat is not overdue.

    `heartbeat`: the last one that can be believed; `since`: when we began to listen; `doubt`: what is known of why.
    """
    last = since if heartbeat is None else max(since, heartbeat.at)
    if now - last <= contract.heartbeat_lost_s:
        return ""
    text = f"no heartbeat of the building for {now - last:.0f} s"
    return f"{text}: {doubt}" if doubt else text


def wanted_requests(standings: Iterable[Standing], policy: InterlockPolicy) -> dict[Act, bool | None]:
    """Return what the interlocks want of the building: yes once a rung that asks was reached, no when no tripped row
    asks for it; None between the two: what was said last stays, such as after a restart that finds a latch."""
    asking = {row.cause: [(n, r.do) for n, r in enumerate(row.ladder) if r.do in REQUESTS] for row in policy.rows}
    found: dict[Act, bool | None] = dict.fromkeys(REQUESTS, False)
    for standing in standings:
        if standing.tripped_at is None:
            continue
        for number, act in asking.get(standing.cause, ()):
            if number in standing.done:
                found[act] = True
            elif found[act] is False:
                found[act] = None
    return found


@dataclass(frozen=True, slots=True)
class Request:
    """One isolation as far as we said it.  `since`: wanted for the first time; `taken_at`: the broker had it;
    `confirmed_at`: the building's status said so since."""

    wanted: bool = False
    since: Seconds | None = None
    taken_at: Seconds | None = None
    confirmed_at: Seconds | None = None


def follow_request(request: Request, wanted: bool | None, confirmed: bool | None, now: Seconds) -> Request:
    """Return the request after a look at what is wanted and at what the building says."""
    if wanted is False:
        return Request()
    if wanted and not request.wanted:
        request = Request(True, now)
    if request.wanted and confirmed is True and request.confirmed_at is None:
        return replace(request, confirmed_at=now)
    if request.wanted and confirmed is False and request.confirmed_at is not None:
        return replace(request, confirmed_at=None, since=now)  # it was so and is not any more: its time begins anew
    return request


def isolation_of(request: Request, confirmed: bool | None) -> Isolation:
    """Return how one kind of isolation stands.  What was confirmed and is not known any more is requested again."""
    if not request.wanted:
        return {True: Isolation.BY_BUILDING, False: Isolation.NONE, None: Isolation.UNKNOWN}[confirmed]
    if confirmed is True:
        return Isolation.CONFIRMED
    return Isolation.ASKED if request.taken_at is None else Isolation.REQUESTED


def unconfirmed(requests: Mapping[Act, Request], confirmed: Mapping[Act, bool | None]) -> tuple[str, ...]:
    """Return which isolations are wanted and not confirmed."""
    return tuple(KINDS[act] for act in REQUESTS if requests[act].wanted and confirmed[act] is not True)
