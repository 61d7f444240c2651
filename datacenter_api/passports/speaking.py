"""An offer is recorded and a decision moved on in the name of who says so, over REST or on the console."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from rack_controller.prove.option import DecisionRecord, DecisionStep, Offer


async def offer_as(parts: Services, who: Principal, wish: Mapping[str, object]) -> DecisionRecord:
    """Record an offer, given as `Offer` is written in JSON.

    Raises ArgumentsInvalid for one that makes no sense, CommandRefused when one of its name is there.
    """
    try:
        made = msgspec.convert(wish, Offer)
    except msgspec.ValidationError as err:
        raise ArgumentsInvalid(f"the offer: {err}", advice="see /docs") from err
    async with parts.passports.turn:
        record = await asyncio.to_thread(lambda: parts.passports.decisions().offer(made, who.user))
    parts.store.audit(who.user, who.address, "option offer", made.name, "offered", made.title)
    return record


async def say_as(
    parts: Services,
    who: Principal,
    name: str,
    step: DecisionStep,
    *,
    said: str = "",
    conditions: Sequence[str] = (),
    until: date | None = None,
) -> DecisionRecord:
    """Move a decision on in the name of the party of `who`; return it as it is then.

    `conditions` go with ACCEPT_IF, `until` with EXTEND.  Raises TargetUnknown, ArgumentsInvalid, PreconditionFailed.
    """
    async with parts.passports.turn:
        record = await asyncio.to_thread(
            lambda: parts.passports.decisions().say(name, step, who.user, said=said, conditions=conditions, until=until)
        )
    parts.store.audit(who.user, who.address, f"option {step}", name, record.stage, said)
    return record
