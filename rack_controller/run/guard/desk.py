"""What is asked of a rack's interlocks: how they stand, and that a latch be cleared."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, TargetUnknown
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.text import scrub
from rack_controller.decide.clearing import ORPHAN
from rack_controller.decide.interlock import Standing
from rack_controller.decide.unjudged import uncovered, unjudged
from rack_controller.model.command import Command
from rack_controller.model.interlock import Act, InterlockPolicy, Row
from rack_controller.model.interlock_view import (
    InterlockGlance,
    InterlockState,
    Rehearsal,
    StandingView,
    TrippedView,
    UnjudgedView,
)
from rack_controller.model.latch import Inspection
from rack_controller.run.guard.bypasses import Bypasses
from rack_controller.run.guard.drill import Driller
from rack_controller.run.guard.guard import Guard
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.rehearsal import rehearsed

Verb = Callable[[Command], Awaitable[dict[str, object]]]
MOST_RECORD = 2_000
MOST_REASON = 200
TOLD_WITHIN_S = 3.0  # who asked is answered by then; the strikes go on


@dataclass(frozen=True, slots=True)
class InterlockDesk:
    """Answers for one guard.  `building`: whether a building is agreed with."""

    rack: Place
    guard: Guard
    latches: Latches
    policy: InterlockPolicy
    clock: Clock
    bypasses: Bypasses
    unresolved: Callable[[], int] = lambda: 0
    building: bool = False
    driller: Driller | None = None

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {
            "clear": self.clear,
            "emergency_off": self.emergency_off,
            "bypass": self.bypass,
            "interlock_test": self.test,
        }

    def state(self) -> InterlockState:
        """Return how everything stands now."""
        rows = {row.cause: row for row in self.policy.rows}
        still = self.guard.still()
        seen = [self._view(s, rows[s.cause], still(s.key)) for s in self.guard.standings.values() if s.cause in rows]
        seen.sort(key=lambda s: (s.priority, s.tripped_s is None, s.cause, s.place))
        clearing = {n.cause: rows[n.cause].clear if n.cause in rows else ORPHAN for n in self.latches.open()}
        latches = self.latches.all()
        said = (self._tripped(), clearing, self.bypasses.all(), *self._unseen())
        return InterlockState(self.rack, self.guard.armed, len(rows), seen, latches, *said)

    def glance(self) -> InterlockGlance:
        """Return what a banner says of it now."""
        standing = sum(not latch.shadow for latch in self.latches.open())
        return InterlockGlance(self.guard.armed, self._tripped(), standing, self.unresolved(), self.bypasses.standing())

    def rehearse(self, detector: Place) -> Rehearsal:
        """Return what would follow if a detector said Critical now.  Raises what `Guard.rehearse` raises."""
        trips = rehearsed(*self.guard.rehearse(detector), {row.cause: row for row in self.policy.rows})
        note = ""
        if not trips:
            out = any(b.place == detector for b in self.bypasses.in_force())
            note = "it is bypassed" if out else "what it would trip holds already, or is bypassed"
        return Rehearsal(detector, self.guard.armed, trips, note)

    async def test(self, command: Command) -> dict[str, object]:
        """Test the whole path at a leak detector, up to the last step before each device.  Raises what `Driller.drill`
        raises."""
        if self.driller is None:
            raise TargetUnknown(f"nothing of {self.rack} can be tested")
        return {"drill": msgspec.to_builtins(await self.driller.drill(Place(command.target)))}

    async def clear(self, command: Command) -> dict[str, object]:
        """Sign for a latch with an inspection record.  Raises TargetUnknown, ArgumentsInvalid, PreconditionFailed."""
        name = str(command.arguments.get("latch", ""))
        if not name:
            raise ArgumentsInvalid("clear needs the id of a latch", advice="see `rackwright interlock list`")
        record = {
            field: scrub(command.arguments.get(field, ""), MOST_RECORD) for field in ("found", "done", "pressure_check")
        }
        latch = self.guard.clear(name, Inspection(**record), command.actor)
        return {"latch": latch.id, "cleared": not latch.open, "signed": list(latch.signed)}

    async def bypass(self, command: Command) -> dict[str, object]:
        """Open, sign or end a bypass.  Raises as `Bypasses.command` does."""
        return self.bypasses.command(command, self.guard.detectors(), self.guard.trays())

    async def emergency_off(self, command: Command) -> dict[str, object]:
        """Force off a tray, or every compute and switch tray of the rack, and tell how they took it.

        Raises ArgumentsInvalid without a reason, TargetUnknown, or PreconditionFailed on a rack that is only observed.
        """
        reason = scrub(command.arguments.get("reason", ""), MOST_REASON).strip()
        if not reason:
            raise ArgumentsInvalid("an emergency off needs a reason", advice="say what you see, in a few words")
        place = Place(command.target)
        trays = self.guard.trays()
        if place != self.rack and place not in trays:
            raise TargetUnknown(f"{place} has no host to switch off", advice="name a compute or switch tray, or a rack")
        latch, strikes = self.guard.emergency_off(place, f"{command.actor}: {reason}")
        if strikes:
            await asyncio.wait(strikes, timeout=TOLD_WITHIN_S)
        came = self.guard.came_of(latch, Act.FORCE_OFF)
        count = len(trays) if place == self.rack else 1
        return {"latch": latch.id, "trays": count, "came": came or "being switched off"}

    def _unseen(self) -> tuple[list[UnjudgedView], list[str]]:
        """Return the rows that cannot be judged, and detectors that no row looks at; nothing before the first tick."""
        picture = self.guard.picture
        if picture is None:
            return [], []
        blank = unjudged(picture, self.policy, building=self.building)
        views = [UnjudgedView(u.row.cause, u.row.title, u.why, [*u.places]) for u in blank]
        return views, [*uncovered(picture, self.guard.detectors())]

    def _tripped(self) -> list[TrippedView]:
        rows = {row.cause: row for row in self.policy.rows}
        known = [(s, rows[s.cause]) for s in self.guard.standings.values() if s.cause in rows]
        return self.guard.trail.tripped(known, self.latches.open(), armed=self.guard.armed)

    def _view(self, standing: Standing, row: Row, still: str) -> StandingView:
        now, tripped = self.clock.now(), standing.tripped_at
        latched = [n.tripped_ns for n in self.latches.open() if (n.cause, n.place) == standing.key]
        older = [(self.latches.now_ns() - ns) / 1e9 for ns in latched]  # a latch is older than a controller begun anew
        return StandingView(
            standing.cause,
            standing.place,
            row.title,
            standing.evidence,
            standing.holds,
            round(now - standing.held_since, 1),
            None if tripped is None else round(max(now - tripped, *older, 0.0), 1),
            row.latch,
            row.blocks,
            row.priority,
            row.consequence,
            row.response,
            still,
        )
