"""An emergency off asked on the bus with the state directory's own key, while no API answers."""

import asyncio
import getpass
import secrets
import time
from pathlib import Path

from datacenter_api.cli.output import Row
from datacenter_api.commands import WITHIN_NS, error_of
from datacenter_api.events.log import EventLog
from datacenter_api.fleet.bus import BusLink
from datacenter_api.fleet.places import target_in
from datacenter_api.fleet.state import FleetState
from firmware_bridge.vocabulary.errors import BusUnavailable, RackwrightError
from rack_controller.model.command import Command
from rack_controller.model.roles import Role
from rack_controller.run.ending import running

HEARD_WITHIN_S = 5.0


async def ask_on_bus(folder: Path, target: str, rack: str | None, reason: str) -> Row:
    """Send the command with the state directory's own key and return its result.

    Raises BusUnavailable when no rack is heard on the bus, and what the controller refuses with.
    """
    fleet = FleetState()
    link = BusLink(folder, fleet, EventLog(), keeps_memory=False)
    async with running([link.run()]):
        record, place = await _found(fleet, target, rack)
        wish = Command(
            id=secrets.token_hex(8),
            actor=f"{getpass.getuser()} at the controller's machine",
            role=Role.OPERATOR,
            verb="emergency_off",
            target=place,
            deadline_unix_ns=time.time_ns() + WITHIN_NS,
            arguments={"reason": reason},
        )
        reply = await link.command(record, wish)
    if not reply.accepted:
        raise error_of(reply, place, "emergency_off")
    return reply.result


async def _found(fleet: FleetState, target: str, rack: str | None) -> tuple[str, str]:
    """Return the token of the rack and the place meant, as soon as its layout was heard."""
    deadline = time.monotonic() + HEARD_WITHIN_S
    while True:
        try:
            record, place = target_in(fleet, target, rack)
            return record.token, place
        except RackwrightError as err:
            if time.monotonic() > deadline:
                raise err if len(fleet) else BusUnavailable("no rack is heard on the bus") from err
        await asyncio.sleep(0.05)
