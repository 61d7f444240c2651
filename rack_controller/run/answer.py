"""Answers to `state` requests of one rack: what the layers above ask, from memory.  Every refusal says why."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.place import Place
from rack_controller.model.layout import RackState, StateRequest
from rack_controller.model.operation import row_of
from rack_controller.model.table import encode_table
from rack_controller.run.alarms.desk import AlarmDesk
from rack_controller.run.budget.desk import PowerBudgetDesk
from rack_controller.run.building.desk import BuildingDesk
from rack_controller.run.coolant import Coolant
from rack_controller.run.enrolment.enrolled import Enrolled
from rack_controller.run.guard.desk import InterlockDesk
from rack_controller.run.journal import Journal
from rack_controller.run.limits import Limits
from rack_controller.run.operate.operations import Operations
from rack_controller.run.power.desk import PowerDesk
from rack_controller.run.raw import read_raw
from rack_controller.run.status import rack_state
from rack_controller.run.stock import Stock
from rack_controller.run.view import RackView

OPERATIONS_SHOWN = 100
Ask = Callable[[StateRequest], object]
"""Answers one kind of request, at once or when awaited.  Raises RackwrightError."""


@dataclass(frozen=True, slots=True)
class Desks:
    """Whom of a rack can be asked; None where the rack has no such thing."""

    enrolled: Enrolled | None = None
    power: PowerDesk | None = None
    operations: Operations | None = None
    interlocks: InterlockDesk | None = None
    alarms: AlarmDesk | None = None
    limits: Limits | None = None
    building: BuildingDesk | None = None
    coolant: Coolant | None = None
    budget: PowerBudgetDesk | None = None


class StateAnswers:
    """Answers `state` requests of one rack from memory."""

    def __init__(
        self,
        view: RackView,
        sources: dict[Place, TelemetrySource],
        stock: Stock,
        journal: Journal,
        desks: Desks = Desks(),
    ) -> None:
        self._view, self._sources, self._stock, self._journal, self._desks = view, sources, stock, journal, desks
        self._asked: dict[str, Ask] = {
            "report": lambda r: stock.report(Place(r.place), at_once=r.at_once),
            **_asked(desks),
        }

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
                return msgspec.json.encode(self._endpoints())
            case "raw":
                return msgspec.json.encode(await read_raw(self._sources, request.place, request.path))
        ask = self._asked.get(request.want)
        if ask is None:
            raise TargetUnknown(
                f"nothing called {request.want!r} now", advice="ask for layout, table, endpoints or report"
            )
        found = ask(request)
        return msgspec.json.encode(await found if isinstance(found, Awaitable) else found)

    def _endpoints(self) -> RackState:
        desks = self._desks
        glance = None if desks.interlocks is None else desks.interlocks.glance()
        building = None if desks.building is None else desks.building.glance()
        state = rack_state(self._view, self._sources, desks.enrolled, glance, building)
        budget = None if desks.budget is None else desks.budget.glance()
        return msgspec.structs.replace(state, budget=budget)

    def _table_of_before(self, table_id: int) -> bytes:
        body = self._journal.table(self._view.layout.rack, table_id)
        if body is None:
            raise TargetUnknown(f"no series table {table_id:016x}", advice="it was said too long ago, or never here")
        return body


def _asked(desks: Desks) -> dict[str, Ask]:
    """Return what each desk that is there answers, by what is wanted."""
    found: dict[str, Ask] = {}
    if (enrolled := desks.enrolled) is not None:
        found["swaps"] = lambda _r: enrolled.swaps()
        found["readiness"] = lambda r: enrolled.examiner.readiness(Place(r.place))
        if (locks := enrolled.locks) is not None:
            found["locks"] = lambda _r: locks.newest()
    if (power := desks.power) is not None:
        found["power"] = lambda r: power.look(Place(r.place))
    if (operations := desks.operations) is not None:
        found["operations"] = lambda _r: [row_of(o) for o in operations.newest(OPERATIONS_SHOWN)]
        found["operation"] = lambda r: operations.find(r.place)
    if (alarms := desks.alarms) is not None:
        found |= {"alarms": lambda _r: alarms.listed(), "alarm_catalogue": lambda _r: alarms.catalogue()}
    if (limits := desks.limits) is not None:
        found["limits"] = lambda _r: limits.rows()
    if (coolant := desks.coolant) is not None:
        found["coolant"] = lambda _r: coolant.rows()
    if (building := desks.building) is not None:
        found["building"] = lambda _r: building.state()
    return found | _asked_of_interlocks(desks.interlocks) | _asked_of_budget(desks.budget)


def _asked_of_interlocks(desk: InterlockDesk | None) -> dict[str, Ask]:
    if desk is None:
        return {}
    return {
        "interlocks": lambda _r: desk.state(),
        "interlock_test": lambda r: desk.rehearse(Place(r.place)),
        "interlock_policy": lambda _r: desk.policy,
    }


def _asked_of_budget(desk: PowerBudgetDesk | None) -> dict[str, Ask]:
    if desk is None:
        return {}
    return {
        "power_budget": lambda _r: desk.view(),
        "power_policy": lambda _r: desk.in_force(),
        "power_what_if": lambda r: desk.more_racks(r.place, r.path),
    }
