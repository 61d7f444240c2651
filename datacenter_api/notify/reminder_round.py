"""Reminds everybody who wants it of days of decisions to buy: looks now and then, sends what is new, tries again."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from datacenter_api.fleet.record import NEVER
from datacenter_api.notify.file import Target
from datacenter_api.notify.reminding import Key, after, due
from datacenter_api.notify.sender import Sender
from datacenter_api.redfish.push.http_post import NotDelivered
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.prove.option import Reminder

log = logging.getLogger(__name__)
LOOK_EVERY, AGAIN_AFTER = Seconds(600.0), Seconds(60.0)
KEPT_IN = ("passports", "passports.db")


@dataclass
class ReminderRound:
    """`told`: by target, what it was reminded of; `keep` writes that down.  One round at a time."""

    services: Services
    unix_ns: Callable[[], int]
    told: dict[str, list[Key]]
    keep: Callable[[], None]
    next_look: Seconds = NEVER
    failing: dict[str, str] = field(default_factory=dict)
    under_way: "asyncio.Task[None] | None" = None

    def look(self, targets: Sequence[Target], sender: Sender | None, site: str) -> None:
        """Begin a round when it is time and somebody wants reminders.  Waits for nobody."""
        now = self.services.now()
        wanted = [t for t in targets if t.reminders]
        if sender is None or not wanted or now < self.next_look or not self.services.state.joinpath(*KEPT_IN).exists():
            return
        if self.under_way is None or self.under_way.done():
            self.next_look = Seconds(now + LOOK_EVERY)
            self.under_way = asyncio.create_task(self._go(wanted, sender, site))

    async def close(self) -> None:
        """End what is under way; what was not delivered is told after the next start."""
        if self.under_way is not None:
            self.under_way.cancel()
            await asyncio.gather(self.under_way, return_exceptions=True)

    async def _go(self, targets: Sequence[Target], sender: Sender, site: str) -> None:
        try:
            standing = await asyncio.to_thread(lambda: self.services.passports.decisions().reminders())
        except RackwrightError as err:
            log.warning("nobody is reminded of decisions: %s", err)
            return
        for target in targets:
            await self._remind(target, sender, site, standing)

    async def _remind(self, target: Target, sender: Sender, site: str, standing: list[Reminder]) -> None:
        told = self.told.get(target.name, [])
        batch = due(standing, told)
        try:
            if batch:
                await sender.remind(target, site, batch, self.unix_ns())
        except NotDelivered as err:
            if self.failing.get(target.name) != str(err):
                log.warning("reminders do not reach %s: %s", target.name, err)
            self.failing[target.name] = str(err)
            self.next_look = Seconds(min(self.next_look, self.services.now() + AGAIN_AFTER))
            return
        self.failing.pop(target.name, None)
        known = after(told, batch, standing)
        if known != told:
            self.told[target.name] = known
            self.keep()
