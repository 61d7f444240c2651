"""One rack and its building: what was said of the rack, and what is asked for it.

The rack's tick looks at it and goes on; an answer that does not come is an alarm, never a reason to wait.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from firmware_bridge.vocabulary.building import Meaning, Speaker
from firmware_bridge.vocabulary.errors import BusUnavailable, TargetUnknown
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Reading, Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.building import Topic
from rack_controller.decide.building import (
    KINDS,
    STATUS,
    WANTED,
    Heard,
    Judged,
    Request,
    all_set,
    any_set,
    follow_request,
    judge_point,
    unconfirmed,
    wanted_requests,
    why_unseen,
)
from rack_controller.decide.interlock import Order, Standing
from rack_controller.decide.notice import Finding
from rack_controller.decide.picture import BuildingSight, Picture
from rack_controller.model.event import Severity
from rack_controller.model.interlock import REQUESTS, Act, InterlockPolicy
from rack_controller.run.building.ground import Ground
from rack_controller.run.building.refusals import kind_of
from rack_controller.run.guard.carrying import Came
from rack_controller.run.guard.trail import Fate

SLOT = "building"
MOST_POINTS = 64
"""So many points of one rack are read: a rack has eleven, some of them twice."""
TAKEN_WITHIN_S = 2.0
AGAIN_S = 1.0  # what was said less than this ago is not said again for the same order


@dataclass(slots=True)
class Line:
    """One point that the building says of this rack: where its value is read, and its last word."""

    topic: Topic
    place: Place
    heard: Heard | None = None
    told: str = ""  # the kind of reason that was told last for not believing it


@dataclass(frozen=True, slots=True)
class Spoken:
    """What we said last of one meaning."""

    value: float
    good: bool
    at: Seconds


class RackBuilding:
    """See the module.  `identity`: what the building calls the rack."""

    def __init__(self, rack: Place, identity: str, ground: Ground) -> None:
        self.rack, self.identity, self.ground = rack, identity, ground
        self.armed: Callable[[], bool] = lambda: False
        self.lines: dict[tuple[str, str], Line] = {}
        self.requests: dict[Act, Request] = dict.fromkeys(REQUESTS, Request())
        self.spoken: dict[Meaning, Spoken] = {}
        self._took: asyncio.Event = asyncio.Event()
        self._leaking: tuple[bool, bool] | None = None  # whether a tray leaks, and whether that is known of all
        self._findings: list[Finding] = []

    def announced(self) -> None:
        """Lay out the points anew: the building announced one, or took one back."""
        found = [
            topic
            for topic, _ in self.ground.catalogue.of(self.identity)
            if topic.point.by is Speaker.BUILDING and topic.point.quantity is not None
        ]
        lines: dict[tuple[str, str], Line] = {}
        counts: dict[str, int] = {}
        for topic in sorted(found[:MOST_POINTS], key=lambda t: (t.point.name, t.tag)):
            leaf = topic.point.leaf
            number = counts[leaf] = counts.get(leaf, 0) + 1
            place = join_place(self.rack, SLOT, leaf if number == 1 else f"{leaf}_{number}")
            key = topic.point.name, topic.tag
            before = self.lines.get(key)
            lines[key] = Line(topic, place) if before is None else replace(before, place=place)
        self.lines = lines

    def hear(self, topic: Topic, heard: Heard) -> None:
        """Take a word about one point."""
        line = self.lines.get((topic.point.name, topic.tag))
        if line is not None:
            line.heard = heard

    def taken(self, topic: str, now: Seconds) -> None:
        """Take that the broker has what we said last on `topic`."""
        for act in REQUESTS:
            request = self.requests[act]
            if request.wanted and request.taken_at is None and topic in self.topics(WANTED[act]):
                self.requests[act] = replace(request, taken_at=now)
        self._took.set()
        self._took = asyncio.Event()

    def topics(self, means: Meaning) -> tuple[str, ...]:
        """Return where the building wants a value of ours for this rack."""
        return self.ground.topics(means, self.identity)

    def series(self) -> list[Series]:
        """Return the series of what the building says.  They are due seldom, and their ages are judged here."""
        return [
            Series(line.place, quantity, ReadingClass.STATIC, line.topic.tag)
            for line in self.lines.values()
            if (quantity := line.topic.point.quantity) is not None
        ]

    def readings(self, now: Seconds) -> list[Reading]:
        """Return every point as a reading, with the quality that it has now."""
        return [
            _reading(line, line.topic.point.quantity, judge_point(line.heard, now, self.ground.contract))
            for line in self.lines.values()
            if line.topic.point.quantity is not None and line.heard is not None
        ]

    def judged(self, means: Meaning, now: Seconds) -> list[Judged]:
        """Return how the points of one meaning are believed now."""
        contract = self.ground.contract
        return [
            judge_point(line.heard, now, contract) for line in self.lines.values() if line.topic.point.means is means
        ]

    def confirmed(self, now: Seconds) -> dict[Act, bool | None]:
        """Return which isolations the building says that there are."""
        return {act: all_set(self.judged(STATUS[act], now)) for act in REQUESTS}

    def sight(self, now: Seconds) -> BuildingSight:
        """Return what the interlocks see of the building."""
        confirmed = self.confirmed(now)
        leak = self.judged(Meaning.LEAK, now)
        return BuildingSight(
            liquid_isolated=confirmed[Act.REQUEST_LIQUID_ISOLATION],
            electrically_isolated=confirmed[Act.REQUEST_ELECTRICAL_ISOLATION],
            leak=any_set(leak),
            sensor_fault=self.sensor_fault(now),
            silent=self.ground.silent(now),
            unconfirmed=unconfirmed(self.requests, confirmed),
        )

    def sensor_fault(self, now: Seconds) -> str:
        """Return why the building's leak sensor of the rack sees nothing; silence of all of it is said elsewhere."""
        if self.ground.silent(now):
            return ""
        return why_unseen(self.judged(Meaning.LEAK, now), self.judged(Meaning.LEAK_SENSOR_FAULT, now))

    def see(self, picture: Picture) -> None:
        """Take whether a tray leaks."""
        self._leaking = any(t.leaks for t in picture.trays), all(t.dry for t in picture.trays)

    def follow(self, standings: Iterable[Standing], policy: InterlockPolicy, now: Seconds) -> None:
        """Say what the interlocks want now, and what is due to be said again."""
        wanted = wanted_requests(standings, policy) if self.armed() else dict.fromkeys(REQUESTS, False)
        confirmed = self.confirmed(now)
        for act in REQUESTS:
            before = self.requests[act]
            self.requests[act] = after = follow_request(before, wanted[act], confirmed[act], now)
            self._note(act, before, after, confirmed[act])
            if wanted[act] is not None:
                self._say(WANTED[act], float(after.wanted), now)
        if self._leaking is not None:
            leaks, dry = self._leaking
            self._say(Meaning.TRAY_LEAKS, float(leaks), now, good=leaks or dry)
        self._notice(now)

    async def carry(self, order: Order) -> Came:
        """Ask the building, and tell whether its broker has that.  The isolation itself is confirmed by its status.

        Raises TargetUnknown where the building wants no such value from us, BusUnavailable while the broker does not
        take it: it is kept, and said as soon as the broker is there.
        """
        means, now = WANTED[order.act], self.ground.clock.now()
        self.requests[order.act] = follow_request(self.requests[order.act], True, None, now)
        topics = self.topics(means)
        if not topics:
            raise TargetUnknown(self.why_no_topic(means), advice="call the building")
        spoken = self.spoken.get(means)
        if spoken is None or spoken.value != 1.0 or now - spoken.at >= AGAIN_S:
            self._speak(means, topics, 1.0, now)
        try:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                while self.requests[order.act].taken_at is None:
                    await self._took.wait()
        except TimeoutError as err:
            why = self.ground.link.error or "it is slow"
            raise BusUnavailable(
                f"the building's broker did not take it within {TAKEN_WITHIN_S:g} s: {why}",
                advice="it is said as soon as the broker is there; call the building",
            ) from err
        return Came("said to the building, which has not confirmed it yet", {self.rack: (Fate.TAKEN, "")})

    def why_no_topic(self, means: Meaning) -> str:
        """Return why a value of ours cannot be said, empty when it can."""
        if self.topics(means):
            return ""
        point = self.ground.contract.meaning(means)
        name = "" if point is None else point.name
        others = self.ground.catalogue.others(means, self.ground.side.integration, self.identity)
        if others:
            return f"the building wants {name} of {self.identity} from {', '.join(others)}, not from us"
        return f"the building announced no {name} of {self.identity}"

    def findings(self) -> list[Finding]:
        """Return what there is to tell since the last call."""
        found, self._findings = self._findings, []
        return found

    def _say(self, means: Meaning, value: float, now: Seconds, *, good: bool = True) -> None:
        """Say a value where it changed, where a topic is new, or where it is due again."""
        topics, spoken = self.topics(means), self.spoken.get(means)
        due = spoken is None or now - spoken.at >= self.ground.contract.republish_s
        if topics and (due or spoken is None or (spoken.value, spoken.good) != (value, good)):
            self._speak(means, topics, value, now, good=good)

    def _speak(self, means: Meaning, topics: tuple[str, ...], value: float, now: Seconds, *, good: bool = True) -> None:
        self.spoken[means] = Spoken(value, good, now)
        self.ground.say(topics, value, good=good)

    def _note(self, act: Act, before: Request, after: Request, confirmed: bool | None) -> None:
        """Tell each step of an isolation once."""
        kind = KINDS[act]
        if after.wanted and not before.wanted:
            text = f"{kind} isolation asked of the building"
            self._tell(f"building.isolation.{kind}", Severity.WARNING, text, "requested")
        elif after.confirmed_at is not None and before.confirmed_at is None:
            text = f"the building confirms {kind} isolation"
            if after.since is not None:
                text += f", {after.confirmed_at - after.since:.1f} s after it was asked"
            self._tell(f"building.isolation.{kind}", Severity.WARNING, text, "confirmed")
        elif before.confirmed_at is not None and after.wanted and after.confirmed_at is None:
            text = f"the building says that {kind} isolation is over, which is still asked for"
            self._tell(f"building.isolation.{kind}", Severity.CRITICAL, text, "requested")
        elif before.wanted and not after.wanted:
            self._tell(f"building.isolation.{kind}", Severity.OK, f"{kind} isolation is not asked for any more", "none")

    def _tell(self, kind: str, severity: Severity, text: str, state: str) -> None:
        self._findings.append(Finding(self.rack, kind, severity, text, {"state": state}))

    def _notice(self, now: Seconds) -> None:
        """Tell which points cannot be believed any more, and which can again; a silent building is one alarm."""
        if self.ground.silent(now):
            return
        for line in self.lines.values():
            why = judge_point(line.heard, now, self.ground.contract).why if line.heard is not None else ""
            if kind_of(why) != line.told:
                line.told = kind_of(why)
                name = line.topic.point.name
                text = f"{name} of the building cannot be believed: {why}" if why else f"{name} can be believed again"
                severity = Severity.WARNING if why else Severity.OK
                self._findings.append(Finding(line.place, "building.point", severity, text, {"topic": line.topic.tag}))


def _reading(line: Line, quantity: Quantity | None, judged: Judged) -> Reading:
    assert quantity is not None
    assert line.heard is not None
    return Reading(line.place, quantity, judged.value, line.heard.at, judged.quality, line.topic.point.name)
