"""Set-points of one rack: written down before they are asked for, read back, converged on, asked for anew.

A set-point may be asked for twice, so what was not confirmed is simply asked for again, also after a restart.  Which
values a wish comes to, and what is told of them, is for those that stand on this: power limits, coolant.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from firmware_bridge.ports.offered import offers
from firmware_bridge.ports.set_points import SetPointed
from firmware_bridge.ports.telemetry import Sparing, TelemetrySource
from firmware_bridge.vocabulary.attention import Pacing
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    CommandRefused,
    DeviceError,
    EndpointRefused,
    EnvironmentUnfit,
    PreconditionFailed,
)
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.set_points import Settable
from rack_controller.decide.notice import Finding
from rack_controller.decide.set_points import judge_read_back, least_of
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.model.limit import LimitState, SetPoint
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.ending import end
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.view import RackView

_log = logging.getLogger(__name__)

LEASE_S = 30.0
AGAIN_S = 10.0
"""How long a set-point that does not read back as wanted is left before it is asked for again."""


@dataclass(slots=True)
class SetPoints:
    """The set-points of some quantities at one rack, and whose facet of an endpoint they are."""

    quantities: ClassVar[frozenset[Quantity]] = frozenset()
    facet: ClassVar[Facet] = Facet.CONFIG

    view: RackView
    sources: Mapping[Place, TelemetrySource]
    ledger: Ledger
    leases: LeaseBook
    clock: Clock
    tell: Callable[[Finding], None]
    _wanted: dict[str, SetPoint] = field(default_factory=dict)
    _asked_at: dict[str, float] = field(default_factory=dict)
    _unkept: set[str] = field(default_factory=set)
    """Places whose wanted set-point the journal refused: it has another one, or none."""
    _running: "dict[Place, asyncio.Task[None]]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wanted = {s.place: s for s in self.ledger.set_points() if s.quantity in self.quantities}

    @property
    def wanted(self) -> Mapping[str, SetPoint]:
        """Return what is wanted, by place."""
        return self._wanted

    def granted(self, _place: Place) -> float | None:
        """Return what somebody above lets a place have now, None where nobody says: of a set-point and that the lower
        is what a device is asked for."""
        return None

    def told(self, done: list[SetPoint], by: str) -> None:
        """Tell what became of set-points that somebody asked for."""
        raise NotImplementedError

    def points(self) -> dict[Place, tuple[Place, Settable]]:
        """Return every place that can be set here, with the endpoint that sets it."""
        return {
            place: (endpoint, point)
            for endpoint, source in self.sources_of().items()
            for place, point in source.settable.items()
            if point.quantity in self.quantities
        }

    def wishes(self, values: Mapping[Place, float], by: str) -> list[SetPoint]:
        """Return values as set-points that somebody wants now."""
        points, now = self.points(), self.clock.unix_ns()
        return [
            SetPoint(place, points[place][0], value, by, now, quantity=points[place][1].quantity)
            for place, value in values.items()
        ]

    def shown(self, point: Settable) -> float | None:
        """Return what was read of a place last, None when nobody knows."""
        snapshot = self.view.snapshot
        return None if snapshot is None else snapshot.good(point.place, point.quantity)

    def sources_of(self) -> dict[Place, SetPointed]:
        """Return the endpoints that keep set-points."""
        found: dict[Place, SetPointed] = {}
        for place, source in self.sources.items():
            held: object = source
            if offers(held, SetPointed):
                found[place] = held
        return found

    def look(self, snapshot: Snapshot) -> None:
        """Compare what is wanted with what is shown; what a device lost is asked for again.

        A bug of ours in this ends nothing else: it is logged.  Raises PreconditionFailed when fenced.
        """
        try:
            self._look(snapshot)
        except PreconditionFailed:
            raise
        except Exception:  # noqa: BLE001 - logged whole; they stand on the devices meanwhile
            _log.exception("%s: set-points were not compared", self.ledger.rack)

    def _look(self, snapshot: Snapshot) -> None:
        due: dict[str, list[SetPoint]] = {}
        news = []
        for wanted in list(self._wanted.values()):
            reading = snapshot.reading(Place(wanted.place), wanted.quantity)
            asked = self._asked_at.get(wanted.place, float("-inf"))
            fresh = reading is not None and reading.taken_at > asked
            value = snapshot.good(Place(wanted.place), wanted.quantity) if fresh else None
            judged = judge_read_back(wanted, value, self.granted(Place(wanted.place)))
            if judged is not None:
                news.append(judged)
                wanted = judged
            if wanted.state is LimitState.REQUESTED and snapshot.now - asked >= AGAIN_S:
                due.setdefault(wanted.endpoint, []).append(wanted)
        self._keep(news)
        self._keep([self._wanted[place] for place in self._unkept if place in self._wanted])
        if not self.view.layout.armed:
            return
        for endpoint, points in due.items():
            self._again(Place(endpoint), points)

    async def close(self) -> None:
        """End what is under way.  Devices keep what they were told."""
        await end(list(self._running.values()))

    def busy(self, key: Place) -> bool:
        """Return whether what was begun under a key is not over."""
        running = self._running.get(key)
        return running is not None and not running.done()

    def begin(self, key: Place, work: Coroutine[Any, Any, None]) -> None:
        """Run work that nobody waits for; it ends with this."""
        self._running[key] = asyncio.get_running_loop().create_task(work)

    async def end(self, key: Place) -> None:
        """End what was begun under a key, if it is not over."""
        if self.busy(key):
            await end([self._running[key]])

    def _again(self, endpoint: Place, points: list[SetPoint]) -> None:
        if self.busy(endpoint):
            return
        rank = LeaseClass.INTERLOCK if all(p.by_interlock for p in points) else LeaseClass.OPERATOR
        for point in points:
            self._asked_at[point.place] = self.clock.now()

        async def anew() -> None:
            still = [point for point in points if self._is_wanted(point)]  # somebody may want another value by now
            done = await self.ask(still, rank, points[0].by, Direction.SAFE) if still else []
            lost = [s for s in done if s.state is LimitState.APPLIED]
            if lost:
                self.told(lost, "the controller, anew")

        self.begin(endpoint, anew())

    async def ask(
        self, wanted: list[SetPoint], rank: LeaseClass, holder: str, direction: Direction, *, hurry: bool = False
    ) -> list[SetPoint]:
        """Write set-points down in one piece, then ask every endpoint at once; return what became of each.

        An interlock asks even when the journal refuses.  Raises EnvironmentUnfit, PreconditionFailed (fenced, a lease).
        """
        by_endpoint: dict[Place, list[SetPoint]] = {}
        for point in wanted:
            by_endpoint.setdefault(Place(point.endpoint), []).append(point)
        wishes = [Wish(e, self.facet, rank, holder, direction, holder) for e in by_endpoint]
        if rank is not LeaseClass.INTERLOCK:
            for wish in wishes:  # all of them or none: nothing is begun that somebody else stands in the way of
                self.leases.give_back(self.leases.take(wish, LEASE_S))
        self._keep(wanted, must=rank is not LeaseClass.INTERLOCK)
        self._asked_at |= dict.fromkeys((point.place for point in wanted), self.clock.now())
        jobs = [self._at(wish, by_endpoint[Place(wish.endpoint)], hurry) for wish in wishes]
        done = [point for ended in await asyncio.gather(*jobs) for point in ended]
        self._keep([point for point in done if self._is_wanted(point)])
        for point in done:
            if not self._is_wanted(point):  # what was asked for since may have come before this: look what it keeps
                self._asked_at[point.place] = float("-inf")
        return done

    def _is_wanted(self, point: SetPoint) -> bool:
        """Return whether a place is still wanted at this value, by whoever asked for it then."""
        now = self._wanted.get(point.place)
        return now is not None and (now.value, now.by, now.wanted_unix_ns) == (
            point.value,
            point.by,
            point.wanted_unix_ns,
        )

    async def _at(self, wish: Wish, wanted: list[SetPoint], hurry: bool) -> list[SetPoint]:
        endpoint = Place(wish.endpoint)
        wanted = [
            point for point in wanted if self._is_wanted(point)
        ]  # another value may be wanted since it was written
        if not wanted:
            return []
        if why := self.spared(endpoint):
            return [msgspec.structs.replace(point, detail=why) for point in wanted]
        try:
            lease = self.leases.take(wish, LEASE_S)
        except CommandRefused as err:
            return [msgspec.structs.replace(point, detail=err.what) for point in wanted]
        try:
            return await self._asked(endpoint, wanted, hurry)
        finally:
            self.leases.give_back(lease)

    async def _asked(self, endpoint: Place, wanted: list[SetPoint], hurry: bool) -> list[SetPoint]:
        source = self.sources_of()[endpoint]
        granted = {Place(p.place): self.granted(Place(p.place)) for p in wanted}
        try:
            ends = await source.ask_values({Place(p.place): least_of(p.value, granted[Place(p.place)]) for p in wanted})
            for point in wanted:
                self._asked_at[point.place] = self.clock.now()
            taken = [Place(p.place) for p in wanted if ends[Place(p.place)] is None]
            read = {} if hurry or not taken else await source.read_values(taken)
        except DeviceError as err:
            return [msgspec.structs.replace(point, detail=err.detail or err.what) for point in wanted]
        return [_after(p, ends[Place(p.place)], read, hurry, granted[Place(p.place)]) for p in wanted]

    def spared(self, endpoint: Place) -> str:
        """Return why an endpoint is not written to now: set-points wait for a flash, whoever wants them."""
        for lease in self.leases.held():
            if lease.wish.endpoint == endpoint and lease.wish.facet is Facet.FIRMWARE:
                return f"its firmware is being written ({lease.wish.holder}); it keeps what it has"
        source: object = self.sources.get(endpoint)
        if offers(source, Sparing) and source.attention.pacing is Pacing.QUIET:
            return f"it is left alone: {source.attention.reason}"
        return ""

    async def read_now(self, target: Place) -> dict[Place, float | None]:
        """Return the values that the devices at or below a place keep now; nothing of those that do not say."""
        found: dict[Place, float | None] = {}
        for endpoint, source in self.sources_of().items():
            mine = [
                p.place
                for p in source.settable.values()
                if p.quantity in self.quantities and (p.place == target or p.place.startswith(f"{target}/"))
            ]
            if mine:
                try:
                    found |= await source.read_values(mine)
                except DeviceError as err:
                    _log.info("%s does not say what it keeps: %s", endpoint, err)
        return found

    def _keep(self, points: list[SetPoint], *, must: bool = False) -> None:
        """Write down; where that need not succeed a journal that refuses is logged."""
        if not points:
            return
        places = {point.place for point in points}
        try:
            self.ledger.keep_set_points(points)
        except EnvironmentUnfit:
            if must:
                raise
            if not places <= self._unkept:
                _log.exception("%s: %s set-points are not written down", self.ledger.rack, len(points))
            self._unkept |= places
        else:
            self._unkept -= places
        self._wanted |= {point.place: point for point in points}

    def forget(self, points: list[SetPoint]) -> None:
        """Want no longer what a device has taken; what it has not stays wanted."""
        self.drop([point.place for point in points if point.state in (LimitState.APPLIED, LimitState.UNREAD)])

    def drop(self, gone: list[str] | list[Place]) -> None:
        """Want nothing at these places any more; the devices keep what they have."""
        self.ledger.forget_set_points([*gone])
        for place in gone:
            self._wanted.pop(place, None)
        self._unkept -= set(gone)


def _after(
    point: SetPoint, failed: DeviceError | None, read: Mapping[Place, float | None], hurry: bool, granted: float | None
) -> SetPoint:
    """Return what became of a set-point.  What was asked for in a hurry is read back by the next readings."""
    if failed is not None:
        refused = isinstance(failed, EndpointRefused) and failed.status not in (409, 429, 503)
        state = LimitState.REFUSED if refused else LimitState.REQUESTED
        return msgspec.structs.replace(point, state=state, detail=failed.detail or failed.what)
    if hurry:
        return msgspec.structs.replace(point, state=LimitState.UNREAD, detail="taken")
    value = read.get(Place(point.place))
    if value is None:
        return msgspec.structs.replace(point, state=LimitState.UNREAD, detail="taken; it does not say what it keeps")
    return judge_read_back(point, value, granted) or point
