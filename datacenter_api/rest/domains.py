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
    """One NVLink domain, by its id; a rack's short name or place stands for the only one it has a part of."""
    found = {d.id: d for d in summarise_domains(parts.fleet, parts.now())}
    if domain not in found:
        inside = [d for d in found.values() if any(domain in (r.name, r.rack) for r in d.racks)]
        if len(inside) == 1:
            return json_answer(inside[0])
        known = ", ".join(d.id for d in inside) or ", ".join(found) or "none"
        what = f"{domain} has a part of {len(inside)} domains" if inside else f"no domain {domain!r}"
        raise TargetUnknown(what, advice=f"known are {known}")
    return json_answer(found[domain])
