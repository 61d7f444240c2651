"""What is about the API itself: health, metrics, and its description, served offline."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.responses import FileResponse, HTMLResponse, Response
from swagger_ui_bundle import swagger_ui_path

from datacenter_api import __version__
from datacenter_api.metrics.exposition import CONTENT_TYPE
from datacenter_api.problem import problem
from datacenter_api.services import Services, services_of

router = APIRouter(tags=["service"])
Parts = Annotated[Services, Depends(services_of)]

# Only these files of the bundle are served; its own index page loads its example from elsewhere.
_DOC_FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_DOC_SCRIPT = (
    "SwaggerUIBundle({url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null,"
    " syntaxHighlight: false});"
)
_DOC_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Rackwright API</title>
<link rel="icon" href="/docs/favicon-32x32.png"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="docs"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script>
</body></html>
"""


class Health(BaseModel):
    """`degraded`: the API answers, but the bus or a rack's telemetry is away, or the bus does not store it.

    `not_stored` says why frames or events are not stored now (empty: they are), `waiting` how many wait for that,
    `dropped` how many were lost since the controllers started.
    `history` says why no segment is written now (empty: all is well), `history_budget_bytes` what it may take.
    """

    status: Literal["ok", "degraded"]
    version: str
    bus_connected: bool
    racks: int
    racks_live: int
    not_stored: str
    waiting: int
    dropped: int
    history: str
    history_budget_bytes: int


@router.get("/healthz")
async def show_health(parts: Parts) -> Health:
    """Whether the API hears its racks.  Open to everybody; always 200 while the API runs."""
    now = parts.now()
    live = sum(record.live(now) for record in parts.fleet)
    storing = parts.fleet.storing(now)
    history = parts.history.figures()
    good = parts.bus.connected and live == len(parts.fleet) and not storing.refusal and not history.trouble
    return Health(
        status="ok" if good else "degraded",
        version=__version__,
        bus_connected=parts.bus.connected,
        racks=len(parts.fleet),
        racks_live=live,
        not_stored=storing.refusal,
        waiting=storing.waiting,
        dropped=storing.dropped,
        history=history.trouble,
        history_budget_bytes=history.budget_bytes,
    )


@router.get("/metrics", responses={200: {"content": {"text/plain": {}}}})
async def show_metrics(parts: Parts) -> Response:
    """Every rack's numbers in the Prometheus text format, from memory."""
    body = parts.exposition.render(
        parts.fleet,
        parts.now(),
        time.time(),
        connected=parts.bus.connected,
        streams=parts.broadcaster.readers,
        discarded=parts.bus.discarded,
        history=parts.history.figures(),
        redfish=parts.redfish,
        audit=parts.store.standings(),
        told=parts.notifier.view().targets if parts.notifier is not None else (),
    )
    return Response(body, media_type=CONTENT_TYPE)


@router.get("/docs", include_in_schema=False)
async def show_docs() -> Response:
    """The API's description as a page; nothing on it comes from elsewhere."""
    return HTMLResponse(_DOC_PAGE)


@router.get("/docs/{name}", include_in_schema=False)
async def show_docs_file(name: str) -> Response:
    """One file of that page."""
    if name == "start.js":
        return Response(_DOC_SCRIPT, media_type="text/javascript")
    if name not in _DOC_FILES:
        return problem(404, f"nothing at /docs/{name}")
    return FileResponse(swagger_ui_path / name, media_type=_DOC_FILES[name])
