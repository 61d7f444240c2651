"""What each tripped row has ordered so far and what came of it, for people.  Decides nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.decide.interlock import Key, Order, Standing
from rack_controller.model.event import Severity
from rack_controller.model.interlock import Act, Row
from rack_controller.model.interlock_view import TrippedView
from rack_controller.model.latch import Latch

MOST_NAMED = 4
SEVERITIES = {1: Severity.CRITICAL, 2: Severity.CRITICAL, 3: Severity.WARNING, 4: Severity.WARNING}
"""How severe what a row says is, by its priority."""
_OFF = {Act.FORCE_OFF: "off", Act.GRACEFUL_OFF: "shut down", Act.AUX_OFF: "auxiliary power off"}


class Fate(StrEnum):
    """What came of one act at one target, as far as it is known."""

    ASKED = "asked"
    TAKEN = "taken"
    SPARED = "spared"  # the target does not offer it, and need not
    FAILED = "failed"


_Fates = dict[Place, tuple[Fate, str]]


@dataclass(slots=True)
class Trail:
    """By cause and place: when it tripped (wall clock), and what came of each act at whom, in the order of the acts."""

    _since: dict[Key, int] = field(default_factory=dict)
    _acts: dict[Key, dict[Act, _Fates]] = field(default_factory=dict)

    def begin(self, key: Key, unix_ns: int) -> None:
        """Remember when a row tripped."""
        self._since[key] = unix_ns
        self._acts.pop(key, None)

    def note(self, order: Order, fate: Fate) -> None:
        """Remember an order; where it is only repeated, what came of it before stands until more is known."""
        fates = self._acts.setdefault((order.cause, order.place), {}).setdefault(order.act, {})
        for target in order.targets:
            fates.setdefault(target, (fate, ""))

    def learn(self, order: Order, fates: Mapping[Place, tuple[Fate, str]]) -> None:
        """Remember what came of an order, unless its row is over by now."""
        known = self._acts.get((order.cause, order.place), {}).get(order.act, {})
        known.update((place, fate) for place, fate in fates.items() if place in known)

    def forget(self, key: Key) -> None:
        """Forget a row that is over."""
        self._since.pop(key, None)
        self._acts.pop(key, None)

    def clear(self) -> None:
        """Forget everything: it is judged anew."""
        self._since.clear()
        self._acts.clear()

    def did(self, key: Key) -> list[str]:
        """Return in words what followed, act by act: what was taken, what is only asked yet, and what failed."""
        return [words for act, fates in self._acts.get(key, {}).items() for words in _came_of(act, fates)]

    def tripped(
        self, standings: Iterable[tuple[Standing, Row]], latches: Iterable[Latch], *, armed: bool
    ) -> list[TrippedView]:
        """Return what has tripped, the first cause first; of causes of the same moment the more urgent one."""
        by_key = {(latch.cause, latch.place): latch for latch in latches}
        views = [
            self._view(standing, row, by_key.get(standing.key), armed=armed)
            for standing, row in standings
            if standing.tripped_at is not None
        ]
        return sorted(views, key=lambda v: (v.since_unix_ns, v.priority, v.cause, v.place))

    def _view(self, standing: Standing, row: Row, latch: Latch | None, *, armed: bool) -> TrippedView:
        since = latch.tripped_ns if latch is not None else self._since.get(standing.key, 0)
        did = self.did(standing.key)
        chain = f"{row.title} at {leaf_of(standing.place)}: {standing.evidence}"
        if did:
            chain += f" → {'' if armed else 'would: '}{'; '.join(did)}"
        if latch is not None:
            chain += f"; latched {latch.id}" if armed else f"; would latch as {latch.id}"
        name = "" if latch is None else latch.id
        return TrippedView(
            standing.cause,
            standing.place,
            row.title,
            standing.evidence,
            since,
            standing.holds,
            name,
            row.blocks,
            row.priority,
            SEVERITIES[row.priority],
            did,
            chain,
            [] if latch is None or not latch.blocks else [place for place in latch.wet if place != latch.place],
        )


def _came_of(act: Act, fates: _Fates) -> list[str]:
    alike: dict[tuple[Fate, str], list[Place]] = {}
    for place, fate in fates.items():
        alike.setdefault(fate, []).append(place)
    endings = {Fate.TAKEN: "", Fate.ASKED: " asked", Fate.FAILED: " failed: "}
    return [
        f"{words_of(act, tuple(places))}{endings[fate]}{why}"
        for fate in endings
        for (said, why), places in alike.items()
        if said is fate
    ]


def words_of(act: Act, targets: tuple[Place, ...]) -> str:
    """Return an act and whom it is for, in words."""
    whom = names_of(targets)
    return f"{whom} {_OFF[act]}" if act in _OFF else f"{act.replace('_', ' ')} {whom}"


def names_of(targets: tuple[Place, ...]) -> str:
    """Return few targets by name, many by their number."""
    names = [leaf_of(t) for t in targets]
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} trays"
