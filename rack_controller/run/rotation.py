"""Passwords of a rack's endpoints: changed on command, settled after a crash.  No password is ever lost on the way.

The new password is in the vault, as pending, before the device hears of it, and takes the old one's place only once a
login with it has worked.  What cannot be told apart keeps both, and a person is told.
"""

import asyncio
import logging
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field

from firmware_bridge.ports.enrolment import Account
from firmware_bridge.vocabulary.errors import (
    EndpointRefused,
    EndpointUnreachable,
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

_log = logging.getLogger(__name__)

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
    tell: Callable[[Finding], None]
    states: dict[Place, str] = field(default_factory=dict)

    async def rotate(self, place: Place, actor: str) -> None:
        """Give an endpoint a password of its own.

        Raises EndpointRefused when the device refused it (the old one stands), PreconditionFailed when it cannot be
        told which one stands (both are kept), and what the device raises.
        """
        account = self.desk.account(place)
        if account.pending and not await self._settle(account):
            raise PreconditionFailed(
                f"neither password of {place} works", advice="see docs/enrolment.md: both are in the vault"
            )
        account = self.desk.own_account(place, new_password())  # from here on the vault holds both
        await self.roster.rest(place, "its password is being changed")
        try:
            await self._change(account)
        finally:
            await self.roster.put(self.desk.source(place))
            self.look()
        name = f"{leaf_of(tray_of(place))} {leaf_of(place)}"
        self.tell(Finding(place, "password.rotated", Severity.OK, f"{name} has a new password, by {actor}"))

    async def settle(self) -> None:
        """Find out, after a crash, which of two passwords stands; each is tried once.  Never raises."""
        self.look()
        pending = [place for place, state in self.states.items() if state == "pending"]
        try:
            async with asyncio.timeout(SETTLE_WITHIN):
                await asyncio.gather(*(self._settle_one(place) for place in pending))
        except TimeoutError:
            _log.warning("passwords are still pending: %s", ", ".join(pending))
        for place in pending:
            if place in self.roster.sources:
                await self.roster.put(self.desk.source(place))
        self.look()

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
            "pending": "a change was interrupted and two passwords are kept: rotate it again",
        }[state]
        return [
            Judgement("password", "Its password is its own", state, "its own", Verdict.DIFFERS, required=True, why=why)
        ]

    async def _change(self, account: Account) -> None:
        try:
            await account.change()
        except (EndpointRefused, LoginRefused):
            account.drop()  # it answered, and said no: the old one stands
            raise
        except EndpointUnreachable:
            _log.warning("%s: no answer to a change of password; it is tried which one stands", account.place)
        if not await self._settle(account):
            raise PreconditionFailed(
                f"{account.place}: it is not known which password stands", advice="both are kept; rotate it again"
            )
        if not account.promoted:
            raise EndpointRefused(account.place, "set_password", "the old password still stands")

    async def _settle_one(self, place: Place) -> None:
        try:
            await self._settle(self.desk.account(place))
        except RackwrightError as err:
            _log.warning("%s: its password is still pending: %s", place, err)

    async def _settle(self, account: Account) -> bool:
        """Try the new password, then the old one, each once; keep the one that works.  False: neither did.

        Raises EndpointUnreachable and the like: nothing was learnt, both are kept.
        """
        if await _works(account, new=True):
            account.promote()
            return True
        await asyncio.sleep(PAUSE)
        if await _works(account, new=False):
            account.drop()
            return True
        return False


async def _works(account: Account, new: bool) -> bool:
    """Tell whether a password opens the endpoint.  Raises what keeps that from being learnt."""
    try:
        await account.prove(new)
    except LoginRefused:
        return False
    return True
