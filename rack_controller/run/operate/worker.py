"""Brings one effect to its end: intent, one request, then only looking.  Sends again only what provably did nothing.

It holds no order of steps and no physics: what an effect's state means is decided in `decide/resolve.py`.
"""

import itertools
import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field

from firmware_bridge.ports.power import PowerSwitch
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EndpointSpared,
    EndpointUnreachable,
    EnvironmentUnfit,
    LoginRefused,
    PreconditionFailed,
    TrustRefused,
)
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerSight, PowerState
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.resolve import ENDS_IN, Resolution, Verdict, resolve
from rack_controller.model.effect import Before, Effect, EffectState, moved
from rack_controller.model.lease import Direction, Lease
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger

_log = logging.getLogger(__name__)

LOOK_EVERY = Seconds(1.0)
FAILED_THERE = 500
TRY_EVERY = Seconds(5.0)
TRIES = 3
NOTHING_SENT = (EndpointUnreachable, TrustRefused, EndpointSpared)
ENDS = {
    Verdict.OBSERVED: EffectState.OBSERVED,
    Verdict.UNSEEN: EffectState.UNSEEN,
    Verdict.HELD: EffectState.HELD,
}


@dataclass(frozen=True, slots=True)
class Order:
    """One effect that is wanted.  `key` names it for ever: the same key is the same effect, also after a restart.

    `within`: how long what is asked for may take to be seen, in s; `request`: after it no request is on its way.
    """

    key: str
    operation: str
    endpoint: Place
    action: PowerAction
    lease: Lease
    within: Seconds
    request: Seconds
    told: Callable[[str], None] = field(default=lambda _text: None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an order ended.  `state` None: nothing had to be sent, it was so already."""

    state: EffectState | None
    why: str

    @property
    def reached(self) -> bool:
        """Return whether the device is as was wanted."""
        return self.state is None or self.state is EffectState.OBSERVED


class Worker:
    """Acts on the power switches of one rack; `switch_of` raises TargetUnknown where there is none."""

    def __init__(
        self, ledger: Ledger, leases: LeaseBook, switch_of: Callable[[Place], PowerSwitch], clock: Clock
    ) -> None:
        self._ledger, self._leases, self._switch_of, self._clock = ledger, leases, switch_of, clock

    async def perform(self, order: Order) -> Outcome:
        """Bring one effect to its end, begun anew or taken up where a crash left it.

        What provably never reached the device is asked for again, `within` long and `TRIES` times at least.
        Raises PreconditionFailed (lease, lock, latch, fence) or EnvironmentUnfit (the journal): then nothing was sent.
        """
        until = self._clock.now() + order.within
        for tries in itertools.count(1):
            outcome = await self._attempt(order)
            if outcome.state is not EffectState.UNSENT or (tries >= TRIES and self._clock.now() >= until):
                return outcome
            order.told(outcome.why)
            await self._clock.sleep_until(Seconds(self._clock.now() + TRY_EVERY))
        raise AssertionError("unreachable")

    async def follow(self, order: Order, effect: Effect) -> Effect:
        """Look until it can be told how an open effect ended, and write that down; nothing is sent."""
        return await self._watch(order, effect)

    async def _attempt(self, order: Order) -> Outcome:
        effect = self._ledger.latest(order.key)
        if effect is None or effect.state is EffectState.UNSENT:
            begun = await self._begin(order)
            if isinstance(begun, Outcome):
                return begun
            effect = begun
        if effect.is_open:
            effect = await self._watch(order, effect)
        return Outcome(effect.state, effect.detail)

    async def _begin(self, order: Order) -> Effect | Outcome:
        switch = self._switch_of(order.endpoint)
        sight = await self._quiet_sight(order, switch)
        wanted = ENDS_IN[order.action]
        if (
            sight is not None
            and sight.state is wanted
            and order.action
            not in (
                PowerAction.AUX_OFF,
                PowerAction.GRACEFUL_RESTART,
                PowerAction.FORCE_RESTART,
            )
        ):
            return Outcome(None, f"was {sight.state} already")
        if sight is None and order.lease.wish.direction is not Direction.SAFE:
            return Outcome(EffectState.UNSENT, "it does not answer: nothing was sent")
        self._leases.check(order.lease)  # no await between this and the intent
        effect = self._ledger.intend(
            order.key,
            order.operation,
            order.endpoint,
            order.lease.wish.facet,
            order.action,
            before_of(sight),
            self._clock.unix_ns(),
        )
        return await self._send(order, switch, effect)

    async def _send(self, order: Order, switch: PowerSwitch, effect: Effect) -> Effect:
        """The one request of an intent.  Whatever happens, what is known of it is written down."""
        state = effect.before.power.replace("_", " ")
        energises = order.lease.wish.direction is Direction.ENERGISED
        on_its_way = self._leases.energising(tray_of(order.endpoint)) if energises else nullcontext()
        try:
            with on_its_way:
                answer = await switch.switch_power(order.action)
        except LoginRefused as err:  # it did not even look at what was asked for
            effect = moved(effect, EffectState.UNSENT, f"its login was refused: {err.detail or err.what}", err.status)
        except EndpointRefused as err:
            said = f"refuses {order.action}, {err.status or 'not offered'}, in state {state}: {err.detail or err.what}"
            # A server that failed may have done it first: only a plain no is a no.
            heard = EffectState.REFUSED if err.status < FAILED_THERE else EffectState.SENT
            effect = moved(effect, heard, said, err.status)
        except NOTHING_SENT as err:
            effect = moved(effect, EffectState.UNSENT, f"nothing was sent: {err.detail or err.what}")
        except DeviceError as err:  # OutcomeUnknown, or an answer that nobody can read
            effect = moved(effect, EffectState.SENT, err.detail or err.what)
        else:
            if answer.accepted:
                effect = moved(effect, EffectState.ANSWERED, answer.detail, answer.status, answer.task)
            else:
                said = f"refuses {order.action}, {answer.status}, in state {state}: {answer.detail}"
                effect = moved(effect, EffectState.REFUSED, said, answer.status)
        await record(self._ledger, self._clock, effect, order.told)
        return effect

    async def _watch(self, order: Order, effect: Effect) -> Effect:
        """Look until it can be told how an open effect ended, and write that down."""
        switch, began = self._switch_of(order.endpoint), self._clock.now()
        while True:
            sight = await self._look(order, switch)
            waited = Seconds(self._clock.now() - began)
            found = resolve(effect, sight, waited, order.within, order.request)
            order.told(found.why)
            if found.verdict is Verdict.REPEAT:
                ended = moved(effect, EffectState.UNSENT, found.why)
                break
            if found.verdict is not Verdict.WAIT:
                ended = moved(effect, ENDS[found.verdict], _told(effect, found))
                break
            await self._clock.sleep_until(Seconds(self._clock.now() + LOOK_EVERY))
        await record(self._ledger, self._clock, ended, order.told)
        return ended

    async def _quiet_sight(self, order: Order, switch: PowerSwitch) -> PowerSight | None:
        """Return a look at a host that is not on its way somewhere; wait for that, but not longer than an act takes."""
        until = self._clock.now() + order.within
        while True:
            sight = await self._look(order, switch)
            passing = sight is not None and sight.state in (PowerState.POWERING_ON, PowerState.POWERING_OFF)
            if not passing or sight is None or self._clock.now() >= until or _urgent(order):
                return sight
            order.told(f"is {sight.state.replace('_', ' ')}; it is asked when that is over")
            await self._clock.sleep_until(Seconds(self._clock.now() + LOOK_EVERY))

    async def _look(self, order: Order, switch: PowerSwitch) -> PowerSight | None:
        try:
            return await switch.observe_power()
        except DeviceError as err:
            _log.info("%s does not say its power: %s", order.endpoint, err)
            return None


async def record(ledger: Ledger, clock: Clock, effect: Effect, told: Callable[[str], None]) -> None:
    """Write down what became of an effect.  While the journal refuses, nothing goes on: the intent stands there."""
    while True:
        try:
            ledger.record(effect)
        except EnvironmentUnfit as err:
            _log.error("effect %s is %s, and cannot be written down: %s", effect.id, effect.state, err)
            told(f"{effect.state}, but {err.what}")
            await clock.sleep_until(Seconds(clock.now() + LOOK_EVERY))
        else:
            return


def settle_held(ledger: Ledger, effect: Effect, word: str, actor: str) -> Effect:
    """Write down what a person says of a held effect: `done`, `again` (it did nothing) or `failed`.

    Raises PreconditionFailed when it is not held.
    """
    if effect.state is not EffectState.HELD:
        raise PreconditionFailed(f"effect {effect.id} is {effect.state}, not held")
    state = {"done": EffectState.OBSERVED, "again": EffectState.UNSENT, "failed": EffectState.UNSEEN}[word]
    settled = moved(effect, state, f"{actor} says {word}; before: {effect.detail}")
    ledger.record(settled)
    return settled


def _urgent(order: Order) -> bool:
    return order.action is PowerAction.FORCE_OFF


def before_of(sight: PowerSight | None) -> Before:
    """Return how a device stands, as an intent keeps it."""
    if sight is None:
        return Before(power=PowerState.UNKNOWN)
    return Before(sight.state, sight.depth, sight.boot_marker, sight.controller_marker)


def _told(effect: Effect, found: Resolution) -> str:
    return f"{effect.action.replace('_', ' ')}: {found.why}"
