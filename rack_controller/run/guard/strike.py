"""Switches trays off for an interlock: all at once, each intent written down first, nothing waited for in between.

Off is toward safe and may be asked for again, so an interlock repeats what an operation would hold.  A journal that
refuses stops no strike; being fenced does: a successor protects the rack then.
"""

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from firmware_bridge.ports.power import PowerSwitch
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    ActionNotOffered,
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    EnvironmentUnfit,
    OutcomeUnknown,
    RackwrightError,
    TrustRefused,
)
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import ENERGISES, PowerAction, PowerState
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Order
from rack_controller.decide.picture import Picture
from rack_controller.model.effect import Before, Effect, EffectState, moved
from rack_controller.model.interlock import Act
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.run.guard.carrying import Came
from rack_controller.run.guard.trail import Fate
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.power.asking import ask_once

_log = logging.getLogger(__name__)

OPERATION = "interlock"
LEASE_S = 30.0
STRIKES_KEPT = 1_000  # of a rack, in its ledger; one that never answers is struck every 2 s for as long as it stands
TIDY_EVERY = 100
MOST_ASKED = 2
"""A controller that hangs is asked twice at a time, no more: it must find room for other connections."""
OFF_TAKES = Seconds(11.0)
"""A host reports Off 1 to 10 s after it was told: so long one that took a strike is not struck again."""
SEEN_WITHIN = Seconds(60.0)
"""How much longer a strike that was taken is watched for: a host that is only asked may take a minute to end."""
ACTIONS = {
    Act.FORCE_OFF: PowerAction.FORCE_OFF,
    Act.GRACEFUL_OFF: PowerAction.GRACEFUL_OFF,
    Act.AUX_OFF: PowerAction.AUX_OFF,
}
_TOOK, _GOES, _WAITS, _SPARED = "accepted", "on its way", "asked, and no answer yet", "not offered"
_FATES = {_TOOK: Fate.TAKEN, _GOES: Fate.TAKEN, _SPARED: Fate.SPARED}
_NOTHING_SENT = (EndpointUnreachable, TrustRefused)


@dataclass(slots=True)
class Striker:
    """The arm of one rack's guard.  `switch_of` raises TargetUnknown for a tray that nothing here can switch."""

    ledger: Ledger
    leases: LeaseBook
    switch_of: Callable[[Place], tuple[Place, PowerSwitch]]
    clock: Clock
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _unseen: dict[Place, Effect] = field(default_factory=dict)  # by tray: the last strike that was taken
    _asking: "Counter[tuple[Place, PowerAction]]" = field(default_factory=Counter)  # requests without an answer yet
    _unwritten: dict[str, Effect] = field(default_factory=dict)  # ends that the journal refused, by effect
    _going: dict[tuple[Place, PowerAction], Seconds] = field(default_factory=dict)  # until when it may be on its way

    def settle_old(self) -> None:
        """Close the effects that a predecessor's strikes left open: a latch that stands strikes anew.

        A journal that refuses is logged: a rack whose disk is full is protected all the same.
        """
        try:
            open_ones = self.ledger.unresolved()
        except EnvironmentUnfit:
            _log.exception("%s: what the last controller's strikes came to cannot be read", self.ledger.rack)
            return
        for effect in open_ones:
            if effect.operation != OPERATION:
                if effect.action in ENERGISES:
                    self.leases.may_start(tray_of(effect.endpoint))
                continue
            self._record(effect, EffectState.UNSEEN, "its controller ended; the latch strikes anew")
        self._tidy()

    def see(self, picture: Picture) -> None:
        """Close the effects of trays that are seen to be off by now, or were not in time; write down what could not
        be written before."""
        for refused in list(self._unwritten.values()):
            if not self._write(refused):
                break
        for tray in picture.trays:
            if tray.off is True:
                self._going.pop((tray.place, PowerAction.FORCE_OFF), None)  # should it come back it is struck at once
            if tray.off is True and (effect := self._unseen.pop(tray.place, None)) is not None:
                self._record(effect, EffectState.OBSERVED, "it is off")
        for place, taken in list(self._unseen.items()):
            if self.clock.now() >= self._going.get((place, PowerAction(taken.action)), self.clock.now()) + SEEN_WITHIN:
                del self._unseen[place]
                self._record(taken, EffectState.UNSEEN, "it took it, and was not seen off in time")

    async def carry(self, order: Order) -> Came:
        """Switch every target of an order, all at once, and return how each took it.

        Raises RackwrightError when none of them took it, and what a bug of ours raised there.
        """
        action = ACTIONS[order.act]
        ends = await asyncio.gather(*(self._strike(order, tray, action) for tray in order.targets))
        failed = [(tray, end) for tray, end in zip(order.targets, ends, strict=True) if isinstance(end, Exception)]
        if failed and len(failed) == len(ends):
            raise failed[0][1]
        taken = Counter(end for end in ends if isinstance(end, str))
        words = [f"{count}× {said}" if len(ends) > 1 else said for said, count in taken.items()]
        words += [f"{leaf_of(tray)}: {_what(err)}" for tray, err in failed]
        known = [(tray, end) for tray, end in zip(order.targets, ends, strict=True) if end != _WAITS]
        return Came(", ".join(words), {tray: _fate(end) for tray, end in known})

    async def _strike(self, order: Order, tray: Place, action: PowerAction) -> str | Exception:
        now = self.clock.now()
        if now < self._going.get((tray, action), now) and tray not in self.leases.starting():
            return _GOES  # unless a request toward power may have come after it
        if self._asking[tray, action] >= MOST_ASKED:
            return _WAITS
        self._asking[tray, action] += 1
        try:
            endpoint, switch = self.switch_of(tray)
            wish = Wish(endpoint, Facet.POWER_STATE, LeaseClass.INTERLOCK, f"interlock {order.cause}", Direction.SAFE)
            lease = self.leases.take(wish, LEASE_S)
            effect = self._intend(order, endpoint, action)
            try:
                return await self._send(tray, switch, action, effect)
            finally:
                self.leases.give_back(lease)
        except RackwrightError as err:
            return err
        except Exception as err:  # noqa: BLE001 - logged whole and told; the other trays are struck all the same
            _log.exception("strike of %s for %s failed", tray, order.cause)
            return err
        finally:
            self._asking[tray, action] -= 1

    def _intend(self, order: Order, endpoint: Place, action: PowerAction) -> Effect | None:
        number = next(self._numbers)
        if number % TIDY_EVERY == TIDY_EVERY - 1:
            self._tidy()
        key = f"{OPERATION}/{self.ledger.rack}/{self.ledger.epoch}/{number}"  # racks share a journal
        before = Before(power=PowerState.UNKNOWN)  # looking first would cost the time that water has
        now_ns = self.clock.unix_ns()
        try:
            return self.ledger.intend(key, OPERATION, endpoint, Facet.POWER_STATE, action, before, now_ns)
        except EnvironmentUnfit:
            _log.exception("%s of %s for %s goes out without a written intent", action, endpoint, order.cause)
            return None

    async def _send(self, tray: Place, switch: PowerSwitch, action: PowerAction, effect: Effect | None) -> str:
        try:
            answer = await ask_once(switch, action)
        except ActionNotOffered as err:
            self._record(effect, EffectState.REFUSED, err.what)
            if action is PowerAction.AUX_OFF:  # wanted only where a device has it
                return _SPARED
            raise
        except EndpointRefused as err:
            self._record(effect, EffectState.REFUSED, err.what, err.status)
            raise
        except OutcomeUnknown as err:
            sent = self._record(effect, EffectState.SENT, err.what)
            self._record(sent, EffectState.UNSEEN, "nobody can tell whether it heard; it is asked again")
            raise
        except DeviceError as err:
            unsent = isinstance(err, _NOTHING_SENT)
            self._record(effect, EffectState.UNSENT if unsent else EffectState.UNSEEN, err.what)
            raise
        if not answer.accepted:
            self._record(effect, EffectState.REFUSED, answer.detail, answer.status)
            return f"refused, {answer.status}"
        self._going[tray, action] = Seconds(self.clock.now() + OFF_TAKES)
        answered = self._record(effect, EffectState.ANSWERED, answer.detail, answer.status)
        if action is PowerAction.AUX_OFF:
            self._record(answered, EffectState.UNSEEN, "a device without auxiliary power says nothing any more")
        elif answered is not None:
            before = self._unseen.pop(tray, None)
            self._record(before, EffectState.UNSEEN, "asked again before it was seen off")
            self._unseen[tray] = answered
        return _TOOK

    def _tidy(self) -> None:
        try:
            self.ledger.forget_effects(OPERATION, STRIKES_KEPT)
        except RackwrightError as err:
            _log.error("%s: old strikes are not forgotten: %s", self.ledger.rack, err)

    def _record(self, effect: Effect | None, state: EffectState, detail: str, status: int = 0) -> Effect | None:
        """Write down what became of an effect and return it so; a journal that refuses is logged."""
        if effect is None:
            return None
        after = moved(effect, state, detail, status)
        self._write(after)
        return after

    def _write(self, effect: Effect) -> bool:
        """Write an effect down and tell whether that went; what a journal refuses is written when it takes it."""
        try:
            self.ledger.record(effect)
        except EnvironmentUnfit:
            if effect.id not in self._unwritten:
                _log.exception("effect %s is %s, and cannot be written down yet", effect.id, effect.state)
            self._unwritten[effect.id] = effect
            return False
        except RackwrightError:
            _log.exception("effect %s is %s, and is not written down", effect.id, effect.state)
        self._unwritten.pop(effect.id, None)
        return True


def _fate(end: str | Exception) -> tuple[Fate, str]:
    """Return what came of a strike; every other word is a refusal."""
    if isinstance(end, str) and end in _FATES:
        return _FATES[end], ""
    return Fate.FAILED, end if isinstance(end, str) else _what(end)


def _what(err: Exception) -> str:
    return err.what if isinstance(err, RackwrightError) else f"the controller failed ({type(err).__name__})"
