"""A deviation is taken as it is in the name of who says so, over REST or on the console, by the same rules."""

import asyncio
import time

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from rack_controller.prove.report.model import Waiver

MIN_REASON, MOST_REASON = 8, 400


async def waive_as(
    parts: Services, who: Principal, run: str, *, step: str, measure: str, place: str, reason: str
) -> list[Waiver]:
    """Waive what `measure` of `step` found at `place` (empty: everywhere); return all waivers of the run.

    Raises ArgumentsInvalid for a reason that says nothing and where there is nothing to waive, TargetUnknown.
    """
    why = reason.strip()
    if not MIN_REASON <= len(why) <= MOST_REASON:
        advice = f"say why, in {MIN_REASON} to {MOST_REASON} characters"
        raise ArgumentsInvalid("a waiver needs a reason", advice=advice)
    waiver = Waiver(time.time_ns(), who.user, who.role.value, step, measure, place, why)
    async with parts.acceptance.turn:
        waivers = await asyncio.to_thread(parts.acceptance.open().waive, run, waiver)
    about = " ".join(filter(None, (step, measure, place)))
    parts.store.audit(who.user, who.address, "acceptance waiver", run, "waived", f"{about}: {why}"[:400])
    return waivers
