"""Decisions to buy: offered, evaluated, accepted or not, exercised or not; with conditions, evidence and a dossier."""

import asyncio
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from datacenter_api.passports.packing import audited_of, packed_dossier
from datacenter_api.passports.reports import Exported
from datacenter_api.passports.speaking import offer_as, say_as
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.services import Services, principal_of, services_of
from rack_controller.evaluation.from_run import SealedRun
from rack_controller.prove.option import DecisionRecord, DecisionStep, Reminder

router = APIRouter(prefix="/api/v1/options", tags=["decisions"])
Parts = Annotated[Services, Depends(services_of)]
Name = Annotated[str, PathParameter(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Text = Annotated[str, Field(max_length=400)]
MOST_EVIDENCE = 16 * 1024 * 1024


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PartyBody(_Body):
    """A party: its firm, and the accounts that speak for it."""

    firm: str = Field(min_length=1, max_length=120)
    users: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=50)


class OfferBody(_Body):
    """An offer, as in `rack_controller.prove.option.Offer`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    title: str = Field(min_length=1, max_length=200)
    seller: PartyBody
    buyer: PartyBody
    racks: list[Annotated[str, Field(max_length=256)]] = Field(max_length=1_000)
    offered: date
    decide_by: date
    generation: str = Field(default="", max_length=64)
    quantity: int = Field(default=1, ge=1, le=1_000_000)
    delivery: date | None = None
    keys: list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(default=[], max_length=20)


class StepBody(_Body):
    """A party's word.  `conditions` go with `accept_if`, `until` with `extend`."""

    step: DecisionStep
    said: Text = ""
    conditions: list[Text] = Field(default=[], max_length=50)
    until: date | None = None


class EvidenceBody(_Body):
    """An acceptance run's sealed file and its seal, both as text: what it proves is read out of it."""

    content: str = Field(min_length=1, max_length=MOST_EVIDENCE)
    seal: str = Field(min_length=1, max_length=MOST_EVIDENCE)


@router.get("", responses=describes(list[DecisionRecord]))
async def list_options(parts: Parts) -> Response:
    """Every decision as it stands now, those that end first first."""
    return json_answer(await asyncio.to_thread(lambda: parts.passports.decisions().listed()))


@router.post("", responses=describes(DecisionRecord))
async def offer(wish: OfferBody, parts: Parts, request: Request) -> Response:
    """Record an offer; whoever speaks for buyer and seller is written in it."""
    return json_answer(await offer_as(parts, principal_of(request), wish.model_dump(mode="json")))


@router.get("/reminders", responses=describes(list[Reminder]))
async def list_reminders(parts: Parts) -> Response:
    """Every day that comes within 30 days: the end of an option, the day of a condition."""
    return json_answer(await asyncio.to_thread(lambda: parts.passports.decisions().reminders()))


@router.post("/evidence", responses=describes(SealedRun))
async def hand_in(wish: EvidenceBody, parts: Parts, request: Request) -> Response:
    """Hand in an acceptance run that was sealed elsewhere; refused unless its seal holds under a key that is known."""
    who = principal_of(request)
    content, seal = wish.content.encode(), wish.seal.encode()
    async with parts.passports.turn:
        run = await asyncio.to_thread(lambda: parts.passports.decisions().hand_in(content, seal))
    outcome = "passed" if run.passed else "failed"
    parts.store.audit(who.user, who.address, f"evidence {run.level}", run.rack, outcome, run.sha256)
    return json_answer(run)


@router.get("/{name}/evidence", responses=describes(list[SealedRun]))
async def list_evidence(name: Name, parts: Parts) -> Response:
    """Every sealed run of a decision's racks; one that does not count says why."""
    return json_answer(await asyncio.to_thread(lambda: parts.passports.decisions().runs(name)))


@router.get("/{name}", responses=describes(DecisionRecord))
async def show_option(name: Name, parts: Parts) -> Response:
    """One decision as it stands now: its conditions with what was measured, and all that was said."""
    return json_answer(await asyncio.to_thread(lambda: parts.passports.decisions().show(name)))


@router.post("/{name}/steps", responses=describes(DecisionRecord))
async def say(name: Name, wish: StepBody, parts: Parts, request: Request) -> Response:
    """Move a decision on in the name of one's party; refused with what is due instead."""
    record = await say_as(
        parts, principal_of(request), name, wish.step, said=wish.said, conditions=wish.conditions, until=wish.until
    )
    return json_answer(record)


@router.post("/{name}/dossier", responses=describes(Exported))
async def make_dossier(name: Name, parts: Parts, request: Request) -> Response:
    """The decision with all that it rests on (evidence, passports, claims, audit) as a signed file."""
    who = principal_of(request)
    audited = await audited_of(parts, name)
    made = await asyncio.to_thread(lambda: parts.passports.decisions().dossier(name, audited))
    parts.store.audit(who.user, who.address, "option dossier", name, "signed", made.name)
    return json_answer(Exported(made.name, made.content.decode(), made.seal.decode()))


@router.post("/{name}/dossier.zip", responses={200: {"content": {"application/zip": {}}}})
async def pack_dossier(name: Name, parts: Parts, request: Request) -> Response:
    """The same with every file that it rests on: sealed runs with their reports, signed passports without prices."""
    content = await packed_dossier(parts, principal_of(request), name)
    named = {"content-disposition": f'attachment; filename="{name}.dossier.zip"'}
    return Response(content, media_type="application/zip", headers=named)
