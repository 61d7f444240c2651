"""Rows that outlast silence, kept in the rack's journal: a restart ends none of them while nobody says that it is over.

What the journal refuses stands all the same, and is written as soon as the disk takes it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import msgspec

from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Key, Standing
from rack_controller.model.interlock import InterlockPolicy
from rack_controller.run.guard.sheet import Sheet

_log = logging.getLogger(__name__)
_KIND = "interlock_unended"


class Unended(msgspec.Struct, frozen=True):
    """A row that tripped at a place, and what was seen then."""

    cause: str
    place: Place
    evidence: str


@dataclass(slots=True)
class UnendedRows:
    """One rack's.  `keep` is called once a tick, with everything that stands."""

    sheet: Sheet
    policy: InterlockPolicy
    _kept: dict[Key, Unended] = field(init=False)
    _refused: bool = False

    def __post_init__(self) -> None:
        mine = f"{self.sheet.ledger.rack} "
        kept = self.sheet.ledger.journal.kept(_KIND)
        rows = [msgspec.json.decode(text, type=Unended) for key, text in kept.items() if key.startswith(mine)]
        self._kept = {(row.cause, row.place): row for row in rows}

    def recalled(self, now: Seconds) -> dict[Key, Standing]:
        """Return what stood when the controller ended: what is heard now ends it, and nothing else does."""
        mine = self.causes
        return {
            key: Standing(row.cause, row.place, now, row.evidence, tripped_at=now)
            for key, row in self._kept.items()
            if row.cause in mine
        }

    def keep(self, standings: Mapping[Key, Standing]) -> None:
        """Write down what is new of what stands, and drop what is over."""
        mine = self.causes
        stands = {key: s for key, s in standings.items() if s.cause in mine and s.tripped_at is not None}
        ledger = self.sheet.ledger
        for key in stands.keys() - self._kept.keys():
            row = Unended(*key, stands[key].evidence)
            change = ledger.keeping(_KIND, self._name(key), msgspec.json.encode(row).decode())
            self.sheet.write(change, partial(self._settle, key, row))
        for key in self._kept.keys() - stands.keys():
            change = ledger.dropping(_KIND, self._name(key))
            self.sheet.write(change, partial(self._settle, key, None))

    def _settle(self, key: Key, row: Unended | None, refused: RackwrightError | None) -> None:
        if refused is not None:
            if not self._refused:
                _log.error("%s at %s is not written down, and a restart would not know of it: %s", *key, refused)
        elif row is None:
            self._kept.pop(key, None)
        else:
            self._kept[key] = row
        self._refused = refused is not None

    @property
    def causes(self) -> frozenset[str]:
        """Return the causes whose rows outlast silence."""
        return frozenset(row.cause for row in self.policy.rows if row.outlasts_silence)

    def _name(self, key: Key) -> str:
        return f"{self.sheet.ledger.rack} {key[0]} {key[1]}"
