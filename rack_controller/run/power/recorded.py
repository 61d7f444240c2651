"""One power request by command on the road of every effect: a lease, an intent in the ledger, looking until its end.

Whoever asked is answered at once; what became of it is written down when it is seen, also by the next controller.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from firmware_bridge.ports.power import PowerSwitch
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EnvironmentUnfit,
    LoginRefused,
    RackwrightError,
)
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import ENERGISES, PowerAction, PowerAnswer, PowerSight
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.effect import Effect, EffectState, moved
from rack_controller.model.lease import Direction, Facet, Lease, LeaseClass, Wish
from rack_controller.run.ending import end
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.worker import FAILED_THERE, NOTHING_SENT, Order, Worker, before_of, settle_held

_log = logging.getLogger(__name__)

OPERATION = "command"
KEPT = 1_000  # ended requests of a rack
LEASE_S = 60.0
WITHIN = Seconds(180.0)  # the longest that a seeded sequence gives a host
REQUEST = Seconds(15.0)
Ask = Callable[[], Awaitable[tuple[PowerAnswer, str]]]


@dataclass(slots=True)
class Recorded:
    """Power requests of one rack."""

    ledger: Ledger
    leases: LeaseBook
    sources: Mapping[Place, TelemetrySource]
    clock: Clock
    _following: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def asked(
        self, name: str, actor: str, endpoint: Place, action: PowerAction, before: PowerSight | None, ask: Ask
    ) -> tuple[PowerAnswer, str]:
        """Ask once, as `ask` does, with a lease and an intent.  Raises what `ask` raises, or CommandRefused and
        EnvironmentUnfit: then nothing was sent."""
        direction = Direction.ENERGISED if action in ENERGISES else Direction.SAFE
        wish = Wish(endpoint, Facet.POWER_STATE, LeaseClass.OPERATOR, f"command {name}", direction, actor)
        lease = self.leases.take(wish, LEASE_S)
        try:
            key, now = f"{OPERATION}/{self.ledger.rack}/{name}", self.clock.unix_ns()
            seen = before_of(before)
            effect = self.ledger.intend(key, OPERATION, endpoint, Facet.POWER_STATE, action, seen, now)
            return await self._sent(effect, lease, ask)
        finally:
            self.leases.give_back(lease)

    def take_up(self) -> None:
        """Look on at what a predecessor asked for and did not see the end of.  Called once, on the running loop.

        A journal that refuses is logged: a controller whose disk is full runs all the same.
        """
        try:
            open_ones = self.ledger.unresolved()
            self.ledger.forget_effects(OPERATION, KEPT)
        except EnvironmentUnfit:
            _log.exception("%s: what was asked for by command before cannot be read or tidied", self.ledger.rack)
            return
        for effect in open_ones:
            if effect.operation == OPERATION and effect.is_open:
                self._follow(effect, _nobodys(effect))

    async def close(self) -> None:
        """Stop looking; what is open is taken up by the next controller."""
        await end(list(self._following))

    async def _sent(self, effect: Effect, lease: Lease, ask: Ask) -> tuple[PowerAnswer, str]:
        try:
            answer, seen = await ask()
        except DeviceError as err:
            self._write(moved(effect, _state_of(err), err.detail or err.what, getattr(err, "status", 0)))
            raise
        except RackwrightError as err:  # a latch that came meanwhile
            self._write(moved(effect, EffectState.UNSENT, err.what))
            raise
        answered = moved(effect, EffectState.ANSWERED, seen or "taken", answer.status, answer.task)
        if self._write(answered):
            self._follow(answered, lease)
        return answer, seen

    def _follow(self, effect: Effect, lease: Lease) -> None:
        task = asyncio.get_running_loop().create_task(self._to_its_end(effect, lease))
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _to_its_end(self, effect: Effect, lease: Lease) -> None:
        """Look until it can be told what became of it; what cannot be told apart was said to whoever asked."""
        worker = Worker(self.ledger, self.leases, self._switch_at, self.clock)
        endpoint, action = Place(effect.endpoint), PowerAction(effect.action)
        order = Order(effect.key, OPERATION, endpoint, action, lease, WITHIN, REQUEST)
        try:
            ended = await worker.follow(order, effect)
            if ended.state is EffectState.HELD:
                settle_held(self.ledger, ended, "failed", "the controller")
        except RackwrightError as err:
            _log.info("what became of %s is not seen: %s", effect.id, err)

    def _switch_at(self, endpoint: Place) -> PowerSwitch:
        source: object = self.sources.get(endpoint)
        if not isinstance(source, PowerSwitch):
            raise EnvironmentUnfit(f"{endpoint} is not read any more")
        return source

    def _write(self, effect: Effect) -> bool:
        try:
            self.ledger.record(effect)
        except EnvironmentUnfit:
            _log.exception("effect %s is %s, and is not written down", effect.id, effect.state)
            return False
        return True


def _state_of(err: DeviceError) -> EffectState:
    """Return what is known of a request that was not answered well."""
    if isinstance(err, (LoginRefused, *NOTHING_SENT)):
        return EffectState.UNSENT
    if isinstance(err, EndpointRefused) and err.status < FAILED_THERE:
        return EffectState.REFUSED
    return EffectState.SENT


def _nobodys(effect: Effect) -> Lease:
    """Return a lease that is over: under it nothing is sent."""
    wish = Wish(effect.endpoint, effect.facet, LeaseClass.OPERATOR, OPERATION, Direction.SAFE)
    return Lease(wish, 0, float("-inf"))
