"""NVLink domains: each over all the racks it spans."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from datacenter_api.fleet.domains import DomainSummary, summarise_domains
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.services import Services, services_of
from firmware_bridge.vocabulary.errors import TargetUnknown

router = APIRouter(prefix="/api/v1", tags=["domains"])
Parts = Annotated[Services, Depends(services_of)]


@router.get("/domains", responses=describes(list[DomainSummary]))
async def list_domains(parts: Parts) -> Response:
    """Every NVLink domain with the racks it spans."""
    return json_answer(summarise_domains(parts.fleet, parts.now()))


@router.get("/domains/{domain}", responses=describes(DomainSummary))
async def show_domain(domain: str, parts: Parts) -> Response:
    """One NVLink domain."""
    found = {d.id: d for d in summarise_domains(parts.fleet, parts.now())}
    if domain not in found:
        raise TargetUnknown(f"no domain {domain!r}", advice=f"known are {', '.join(found) or 'none'}")
    return json_answer(found[domain])
