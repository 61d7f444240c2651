"""Passwords of a rack's endpoints: changed on command, settled after a crash.  No password is ever lost on the way.

The new password is in the vault, as pending, before the device hears of it, and takes the old one's place only once a
login with it has worked.  A device may carry out late what it was asked: while that can be, both are kept, also when
the old one still works, and a person is told.  The new one is forgotten only when the device has said no.
"""

import asyncio
import logging
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from firmware_bridge.ports.enrolment import Account
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    LoginRefused,
    PreconditionFailed,
    RackwrightError,
)
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.readiness import Judgement, Verdict
from rack_controller.run.desk import SiteDesk
from rack_controller.run.roster import Roster
from rack_controller.run.turns import Turns

_log = logging.getLogger(__name__)

Stands = Literal["new", "old", "neither"]

LENGTH = 16  # IPMI 2.0 stores 20 bytes at most, and firmware often no more than 16
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.")
SETTLE_WITHIN = 30.0  # s; a device that is away does not hold up a start
PAUSE = 2.0  # s between two logins with different passwords


def new_password() -> str:
    """Return a password that any policy takes: of each class of characters one, the rest of all, in any order."""
    letters = [secrets.choice(kind) for kind in _CLASSES]
    letters += [secrets.choice("".join(_CLASSES[:3])) for _ in range(LENGTH - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


@dataclass(slots=True)
class Rotation:
    """The passwords of one rack's endpoints.  `states` says `factory` or `pending` where not all is well."""

    rack: Place
    desk: SiteDesk
    roster: Roster
    turns: Turns
    tell: Callable[[Finding], None]
    states: dict[Place, str] = field(default_factory=dict)

    async def rotate(self, place: Place, actor: str) -> None:
        """Give an endpoint a password of its own.

        Raises PreconditionFailed when it cannot be told which one stands (both are kept), and what the device raises
        when it refused (the old one stands).  One at a time: whoever calls this has the endpoint's turn.
        """
        account = self.desk.account(place)
        stands = await self._settle(account) if account.pending else "new"
        if stands == "neither":
            raise PreconditionFailed(
                f"neither password of {place} works", advice="see docs/enrolment.md: both are in the vault"
            )
        if stands == "new":  # else the one that may still come is asked for again: whichever request counts, it fits
            account = self.desk.own_account(place, new_password())  # from here on the vault holds both
        await self.roster.rest(place, "its password is being changed")
        try:
            await self._change(account, asked_before=stands == "old")
        finally:
            await self.roster.put(self.desk.source(place))
            self.look()
        name = f"{leaf_of(tray_of(place))} {leaf_of(place)}"
        self.tell(Finding(place, "password.rotated", Severity.OK, f"{name} has a new password, by {actor}"))

    async def hold_back(self) -> None:
        """Leave endpoints with two passwords alone until `run` has found out which one stands.  Sends nothing."""
        self.look()
        for place in self._pending():
            if place in self.roster.sources:
                await self.roster.rest(place, "it is being found out which of its passwords stands")

    async def run(self) -> None:
        """Find out, after a start, which of two passwords stands, each tried once; then rest until cancelled."""
        await asyncio.gather(*(self._settle_one(place) for place in self._pending()))
        await asyncio.get_running_loop().create_future()  # ends with the rack

    def _pending(self) -> list[Place]:
        return [place for place, state in self.states.items() if state == "pending"]

    def look(self) -> None:
        """Read anew from the vault how the passwords of the rack's endpoints stand."""
        try:
            self.states = self.desk.password_states(self.rack)
        except RackwrightError as err:
            _log.warning("%s: how passwords stand is not known: %s", self.rack, err)

    def judge(self, place: Place) -> list[Judgement]:
        """Return the judgement on an endpoint's password, nothing while there is nothing to say."""
        state = self.states.get(place)
        if state is None:
            return []
        why = {
            "factory": "it is the one that it came with: `rackwright endpoint rotate`",
            "pending": "a change was interrupted and may still come; two passwords are kept: rotate it again",
        }[state]
        return [
            Judgement("password", "Its password is its own", state, "its own", Verdict.DIFFERS, required=True, why=why)
        ]

    async def _change(self, account: Account, asked_before: bool) -> None:
        try:
            await account.change()
        except DeviceError as err:
            if not asked_before or (isinstance(err, EndpointRefused) and err.verb == "set_password"):
                account.drop()  # nothing was ever asked of it, or it said no: the old one stands
            raise
        stands = await self._settle(account)
        if stands == "old":
            raise PreconditionFailed(
                f"the old password of {account.place} still works, the change may come late",
                advice="both are kept; rotate it again later",
            )
        if stands == "neither":
            raise PreconditionFailed(
                f"{account.place}: it is not known which password stands", advice="both are kept; rotate it again"
            )

    async def _settle_one(self, place: Place) -> None:
        """Settle one endpoint within a deadline and have it read again.  Never raises: it costs this endpoint only."""
        try:
            with self.turns.take(place, "settling the password"):
                await self._tried(place)
                if place in self.roster.sources:
                    await self.roster.put(self.desk.source(place))
        except Exception:  # noqa: BLE001 - logged whole, and it costs this endpoint only
            _log.exception("%s: it is not read again", place)
        self.look()

    async def _tried(self, place: Place) -> None:
        try:
            async with asyncio.timeout(SETTLE_WITHIN):
                await self._settle(self.desk.account(place))
        except (RackwrightError, TimeoutError) as err:
            _log.warning("%s: its password is still pending: %s", place, err or "no answer in time")
        except Exception:  # noqa: BLE001 - logged whole, and it costs this endpoint only
            _log.exception("%s: settling its password failed", place)

    async def _settle(self, account: Account) -> Stands:
        """Try the new password, then the old one, each once.  The new one takes its place when it works.

        The old one working drops nothing: what was asked of the device may still come.  Raises EndpointUnreachable
        and the like: nothing was learnt, both are kept.
        """
        if await _works(account, new=True):
            account.promote()
            return "new"
        await asyncio.sleep(PAUSE)
        return "old" if await _works(account, new=False) else "neither"


async def _works(account: Account, new: bool) -> bool:
    """Tell whether a password opens the endpoint.  Raises what keeps that from being learnt."""
    try:
        await account.prove(new)
    except LoginRefused:
        return False
    return True
