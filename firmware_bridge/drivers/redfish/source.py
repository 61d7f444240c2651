"""What every Redfish driver shares: make a plan, read it class by class, take stock, log out.  Decides nothing."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from firmware_bridge.drivers.redfish.behind import subtree_of
from firmware_bridge.drivers.redfish.certificates import certificates_of
from firmware_bridge.drivers.redfish.clocks import clock_offset
from firmware_bridge.drivers.redfish.crawl import crawl
from firmware_bridge.drivers.redfish.enclosure import look_at
from firmware_bridge.drivers.redfish.enrolled import Enrolled
from firmware_bridge.drivers.redfish.follow import Follower
from firmware_bridge.drivers.redfish.link import BACKGROUND, NORMAL, PATIENT, URGENT, RedfishLink
from firmware_bridge.drivers.redfish.meeting import turn_to_meet
from firmware_bridge.drivers.redfish.output import Outputs
from firmware_bridge.drivers.redfish.play import LeakPlay
from firmware_bridge.drivers.redfish.powered import Powered, PowerPoints, power_points
from firmware_bridge.drivers.redfish.pushed import PushPart
from firmware_bridge.drivers.redfish.raw import Raw
from firmware_bridge.drivers.redfish.reports import port_counts
from firmware_bridge.drivers.redfish.set_points import PointAt, points_in
from firmware_bridge.drivers.redfish.supplies import Supplies, SupplyPoint, supply_points
from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.drivers.redfish.unasked import Unasked
from firmware_bridge.drivers.redfish.unit_mode import UnitModes, UnitPoint, unit_point
from firmware_bridge.vocabulary.attention import Attention, Pacing
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointSpared,
    EndpointUnreachable,
    ReplyMalformed,
    ResourceMissing,
)
from firmware_bridge.vocabulary.event_path import EventPath, PathKind
from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.subtree import Subtree
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.vocabulary.xid import ToldXid
from firmware_bridge.wire.redfish.documents import MetricValue
from firmware_bridge.wire.redfish.guard import Document, parse
from firmware_bridge.wire.redfish.inventory import report_of
from firmware_bridge.wire.redfish.limits import limits_of
from firmware_bridge.wire.redfish.links import link_of, member_links
from firmware_bridge.wire.redfish.plan import Answers, Fetch, Plan, dew_points_of, missing, sums_of
from firmware_bridge.wire.redfish.waking import blinded, unarmed, uptime_of

_URGENCY = {ReadingClass.SAFETY: URGENT, ReadingClass.POWER: NORMAL}
_NEVER = Seconds(float("-inf"))
_REST_SECONDS = 60.0  # a report that failed is left alone for this long; its sensors are read one by one meanwhile
_MOST_SILENT = 2  # after that many silent resources in one read the rest is not waited for


@dataclass(slots=True)
class _State:
    """What changes while a driver lives: its plan, and the last fault of each resource."""

    plan: Plan = field(default_factory=Plan)
    locate_uri: str | None = None
    subtree: Subtree | None = None
    faults: dict[str, DeviceError] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)  # by what was asked for last
    resting: dict[str, float] = field(default_factory=dict)  # fetches that failed and are not needed -> until when
    reported: Unasked = field(default_factory=Unasked)
    follower: Follower | None = None
    manager_uri: str | None = None
    power: PowerPoints = field(default_factory=PowerPoints)
    supplies: Mapping[str, SupplyPoint] = field(default_factory=dict)
    unit: UnitPoint | None = None
    points: dict[Place, PointAt] = field(default_factory=dict)
    blind_until: Seconds = _NEVER
    unarmed: bool = False
    take_leaks: Callable[[Sequence[Reading]], object] | None = None


@dataclass(frozen=True, slots=True)
class RedfishSource(Raw, Enrolled, LeakPlay):
    """One endpoint below one tray.  A port's driver adds `make_plan`: what to look for and how to call it."""

    tray: Place
    link: RedfishLink
    clock: Clock
    hints: Mapping[str, Any] = field(default_factory=dict)
    state: _State = field(default_factory=_State)
    push: PushPart | None = None

    @property
    def endpoint(self) -> Place:
        """Return the endpoint's place."""
        return Place(self.link.endpoint)

    @property
    def faults(self) -> Mapping[str, DeviceError]:
        """Return what went wrong last with each resource that cannot be read now, by URI."""
        return self.state.faults

    @property
    def plan(self) -> Plan:
        """Return what is read of the endpoint now."""
        return self.state.plan

    @property
    def subtree(self) -> Subtree | None:
        """Return what is read of the part behind this endpoint since the last `discover`, None before the first."""
        return self.state.subtree

    @property
    def event_path(self) -> EventPath:
        """Return how this endpoint's events reach us, and when that was last proven."""
        follower = self.state.follower
        return EventPath(PathKind.POLLING, None, "not asked yet") if follower is None else follower.path

    def take_xids(self) -> list[ToldXid]:
        """Return the XIDs that this endpoint's events told of since this was asked last."""
        follower = self.state.follower
        return [] if follower is None else follower.take_xids()

    async def make_plan(self, tree: Tree) -> tuple[Plan, str | None]:
        """Return the plan and the URI of the resource that carries the locate light."""
        raise NotImplementedError

    async def discover(self) -> Sequence[Series]:
        """Log in, look at what there is and return the series that `read` will deliver.  Raises DeviceError.

        An endpoint that is left alone now is not looked at again: what is known of it counts, but for whether its
        controller has just started.
        """
        if self.state.plan.fetches and self.attention.pacing in (Pacing.QUIET, Pacing.HELD):
            await self.look_awake()
            return self.state.plan.series()
        async with turn_to_meet():
            tree = Tree(self.link)
            await tree.root()
            plan, locate_uri = await self.make_plan(tree)
            await self._find_manager(tree, plan)
            found = await look_at(tree)
            power = (
                await power_points(tree, found, self.hints) if isinstance(self, (Powered, Outputs)) else PowerPoints()
            )
            self.state.supplies = await supply_points(tree, found) if isinstance(self, Supplies) else {}
            self.state.unit = await unit_point(tree) if isinstance(self, UnitModes) else None
        self.state.plan, self.state.locate_uri, self.state.power = plan, locate_uri, power
        self.state.points = points_in(tree, plan)
        self.state.subtree = subtree_of(tree.documents[ROOT], found, plan)
        self.state.faults.clear()
        self.state.resting.clear()
        self.state.answers.clear()
        return plan.series()

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        """Read every series of one class.  One bad resource costs only its own readings.

        Raises the named error when nothing of the class could be read.
        """
        urgency = _URGENCY.get(reading_class, PATIENT)
        self.link.check_spared(urgency)
        plan = self.state.plan
        due = self._due(plan.fetches.get(reading_class, ()))
        fetches, readings = self.state.reported.spared(reading_class, due, self.clock.now())
        errors: list[DeviceError] = []
        pending = deque(fetches)
        # The slow class leaves a slot free, so that a safety read never queues behind it.
        lanes = self.link.limits.in_flight if reading_class in _URGENCY else max(1, self.link.limits.in_flight - 1)
        lanes = min(lanes, max(1, len(fetches)))
        if lanes == 1:
            good = [await self._lane(pending, urgency, readings, errors)]
        else:
            good = await asyncio.gather(*(self._lane(pending, urgency, readings, errors) for _ in range(lanes)))
        if errors and not any(good):
            raise errors[0]
        now = self.clock.now()
        readings += sums_of([s for s in plan.sums if s.series.reading_class is reading_class], readings, now)
        due_dews = [d for d in plan.dew_points if d.series.reading_class is reading_class]
        readings += dew_points_of(due_dews, readings, now)
        readings += [
            Reading(s.place, s.quantity, None, now, Quality.MISSING)
            for s in plan.absent
            if s.reading_class is reading_class
        ]
        return self._judged(readings, reading_class)

    async def pushes(self) -> AsyncIterator[Sequence[Reading]]:
        """Yield what the endpoint's events bring, for as long as it is iterated; a device without any yields none."""
        follower = self.state.follower
        if follower is None:
            follower = self.state.follower = Follower(self.link, self.clock, self, self.push)
        async for readings in follower.follow():
            yield self._judged(readings)

    def take_reported(self, readings: Sequence[Reading]) -> None:
        """Take what metric reports brought: what they bring whole is not asked for until the class is due again."""
        self.state.reported.take(readings)

    @property
    def attention(self) -> Attention:
        """Return how much the endpoint is asked now, and whether its leak detectors can be believed."""
        now, state = self.clock.now(), self.state
        attention = self.link.governor.attention(now)
        if now < state.blind_until:
            return replace(attention, blind="its controller started only just now", blind_until=state.blind_until)
        if state.unarmed:
            return replace(attention, blind="a leak detector says that it is not in service")
        return attention

    def be_quiet(self, seconds: Seconds, reason: str) -> None:
        """Ask for safety readings only, and rarely, for so long; 0 ends it."""
        self.link.governor.be_quiet(self.clock.now() + seconds, reason)

    def _judged(self, readings: Sequence[Reading], reading_class: ReadingClass | None = None) -> Sequence[Reading]:
        """Return the readings, dry leak detectors unknown while they cannot know better."""
        if reading_class in (None, ReadingClass.SAFETY) and self.clock.now() < self.state.blind_until:
            return blinded(readings)
        if reading_class is ReadingClass.SAFETY:
            self.state.unarmed = unarmed(readings)
        return readings

    async def _find_manager(self, tree: Tree, plan: Plan) -> None:
        """Find the resource that says since when the controller is up, where there are leaks to be blind for."""
        if not any(s.quantity is Quantity.LEAK for s in plan.series()):
            return
        root = tree.documents[ROOT]
        uri = link_of(root, "Links", "ManagerProvidingService")
        if uri is None:
            listed = await tree.get(link_of(root, "Managers"))
            uri = next(iter(member_links(listed)), None)
        self.state.manager_uri = uri
        self._wake(await tree.get(uri))

    async def look_awake(self) -> None:
        """Ask the controller again since when it is up: it may have started anew.  Raises DeviceError."""
        uri, limits = self.state.manager_uri, self.link.limits
        if uri is not None:
            self._wake(await self.link.get_decoded(uri, lambda raw: parse(raw, limits.most_bytes, limits.most_depth)))

    def _wake(self, manager: Document | None) -> None:
        uptime, blind = uptime_of(manager), self.link.limits.leak_blind
        left = 0.0 if uptime is None else blind - uptime
        self.state.blind_until = Seconds(self.clock.now() + left) if left > 0 else _NEVER

    async def read_one(self, fetch: Fetch, urgency: int) -> list[Reading]:
        """Read one resource of the plan by itself.  Raises DeviceError.

        Its readings are as old as the question: what an event tells meanwhile is newer.
        """
        answers = self.state.answers.get(fetch.uri)
        if answers is None or answers.fetch is not fetch:
            answers = self.state.answers[fetch.uri] = Answers(fetch)
        return await self.link.get_decoded(fetch.uri, partial(answers.readings, self.clock.now()), urgency)

    def _due(self, fetches: Sequence[Fetch]) -> list[Fetch]:
        """Return the fetches, those that rest replaced by what they save."""
        resting = self.state.resting
        if not resting:
            return list(fetches)
        now = self.clock.now()
        return [due for f in fetches for due in (f.instead if resting.get(f.uri, now) > now else (f,))]

    async def _lane(
        self, pending: deque[Fetch], urgency: int, readings: list[Reading], errors: list[DeviceError]
    ) -> int:
        """Take fetches until none is left; return how many succeeded."""
        faults, good, began = self.state.faults, 0, self.clock.now()
        while pending:
            fetch = pending.popleft()
            if sum(isinstance(e, EndpointUnreachable) for e in errors) >= _MOST_SILENT:
                errors.append(errors[-1])
                readings += missing(fetch, began)
                continue
            asked_at = self.clock.now()
            try:
                found = await self._fetch(fetch, urgency)
            except EndpointSpared as err:
                errors.append(err)  # not asked is no fault, and what was read last still counts for its age
                continue
            except DeviceError as err:
                faults[fetch.uri] = err
                errors.append(err)
                if fetch.instead:
                    self.state.resting[fetch.uri] = self.clock.now() + _REST_SECONDS
                if fetch.instead and not isinstance(err, EndpointUnreachable):
                    pending.extend(fetch.instead)
                else:
                    readings += missing(fetch, asked_at)
                continue
            if faults:
                faults.pop(fetch.uri, None)
            readings += found
            good += 1
            if urgency == URGENT:
                self.tell_leaks(found)
        return good

    def tell_leaks_to(self, take: Callable[[Sequence[Reading]], object]) -> None:
        """Give every leak to `take` as soon as it is read: it does not wait for neighbours that hang."""
        self.state.take_leaks = take

    def tell_leaks(self, readings: Sequence[Reading]) -> None:
        """Tell whoever takes leaks at once of those among the readings."""
        leaks = [r for r in readings if r.quantity is Quantity.LEAK and r.value]
        if leaks and self.state.take_leaks is not None:
            self.state.take_leaks(leaks)

    async def _fetch(self, fetch: Fetch, urgency: int) -> list[Reading]:
        found = await self.read_one(fetch, urgency)
        if fetch.instead and any(r.quality is Quality.MISSING for r in found):
            raise ReplyMalformed(self.link.endpoint, f"GET {fetch.uri}", "lacks values that it had")
        if fetch.decode.kind is MetricValue and any(r.quality is Quality.FLAGGED for r in found):
            raise ReplyMalformed(self.link.endpoint, f"GET {fetch.uri}", "calls its own values stale")
        return found

    async def report(self) -> EndpointReport:
        """Take stock of the whole endpoint: inventory, firmware, leak detectors, notes.  Raises DeviceError."""
        found = await crawl(self.link, BACKGROUND)
        asked = (*await certificates_of(self.link, found.documents), *await port_counts(self.link))
        about: dict[str, str | int | None] = {
            "place": self.link.endpoint,
            "url": self.link.origin,
            "seen": found.seen,
            "clock_offset_s": await clock_offset(self.link, self.clock, found.documents),
        }
        limits = limits_of(found.documents, self.state.plan.sensors, self.tray)
        report = report_of(found.documents, endpoint=about, notes=found.notes)
        return replace(report, aspects=(*report.aspects, *limits, *asked), unread=found.unread)

    async def close(self) -> None:
        """Take back a subscription, log out and drop every connection.  Never raises."""
        if self.state.follower is not None:
            await self.state.follower.end()
        await self.link.close()


_LIT = ("Off", "Blinking")  # IndicatorLED (DSP0268 Chassis 1.x): what a technician looks for blinks


class Locating:
    """The locate light of a tray: the one harmless write."""

    __slots__ = ()

    async def set_locate(self: Any, on: bool) -> None:
        """Switch the light.  Raises ResourceMissing when the device has none, DeviceError when it refuses."""
        where = self.state.locate_uri
        if where is None:
            raise ResourceMissing(self.link.endpoint, "set_locate", "no locate light found")
        uri, _, lamp = where.partition("#")
        await self.link.change("PATCH", uri, {lamp: _LIT[on] if lamp == "IndicatorLED" else on})
