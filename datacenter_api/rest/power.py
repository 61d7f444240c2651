"""REST: power budgets of racks, the policy in force, and whether more racks would fit.

What changes them goes by commands (`power_policy`, `power_job`, `power_cap`), as every change of a rack does.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from datacenter_api.rest.answers import describes
from datacenter_api.services import Services, services_of
from rack_controller.model.power_view import PolicyShown, PowerView, WhatIf

router = APIRouter(prefix="/api/v1", tags=["power"])
Parts = Annotated[Services, Depends(services_of)]
MOST_MORE = 200


@router.get("/racks/{rack:path}/power/policy", responses=describes(PolicyShown))
async def show_power_policy(rack: str, parts: Parts) -> Response:
    """The power policy in force: its text, where it came from, by whom."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "power_policy"), media_type="application/json")


@router.get("/racks/{rack:path}/power/what-if", responses=describes(WhatIf))
async def what_if(
    rack: str,
    parts: Parts,
    racks: Annotated[int, Query(ge=0, le=MOST_MORE)] = 1,
    load: Annotated[str | None, Query(pattern="^[a-z0-9-]{1,40}$")] = None,
) -> Response:
    """Whether so many more racks like this one fit under the limits above it, at full load; nothing is changed.

    With a `load`, `step` or the name of a recorded one, they are played on the plant as well: peaks, heat, every loss.
    """
    record = parts.fleet.find(rack)
    body = await parts.bus.ask(record.token, "power_what_if", str(racks), path=load or "")
    return Response(body, media_type="application/json")


@router.get("/racks/{rack:path}/power", responses=describes(PowerView))
async def show_power_budget(rack: str, parts: Parts) -> Response:
    """The rack's power budget: limits against draw, what may be used, claims, who is held and why, jobs, caps."""
    record = parts.fleet.find(rack)
    return Response(await parts.bus.ask(record.token, "power_budget"), media_type="application/json")
