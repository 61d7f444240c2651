"""One person's hands on one console: ask to write, type, break, let go; each of them audited, whoever shows it."""

import contextlib
from dataclasses import dataclass

import msgspec

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.auth.store import Store
from datacenter_api.consoles.relay import ConsoleRelay, Watcher
from firmware_bridge.ports.hosts import MOST_SENT
from firmware_bridge.vocabulary.errors import RackwrightError, WriterTaken
from rack_controller.model.console import MOST_REASON, ConsoleStatus, Verb


@dataclass
class Hands:
    """What `who` does through `watcher`.  Every method but `let_go` raises what the bus and the controller refuse."""

    relay: ConsoleRelay
    watcher: Watcher
    who: Principal
    store: Store

    async def open(self, reason: str = "") -> None:
        """Write from now on; with a reason also if somebody else does."""
        reason = reason[:MOST_REASON]
        body = await self._audited("console take" if reason else "console open", Verb.OPEN, reason)
        self.relay.granted(self.watcher, msgspec.json.decode(body, type=ConsoleStatus))

    async def type(self, typed: bytes) -> None:
        """Send what was typed, in order, in pieces that a line can take."""
        for at in range(0, len(typed), MOST_SENT):
            try:
                await self._ask(Verb.SEND, data=typed[at : at + MOST_SENT])
            except WriterTaken:
                self.watcher.writes = False
                raise

    async def send_break(self) -> None:
        """Send a break."""
        await self._audited("console break", Verb.BREAK)

    async def close(self, why: str = "") -> None:
        """Stop writing."""
        self.watcher.writes = False
        await self._audited("console close", Verb.CLOSE, why)

    async def let_go(self, why: str) -> None:
        """Stop writing if we do.  Never raises: the controller lets go of who is not heard of."""
        if self.watcher.writes:
            with contextlib.suppress(RackwrightError):
                await self.close(why)

    async def _audited(self, what: str, verb: Verb, reason: str = "") -> bytes:
        try:
            answer = await self._ask(verb, reason=reason)
        except RackwrightError as err:
            self._audit(what, "refused", err.what)
            raise
        self._audit(what, "ok", reason)
        return answer

    async def _ask(self, verb: Verb, **more: object) -> bytes:
        return await self.relay.ask(self.watcher.place, self.who, verb, session=self.watcher.session, **more)

    def _audit(self, what: str, outcome: str, reason: str) -> None:
        self.store.audit(self.who.user, self.who.address, what, self.watcher.place, outcome, reason)
