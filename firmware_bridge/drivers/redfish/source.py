"""What every Redfish driver shares: make a plan, read it class by class, take stock, log out.  Decides nothing."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.drivers.redfish.behind import subtree_of
from firmware_bridge.drivers.redfish.crawl import crawl
from firmware_bridge.drivers.redfish.enclosure import look_at
from firmware_bridge.drivers.redfish.enrolled import Enrolled
from firmware_bridge.drivers.redfish.follow import Follower
from firmware_bridge.drivers.redfish.link import BACKGROUND, NORMAL, PATIENT, URGENT, RedfishLink
from firmware_bridge.drivers.redfish.meeting import turn_to_meet
from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable, ReplyMalformed, ResourceMissing
from firmware_bridge.vocabulary.event_path import EventPath, PathKind
from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.subtree import Subtree
from firmware_bridge.wire.redfish.inventory import report_of
from firmware_bridge.wire.redfish.plan import Fetch, Plan, missing, readings_of, sums_of

_URGENCY = {ReadingClass.SAFETY: URGENT, ReadingClass.POWER: NORMAL}
_REST_SECONDS = 60.0  # a report that failed is left alone for this long; its sensors are read one by one meanwhile
_MOST_SILENT = 2  # after that many silent resources in one read the rest is not waited for


@dataclass(slots=True)
class _State:
    """What changes while a driver lives: its plan, and the last fault of each resource."""

    plan: Plan = field(default_factory=Plan)
    locate_uri: str | None = None
    subtree: Subtree | None = None
    faults: dict[str, DeviceError] = field(default_factory=dict)
    resting: dict[str, float] = field(default_factory=dict)  # fetches that failed and are not needed -> until when
    follower: Follower | None = None


@dataclass(frozen=True, slots=True)
class RedfishSource(Enrolled):
    """One endpoint below one tray.  A port's driver adds `make_plan`: what to look for and how to call it."""

    tray: Place
    link: RedfishLink
    clock: Clock
    hints: Mapping[str, Any] = field(default_factory=dict)
    state: _State = field(default_factory=_State)

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

    async def make_plan(self, tree: Tree) -> tuple[Plan, str | None]:
        """Return the plan and the URI of the resource that carries the locate light."""
        raise NotImplementedError

    async def discover(self) -> Sequence[Series]:
        """Log in, look at what there is and return the series that `read` will deliver.  Raises DeviceError."""
        async with turn_to_meet():
            tree = Tree(self.link)
            await tree.root()
            plan, locate_uri = await self.make_plan(tree)
        self.state.plan, self.state.locate_uri = plan, locate_uri
        self.state.subtree = subtree_of(tree.documents[ROOT], await look_at(tree), plan)
        self.state.faults.clear()
        self.state.resting.clear()
        return plan.series()

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        """Read every series of one class.  One bad resource costs only its own readings.

        Raises the named error when nothing of the class could be read.
        """
        plan = self.state.plan
        fetches = self._due(plan.fetches.get(reading_class, ()))
        readings: list[Reading] = []
        errors: list[DeviceError] = []
        pending = deque(fetches)
        # The slow class leaves a slot free, so that a safety read never queues behind it.
        lanes = self.link.limits.in_flight if reading_class in _URGENCY else max(1, self.link.limits.in_flight - 1)
        lanes = min(lanes, len(fetches))
        urgency = _URGENCY.get(reading_class, PATIENT)
        if lanes == 1:
            good = [await self._lane(pending, urgency, readings, errors)]
        else:
            good = await asyncio.gather(*(self._lane(pending, urgency, readings, errors) for _ in range(lanes)))
        if errors and not any(good):
            raise errors[0]
        now = self.clock.now()
        readings += sums_of([s for s in plan.sums if s.series.reading_class is reading_class], readings, now)
        readings += [
            Reading(s.place, s.quantity, None, now, Quality.MISSING)
            for s in plan.absent
            if s.reading_class is reading_class
        ]
        return readings

    async def pushes(self) -> AsyncIterator[Sequence[Reading]]:
        """Yield what the endpoint's events bring, for as long as it is iterated; a device without any yields none."""
        follower = self.state.follower
        if follower is None:
            follower = self.state.follower = Follower(self.link, self.clock, self)
        async for readings in follower.follow():
            yield readings

    async def read_one(self, fetch: Fetch, urgency: int) -> list[Reading]:
        """Read one resource of the plan by itself.  Raises DeviceError."""
        document = await self.link.get_decoded(fetch.uri, fetch.decode, urgency)
        return readings_of(fetch, document, self.clock.now())

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
        faults, good = self.state.faults, 0
        while pending:
            fetch = pending.popleft()
            if sum(isinstance(e, EndpointUnreachable) for e in errors) >= _MOST_SILENT:
                self._skip(fetch, readings, errors)
                continue
            try:
                found = await self._fetch(fetch, urgency)
            except DeviceError as err:
                faults[fetch.uri] = err
                errors.append(err)
                if fetch.instead:
                    self.state.resting[fetch.uri] = self.clock.now() + _REST_SECONDS
                if fetch.instead and not isinstance(err, EndpointUnreachable):
                    pending.extend(fetch.instead)
                else:
                    readings += missing(fetch, self.clock.now())
                continue
            if faults:
                faults.pop(fetch.uri, None)
            readings += found
            good += 1
        return good

    async def _fetch(self, fetch: Fetch, urgency: int) -> list[Reading]:
        found = await self.read_one(fetch, urgency)
        if fetch.instead and any(r.quality is Quality.MISSING for r in found):
            raise ReplyMalformed(self.link.endpoint, f"GET {fetch.uri}", "lacks values that it had")
        return found

    def _skip(self, fetch: Fetch, readings: list[Reading], errors: list[DeviceError]) -> None:
        errors.append(errors[-1])
        readings += missing(fetch, self.clock.now())

    async def report(self) -> EndpointReport:
        """Take stock of the whole endpoint: inventory, firmware, leak detectors, notes.  Raises DeviceError."""
        found = await crawl(self.link, BACKGROUND)
        about: dict[str, str | int | None] = {"place": self.link.endpoint, "url": self.link.origin}
        return report_of(found.documents, endpoint=about, notes=found.notes)

    async def close(self) -> None:
        """Log out and drop every connection.  Never raises."""
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
