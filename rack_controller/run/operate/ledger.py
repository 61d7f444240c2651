"""The ledger of one rack: operations and their effects, in the rack's journal, each change synced before it counts.

Every change carries the epoch of the controller that makes it; after a successor has opened the ledger, a predecessor
that still lives can change nothing, and so sends nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import Place, rack_name
from rack_controller.model.effect import OPEN, Before, Effect, EffectState
from rack_controller.model.lease import Facet
from rack_controller.model.limit import SetPoint, decode_set_point
from rack_controller.model.operation import Operation
from rack_controller.run.journal import Journal

OPERATIONS_KEPT = 500  # ended ones, per rack
_FENCED = "another controller has taken this rack over"
Change = tuple[str, tuple[object, ...]]
"""One statement with its values; it touches one row, and none once another controller has taken the rack over."""
_HELD_OR_OPEN = tuple(sorted({*OPEN, EffectState.HELD}))


@dataclass(slots=True)
class Ledger:
    """Raises EnvironmentUnfit when the journal refuses, PreconditionFailed when fenced: then nothing may be sent."""

    journal: Journal
    rack: Place
    epoch: int = field(init=False)

    def __post_init__(self) -> None:
        self.epoch = self.journal.take_over(self.rack)

    def next_operation(self) -> str:
        """Reserve and return the next operation's id, e.g. `k01-7`; numbers are never used twice."""
        self.write([("UPDATE fence SET operations = operations + 1 WHERE rack = ? AND epoch = ?", self._mine())])
        ((number,),) = self.journal.rows("SELECT operations FROM fence WHERE rack = ?", (self.rack,))
        return f"{rack_name(self.rack)}-{number}"

    def keep(self, operation: Operation) -> None:
        """Write down how far an operation is."""
        number = int(operation.id.rpartition("-")[2])
        document = msgspec.json.encode(operation).decode()
        upsert = (
            "INSERT INTO operation SELECT ?, ?, ?, ?, ? WHERE EXISTS "
            "(SELECT 1 FROM fence WHERE rack = ? AND epoch = ?) "
            "ON CONFLICT (id) DO UPDATE SET open = excluded.open, document = excluded.document"
        )
        values = (operation.id, self.rack, number, int(not operation.over), document, *self._mine())
        self.write([(upsert, values)])

    def operations(self, most: int = OPERATIONS_KEPT) -> list[Operation]:
        """Return the newest operations that are kept, the newest first."""
        rows = self.journal.rows(
            "SELECT document FROM operation WHERE rack = ? ORDER BY number DESC LIMIT ?", (self.rack, most)
        )
        return [_operation(document) for (document,) in rows]

    def open_operations(self) -> list[Operation]:
        """Return every operation that has not ended, the oldest first."""
        rows = self.journal.rows(
            "SELECT document FROM operation WHERE rack = ? AND open = 1 ORDER BY number", (self.rack,)
        )
        return [_operation(document) for (document,) in rows]

    def operation(self, operation_id: str) -> Operation | None:
        """Return one operation, None when it is not kept."""
        rows = self.journal.rows("SELECT document FROM operation WHERE rack = ? AND id = ?", (self.rack, operation_id))
        return _operation(rows[0][0]) if rows else None

    def tidy(self) -> None:
        """Forget the oldest of the operations that ended, with their effects, when more than enough are kept."""
        rows = self.journal.rows(
            "SELECT id FROM operation WHERE rack = ? AND open = 0 ORDER BY number DESC LIMIT -1 OFFSET ?",
            (self.rack, OPERATIONS_KEPT),
        )
        for (old,) in rows:
            self.journal.transact(
                [("DELETE FROM effect WHERE operation = ?", (old,)), ("DELETE FROM operation WHERE id = ?", (old,))]
            )

    def forget_effects(self, operation: str, most: int) -> None:
        """Forget all but the newest `most` ended effects of `operation` at this rack."""
        marks = ", ".join("?" * len(_HELD_OR_OPEN))
        ended = f"rack = ? AND operation = ? AND state NOT IN ({marks})"
        mine = (self.rack, operation, *_HELD_OR_OPEN)
        newest = f"SELECT rowid FROM effect WHERE {ended} ORDER BY rowid DESC LIMIT ?"
        self.journal.transact([(f"DELETE FROM effect WHERE {ended} AND rowid NOT IN ({newest})", (*mine, *mine, most))])

    def intend(
        self, key: str, operation: str, endpoint: Place, facet: Facet, action: str, before: Before, unix_ns: int
    ) -> Effect:
        """Write down that a request is about to go out, and return its effect.  Only then may a socket be touched.

        Refused while another attempt of the same key is open or held.
        """
        last = self.latest(key)
        if last is not None and (last.is_open or last.state is EffectState.HELD):
            raise PreconditionFailed(f"effect {last.id} is {last.state}: it is not sent again before that is settled")
        effect = Effect(
            key,
            1 if last is None else last.attempt + 1,
            operation,
            endpoint,
            facet,
            action,
            EffectState.INTENT,
            self.epoch,
            unix_ns,
            before,
        )
        self.write([self.intending(effect)])
        return effect

    def record(self, effect: Effect) -> None:
        """Write down an effect's newest state."""
        self.write([self.recording(effect)])

    def write(self, changes: Sequence[Change]) -> None:
        """Write all of `changes` down or none, synced once."""
        if any(touched != 1 for touched in self.journal.transact(changes)):
            raise PreconditionFailed(_FENCED, advice="this process must end")

    def intending(self, effect: Effect) -> Change:
        """Return the change that writes an intent down.  Its key must be new: nothing is looked up."""
        insert = (
            "INSERT INTO effect SELECT ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM fence WHERE rack = ? AND epoch = ?)"
        )
        return insert, (
            *(effect.key, effect.attempt, self.rack, effect.operation, effect.state, _text(effect)),
            *self._mine(),
        )

    def recording(self, effect: Effect) -> Change:
        """Return the change that writes an effect's newest state down."""
        update = (
            "UPDATE effect SET state = ?, document = ? WHERE key = ? AND attempt = ? AND EXISTS "
            "(SELECT 1 FROM fence WHERE rack = ? AND epoch = ?)"
        )
        return update, (effect.state, _text(effect), effect.key, effect.attempt, *self._mine())

    def keeping(self, kind: str, key: str, document: str) -> Change:
        """Return the change that keeps a document in the journal (`Journal.kept`), replacing the one of before."""
        upsert = (
            "INSERT INTO kept SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM fence WHERE rack = ? AND epoch = ?) "
            "ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document"
        )
        return upsert, (kind, key, document, *self._mine())

    def latest(self, key: str) -> Effect | None:
        """Return the newest attempt of a key, None when none was ever intended."""
        rows = self.journal.rows("SELECT document FROM effect WHERE key = ? ORDER BY attempt DESC LIMIT 1", (key,))
        return _effect(rows[0][0]) if rows else None

    def effects_of(self, operation: str) -> list[Effect]:
        """Return every effect of an operation in the order of their intents."""
        rows = self.journal.rows("SELECT document FROM effect WHERE operation = ? ORDER BY rowid", (operation,))
        return [_effect(document) for (document,) in rows]

    def unresolved(self) -> list[Effect]:
        """Return the effects of this rack of which it is not known how they ended."""
        marks = ", ".join("?" * len(_HELD_OR_OPEN))
        rows = self.journal.rows(
            f"SELECT document FROM effect WHERE rack = ? AND state IN ({marks}) ORDER BY rowid",
            (self.rack, *_HELD_OR_OPEN),
        )
        return [_effect(document) for (document,) in rows]

    def drop(self, kind: str, key: str) -> None:
        """Forget a kept document; a controller that has been succeeded forgets none."""
        self.journal.transact([self.dropping(kind, key)])

    def dropping(self, kind: str, key: str) -> Change:
        """Return the change that forgets a document that is kept."""
        delete = (
            "DELETE FROM kept WHERE kind = ? AND key = ? AND EXISTS (SELECT 1 FROM fence WHERE rack = ? AND epoch = ?)"
        )
        return delete, (kind, key, *self._mine())

    def set_points(self) -> list[SetPoint]:
        """Return every set-point that is wanted at this rack."""
        rows = self.journal.rows(
            "SELECT document FROM kept WHERE kind = 'set_point' AND key LIKE ? ESCAPE '\\'", (_below(self.rack),)
        )
        return [decode_set_point(str(document)) for (document,) in rows]

    def keep_set_points(self, points: list[SetPoint]) -> None:
        """Write down set-points that are wanted, all of them in one piece."""
        self.write([self.keeping("set_point", p.place, msgspec.json.encode(p).decode()) for p in points])

    def forget_set_points(self, places: list[str]) -> None:
        """Forget set-points that nobody wants any more."""
        for place in places:
            self.drop("set_point", place)

    def _mine(self) -> tuple[object, ...]:
        return self.rack, self.epoch


def _below(rack: str) -> str:
    """Return what fits every place below a rack in SQL's LIKE."""
    escaped = rack.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}/%"


def _text(effect: Effect) -> str:
    return msgspec.json.encode(effect).decode()


def _operation(document: object) -> Operation:
    return msgspec.json.decode(str(document), type=Operation)


def _effect(document: object) -> Effect:
    return msgspec.json.decode(str(document), type=Effect)
