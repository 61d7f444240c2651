"""Follows one endpoint that pushes its events: keeps our subscription, proves it every minute, yields readings."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from firmware_bridge.drivers.redfish.hearing import PROVE_EVERY, Hearing, Way, pause_after, said
from firmware_bridge.drivers.redfish.link import URGENT, RedfishLink
from firmware_bridge.drivers.redfish.listener import Inbox
from firmware_bridge.drivers.redfish.pushed import Subscription, refused
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointSpared
from firmware_bridge.vocabulary.event_path import EventPath, PathKind
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import tidy

LOOK_UP = Seconds(1.0)  # whether the session was renewed meanwhile
DOUBT_AGAIN = Seconds(10.0)  # whether a test event has come after all


@dataclass(slots=True)
class PushFollower:
    """The pushed events of one endpoint; `way` says how they come whenever that was looked at."""

    link: RedfishLink
    clock: Clock
    hearing: Hearing
    ours: Subscription
    way: Way

    async def follow(self, service: Document) -> AsyncIterator[Sequence[Reading]]:
        """Yield readings for as long as the device lets us subscribe.  Raises DeviceError before the first proof."""
        inbox: Inbox | None = None
        due, failures, logins = self.clock.now(), 0, 0
        while True:
            if self.clock.now() >= due or self.link.logins != logins:  # a new login: perhaps it started anew
                readings: list[Reading] = []
                try:
                    inbox, readings = await self._prove(service)
                    in_doubt = self.way.path.kind is PathKind.UNPROVEN
                    due, failures = Seconds(self.clock.now() + (DOUBT_AGAIN if in_doubt else PROVE_EVERY)), 0
                except DeviceError as err:
                    if inbox is None:
                        raise
                    failures += 1
                    due = Seconds(self.clock.now() + pause_after(failures))
                    if not isinstance(err, EndpointSpared):
                        self.way.path = EventPath(PathKind.UNPROVEN, self.way.path.proven_at, said(err))
                logins = self.link.logins
                if readings:
                    yield readings
            if inbox is None:
                return  # it does not want to be subscribed to
            bodies = await inbox.batch(min(due - self.clock.now(), LOOK_UP))
            dropped, inbox.dropped = inbox.dropped, 0
            async for told in self.hearing.taken(bodies, dropped):
                yield told

    async def _prove(self, service: Document) -> tuple[Inbox | None, list[Reading]]:
        """Make, renew or prove the subscription; None when the device does not want it.  Raises DeviceError."""
        self.link.check_spared(URGENT)
        ours, made = self.ours, self.ours.made
        try:
            inbox = await ours.keep(service)
        except DeviceError as err:
            if not refused(err):
                raise
            self.way.path = EventPath(PathKind.POLLING, None, f"does not let us subscribe: {said(err)}")
            return None, []
        self.way.own = frozenset((tidy(ours.uri),))
        if 0 < made < ours.made:
            await self.hearing.reads.look_awake()  # it was forgotten: perhaps because the controller started anew
        readings = await self.hearing.read_a_sensor()
        await self.hearing.flash.check()
        doubt = await ours.prove(service)
        proven_at = self.way.path.proven_at if doubt else self.clock.now()
        self.way.path = EventPath(PathKind.UNPROVEN if doubt else PathKind.PUSH, proven_at, doubt)
        return inbox, readings
