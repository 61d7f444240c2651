"""Racks, their layout, endpoints and readings; the highest or lowest of a quantity; commands to a rack."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from datacenter_api.commands import note_command
from datacenter_api.commands import send_command as send_to_controller
from datacenter_api.events.stream import StreamResponse
from datacenter_api.fleet.places import endpoint_in, layout_of, place_in, tray_in
from datacenter_api.fleet.queries import ReadingRow, readings, top
from datacenter_api.fleet.summary import RackSummary, summarise
from datacenter_api.fleet.trays import Axes, axes_of
from datacenter_api.fleet.units import UnitRow, unit_rows
from datacenter_api.fleet.view import view_of
from datacenter_api.problem import problem, problem_of_reply
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.services import Services, principal_of, services_of
from firmware_bridge.vocabulary.errors import CommandRefused
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.swap import Swap
from rack_controller.model.alarm import AlarmCatalogue, AlarmList
from rack_controller.model.building_view import BuildingState
from rack_controller.model.command import Reply
from rack_controller.model.failing import FailingResource
from rack_controller.model.hold import Hold
from rack_controller.model.interlock import InterlockPolicy
from rack_controller.model.interlock_view import InterlockState, Rehearsal
from rack_controller.model.layout import Layout
from rack_controller.model.limit import LimitRow
from rack_controller.model.lock import MaintenanceLock
from rack_controller.model.operation import Operation, OperationRow
from rack_controller.model.power import PowerLook
from rack_controller.model.readiness import Readiness

router = APIRouter(prefix="/api/v1", tags=["racks"])
Parts = Annotated[Services, Depends(services_of)]
MOST_EXACT = 2**53  # what any JSON reader still holds exactly
MOST_TEXT = 2_000  # an inspection record is the longest
OperationName = Annotated[str, PathParameter(pattern=r"^[a-z0-9][a-z0-9_.-]*-[0-9]{1,12}$", max_length=80)]
Argument = (
    Annotated[str, Field(max_length=MOST_TEXT)]
    | bool
    | Annotated[int, Field(ge=-MOST_EXACT, le=MOST_EXACT)]
    | Annotated[float, Field(allow_inf_nan=False)]
)


class EndpointRow(msgspec.Struct, frozen=True):
    """One endpoint: where it answers and how it stands on both axes.

    Ages in s; `enabled` false: listed, not asked; `faults`: how many of its resources fail now; `units` on its line.
    `failing`: the longest failing of them with their errors, since when and in how many reads in a row.
    `events`: how its events come (sse, push, polling, unproven), proven `events_age_s` ago; `events_detail`: why not.
    `ready`: whether it is as it must be (ready, blocked, unknown; empty: nothing is asked), `blocked_by` what is not.
    `attention`: how much it is asked now (full, slow, held, quiet), for `attention_s` more; `blind`: why its leak
    detectors say nothing now, for `blind_s` more.
    `held`: it shows another certificate than the pinned one, and is not read until it is pinned anew.
    `subtree`: what stands behind it (hmc); `subtree_state`: present, partial, absent, frozen or unknown; why, and which
    parts are missing.  `version`: of the system that answers, where it is read all the time (NVOS).
    """

    place: str
    tray: str
    protocol: str
    address: str
    enabled: bool
    state: str
    management: str
    since_s: float | None
    last_success_age_s: float | None
    heard_age_s: float | None
    error: str
    faults: int
    error_age_s: float | None = None
    events: str = ""
    events_age_s: float | None = None
    events_detail: str = ""
    attention: str = "full"
    attention_s: float | None = None
    attention_detail: str = ""
    blind: str = ""
    blind_s: float | None = None
    units: list[UnitRow] = []
    held: Hold | None = None
    subtree: str = ""
    subtree_state: str = ""
    subtree_why: str = ""
    subtree_missing: list[str] = []
    ready: str = ""
    blocked_by: list[str] = []
    maintenance: str = ""
    version: str = ""
    failing: list[FailingResource] = []


class CommandRequest(BaseModel):
    """A command to a rack.  `precondition_revision`: refuse when the rack has moved on since it was read."""

    model_config = ConfigDict(extra="forbid")

    verb: str = Field(max_length=64)
    target: str = Field(max_length=256)
    arguments: dict[str, Argument] = Field(default={}, max_length=32)
    precondition_revision: Annotated[int, Field(ge=0, le=MOST_EXACT)] | None = None


@router.get("/racks", responses=describes(list[RackSummary]))
async def list_racks(parts: Parts) -> Response:
    """Every rack in one glance."""
    now = parts.now()
    return json_answer([s for record in parts.fleet if (s := summarise(record, now)) is not None])


@router.get("/racks/{rack:path}/layout", responses=describes(Layout))
async def showlayout_of(rack: str, parts: Parts) -> Response:
    """The rack as it is planned: trays, units, parts, endpoints, ratings."""
    return json_answer(layout_of(parts.fleet.find(rack)))


@router.get("/racks/{rack:path}/endpoints", responses=describes(list[EndpointRow]))
async def list_endpoints(rack: str, parts: Parts) -> Response:
    """Every endpoint of the rack on both axes, with the age of what is known."""
    record = parts.fleet.find(rack)
    axes = axes_of(record, parts.now())
    view = view_of(record, parts.now())
    rows = []
    for tray in layout_of(record).trays:
        for endpoint in tray.endpoints:
            at = axes.get(endpoint.place, Axes(endpoint.place, "unknown", "not asked", None, None, "", 0, None))
            rows.append(
                EndpointRow(
                    place=endpoint.place,
                    tray=tray.title,
                    protocol=endpoint.protocol,
                    address=endpoint.address,
                    enabled=endpoint.enabled,
                    state=at.state,
                    management=at.management,
                    since_s=at.since_s,
                    last_success_age_s=at.last_success_age_s,
                    heard_age_s=at.heard_age_s,
                    error=at.error,
                    faults=at.faults,
                    error_age_s=at.error_age_s,
                    events=at.events,
                    events_age_s=at.events_age_s,
                    events_detail=at.events_detail,
                    attention=at.attention,
                    attention_s=at.attention_s,
                    attention_detail=at.attention_detail,
                    blind=at.blind,
                    blind_s=at.blind_s,
                    units=unit_rows(endpoint, view, axes),
                    held=at.held,
                    subtree=at.subtree,
                    subtree_state=at.subtree_state,
                    subtree_why=at.subtree_why,
                    subtree_missing=list(at.subtree_missing),
                    ready=at.ready,
                    blocked_by=at.blocked_by,
                    maintenance=at.maintenance,
                    version=at.version,
                    failing=list(at.failing),
                )
            )
    return json_answer(rows)


@router.get("/racks/{rack:path}/readings", responses=describes(list[ReadingRow]))
async def list_readings(
    rack: str,
    parts: Parts,
    place: str | None = None,
    quantity: Quantity | None = None,
    limit: Annotated[int | None, Query(ge=1, le=100_000)] = None,
) -> Response:
    """Readings at or below a place, of one quantity or all.  Unknown is null, and `quality` says why."""
    record = parts.fleet.find(rack)
    below = place_in(record, place, parts.fleet) if place is not None else None
    return json_answer(readings(parts.fleet.view(record, parts.now()), below, quantity, limit))


@router.get("/racks/{rack:path}/swaps", responses=describes(list[Swap]))
async def list_swaps(rack: str, parts: Parts) -> Response:
    """Every part swap that was begun in the rack, the newest first: stage, owner, serial numbers, what is missing."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "swaps"), media_type="application/json")


@router.get("/racks/{rack:path}/locks", responses=describes(list[MaintenanceLock]))
async def list_locks(rack: str, parts: Parts) -> Response:
    """The maintenance locks of the rack's trays, the newest first: owner, phone, reason, until when."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "locks"), media_type="application/json")


@router.get("/racks/{rack:path}/interlocks", responses=describes(InterlockState))
async def show_interlocks(rack: str, parts: Parts) -> Response:
    """How the rack's interlocks stand: what holds, what tripped and what followed, latches and what clears them."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "interlocks"), media_type="application/json")


@router.get("/racks/{rack:path}/interlocks/policy", responses=describes(InterlockPolicy))
async def show_interlock_policy(rack: str, parts: Parts) -> Response:
    """The interlock policy in force at the rack: its rows, and where water falls."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "interlock_policy"), media_type="application/json")


@router.get("/racks/{rack:path}/interlocks/test", responses=describes(Rehearsal))
async def rehearse_interlocks(rack: str, parts: Parts, place: Annotated[str, Query(max_length=256)]) -> Response:
    """What would follow if the leak detector at `place` said Critical now.  Nothing is kept or done."""
    record = parts.fleet.find(rack)
    detector = place_in(record, place, parts.fleet)
    return Response(await parts.bus.ask(record.token, "interlock_test", detector), media_type="application/json")


@router.get("/racks/{rack:path}/alarms", responses=describes(AlarmList))
async def show_alarms(rack: str, parts: Parts) -> Response:
    """Every alarm of the rack that is not normal, the most urgent first, with what it means and what may be done."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "alarms"), media_type="application/json")


@router.get("/racks/{rack:path}/alarms/definitions", responses=describes(AlarmCatalogue))
async def show_alarm_definitions(rack: str, parts: Parts) -> Response:
    """Every alarm that the rack may have, with cause, consequence and response, and which hides which."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "alarm_catalogue"), media_type="application/json")


@router.get("/racks/{rack:path}/limits", responses=describes(list[LimitRow]))
async def list_limits(rack: str, parts: Parts) -> Response:
    """Every place of the rack whose power can be limited: what the device allows and shows, what is wanted by whom."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "limits"), media_type="application/json")


@router.get("/racks/{rack:path}/coolant", responses=describes(list[LimitRow]))
async def list_coolant(rack: str, parts: Parts) -> Response:
    """Every target of the rack's coolant units that can be set: range, what it shows, what is wanted by whom."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "coolant"), media_type="application/json")


@router.get("/racks/{rack:path}/building", responses=describes(BuildingState))
async def show_building(rack: str, parts: Parts) -> Response:
    """The rack's building: the link and its heartbeat, every point of both sides, and what was asked and confirmed."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "building"), media_type="application/json")


@router.get("/racks/{rack:path}/operations", responses=describes(list[OperationRow]))
async def list_operations(rack: str, parts: Parts) -> Response:
    """The newest operations of the rack: planned, running and ended, with what they wait for or how they ended."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "operations"), media_type="application/json")


@router.get("/racks/{rack:path}/operations/{operation}", responses=describes(Operation))
async def show_operation(rack: str, operation: OperationName, parts: Parts) -> Response:
    """One operation whole: its plan, and how far each step is."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "operation", operation), media_type="application/json")


@router.get("/racks/{rack:path}/stream", responses={200: {"content": {"text/event-stream": {}}}})
async def stream_rack(rack: str, parts: Parts, request: Request) -> Response:
    """The rack's summary, once a second, as server-sent events."""
    record = parts.fleet.find(rack)
    if parts.broadcaster.full:
        return problem(503, "too many open streams", advice="close some, or read /api/v1/racks")
    who = principal_of(request)
    return StreamResponse(
        parts.broadcaster,
        record.token,
        parts.summary_message(record),
        lambda: parts.doorkeeper.still_welcome(who),
        latest_only=True,
    )


@router.post("/racks/{rack:path}/commands", responses=describes(Reply))
async def send_command(rack: str, wish: CommandRequest, parts: Parts, request: Request) -> Response:
    """Send a command to the rack's controller; 202 when it was accepted, otherwise the reason for the refusal."""
    record, who = parts.fleet.find(rack), principal_of(request)
    try:
        target = place_in(record, wish.target, parts.fleet)
    except CommandRefused as err:
        note_command(parts, who, wish.verb, wish.target, wish.arguments, "refused", err.what)
        raise
    reply = await send_to_controller(
        parts, who, record.token, wish.verb, target, wish.arguments, wish.precondition_revision
    )
    if reply.accepted:
        answer = json_answer(reply)
        answer.status_code = 202
        return answer
    return problem_of_reply(reply)


@router.get("/racks/{rack:path}", responses=describes(RackSummary))
async def show_rack(rack: str, parts: Parts) -> Response:
    """One rack in one glance."""
    record = parts.fleet.find(rack)
    layout_of(record)
    return json_answer(summarise(record, parts.now()))


@router.get("/endpoints/report", responses={200: {"content": {"application/json": {}}}})
async def show_report(
    parts: Parts, place: Annotated[str, Query(max_length=256)], rack: str | None = None, at_once: bool = False
) -> Response:
    """What an endpoint is made of.  `place` in full or from the tray on; a tray stands for its only endpoint.

    `at_once`: where there is no report yet it is begun and not waited for (409, `not_read_yet`): ask again.
    """
    record, endpoint = endpoint_in(parts.fleet, place, rack)
    report = await parts.bus.ask(record.token, "report", endpoint, at_once=at_once)
    return Response(report, media_type="application/json")


@router.get("/endpoints/readiness", responses=describes(Readiness))
async def show_readiness(
    parts: Parts, place: Annotated[str, Query(max_length=256)], rack: str | None = None
) -> Response:
    """Whether an endpoint is as its generation wants it: judgements with what is and what is wanted, from memory."""
    record, endpoint = endpoint_in(parts.fleet, place, rack)
    return Response(await parts.bus.ask(record.token, "readiness", endpoint), media_type="application/json")


@router.get("/trays/power", responses=describes(PowerLook))
async def show_power(parts: Parts, place: Annotated[str, Query(max_length=256)], rack: str | None = None) -> Response:
    """How a tray's power stands now, as its controller says it, what can be asked of it, and its boot source."""
    record, tray = tray_in(parts.fleet, place, rack)
    return Response(await parts.bus.ask(record.token, "power", tray), media_type="application/json")


@router.get("/top", responses=describes(list[ReadingRow]))
async def show_top(
    parts: Parts,
    quantity: Quantity,
    component: Annotated[str | None, Query(max_length=64)] = None,
    n: Annotated[int, Query(ge=1, le=10_000)] = 10,
    rack: str | None = None,
    lowest: bool = False,
) -> Response:
    """The n highest (or lowest) good readings of a quantity, over one rack or all."""
    now = parts.now()
    views = parts.fleet.views(now) if rack is None else [parts.fleet.view(parts.fleet.find(rack), now)]
    return json_answer(top(views, quantity, component, n, lowest))
