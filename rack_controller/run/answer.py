"""Answers to what the layers above ask of a rack: `state` requests and commands.  Every refusal says why."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from firmware_bridge.ports.offered import offers
from firmware_bridge.ports.power import Bootable, PowerSwitch, Restartable
from firmware_bridge.ports.telemetry import Locatable, Sparing, TelemetrySource, Versioned
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    EnvironmentUnfit,
    RackwrightError,
    TargetUnknown,
)
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.building_view import BuildingGlance
from rack_controller.model.command import INTERNAL, Command, Reply, check_command, decode_command, encode, refusal
from rack_controller.model.failing import told
from rack_controller.model.interlock_view import InterlockGlance
from rack_controller.model.layout import EndpointStatus, RackState, StateRequest
from rack_controller.model.operation import row_of
from rack_controller.model.power import boot_view
from rack_controller.model.snapshot import EndpointState
from rack_controller.model.table import encode_table
from rack_controller.run.alarms.desk import AlarmDesk
from rack_controller.run.audited import Audited
from rack_controller.run.budget.desk import PowerBudgetDesk
from rack_controller.run.building.desk import BuildingDesk
from rack_controller.run.collect import Collector
from rack_controller.run.coolant import Coolant
from rack_controller.run.enrolment.enrolled import Enrolled
from rack_controller.run.guard.desk import InterlockDesk
from rack_controller.run.journal import CommandRecord, Journal
from rack_controller.run.limits import Limits
from rack_controller.run.operate.operations import Operations
from rack_controller.run.power.desk import PowerDesk
from rack_controller.run.raw import read_raw
from rack_controller.run.stock import Stock
from rack_controller.run.view import RackView

_log = logging.getLogger(__name__)

BEGUN = "begun"
OPERATIONS_SHOWN = 100
QUIET_MINUTES, MOST_QUIET_MINUTES = 30, 240


class StateAnswers:
    """Answers `state` requests of one rack from memory."""

    def __init__(
        self,
        view: RackView,
        sources: dict[Place, TelemetrySource],
        stock: Stock,
        journal: Journal,
        enrolled: Enrolled | None = None,
        power: PowerDesk | None = None,
        operations: Operations | None = None,
        interlocks: InterlockDesk | None = None,
        alarms: AlarmDesk | None = None,
        limits: Limits | None = None,
        building: BuildingDesk | None = None,
        coolant: Coolant | None = None,
        budget: PowerBudgetDesk | None = None,
    ) -> None:
        self._alarms, self._limits, self._building, self._coolant = alarms, limits, building, coolant
        self._budget = budget
        self._power, self._operations, self._interlocks = power, operations, interlocks
        self._view, self._sources, self._stock, self._journal = view, sources, stock, journal
        self._enrolled = enrolled

    async def answer(self, body: bytes) -> bytes:
        """Return the JSON that is asked for, `{"error", "code"}` when it cannot be given."""
        try:
            request = msgspec.json.decode(body, type=StateRequest)
            return await self._answer(request)
        except RackwrightError as err:
            return msgspec.json.encode({"error": str(err), "code": type(err).__name__, "status": err.http_status})
        except msgspec.MsgspecError as err:
            return msgspec.json.encode({"error": f"not a state request: {err}", "code": "malformed", "status": 400})

    async def _answer(self, request: StateRequest) -> bytes:
        match request.want:
            case "layout":
                return msgspec.json.encode(self._view.layout)
            case "table" if request.table_id:
                return self._table_of_before(request.table_id)
            case "table" if self._view.snapshot is not None:
                return encode_table(self._view.snapshot.table)
            case "endpoints":
                glance = None if self._interlocks is None else self._interlocks.glance()
                building = None if self._building is None else self._building.glance()
                state = rack_state(self._view, self._sources, self._enrolled, glance, building)
                budget = None if self._budget is None else self._budget.glance()
                return msgspec.json.encode(msgspec.structs.replace(state, budget=budget))
            case "report":
                return msgspec.json.encode(await self._stock.report(Place(request.place)))
            case "raw":
                return msgspec.json.encode(await read_raw(self._sources, request.place, request.path))
            case "swaps" if self._enrolled is not None:
                return msgspec.json.encode(self._enrolled.swaps())
            case "power" if self._power is not None:
                return msgspec.json.encode(await self._power.look(Place(request.place)))
            case "alarms" if self._alarms is not None:
                return msgspec.json.encode(self._alarms.listed())
            case "alarm_catalogue" if self._alarms is not None:
                return msgspec.json.encode(self._alarms.catalogue())
            case "interlocks" if self._interlocks is not None:
                return msgspec.json.encode(self._interlocks.state())
            case "interlock_test" if self._interlocks is not None:
                return msgspec.json.encode(self._interlocks.rehearse(Place(request.place)))
            case "interlock_policy" if self._interlocks is not None:
                return msgspec.json.encode(self._interlocks.policy)
            case "building" if self._building is not None:
                return msgspec.json.encode(self._building.state())
            case "readiness" if self._enrolled is not None:
                return msgspec.json.encode(self._enrolled.examiner.readiness(Place(request.place)))
            case "locks" if self._enrolled is not None and self._enrolled.locks is not None:
                return msgspec.json.encode(self._enrolled.locks.newest())
            case "power_budget" if self._budget is not None:
                return msgspec.json.encode(self._budget.view())
            case "power_policy" if self._budget is not None:
                return msgspec.json.encode(self._budget.in_force())
            case "power_what_if" if self._budget is not None:
                return msgspec.json.encode(self._budget.more_racks(request.place))
            case "limits" if self._limits is not None:
                return msgspec.json.encode(self._limits.rows())
            case "coolant" if self._coolant is not None:
                return msgspec.json.encode(self._coolant.rows())
            case "operations" if self._operations is not None:
                return msgspec.json.encode([row_of(o) for o in self._operations.newest(OPERATIONS_SHOWN)])
            case "operation" if self._operations is not None:
                return msgspec.json.encode(self._operations.find(request.place))
            case _:
                raise TargetUnknown(
                    f"nothing called {request.want!r} now", advice="ask for layout, table, endpoints or report"
                )

    def _table_of_before(self, table_id: int) -> bytes:
        body = self._journal.table(self._view.layout.rack, table_id)
        if body is None:
            raise TargetUnknown(f"no series table {table_id:016x}", advice="it was said too long ago, or never here")
        return body


def rack_state(
    view: RackView,
    sources: dict[Place, TelemetrySource],
    enrolled: Enrolled | None = None,
    interlocks: InterlockGlance | None = None,
    building: BuildingGlance | None = None,
) -> RackState:
    """Return both axes of every endpoint with their ages.

    An endpoint that answers but refuses some resources shows the first such error, and how many there are.
    """
    snapshot = view.snapshot
    if snapshot is None:
        return RackState(view.layout.rack, view.revision, 0, view.boot, [], interlocks=interlocks, building=building)
    return RackState(
        rack=view.layout.rack,
        revision=view.revision,
        table_id=snapshot.table.table_id,
        boot=view.boot,
        endpoints=[
            _status(place, state, sources[place], snapshot.now, enrolled)
            for place, state in sorted(snapshot.endpoints.items())
        ],
        worn=view.worn,
        alarms=view.lasting,
        alarm_glance=view.alarms,
        deliveries_refused=view.refusals(),
        interlocks=interlocks,
        building=building,
    )


def _status(
    place: Place, state: EndpointState, source: TelemetrySource, now: Seconds, enrolled: Enrolled | None
) -> EndpointStatus:
    events, behind = state.events, state.subtree
    return EndpointStatus(
        place=place,
        state=state.state,
        management=state.management,
        since_s=round(now - state.since, 3),
        last_success_age_s=_age(state.last_success, now),
        error=state.error or _first_fault(source),
        faults=len(source.faults),
        error_age_s=_age(state.error_at, now) if state.error else None,
        events="" if events is None else events.kind,
        events_age_s=None if events is None else _age(events.proven_at, now),
        events_detail="" if events is None else events.detail,
        version=source.version if offers(source, Versioned) else "",
        subtree="" if behind is None else behind.name,
        subtree_state="" if behind is None else behind.liveness.presence,
        subtree_why="" if behind is None else behind.liveness.why,
        subtree_missing=[] if behind is None else list(behind.liveness.missing),
        held=None if enrolled is None else enrolled.holds.of(place),
        maintenance="" if enrolled is None else enrolled.maintenance(place),
        power_actions=sorted(source.power_actions) if offers(source, PowerSwitch) else [],
        boot=boot_view(source.boot) if offers(source, Bootable) else None,
        restarts=sorted(source.restarts) if offers(source, Restartable) else [],
        ready="" if enrolled is None else enrolled.examiner.ready_word(place),
        blocked_by=[] if enrolled is None else enrolled.examiner.blocked_by(place),
        attention=state.attention.pacing,
        attention_s=_left(state.attention.until, now),
        attention_detail=state.attention.reason,
        blind=state.attention.blind,
        blind_s=_left(state.attention.blind_until, now),
        failing=told(state.failing, now),
    )


def _left(until: Seconds | None, now: Seconds) -> float | None:
    return None if until is None else round(max(0.0, until - now), 1)


def _age(at: Seconds | None, now: Seconds) -> float | None:
    return None if at is None else round(now - at, 3)


def _first_fault(source: TelemetrySource) -> str:
    for uri, fault in source.faults.items():
        return f"{type(fault).__name__}: {fault.detail or fault.verb} ({uri})"
    return ""


class CommandAnswers:
    """Checks, does and records the commands of one rack.  An id is done once: a repeat gets the same answer."""

    def __init__(
        self,
        view: RackView,
        sources: dict[Place, TelemetrySource],
        collectors: dict[Place, Collector],
        stock: Stock,
        journal: Journal,
        clock: Clock,
        more: Mapping[str, Callable[[Command], Awaitable[dict[str, object]]]] | None = None,
        audited: Audited | None = None,
    ) -> None:
        self._audited = audited
        self._view, self._sources, self._collectors = view, sources, collectors
        self._stock, self._journal, self._clock = stock, journal, clock
        self._under_way: dict[str, asyncio.Task[bytes]] = {}
        self._verbs: dict[str, Callable[[Command], Awaitable[dict[str, object]]]] = {
            "rescan": self._do_rescan,
            "locate": self._do_locate,
            "quiet": self._do_quiet,
            **(more or {}),
        }

    async def answer(self, body: bytes) -> bytes:
        """Return the encoded reply."""
        try:
            command = decode_command(body)
        except msgspec.MsgspecError as err:
            return encode(Reply("", accepted=False, code="malformed", reason=f"not a command: {err}"))
        under_way = self._under_way.get(command.id)
        if under_way is None:
            under_way = self._under_way[command.id] = asyncio.create_task(self._do(command))
            under_way.add_done_callback(lambda _: self._under_way.pop(command.id))
        return await asyncio.shield(under_way)  # who stops waiting does not stop what was begun

    async def _do(self, command: Command) -> bytes:
        try:
            done = self._journal.outcome_of(command.id)
            if done is None:
                self._record(command, BEGUN)  # before any device hears of it
        except EnvironmentUnfit as err:
            return encode(refusal(command.id, err))
        if done == BEGUN:
            reason = "was begun before a restart; nobody knows how it ended"
            return encode(Reply(command.id, accepted=False, code="held", reason=reason, advice="look, then ask anew"))
        if done is not None:
            return done.encode()
        reply = await self._reply(command)
        answer = encode(reply)
        if self._audited is not None:
            outcome = "accepted" if reply.accepted else "refused"
            self._audited.command(command, self._clock.unix_ns(), outcome, reply.reason)
        try:
            self._record(command, answer.decode())
        except EnvironmentUnfit:
            _log.exception("the outcome of command %s could not be written down", command.id)
        return answer

    async def _reply(self, command: Command) -> Reply:
        try:
            check_command(command, self._view.revision, self._clock.unix_ns())
            verb = self._verbs.get(command.verb)
            if verb is None:
                raise TargetUnknown(f"this controller has no verb {command.verb!r}")
            result = await verb(command)
        except RackwrightError as err:
            _log.info("refused %s on %s by %s: %s", command.verb, command.target, command.actor, err)
            return refusal(command.id, err)
        except Exception as err:  # noqa: BLE001 - logged whole, and refused
            _log.exception("%s on %s by %s failed", command.verb, command.target, command.actor)
            reason = f"the controller failed: {type(err).__name__}; what the device did of it is not known"
            return Reply(command.id, accepted=False, code=INTERNAL, reason=reason, advice="look, then ask anew")
        return Reply(command.id, accepted=True, operation=command.id, result=result)

    def _record(self, command: Command, outcome: str) -> None:
        self._journal.record_command(
            CommandRecord(
                command.id,
                self._clock.unix_ns(),
                command.actor,
                command.verb,
                command.target,
                dict(command.arguments),
                outcome,
            )
        )

    async def _do_rescan(self, command: Command) -> dict[str, object]:
        chosen = self._endpoints_in(command.target)
        for place in chosen:
            self._collectors[place].rescan()
            self._stock.refresh(place)
        return {"endpoints": len(chosen)}

    async def _do_quiet(self, command: Command) -> dict[str, object]:
        """Leave endpoints alone for a while: nothing is written to them, they are only asked less."""
        minutes = command.arguments.get("minutes", QUIET_MINUTES)
        if isinstance(minutes, bool) or not 0 <= minutes <= MOST_QUIET_MINUTES:
            raise ArgumentsInvalid(f"minutes of quiet: {minutes!r}", advice=f"0 to {MOST_QUIET_MINUTES}; 0 ends it")
        reason = scrub(command.arguments.get("reason"), 200) or "no reason given"
        chosen = [s for p in self._endpoints_in(command.target) if isinstance(s := self._sources[p], Sparing)]
        if not chosen:
            raise TargetUnknown(f"{command.target} is on a serial line", advice="name a Redfish endpoint")
        for source in chosen:
            source.be_quiet(Seconds(minutes * 60.0), f"{command.actor} wants it left alone: {reason}")
        return {"endpoints": len(chosen), "minutes": minutes}

    async def _do_locate(self, command: Command) -> dict[str, object]:
        self._view.check_armed()
        on = command.arguments.get("on", True)
        if not isinstance(on, bool):
            raise TargetUnknown(f"locate needs on: true or false, got {on!r}")
        tray = tray_of(Place(command.target)) if command.target.count("/") >= 4 else None
        lights = [
            source
            for place, source in self._sources.items()
            if tray is not None and tray_of(place) == tray and isinstance(source, _Lit)
        ]
        if not lights:
            raise TargetUnknown(f"{command.target} has no locate light", advice="name a compute or switch tray")
        for light in lights:
            await light.set_locate(on)
        return {"on": on, "lights": len(lights)}

    def _endpoints_in(self, target: str) -> list[Place]:
        chosen = [p for p in self._collectors if p == target or p.startswith(target + "/") or target == tray_of(p)]
        if not chosen:
            raise TargetUnknown(f"no endpoint at {target!r}", advice="see `rackwright endpoint list`")
        return chosen


class _Lit(Locatable):
    """A runtime check for `Locatable`."""

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        return callable(getattr(other, "set_locate", None))
