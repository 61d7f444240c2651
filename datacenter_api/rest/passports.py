"""Passports: factory's records taken in, matched with what is found, claims of origin, signed exports."""

import asyncio
import time
from datetime import date
from functools import partial
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from datacenter_api.passports.reports import (
    Exported,
    FrozenRow,
    ImportReport,
    ImportRow,
    MatchReport,
    OriginRules,
    Passport,
    PassportRow,
    SigningKey,
)
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.rest.bodies import FILE, whole_body
from datacenter_api.routes import MOST_IMAGE_BYTES
from datacenter_api.services import Services, principal_of, services_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.roles import Privilege, may
from rack_controller.prove.claim import OriginClaim
from rack_controller.prove.fit import Side, unread_words
from rack_controller.prove.report.written import plural

router = APIRouter(prefix="/api/v1/passports", tags=["passports"])
Parts = Annotated[Services, Depends(services_of)]
RuleName = Annotated[str, Query(max_length=64)]
PlaceText = Annotated[str, Query(max_length=384)]


class ExportRequest(BaseModel):
    """What to export.  `redacted` false writes prices: for the seller's own files.

    `frozen`: the hash of an as-accepted state, which comes as it was kept, with prices.
    """

    model_config = ConfigDict(extra="forbid")

    form: str = Field(default="cyclonedx", max_length=16)
    rule: str = Field(default="", max_length=64)
    delivery: date | None = None
    redacted: bool = True
    frozen: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")


class FreezeRequest(BaseModel):
    """The day of delivery that the claim in the frozen file is made for.

    `despite_wrong`: also while parts do not fit what was built; what did not fit is kept, and signed with it.
    `despite_unread`: also while trays were not read in full; which is signed with it.  `wait_s`: how long endpoints
    that are being read are waited for.
    """

    model_config = ConfigDict(extra="forbid")

    delivery: date | None = None
    despite_wrong: bool = False
    despite_unread: bool = False
    wait_s: int = Field(default=45, ge=0, le=60)


@router.get("", responses=describes(list[PassportRow]))
async def list_passports(parts: Parts) -> Response:
    """Every rack that as-built records were handed in of."""
    return json_answer(await asyncio.to_thread(lambda: parts.passports.open().racks()))


@router.get("/imports", responses=describes(list[ImportRow]))
async def list_imports(parts: Parts) -> Response:
    """Every file of records that was accepted, the newest first."""
    return json_answer(await asyncio.to_thread(lambda: parts.passports.open().imports()))


@router.post("/imports", responses=describes(ImportReport), openapi_extra=FILE)
async def take_records(
    parts: Parts,
    request: Request,
    name: Annotated[str, Query(max_length=120)] = "",
    rack: PlaceText = "",
    replace: bool = False,
) -> Response:
    """Take a factory's CSV or JSON as the body: all of it or nothing.  The report says which, and what is wrong."""
    who, data = principal_of(request), await whole_body(request, "the file", MOST_IMAGE_BYTES)
    async with parts.passports.turn:
        desk = parts.passports.open()
        report = await asyncio.to_thread(desk.take, data, name, who.user, rack=rack, replace=replace)
    outcome = "kept" if report.accepted else "refused"
    rows = plural(report.rows, "row")
    detail = rows if report.accepted else f"{plural(report.faulty, 'fault')} in {rows}"
    parts.store.audit(who.user, who.address, "passport import", name or report.sha256, outcome, detail)
    return json_answer(report)


@router.get("/rules", responses=describes(OriginRules))
async def show_rules(parts: Parts) -> Response:
    """The rules of origin, and the sites that records may name."""
    files = await asyncio.to_thread(lambda: parts.passports.open().files)
    return json_answer(OriginRules(files.book.default, files.book.rules, files.sites))


@router.get("/key", responses=describes(SigningKey))
async def show_key(parts: Parts) -> Response:
    """The public key that signs now: compare its fingerprint with what is told to the buyer by another way."""
    return json_answer(await asyncio.to_thread(lambda: parts.passports.open().key()))


@router.post("/key/rotate", responses=describes(SigningKey))
async def rotate_key(parts: Parts, request: Request) -> Response:
    """Make a new signing key, which the one of before vouches for."""
    who = principal_of(request)
    async with parts.passports.turn:
        await asyncio.to_thread(lambda: parts.passports.open().keys.rotate(time.time_ns()))
    key = await asyncio.to_thread(lambda: parts.passports.open().key())
    parts.store.audit(who.user, who.address, "signing key", key.fingerprint[:16], "rotated", key.fingerprint)
    return json_answer(key)


@router.get("/{rack:path}/match", responses=describes(MatchReport))
async def match_rack(rack: str, parts: Parts) -> Response:
    """What is found in the rack now beside what was built, every part that does not fit with both sides."""
    place, swaps = await _swapped(parts, rack)
    found = parts.passports.found(place)
    return json_answer(await asyncio.to_thread(lambda: parts.passports.open().match_report(place, found, swaps)))


@router.get("/{rack:path}/found", responses=describes(list[Side]))
async def list_found(rack: str, parts: Parts, wait_s: Annotated[int, Query(ge=0, le=60)] = 0) -> Response:
    """What is found in the rack now: the places, kinds, part and serial numbers that records are compared with.

    `wait_s`: how long endpoints that are being read are waited for.
    """
    rows = (await parts.passports.found_whole(rack, Seconds(wait_s))).parts.to_pylist()
    return json_answer([msgspec.convert(row, Side) for row in rows])


@router.get("/{rack:path}/claims", responses=describes(list[OriginClaim]))
async def list_claims(
    rack: str, parts: Parts, rule: RuleName = "", delivery: date | None = None, every: bool = False
) -> Response:
    """What a rule (`every`: each of them) allows to claim of the rack's origin, with bounds."""
    place, _ = await _swapped(parts, rack)
    desk = parts.passports.open()
    return json_answer(await asyncio.to_thread(desk.claims, place, rule, delivery, every=every))


@router.post("/{rack:path}/export", responses=describes(Exported))
async def export_rack(rack: str, wish: ExportRequest, parts: Parts, request: Request) -> Response:
    """The rack's passport as a file with its seal, and, where costs were taken out, what opens them."""
    who, (place, _) = principal_of(request), await _swapped(parts, rack)
    desk = parts.passports.open()
    if wish.frozen:
        kept = await asyncio.to_thread(desk.as_accepted, place, wish.frozen)
        parts.store.audit(who.user, who.address, "passport export", place, "as accepted", wish.frozen)
        return json_answer(Exported(kept.name, kept.content.decode(), kept.seal.decode()))
    made = await asyncio.to_thread(
        desk.export, place, wish.form, rule=wish.rule, delivery=wish.delivery, redacted=wish.redacted
    )
    parts.store.audit(who.user, who.address, "passport export", place, "signed", made.name)
    return json_answer(Exported(made.name, made.content.decode(), made.seal.decode(), made.openings))


@router.post("/{rack:path}/freeze", responses=describes(FrozenRow))
async def freeze_rack(rack: str, wish: FreezeRequest, parts: Parts, request: Request) -> Response:
    """Keep the rack's passport as it is accepted, signed, under its hash.

    412 while parts do not fit what was built, or trays were not read in full.
    """
    who, (place, _) = principal_of(request), await _swapped(parts, rack)
    found = await parts.passports.found_whole(place, Seconds(wish.wait_s))
    async with parts.passports.turn:
        freeze = partial(
            parts.passports.open().freeze, despite_wrong=wish.despite_wrong, despite_unread=wish.despite_unread
        )
        row = await asyncio.to_thread(freeze, place, found, who.user, wish.delivery)
    despite = ", ".join(filter(None, (row.wrong_words, unread_words(found.unread))))
    detail = f"{row.sha256}, despite {despite}" if despite else row.sha256
    parts.store.audit(who.user, who.address, "passport freeze", place, "frozen", detail)
    return json_answer(row)


@router.get("/{rack:path}", responses=describes(Passport))
async def show_passport(
    rack: str,
    parts: Parts,
    request: Request,
    below: PlaceText = "",
    limit: Annotated[int, Query(ge=0, le=10_000)] = 100,
    rule: RuleName = "",
    delivery: date | None = None,
) -> Response:
    """The rack's passport: its parts at or below a place, the claim, swaps and as-accepted states."""
    place, _ = await _swapped(parts, rack)
    prices = may(principal_of(request).role, Privilege.PROVE)
    desk = parts.passports.open()
    asked = partial(desk.show, below=below, limit=limit, rule=rule, delivery=delivery, prices=prices)
    return json_answer(await asyncio.to_thread(asked, place))


async def _swapped(parts: Services, rack: str) -> tuple[str, str]:
    """Return the place of a rack whose passport knows its swaps, and why some may not be known."""
    place = await asyncio.to_thread(lambda: parts.passports.open().named(rack))
    return place, await parts.passports.take_swaps(place)
