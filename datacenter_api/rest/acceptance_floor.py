"""What the test floor hands in of a rack, and what a run would do before it begins."""

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from datacenter_api.acceptance.ahead import form_of, preview_of
from datacenter_api.acceptance.beginning import GIVE, ONE_RACK, level_of, look_before
from datacenter_api.acceptance.shown import FloorReport, FloorView
from datacenter_api.fleet.places import layout_of
from datacenter_api.fleet.queries import readings
from datacenter_api.rest.acceptance import MOST_PLAN_CHARACTERS, MOST_RACKS
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.rest.bodies import FILE, whole_body
from datacenter_api.routes import MOST_EVIDENCE_BYTES
from datacenter_api.services import Services, principal_of, services_of
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, TargetUnknown
from rack_controller.acceptance.preview import RunPreview
from rack_controller.prove.accept.plan import Level

router = APIRouter(prefix="/api/v1/acceptance", tags=["acceptance"])
Parts = Annotated[Services, Depends(services_of)]
RackName = Annotated[str, Field(max_length=256, pattern=r"^[A-Za-z0-9][A-Za-z0-9/_.-]*$")]
RackText = Annotated[str, Query(max_length=256, pattern=r"^([A-Za-z0-9][A-Za-z0-9/_.-]*)?$")]
Generation = Annotated[str, Query(max_length=64, pattern=r"^[a-z0-9-]*$")]
PlanName = Annotated[str, Query(max_length=48, pattern=r"^[a-z0-9-]*$")]


@router.post("/floor", responses=describes(FloorReport), openapi_extra=FILE)
async def take_floor_file(
    parts: Parts,
    request: Request,
    rack: RackText,
    name: Annotated[str, Query(max_length=120)] = "",
    generation: Generation = "",
) -> Response:
    """Take what the floor measured of a rack (CSV or JSON, the body): records and logged readings, all rows or none.

    A run that goes on takes it when its step needs it.  `generation`: of a rack that no site file has.
    """
    who, data = principal_of(request), await whole_body(request, "the file", MOST_EVIDENCE_BYTES)
    async with parts.acceptance.turn:
        report = await asyncio.to_thread(
            parts.acceptance.take_floor, _place(parts, rack), data, name or "unnamed", who.user, generation
        )
    kept = f"{report.records} records, {report.readings} readings"
    outcome = ("kept", kept) if report.accepted else ("refused", f"{report.faulty} faults")
    parts.store.audit(who.user, who.address, "floor records", report.rack, *outcome)
    return json_answer(report)


@router.get("/floor", responses=describes(FloorView))
async def show_floor(parts: Parts, rack: RackText) -> Response:
    """All that the floor handed in of a rack."""
    return json_answer(await asyncio.to_thread(parts.acceptance.floor, _place(parts, rack)))


@router.get("/floor/form", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def floor_form(
    parts: Parts, rack: RackText, level: Level = Level.L11, plan: PlanName = "", logged: bool = False
) -> Response:
    """The CSV that a plan wants of the floor, to be filled in: a row for each check and place that it judges.

    `logged` false: records; true: what instruments are to log of series that nothing at the rack reads.
    """
    record = parts.fleet.find(rack)
    layout, told = layout_of(record), readings(parts.fleet.view(record, parts.now()))
    made = partial(form_of, parts.acceptance.open().state, layout.generation, level.value, plan, str(layout.rack), told)
    return Response(await asyncio.to_thread(made, readings=logged), media_type="text/csv")


@router.get("/plan", responses=describes(RunPreview))
async def preview_run(
    parts: Parts,
    rack: Annotated[list[RackName], Query(max_length=MOST_RACKS)] = [],  # noqa: B006
    generation: Generation = "",
    level: Level | None = None,
    plan: PlanName = "",
) -> Response:
    """What a run would do, step by step: of `rack`, which runs, or of a virtual one of `generation`.

    Of a rack that runs also what nothing at it tells (`untold`), what the floor is to hand in, and which run has it now
    (`taken`): while it does no other begins.  Several racks are
    taken together at L12: `racks` says what each of them lacks, and why it may not begin yet.  `plan`: one of the
    generation's further plans, the whole one where it is empty.
    """
    if bool(rack) == bool(generation):
        raise ArgumentsInvalid(ONE_RACK, advice=f"{GIVE}, several for racks together")
    if rack:
        return json_answer(await look_before(parts, rack, level, plan))
    look = partial(preview_of, parts.acceptance.open().state, generation, level_of(level, 0), plan)
    return json_answer(await asyncio.to_thread(look))


class PlannedBody(BaseModel):
    """A rack that runs, or several that are to be taken together, and a plan of one's own as YAML.

    `level`: L11 of one rack, L12 of several, where it is not said.
    """

    model_config = ConfigDict(extra="forbid")
    racks: list[RackName] = Field(min_length=1, max_length=MOST_RACKS)
    plan_text: str = Field(min_length=1, max_length=MOST_PLAN_CHARACTERS)
    level: Level | None = None


@router.post("/plan", responses=describes(RunPreview))
async def preview_own_plan(wish: PlannedBody, parts: Parts) -> Response:
    """What a run would do by a plan of one's own, as `GET` tells it of plans that ship: nothing is begun."""
    return json_answer(await look_before(parts, wish.racks, wish.level, plan_text=wish.plan_text))


def _place(parts: Services, rack: str) -> str:
    """Return the place of a rack that the fleet knows; another is taken as it is named."""
    try:
        return str(parts.fleet.find(rack).place or rack)
    except TargetUnknown:
        return rack
