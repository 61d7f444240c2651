"""The strikes of one rack in its ledger: each intent on the disk before its request, what came of it soon after.

A journal that refuses stops no strike; being fenced does.  What became of a request waits until no other request has to
go out: a controller that ends before it is written down leaves an intent, and its successor strikes anew.
"""

import itertools
import logging
from dataclasses import dataclass, field
from functools import partial

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import EnvironmentUnfit, RackwrightError
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerAction, PowerState
from rack_controller.model.effect import Before, Effect, EffectState, moved
from rack_controller.model.lease import Facet
from rack_controller.run.guard.sheet import Settle, Sheet

_log = logging.getLogger(__name__)

OPERATION = "interlock"
STRIKES_KEPT = 1_000  # of a rack, in its ledger; one that never answers is struck every 2 s for as long as it stands
TIDY_EVERY = 100


@dataclass(slots=True)
class StrikeBook:
    """Writes by `sheet`."""

    sheet: Sheet
    clock: Clock
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _unwritten: dict[str, Effect] = field(default_factory=dict)  # what became of effects, not on the disk yet
    _refused: set[str] = field(default_factory=set)  # those of them that the journal has refused
    _since_tidy: int = 0

    def unresolved(self) -> list[Effect]:
        """Return the effects of which it is not known how they ended; none when the journal cannot be read."""
        try:
            return self.sheet.ledger.unresolved()
        except EnvironmentUnfit:
            _log.exception("%s: what the last controller's strikes came to cannot be read", self.sheet.ledger.rack)
            return []

    def intend(self, endpoint: Place, action: PowerAction, settle: Settle) -> Effect:
        """Have an intent written down and return its effect; `settle` hears whether it is on the disk.

        How the device stands is not looked at: that would cost the time that water has.
        """
        self._since_tidy += 1
        ledger = self.sheet.ledger
        effect = Effect(
            f"{OPERATION}/{ledger.rack}/{ledger.epoch}/{next(self._numbers)}",  # racks share a journal
            1,
            OPERATION,
            endpoint,
            Facet.POWER_STATE,
            action,
            EffectState.INTENT,
            ledger.epoch,
            self.clock.unix_ns(),
            Before(power=PowerState.UNKNOWN),
        )
        self.sheet.write(ledger.intending(effect), settle)
        return effect

    def record(self, effect: Effect | None, state: EffectState, detail: str, status: int = 0) -> Effect | None:
        """Note what became of an effect and return it so; None stays None: its intent was never written."""
        if effect is None:
            return None
        after = self._unwritten[effect.id] = moved(effect, state, detail, status)
        return after

    def write_down(self) -> None:
        """Write down what was noted; what a journal refuses is written when it takes it."""
        if self._unwritten:
            with self.sheet.together():
                for effect in self._unwritten.values():
                    self.sheet.write(self.sheet.ledger.recording(effect), partial(self._settled, effect))
        if self._since_tidy >= TIDY_EVERY:
            self.tidy()

    def tidy(self) -> None:
        """Forget the oldest strikes."""
        self._since_tidy = 0
        ledger = self.sheet.ledger
        try:
            ledger.forget_effects(OPERATION, STRIKES_KEPT)
        except RackwrightError as err:
            _log.error("%s: old strikes are not forgotten: %s", ledger.rack, err)

    def _settled(self, effect: Effect, refused: RackwrightError | None) -> None:
        if isinstance(refused, EnvironmentUnfit):
            if effect.id not in self._refused:
                self._refused.add(effect.id)
                _log.error("effect %s is %s, and cannot be written down yet: %s", effect.id, effect.state, refused)
            return
        if refused is not None:
            _log.error("effect %s is %s, and is not written down: %s", effect.id, effect.state, refused)
        self._refused.discard(effect.id)
        if self._unwritten.get(effect.id) is effect:
            del self._unwritten[effect.id]
