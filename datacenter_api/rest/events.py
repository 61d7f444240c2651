"""Events: the newest as a list, and the stream that a reader can leave and come back to."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from datacenter_api.events.broadcast import EVENTS
from datacenter_api.events.stream import StreamResponse
from datacenter_api.problem import problem
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.services import Services, event_message, principal_of, services_of
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.model.event import Event, Severity

router = APIRouter(prefix="/api/v1", tags=["events"])
Parts = Annotated[Services, Depends(services_of)]


@router.get("/events", responses=describes(list[Event]))
async def list_events(
    parts: Parts,
    rack: str | None = None,
    since: datetime | None = None,
    severity: Severity | None = None,
    limit: Annotated[int, Query(ge=1, le=4_000)] = 100,
) -> Response:
    """The newest events first; `since` is RFC 3339, `severity` the least that is wanted."""
    place = None
    if rack is not None:
        record = parts.fleet.find(rack)
        place = record.place or record.token
    since_ns = None if since is None else unix_ns(since)
    return json_answer(parts.events.newest(limit, place, since_ns, severity))


@router.get("/events/stream", responses={200: {"content": {"text/event-stream": {}}}})
async def stream_events(
    parts: Parts, request: Request, last_event_id: Annotated[str | None, Header(max_length=128)] = None
) -> Response:
    """Events as they come; with Last-Event-ID, first what was missed (as far as memory goes)."""
    if parts.broadcaster.full:
        return problem(503, "too many open streams", advice="close some, or read /api/v1/events")
    missed = b"".join(event_message(event) for event in parts.events.after(last_event_id or ""))
    who = principal_of(request)
    return StreamResponse(parts.broadcaster, EVENTS, missed, lambda: parts.doorkeeper.still_welcome(who))


def unix_ns(at: datetime) -> int:
    """Return a moment in Unix ns.  Raises ConfigurationError for one outside the calendar."""
    try:
        return int(at.timestamp() * 1e9)
    except (ValueError, OverflowError) as err:  # a year at the edge of the calendar, moved over it by its zone
        raise ConfigurationError(f"since: {at.isoformat()} is no time we can count from") from err
