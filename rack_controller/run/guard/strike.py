"""Switches trays off for an interlock, as a last resort shelves' outputs too: all at once, intents written down first.

Off is toward safe and may be asked for again, so an interlock repeats what an operation would hold.  A journal that
refuses stops no strike; being fenced does: a successor protects the rack then.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

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
    TargetUnknown,
    TrustRefused,
)
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import ENERGISES, PowerAction
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Order
from rack_controller.decide.picture import Picture
from rack_controller.model.effect import Effect, EffectState
from rack_controller.model.interlock import Act
from rack_controller.model.lease import Direction, Facet, Lease, LeaseClass, Wish
from rack_controller.run.guard.carrying import Came
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.guard.strike_book import OPERATION, StrikeBook
from rack_controller.run.guard.trail import Fate
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.power.asking import ask_once
from rack_controller.run.start_now import start_now

_log = logging.getLogger(__name__)

TEST = "interlock test"
"""Whose the ledger's rows of tests are: they were never sent."""
LEASE_S = 30.0
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
    Act.SHELF_OUTPUT_OFF: PowerAction.FORCE_OFF,
}
_TOOK, _GOES, _WAITS, _SPARED = "accepted", "on its way", "asked, and no answer yet", "not offered"
_FATES = {_TOOK: Fate.TAKEN, _GOES: Fate.TAKEN, _SPARED: Fate.SPARED}
_NOTHING_SENT = (EndpointUnreachable, TrustRefused)


@dataclass(slots=True)
class _Strike:
    """One request that is about to go out.  `effect` None: the journal refused its intent; `fenced`: why nothing may
    be sent; `sent`: whether it has gone out."""

    tray: Place
    action: PowerAction
    switch: PowerSwitch
    lease: Lease
    effect: Effect | None = None
    fenced: RackwrightError | None = None
    sent: bool = False

    def settle(self, refused: RackwrightError | None) -> None:
        """Take whether its intent is on the disk."""
        if refused is None:
            return
        self.effect = None
        if isinstance(refused, EnvironmentUnfit):
            _log.error("%s of %s goes out without a written intent: %s", self.action, self.tray, refused)
        else:
            self.fenced = refused


def no_output(shelf: Place) -> tuple[Place, PowerSwitch]:
    """Refuse: no shelf can be switched.  Raises TargetUnknown."""
    raise TargetUnknown(f"{shelf} has no output that can be switched")


@dataclass(slots=True)
class Striker:
    """The arm of one rack's guard.  `switch_of` raises TargetUnknown for a tray that nothing here can switch,
    `output_of` for a shelf: what switches trays never meets one."""

    sheet: Sheet
    leases: LeaseBook
    switch_of: Callable[[Place], tuple[Place, PowerSwitch]]
    clock: Clock
    output_of: Callable[[Place], tuple[Place, PowerSwitch]] = no_output
    told: "Callable[[Order], asyncio.Future[object] | None]" = lambda _order: None
    _book: StrikeBook = field(init=False)
    _unseen: dict[Place, Effect] = field(default_factory=dict)  # by tray: the last strike that was taken
    _asking: "Counter[tuple[Place, PowerAction]]" = field(default_factory=Counter)  # requests without an answer yet
    _last: dict[tuple[Place, PowerAction], _Strike] = field(default_factory=dict)
    _held: dict[tuple[Place, PowerAction], asyncio.Event] = field(default_factory=dict)  # strikes that wait for a job
    _going: dict[tuple[Place, PowerAction], Seconds] = field(default_factory=dict)  # until when it may be on its way

    def __post_init__(self) -> None:
        self._book = StrikeBook(self.sheet, self.clock)

    def settle_old(self) -> None:
        """Close the effects that a predecessor's strikes left open: a latch that stands strikes anew.

        A journal that refuses is logged: a rack whose disk is full is protected all the same.
        """
        for effect in self._book.unresolved():
            if effect.operation == OPERATION:
                self._book.record(effect, EffectState.UNSEEN, "its controller ended; the latch strikes anew")
            elif effect.action in ENERGISES:
                self.leases.may_start(tray_of(effect.endpoint))
        self._book.write_down()
        self._book.tidy()

    def see(self, picture: Picture) -> None:
        """Close the effects of trays that are seen to be off by now, or were not in time; write down what became of
        the others."""
        for place in picture.seen_off:
            self._going.pop((place, PowerAction.FORCE_OFF), None)  # should it come back it is struck at once
            if (effect := self._unseen.pop(place, None)) is not None:
                self._book.record(effect, EffectState.OBSERVED, "it is off")
        for place, taken in list(self._unseen.items()):
            if self.clock.now() >= self._going.get((place, PowerAction(taken.action)), self.clock.now()) + SEEN_WITHIN:
                del self._unseen[place]
                self._book.record(taken, EffectState.UNSEEN, "it took it, and was not seen off in time")
        self._book.write_down()

    def carry(self, order: Order) -> Coroutine[Any, Any, Came]:
        """Have the intents of an order written down at once, and return what switches its targets: all at once, each
        when its intent is on the disk.  It gives how each took it.

        Raises RackwrightError when none of them took it, and what a bug of ours raised there.
        """
        return self._carry(order, [self._ready(order, tray, ACTIONS[order.act]) for tray in order.targets])

    async def _carry(self, order: Order, strikes: "list[_Strike | str | Exception]") -> Came:
        begun = [start_now(self._strike(order, strike)) for strike in strikes]
        ends = await asyncio.gather(*begun)
        if not self._asking.total():  # a sync to disk would hold up those that must go out yet
            self._book.write_down()
        failed = [(tray, end) for tray, end in zip(order.targets, ends, strict=True) if isinstance(end, Exception)]
        if failed and len(failed) == len(ends):
            raise failed[0][1]
        taken = Counter(end for end in ends if isinstance(end, str))
        words = [f"{count}× {said}" if len(ends) > 1 else said for said, count in taken.items()]
        words += [f"{leaf_of(tray)}: {_what(err)}" for tray, err in failed]
        known = [(tray, end) for tray, end in zip(order.targets, ends, strict=True) if end != _WAITS]
        return Came(", ".join(words), {tray: _fate(end) for tray, end in known})

    def _ready(self, order: Order, tray: Place, action: PowerAction) -> "_Strike | str | Exception":
        """Take the lease and have the intent written down; a word where nothing is to be asked now.

        Several causes of one moment may want the same of a tray: it is asked once.
        """
        now, key = self.clock.now(), (tray, action)
        if now < self._going.get(key, now) and tray not in self.leases.starting():
            return _GOES  # unless a request toward power may have come after it
        if tray not in order.job_first and (held := self._held.get(key)) is not None:
            held.set()  # something else wants it off that waits for no job
        if self._asking[key] >= MOST_ASKED or (self._asking[key] and not self._last[key].sent):
            return _WAITS
        try:
            find = self.output_of if order.act is Act.SHELF_OUTPUT_OFF else self.switch_of
            endpoint, switch = find(tray)
            wish = Wish(endpoint, Facet.POWER_STATE, LeaseClass.INTERLOCK, f"interlock {order.cause}", Direction.SAFE)
            strike = _Strike(tray, action, switch, self.leases.take(wish, LEASE_S))
            strike.effect = self._book.intend(endpoint, action, strike.settle)
        except RackwrightError as err:
            return err
        except Exception as err:  # noqa: BLE001 - logged whole and told; the other trays are struck all the same
            _log.exception("strike of %s for %s failed", tray, order.cause)
            return err
        self._asking[key] += 1
        self._last[key] = strike
        return strike

    async def _strike(self, order: Order, strike: "_Strike | str | Exception") -> str | Exception:
        if not isinstance(strike, _Strike):
            return strike
        strike.sent = strike.tray not in order.job_first
        try:
            if strike.fenced is not None:
                return strike.fenced
            if strike.tray in order.job_first:
                await self._job_first(order, (strike.tray, strike.action))
            strike.sent = True
            return await self._send(strike.tray, strike.switch, strike.action, strike.effect)
        except RackwrightError as err:
            return err
        except Exception as err:  # noqa: BLE001 - logged whole and told; the other trays are struck all the same
            _log.exception("strike of %s for %s failed", strike.tray, order.cause)
            return err
        finally:
            self.leases.give_back(strike.lease)
            self._asking[strike.tray, strike.action] -= 1

    async def _job_first(self, order: Order, key: tuple[Place, PowerAction]) -> None:
        """Wait until the job on a tray was told to end, for a moment at most: not where nobody hears it, nor once
        something else wants the tray off."""
        telling = self.told(order)
        if telling is None:
            return
        held = self._held[key] = asyncio.Event()
        released = asyncio.ensure_future(held.wait())
        waits: set[asyncio.Future[Any]] = {telling, released}
        try:
            await asyncio.wait(waits, timeout=order.job_first_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()
            del self._held[key]

    async def _send(self, tray: Place, switch: PowerSwitch, action: PowerAction, effect: Effect | None) -> str:
        try:
            answer = await ask_once(switch, action)
        except ActionNotOffered as err:
            self._book.record(effect, EffectState.REFUSED, err.what)
            if action is PowerAction.AUX_OFF:  # wanted only where a device has it
                return _SPARED
            raise
        except EndpointRefused as err:
            self._book.record(effect, EffectState.REFUSED, err.what, err.status)
            raise
        except OutcomeUnknown as err:
            sent = self._book.record(effect, EffectState.SENT, err.what)
            self._book.record(sent, EffectState.UNSEEN, "nobody can tell whether it heard; it is asked again")
            raise
        except DeviceError as err:
            unsent = isinstance(err, _NOTHING_SENT)
            self._book.record(effect, EffectState.UNSENT if unsent else EffectState.UNSEEN, err.what)
            raise
        if not answer.accepted:
            self._book.record(effect, EffectState.REFUSED, answer.detail, answer.status)
            return f"refused, {answer.status}"
        self._going[tray, action] = Seconds(self.clock.now() + OFF_TAKES)
        answered = self._book.record(effect, EffectState.ANSWERED, answer.detail, answer.status)
        if action is PowerAction.AUX_OFF:
            self._book.record(answered, EffectState.UNSEEN, "a device without auxiliary power says nothing any more")
        elif answered is not None:
            before = self._unseen.pop(tray, None)
            self._book.record(before, EffectState.UNSEEN, "asked again before it was seen off")
            self._unseen[tray] = answered
        return _TOOK


def _fate(end: str | Exception) -> tuple[Fate, str]:
    """Return what came of a strike; every other word is a refusal."""
    if isinstance(end, str) and end in _FATES:
        return _FATES[end], ""
    return Fate.FAILED, end if isinstance(end, str) else _what(end)


def _what(err: Exception) -> str:
    return err.what if isinstance(err, RackwrightError) else f"the controller failed ({type(err).__name__})"
