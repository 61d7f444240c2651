"""The way to the desk of acceptance runs, opened when somebody first asks; and runs gone on with after a restart."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from datacenter_api.auth.accounts import Accounts
from datacenter_api.auth.sessions import Sessions
from datacenter_api.passports.on_demand import Passports
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown
from rack_controller.acceptance.progress import asked_of
from rack_controller.model.roles import Privilege, may

if TYPE_CHECKING:
    from datacenter_api.acceptance.desk import AcceptanceDesk
    from datacenter_api.acceptance.shown import FloorReport, FloorView
    from rack_controller.prove.report.model import PassportSummary

log = logging.getLogger(__name__)
ADDRESS = "acceptance run"
"""Where the logins of runs come from, as sessions show it."""


class Acceptance:
    """Runs of one state directory, and what its passports say of their racks."""

    def __init__(self, state: Path, passports: Passports, accounts: Accounts, sessions: Sessions) -> None:
        self._state, self._passports, self._accounts, self._sessions = state, passports, accounts, sessions
        self.turn = asyncio.Lock()  # one waiver or start at a time

    def open(self) -> "AcceptanceDesk":
        """Return the desk."""
        from datacenter_api.acceptance.desk import AcceptanceDesk

        return AcceptanceDesk(self._state)

    def take_floor(self, rack: str, data: bytes, name: str, actor: str, generation: str = "") -> "FloorReport":
        """Take a file of the floor, all of it or nothing (`floor_desk.take_file`)."""
        from datacenter_api.acceptance.floor_desk import take_file

        return take_file(self._state, rack, data, name, actor, generation)

    def floor(self, rack: str) -> "FloorView":
        """Return all that the floor handed in of a rack."""
        from datacenter_api.acceptance.floor_desk import handed_in

        return handed_in(self._state, rack)

    def has_runs(self) -> bool:
        """Return whether there is any run, without reading one."""
        return next((self._state / "acceptance").glob("*/run.json"), None) is not None

    def login(self, user: str) -> str:
        """Return a login that a run works with in the name of who began it; empty where they may not (any more)."""
        account = self._accounts.enabled(user)
        if account is None or not may(account.role, Privilege.PROVE):
            return ""
        return self._sessions.open(user, ADDRESS)[0]

    def login_of_run(self, run: str, user: str) -> str:
        """Return a login for a run that is gone on with: of who began it, or of `user` where they may not any more;
        empty for a virtual one.  Raises TargetUnknown."""
        asked = asked_of(self.open().folder(run).path)
        if asked is not None and asked.rig == "virtual":
            return ""
        return (asked is not None and self.login(asked.actor)) or self.login(user)

    async def go_on(self) -> None:
        """Start the process of every run that has not ended and that nobody goes on with: after a restart of ours."""
        if not self.has_runs():
            return
        from rack_controller.acceptance.launch import start, unfinished

        try:
            for folder in await asyncio.to_thread(unfinished, self._state):
                asked = asked_of(folder.path)
                token = self.login(asked.actor) if asked is not None and asked.rig == "live" else ""
                await asyncio.to_thread(start, self._state, folder.path.name, token)
                log.info("acceptance run %s goes on", folder.path.name)
        except RackwrightError as err:
            log.warning("acceptance runs do not go on: %s", err)

    async def passport(self, rack: str) -> "PassportSummary | None":
        """Return a rack's passport as a report needs it, None where no records were handed in; call it in the loop."""
        from datacenter_api.acceptance.passport import summary_of

        try:
            place = await asyncio.to_thread(lambda: self._passports.open().named(rack))
            note = await self._passports.take_swaps(place)
            delivery = await asyncio.to_thread(lambda: self._passports.decisions().delivery_of(place))
        except TargetUnknown:
            return None
        found = None
        try:
            found = self._passports.found(place)
        except RackwrightError as err:
            note = str(err)
        return await asyncio.to_thread(summary_of, self._passports.open(), place, found, delivery, note)

    def built(self, rack: str) -> Mapping[str, str]:
        """Return the as-built serial numbers by place below a rack, none where no records were handed in."""
        from datacenter_api.acceptance.passport import serials_of

        try:
            return serials_of(self._passports.open(), rack)
        except TargetUnknown:
            return {}
