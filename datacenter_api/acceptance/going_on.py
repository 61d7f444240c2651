"""A run is ended, gone on with or given up in the name of who asked for it, over REST or on the console."""

import asyncio

from datacenter_api.acceptance.shown import RunRow
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.services import Services


async def stop_run_as(parts: Services, who: Principal, run: str, reason: str) -> RunRow:
    """Have a run end.  One of a rack that runs and that no process has is gone on with for that: its rack is put back
    to rest first.

    Raises TargetUnknown, PreconditionFailed when it has ended already, RackTaken while another run has the rack of one
    that no process has.
    """
    desk = parts.acceptance.open()
    async with parts.acceptance.turn:
        row = await asyncio.to_thread(desk.stop, run, who.user, reason)
        parts.store.audit(who.user, who.address, "acceptance stop", run, "asked", reason)
        if row.rig == "live" and not row.running:
            row = await asyncio.to_thread(lambda: desk.go_on(run, parts.acceptance.login_of_run(run, who.user)))
    return row


async def give_up_as(parts: Services, who: Principal, run: str, reason: str) -> RunRow:
    """End a run that no process has as it lies.  Raises TargetUnknown, PreconditionFailed when it ended or goes on."""
    async with parts.acceptance.turn:
        row = await asyncio.to_thread(parts.acceptance.open().give_up, run, who.user, reason)
    parts.store.audit(who.user, who.address, "acceptance stop", run, "given up", reason)
    return row


async def go_on_as(parts: Services, who: Principal, run: str) -> RunRow:
    """Go on with a run that was cut, where its record ends, with the login of whoever began it.

    Raises TargetUnknown, PreconditionFailed when it has ended or goes on, RackTaken while another run has its rack.
    """
    desk = parts.acceptance.open()
    async with parts.acceptance.turn:
        row = await asyncio.to_thread(lambda: desk.go_on(run, parts.acceptance.login_of_run(run, who.user)))
    parts.store.audit(who.user, who.address, "acceptance run", run, "gone on with", row.rack)
    return row
