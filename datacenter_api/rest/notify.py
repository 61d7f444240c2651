"""Who outside is told of alarms, how that goes, and a test of one of them."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from starlette.requests import Request
from starlette.responses import Response

from datacenter_api.notify.figures import NotifyView, Tried
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.services import Services, principal_of, services_of
from firmware_bridge.vocabulary.errors import TargetUnknown

router = APIRouter(prefix="/api/v1", tags=["alarms"])
Parts = Annotated[Services, Depends(services_of)]
Name = Annotated[str, PathParameter(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


@router.get("/notify", responses=describes(NotifyView))
async def show_notify(parts: Parts) -> Response:
    """Every webhook and mailbox that is told of alarms, and how that goes.  Hosts only: a URL may hold a secret."""
    return json_answer(NotifyView() if parts.notifier is None else parts.notifier.view())


@router.post("/notify/{name}/test", responses=describes(Tried))
async def try_notify(name: Name, parts: Parts, request: Request) -> Response:
    """Send a test to one of them now, and say what came of it."""
    if parts.notifier is None:
        raise TargetUnknown("nobody is told of alarms")
    tried = await parts.notifier.test(name)
    who = principal_of(request)
    parts.store.audit(who.user, who.address, "notify test", name, "failed" if tried.failing else "ok", tried.failing)
    return json_answer(tried)
