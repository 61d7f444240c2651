"""Maintenance locks of a rack's trays: who works there, how to reach them, until when.  Kept over restarts.

A lock never ends by itself: overdue it stands and says so, because somebody may still have a hand in the tray.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.text import scrub
from rack_controller.decide.notice import Finding
from rack_controller.model.command import Command
from rack_controller.model.event import Severity
from rack_controller.model.lock import MaintenanceLock
from rack_controller.run.journal import Journal
from rack_controller.run.view import RackView

KIND = "lock"
MOST_HOURS = 72
MOST_TEXT = 200
_HOUR_NS = 3_600_000_000_000


@dataclass(slots=True)
class Locks:
    """The locks of one rack."""

    view: RackView
    journal: Journal
    clock: Clock
    tell: Callable[[Finding], None]
    _locks: dict[Place, MaintenanceLock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        inside = f"{self.view.layout.rack}/"
        for place, text in self.journal.kept(KIND).items():
            if place.startswith(inside):
                self._locks[Place(place)] = msgspec.json.decode(text, type=MaintenanceLock)

    @property
    def verbs(self) -> Mapping[str, Callable[[Command], Awaitable[dict[str, object]]]]:
        """Return the verbs by name."""
        return {"lock": self.lock, "unlock": self.unlock}

    def of(self, place: Place) -> MaintenanceLock | None:
        """Return the lock of the tray that holds `place`, None when nobody works there."""
        return self._locks.get(tray_of(place))

    def newest(self) -> list[MaintenanceLock]:
        """Return every lock, the newest first."""
        return sorted(self._locks.values(), key=lambda lock: -lock.since_unix_ns)

    def maintenance(self, place: Place) -> str:
        """Return who works on a tray and for how much longer, empty when nobody does."""
        lock = self.of(place)
        if lock is None:
            return ""
        left = (lock.until_unix_ns - self.clock.unix_ns()) / _HOUR_NS
        return f"{lock.text}, {f'{left:.1f} h left' if left > 0 else f'overdue by {-left:.1f} h'}"

    async def lock(self, command: Command) -> dict[str, object]:
        """Lock a tray for whoever asks.  Raises TargetUnknown, ArgumentsInvalid or PreconditionFailed."""
        tray = self._tray(command)
        phone, reason = (scrub(command.arguments.get(name), MOST_TEXT).strip() for name in ("phone", "reason"))
        hours = command.arguments.get("hours", 4)
        if not phone or not reason:
            raise ArgumentsInvalid("a lock needs a reason, and how to reach its owner", advice="--reason and --phone")
        if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= MOST_HOURS:
            raise ArgumentsInvalid(f"hours of a lock: {hours!r}", advice=f"1 to {MOST_HOURS}")
        held = self._locks.get(tray)
        if held is not None and held.owner != command.actor:
            raise PreconditionFailed(f"{leaf_of(tray)} is {held.text}", advice="agree with its owner")
        now = self.clock.unix_ns()
        since = now if held is None else held.since_unix_ns
        lock = MaintenanceLock(tray, command.actor, phone, reason, since, now + hours * _HOUR_NS)
        self.journal.keep(KIND, tray, msgspec.json.encode(lock).decode())
        self._locks[tray] = lock
        self._told(tray, "lock.set", f"{leaf_of(tray)} is {lock.text}")
        return {"place": tray, "until_unix_ns": lock.until_unix_ns}

    async def unlock(self, command: Command) -> dict[str, object]:
        """End a lock: its owner at any time, somebody else with a reason.  Raises as `lock` does."""
        tray = self._tray(command)
        held = self._locks.get(tray)
        if held is None:
            raise PreconditionFailed(f"{leaf_of(tray)} is not locked")
        reason = scrub(command.arguments.get("reason"), MOST_TEXT).strip()
        if held.owner != command.actor and not reason:
            raise PreconditionFailed(
                f"{leaf_of(tray)} is {held.text}", advice="call them; then --reason says why it ends without them"
            )
        self.journal.drop(KIND, tray)
        del self._locks[tray]
        why = f": {reason}" if reason else ""
        self._told(
            tray, "lock.cleared", f"the lock of {held.owner} on {leaf_of(tray)} was ended by {command.actor}{why}"
        )
        return {"place": tray}

    def _tray(self, command: Command) -> Place:
        tray = next((Place(t.place) for t in self.view.layout.trays if t.place == command.target), None)
        if tray is None:
            raise TargetUnknown(f"{command.target} is no tray", advice="name one tray, such as u12")
        return tray

    def _told(self, tray: Place, kind: str, text: str) -> None:
        self.tell(Finding(tray, kind, Severity.WARNING, text))
