"""The latches of one rack, kept in its journal: they outlive the controller, and refuse whatever would energise.

Like the ledger's rows they are written by whoever holds the rack: after a successor has taken it over, a predecessor
that still lives changes no latch.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.errors import EnvironmentUnfit, PreconditionFailed, RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.place import Place, leaf_of, rack_name, rack_of
from rack_controller.decide.clearing import ORPHAN, sign, why_not
from rack_controller.decide.interlock import Key, Standing
from rack_controller.model.interlock import LEAKS, InterlockPolicy, Row
from rack_controller.model.latch import Evidence, Inspection, Latch
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.operate.ledger import Change

_log = logging.getLogger(__name__)
_KIND = "latch"
CLEARED_KEPT = 200


@dataclass(slots=True)
class Latches:
    """Open and cleared latches.  `now_ns` is the wall clock, which only labels them."""

    sheet: Sheet
    policy: InterlockPolicy
    now_ns: Callable[[], int]
    rack: Place = field(init=False)
    _all: dict[str, Latch] = field(init=False)
    _unkept: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rack = self.sheet.ledger.rack
        kept = self.sheet.ledger.journal.kept(_KIND)
        latches = (msgspec.json.decode(document, type=Latch) for document in kept.values())
        self._all = {latch.id: latch for latch in latches if rack_of(latch.place) == self.rack}

    def open(self) -> list[Latch]:
        """Return those that stand, the oldest first."""
        return [latch for latch in self.all() if latch.open]

    def all(self) -> list[Latch]:
        """Return those that stand and the newest cleared ones, the oldest first."""
        return sorted(self._all.values(), key=lambda latch: (latch.tripped_ns, latch.id))

    def trip(self, row: Row, standing: Standing, *, shadow: bool) -> Latch:
        """Let a row latch.  It counts at once, also while the journal does not keep it: see `keep_again`."""
        now_ns = self.now_ns()
        evidence = [Evidence(standing.place, standing.evidence, now_ns)]
        number = 1 + max((_number(latch.id) for latch in self._all.values()), default=0)
        name = f"{rack_name(self.rack)}-l{number}"
        latch = Latch(
            name, row.cause, standing.place, row.title, now_ns, evidence, row.blocks, shadow, wet=sorted(standing.wet)
        )
        self._put(latch)
        return latch

    def spread(self, standing: Standing) -> None:
        """Write down that the water of an open latch may have reached more trays than it did."""
        for latch in self.open():
            if (latch.cause, latch.place) == standing.key and not standing.wet <= set(latch.wet):
                self._put(msgspec.structs.replace(latch, wet=sorted(standing.wet.union(latch.wet))))

    def refuse(self, place: Place) -> None:
        """Count a refused attempt to energise `place` on every latch that stands in its way."""
        for latch in self.in_the_way(place):
            self._put(msgspec.structs.replace(latch, refused_on=latch.refused_on + 1))

    def in_the_way(self, place: Place) -> list[Latch]:
        """Return the open latches that keep the tray `place` off: its own, its rack's, and whose water fell on it."""
        return [
            latch
            for latch in self.open()
            if latch.blocks and not latch.shadow and (latch.place in (place, rack_of(place)) or place in latch.wet)
        ]

    def forbids(self, place: Place) -> str:
        """Return why nothing at the tray `place` may be energised now, empty when it may."""
        found = self.in_the_way(place)
        return "; ".join(f"latch {n.id}: {n.title} at {leaf_of(n.place)}, {n.evidence[0].text}" for n in found)

    def wet(self) -> str:
        """Return which latches of leaks stand anywhere in the rack, empty when none does."""
        leaks = {row.cause for row in self.policy.rows if row.when in LEAKS}
        found = [n for n in self.open() if n.cause in leaks and not n.shadow]
        return "; ".join(f"latch {n.id}: {n.title} at {leaf_of(n.place)}, {n.evidence[0].text}" for n in found)

    def find(self, name: str) -> Latch:
        """Return one latch.  Raises TargetUnknown."""
        latch = self._all.get(name)
        if latch is None:
            standing = ", ".join(n.id for n in self.open()) or "none"
            raise TargetUnknown(f"no latch {name!r} at {self.rack}", advice=f"standing: {standing}")
        return latch

    def clear(
        self,
        name: str,
        inspection: Inspection,
        actor: str,
        holds: Callable[[Key], str],
        seen_besides: Sequence[Evidence] = (),
    ) -> Latch:
        """Sign for a latch, and clear it when that was the last signature needed; return it as it is then.
        What was `seen_besides` is kept with it.

        Raises TargetUnknown, PreconditionFailed with what is missing (or when another controller has taken the rack
        over), or EnvironmentUnfit when the journal refuses: then it stands as before.
        """
        latch = self.find(name)
        rule = next((row.clear for row in self.policy.rows if row.cause == latch.cause), ORPHAN)
        reason = why_not(latch, rule, inspection, actor, holds=holds((latch.cause, latch.place)))
        if reason:
            raise PreconditionFailed(f"latch {name} stands: {reason}", advice=f"see `rackwright interlock show {name}`")
        known = {evidence.place for evidence in latch.evidence[1:]}
        evidence = [*latch.evidence, *(e for e in seen_besides if e.place not in known)]
        signed = sign(msgspec.structs.replace(latch, evidence=evidence), rule, inspection, actor, self.now_ns())
        self.sheet.ledger.write([self._keeping(signed)])
        self._all[name] = signed
        self._forget_oldest()
        return signed

    def keep_again(self) -> None:
        """Write down the latches that the journal refused: without that a restart would forget them."""
        for name in sorted(self._unkept):
            latch = self._all.get(name)
            if latch is None:
                self._unkept.discard(name)
            else:
                self._keep(latch)

    @property
    def unkept(self) -> list[str]:
        """Return the ids of latches that stand, and that a restart would forget."""
        return sorted(self._unkept)

    def drop_shadows(self) -> None:
        """Forget the latches of a rack that was not armed: they kept nothing off."""
        for latch in [n for n in self._all.values() if n.shadow]:
            del self._all[latch.id]
            try:
                self._drop(latch)
            except EnvironmentUnfit:
                _log.exception("shadow latch %s is not forgotten", latch.id)

    def void(self, key: Key) -> list[str]:
        """Take back what was signed for a latch whose cause is seen again; return who must look once more."""
        voided: list[str] = []
        for latch in self.open():
            if (latch.cause, latch.place) == key and latch.signed:
                voided += latch.signed
                self._put(msgspec.structs.replace(latch, signed=[], inspection=None))
        return voided

    def _put(self, latch: Latch) -> None:
        self._all[latch.id] = latch
        self._keep(latch)

    def _keep(self, latch: Latch) -> None:
        def settle(refused: RackwrightError | None) -> None:
            if refused is None:
                self._unkept.discard(latch.id)
            elif latch.id not in self._unkept:
                self._unkept.add(latch.id)
                what = (latch.id, latch.cause, latch.place, refused)
                _log.error("latch %s (%s at %s) stands, but is not kept: %s", *what)

        self.sheet.write(self._keeping(latch), settle)

    def _keeping(self, latch: Latch) -> Change:
        return self.sheet.ledger.keeping(_KIND, self._key(latch), msgspec.json.encode(latch).decode())

    def _forget_oldest(self) -> None:
        cleared = [latch for latch in self.all() if not latch.open]
        for latch in cleared[: max(0, len(cleared) - CLEARED_KEPT)]:
            self._drop(latch)
            del self._all[latch.id]

    def _drop(self, latch: Latch) -> None:
        self.sheet.ledger.drop(_KIND, self._key(latch))

    def _key(self, latch: Latch) -> str:
        return f"{self.rack} {latch.id}"


def _number(name: str) -> int:
    digits = name.rpartition("-l")[2]
    return int(digits) if digits.isdigit() else 0
