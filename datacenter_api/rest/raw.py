"""A Redfish endpoint's own documents as it sends them, for whoever doubts what is made of them.  It only reads."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from datacenter_api.fleet.places import endpoint_in
from datacenter_api.services import Services, principal_of, services_of
from firmware_bridge.vocabulary.text import scrub
from rack_controller.model.raw import RawView

router = APIRouter(prefix="/api/v1", tags=["racks"])
Parts = Annotated[Services, Depends(services_of)]
MOST_TOLD = 200


@router.get("/endpoints/raw", responses={200: {"content": {"application/json": {}, "application/octet-stream": {}}}})
async def show_raw(
    parts: Parts,
    request: Request,
    place: Annotated[str, Query(max_length=256)],
    uri: Annotated[str, Query(max_length=1024)],
    rack: str | None = None,
) -> Response:
    """What a Redfish endpoint itself answers at `uri`, byte by byte: read only, audited, and nobody has judged it."""
    record, endpoint = endpoint_in(parts.fleet, place, rack)
    who, outcome = principal_of(request), "refused"
    try:
        seen = msgspec.json.decode(await parts.bus.ask(record.token, "raw", endpoint, path=uri), type=RawView)
        outcome = "ok"
    finally:
        parts.store.audit(who.user, who.address, "endpoint.raw", endpoint, outcome, scrub(uri, MOST_TOLD))
    return Response(seen.body, media_type=_media_of(seen.body))


def _media_of(body: bytes) -> str:
    """Return what the bytes of a device are: JSON where they read as such, otherwise nothing that a browser shows."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except msgspec.DecodeError:
        return "application/octet-stream"
    return "application/json"
