"""Power limits of one rack: by command or interlock, written down before they are asked for, read back, converged on.

A set-point may be asked for twice, so what was not confirmed is simply asked for again, also after a restart.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.ports.limits import PowerLimited
from firmware_bridge.ports.telemetry import Sparing, TelemetrySource
from firmware_bridge.vocabulary.attention import Pacing
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    CommandRefused,
    DeviceError,
    EndpointRefused,
    EnvironmentUnfit,
    PreconditionFailed,
    TargetUnknown,
)
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Watts
from rack_controller.decide.interlock import Order
from rack_controller.decide.limits import LimitWish, decide_cap, decide_limits, judge_read_back, lower_only
from rack_controller.decide.notice import Finding
from rack_controller.model.command import Command
from rack_controller.model.event import Severity
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.model.limit import LimitRow, LimitState, SetPoint
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.guard.carrying import Came
from rack_controller.run.guard.trail import Fate
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.view import RackView

_log = logging.getLogger(__name__)

LEASE_S = 30.0
AGAIN_S = 10.0
"""How long a limit that does not read back as wanted is left before it is asked for again."""
Verb = Callable[[Command], Awaitable[dict[str, object]]]


@dataclass(slots=True)
class Limits:
    """The set-points of one rack.  `held(tray)`: why nothing is raised there now, empty when it may be."""

    view: RackView
    sources: Mapping[Place, TelemetrySource]
    ledger: Ledger
    leases: LeaseBook
    clock: Clock
    tell: Callable[[Finding], None]
    held: Callable[[Place], str] = field(default=lambda _tray: "")
    _wanted: dict[str, SetPoint] = field(default_factory=dict)
    _asked_at: dict[str, float] = field(default_factory=dict)
    _running: "dict[Place, asyncio.Task[None]]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wanted = {s.place: s for s in self.ledger.set_points()}

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {"limit": self.limit}

    def rows(self) -> list[LimitRow]:
        """Return every place whose power can be limited, from memory."""
        found = []
        for endpoint, source in self._limited().items():
            for place, point in source.limit_points.items():
                shows, held = self._shown(place), self.held(tray_of(place))
                said = (point.least, point.most, point.default, shows, self._wanted.get(place), held)
                found.append(LimitRow(place, endpoint, *said))
        return sorted(found, key=lambda row: row.place)

    async def limit(self, command: Command) -> dict[str, object]:
        """Set limits, or with `clear` take them back to what the device had; armed racks only.

        Raises CommandRefused; what a device did not take is in the answer.
        """
        self.view.check_armed()
        said = command.arguments
        clear, watts = bool(said.get("clear", False)), said.get("watts")
        if clear is (watts is not None):
            raise ArgumentsInvalid("limit needs either watts or clear", advice="for example watts: 900")
        wish = LimitWish(Place(command.target), None if clear else float(str(watts)), bool(said.get("each", False)))
        points = {place: (e, p) for e, s in self._limited().items() for place, p in s.limit_points.items()}
        trays = {tray_of(place) for place in points}
        held = {tray: why for tray in trays if (why := self.held(tray))}
        shown = await self._read_now(wish.target)
        caps = decide_limits(wish, {place: p for place, (_, p) in points.items()}, shown, held)
        raised = [place for place, w in caps.items() if (now := shown.get(place)) is None or w > now]
        direction = Direction.ENERGISED if raised else Direction.SAFE
        wanted = self._points(caps, {place: e for place, (e, _) in points.items()}, command.actor)
        done = await self._set(wanted, LeaseClass.OPERATOR, command.actor, direction)
        if clear:
            self._forget(done)
        self._told(done, command.actor)
        return {"limits": [msgspec.to_builtins(s) for s in done]}

    async def cap(self, order: Order) -> Came:
        """Carry out an interlock's cap: all trays at once.  Raises RackwrightError when none took it."""
        points = {place: (e, p) for e, s in self._limited().items() for place, p in s.limit_points.items()}
        caps = decide_cap(order.share or 1.0, order.targets, {place: p for place, (_, p) in points.items()})
        caps = lower_only(caps, self._wanted)
        holder = f"interlock {order.cause}"
        wanted = self._points(caps, {place: e for place, (e, _) in points.items()}, holder)
        done = await self._set(wanted, LeaseClass.INTERLOCK, holder, Direction.SAFE, hurry=True)
        bad = {tray_of(Place(s.place)): s.detail for s in done if s.state in (LimitState.REFUSED, LimitState.REQUESTED)}
        able = {tray_of(place) for place in points}
        if not able & set(order.targets):
            raise TargetUnknown("nothing there has a power limit that can be set")
        fates = {
            tray: (Fate.FAILED, bad[tray]) if tray in bad else (Fate.TAKEN if tray in able else Fate.SPARED, "")
            for tray in order.targets
        }
        words = f"{len(done) - len(bad)} of {len(done)} limits set" if done else "nothing there is above that"
        return Came("; ".join([words, *(f"{leaf_of(t)}: {why}" for t, why in list(bad.items())[:3])]), fates)

    async def hold(self, order: Order) -> Came:
        """Hold caps: while the row stands nothing is raised (see `held`)."""
        return Came("nothing is raised while it stands", dict.fromkeys(order.targets, (Fate.TAKEN, "")))

    def look(self, snapshot: Snapshot) -> None:
        """Compare what is wanted with what is shown; what a device lost is asked for again.

        A bug of ours in this ends nothing else: it is logged.  Raises PreconditionFailed when fenced.
        """
        try:
            self._look(snapshot)
        except PreconditionFailed:
            raise
        except Exception:  # noqa: BLE001 - logged whole; limits stand on the devices meanwhile
            _log.exception("%s: power limits were not compared", self.ledger.rack)

    def _look(self, snapshot: Snapshot) -> None:
        due: dict[str, list[SetPoint]] = {}
        news = []
        for wanted in list(self._wanted.values()):
            reading = snapshot.reading(Place(wanted.place), Quantity.POWER_LIMIT)
            asked = self._asked_at.get(wanted.place, float("-inf"))
            fresh = reading is not None and reading.taken_at > asked
            value = snapshot.good(Place(wanted.place), Quantity.POWER_LIMIT) if fresh else None
            judged = judge_read_back(wanted, value)
            if judged is not None:
                news.append(judged)
                wanted = judged
            if wanted.state is LimitState.REQUESTED and snapshot.now - asked >= AGAIN_S:
                due.setdefault(wanted.endpoint, []).append(wanted)
        self._keep(news)
        if not self.view.layout.armed:
            return
        for endpoint, points in due.items():
            self._again(Place(endpoint), points)

    async def close(self) -> None:
        """End what is under way.  Devices keep what they were told."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _again(self, endpoint: Place, points: list[SetPoint]) -> None:
        running = self._running.get(endpoint)
        if running is not None and not running.done():
            return
        rank = LeaseClass.INTERLOCK if all(p.by_interlock for p in points) else LeaseClass.OPERATOR
        for point in points:
            self._asked_at[point.place] = self.clock.now()

        async def ask() -> None:
            done = await self._set(points, rank, points[0].by, Direction.SAFE)
            lost = [s for s in done if s.state is LimitState.APPLIED]
            if lost:
                self._told(lost, "the controller, anew")

        self._running[endpoint] = asyncio.get_running_loop().create_task(ask())

    def _points(self, caps: Mapping[Place, Watts], of: Mapping[Place, Place], by: str) -> list[SetPoint]:
        now = self.clock.unix_ns()
        return [SetPoint(place, of[place], watts, by, now) for place, watts in caps.items()]

    async def _set(
        self, wanted: list[SetPoint], rank: LeaseClass, holder: str, direction: Direction, *, hurry: bool = False
    ) -> list[SetPoint]:
        """Write set-points down in one piece, then ask every endpoint at once; return what became of each.

        An interlock asks even when the journal refuses.  Raises EnvironmentUnfit, PreconditionFailed (fenced, a lease).
        """
        by_endpoint: dict[Place, list[SetPoint]] = {}
        for point in wanted:
            by_endpoint.setdefault(Place(point.endpoint), []).append(point)
        wishes = [Wish(e, Facet.POWER_LIMIT, rank, holder, direction, holder) for e in by_endpoint]
        if rank is not LeaseClass.INTERLOCK:
            for wish in wishes:  # all of them or none: nothing is begun that somebody else stands in the way of
                self.leases.give_back(self.leases.take(wish, LEASE_S))
        self._keep(wanted, must=rank is not LeaseClass.INTERLOCK)
        self._asked_at |= dict.fromkeys((point.place for point in wanted), self.clock.now())
        jobs = [self._at(wish, by_endpoint[Place(wish.endpoint)], hurry) for wish in wishes]
        done = [point for ended in await asyncio.gather(*jobs) for point in ended]
        self._keep(done)
        return done

    async def _at(self, wish: Wish, wanted: list[SetPoint], hurry: bool) -> list[SetPoint]:
        endpoint = Place(wish.endpoint)
        if why := self._spared(endpoint):
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
        source = self._limited()[endpoint]
        try:
            ends = await source.set_limits({Place(p.place): Watts(p.watts) for p in wanted})
            for point in wanted:
                self._asked_at[point.place] = self.clock.now()
            taken = [Place(p.place) for p in wanted if ends[Place(p.place)] is None]
            read = {} if hurry or not taken else await source.read_limits(taken)
        except DeviceError as err:
            return [msgspec.structs.replace(point, detail=err.detail or err.what) for point in wanted]
        return [_after(point, ends[Place(point.place)], read, hurry) for point in wanted]

    def _spared(self, endpoint: Place) -> str:
        """Return why an endpoint is not written to now: limits wait for a flash, whoever wants them."""
        for lease in self.leases.held():
            if lease.wish.endpoint == endpoint and lease.wish.facet is Facet.FIRMWARE:
                return f"its firmware is being written ({lease.wish.holder}); it is charged its last limit"
        source: object = self.sources.get(endpoint)
        if isinstance(source, Sparing) and source.attention.pacing is Pacing.QUIET:
            return f"it is left alone: {source.attention.reason}"
        return ""

    def _limited(self) -> dict[Place, PowerLimited]:
        found: dict[Place, PowerLimited] = {}
        for place, source in self.sources.items():
            held: object = source
            if isinstance(held, PowerLimited):
                found[place] = held
        return found

    def _shown(self, place: Place) -> float | None:
        snapshot = self.view.snapshot
        return None if snapshot is None else snapshot.good(place, Quantity.POWER_LIMIT)

    async def _read_now(self, target: Place) -> dict[Place, float | None]:
        """Return the limits that the devices at or below a place keep now; nothing of those that do not say."""
        found: dict[Place, float | None] = {}
        for endpoint, source in self._limited().items():
            mine = [p for p in source.limit_points if p == target or p.startswith(f"{target}/")]
            if mine:
                try:
                    found |= await source.read_limits(mine)
                except DeviceError as err:
                    _log.info("%s does not say its limits: %s", endpoint, err)
        return found

    def _keep(self, points: list[SetPoint], *, must: bool = False) -> None:
        """Write down; where that need not succeed a journal that refuses is logged."""
        if not points:
            return
        try:
            self.ledger.keep_set_points(points)
        except EnvironmentUnfit:
            if must:
                raise
            _log.exception("%s: %s limits are not written down", self.ledger.rack, len(points))
        self._wanted |= {point.place: point for point in points}

    def _forget(self, points: list[SetPoint]) -> None:
        gone = [point.place for point in points if point.state in (LimitState.APPLIED, LimitState.UNREAD)]
        self.ledger.forget_set_points(gone)
        for place in gone:
            self._wanted.pop(place, None)

    def _told(self, done: list[SetPoint], by: str) -> None:
        for tray in sorted({tray_of(Place(s.place)) for s in done}):
            mine = [s for s in done if tray_of(Place(s.place)) == tray]
            bad = [s for s in mine if s.state in (LimitState.REFUSED, LimitState.REQUESTED)]
            watts = sorted({s.watts for s in mine})
            text = f"{leaf_of(tray)}: {len(mine)} power limits {', '.join(f'{w:g} W' for w in watts)} by {by}"
            text += f"; {len(bad)} not: {bad[0].detail}" if bad else ""
            self.tell(Finding(Place(tray), "limit.set", Severity.WARNING if bad else Severity.OK, text))


def _after(point: SetPoint, failed: DeviceError | None, read: Mapping[Place, Watts | None], hurry: bool) -> SetPoint:
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
    return judge_read_back(point, value) or point
