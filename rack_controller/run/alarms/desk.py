"""Follows one rack's alarms, answers who asks for them, and takes what people do to one.

Nothing here switches anything: what an alarm's row stops is stopped by the guard, shelved or not.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import TRAY_PARTS, Place
from firmware_bridge.vocabulary.text import scrub
from rack_controller.decide.alarm_sights import Key, Watched, hear_events, see_alarms
from rack_controller.decide.alarm_views import glance_of, views_of
from rack_controller.decide.alarms import Book, act_on, follow, why_not
from rack_controller.decide.interlock import Standing
from rack_controller.decide.notice import Finding
from rack_controller.model.alarm import (
    MOST_REASON,
    Alarm,
    AlarmAct,
    AlarmCatalogue,
    AlarmGlance,
    AlarmList,
    AlarmView,
    spot_of,
)
from rack_controller.model.command import Command
from rack_controller.model.event import Severity
from rack_controller.model.interlock_view import TrippedView
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.alarms.shelf import AlarmShelf
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.view import RackView

_TOLD = {
    AlarmAct.ACK: ("alarm.acknowledged", "acknowledged"),
    AlarmAct.SHELVE: ("alarm.shelved", "shelved"),
    AlarmAct.UNSHELVE: ("alarm.unshelved", "taken off the shelf"),
    AlarmAct.OUT_OF_SERVICE: ("alarm.out_of_service", "taken out of service"),
    AlarmAct.RETURN: ("alarm.returned", "returned to service"),
}


class AlarmDesk:
    """One rack's alarms.  `locked_by` says who holds the lock of a tray; `standings` and `tripped` are the guard's,
    None and empty without one; `tell` hears what people did."""

    def __init__(
        self,
        view: RackView,
        ledger: Ledger,
        catalogue: AlarmCatalogue,
        clock: Clock,
        tell: Callable[[Finding], object],
        locked_by: Callable[[Place], str],
        standings: Callable[[], Iterable[Standing] | None] = lambda: None,
        tripped: Callable[[], Sequence[TrippedView]] = tuple,
    ) -> None:
        self._view, self._catalogue, self._clock, self._tell = view, catalogue, clock, tell
        self._locked_by, self._standings, self._tripped = locked_by, standings, tripped
        self._shelf = AlarmShelf(ledger)
        self._told: dict[Key, str] = {}
        self._book = self._shelf.take_back(clock.now())
        self._views: list[AlarmView] = []
        self._show()

    @property
    def verbs(self) -> Mapping[str, Callable[[Command], Awaitable[dict[str, object]]]]:
        """Return the verbs by name."""
        return {"alarm": self.alarm}

    def look(
        self, findings: Iterable[Finding], after: Snapshot, lasting: Iterable[tuple[str, LastingEvent]]
    ) -> tuple[list[Finding], bool]:
        """Follow one tick; return what is to be told, and whether anything that people see has changed."""
        self._told = hear_events(self._told, findings, self._catalogue.definitions.values())
        asked = [key for key, alarm in self._book.alarms.items() if alarm.active]
        watched = Watched(self._view.layout, after, lasting, self._told, self._standings())
        before = self._book
        sights = see_alarms(self._catalogue, watched, asked)
        self._book = follow(before, sights, self._catalogue, self._works_there, after.now, after.unix_ns)
        told = self._unshelved(before, self._book)
        changed = self._book.alarms != before.alarms or len(self._book.raised_at) != len(before.raised_at)
        if changed or self._shelf.refused:
            self._shelf.try_to_keep(self._book)
        if changed:
            self._show()
        return told, changed

    def listed(self) -> AlarmList:
        """Return every alarm that is not normal."""
        glance = self._show()  # what followed from an interlock changes by itself
        return AlarmList(self._view.layout.rack, self._view.layout.armed, glance, self._views)

    def catalogue(self) -> AlarmCatalogue:
        """Return every alarm that the rack may have, and which hides which."""
        return self._catalogue

    async def alarm(self, command: Command) -> dict[str, object]:
        """Do what a person wants done to an alarm.

        Raises ArgumentsInvalid, TargetUnknown, PreconditionFailed with what is in the way, or EnvironmentUnfit when the
        journal refuses: then nothing was done.
        """
        said = command.arguments
        try:
            act = AlarmAct(str(said.get("do", "")))
        except ValueError:
            raise ArgumentsInvalid(
                f"there is no {said.get('do', '')!r} of an alarm", advice=", ".join(AlarmAct)
            ) from None
        key, alarm = self._find(str(said.get("alarm", "")))
        minutes = said.get("minutes", 0)
        if isinstance(minutes, bool) or not isinstance(minutes, int):
            raise ArgumentsInvalid(f"minutes of a shelved alarm: {minutes!r}", advice="a whole number")
        reason = scrub(said.get("reason", ""), MOST_REASON).strip()
        definition = self._catalogue.definitions.get(key.name)
        if why := why_not(act, alarm, definition, reason, minutes):
            raise PreconditionFailed(f"{alarm.id}: {why}", advice="see docs/alarms.md")
        unix_ns = self._clock.unix_ns()
        changed = act_on(alarm, act, command.actor, reason, minutes, unix_ns)
        after = {**self._book.alarms, key: changed}
        if not (changed.active or changed.owed or changed.shelved_by or changed.out_by):
            del after[key]
        book = replace(self._book, alarms=after)
        self._shelf.keep(book)
        self._book = book
        self._show()
        self._view.revision += 1
        kind, word = _TOLD[act]
        for_s = f" for {minutes} min" if act is AlarmAct.SHELVE else ""
        why = f": {reason}" if reason else ""
        self._tell(self._finding(changed, kind, f"{word} by {command.actor}{for_s}{why}"))
        state = str(changed.state) if key in after else "normal"
        return {"alarm": alarm.id, "state": state, "until_unix_ns": changed.shelved_until_unix_ns}

    def _find(self, name: str) -> tuple[Key, Alarm]:
        for key, alarm in self._book.alarms.items():
            if alarm.id == name:
                return key, alarm
        raise TargetUnknown(f"no alarm {name!r} at {self._view.layout.rack}", advice="see `rackwright alarm list`")

    def _works_there(self, place: Place) -> str:
        return self._locked_by(place) if place.count("/") >= TRAY_PARTS - 1 else ""

    def _unshelved(self, before: Book, after: Book) -> list[Finding]:
        told = []
        for key, was in before.alarms.items():
            now = after.alarms.get(key)
            if was.shelved_by and (now is None or not now.shelved_by):
                left = "it is over" if now is None else now.state.replace("_", " ")
                told.append(self._finding(was, "alarm.unshelved", f"its time on the shelf is up, {left}"))
        return told

    def _finding(self, alarm: Alarm, kind: str, text: str) -> Finding:
        definition = self._catalogue.definitions.get(alarm.name)
        title = alarm.name if definition is None else definition.title
        details: dict[str, str | float | int | None] = {"alarm": alarm.id, "name": alarm.name}
        place = Place(alarm.place)
        return Finding(place, kind, Severity.OK, f"{alarm.id} {title} at {spot_of(place)}: {text}", details)

    def _show(self) -> AlarmGlance:
        followed = {(t.cause, t.place): t.did for t in self._tripped()}
        self._views = views_of(self._book, self._catalogue, followed)
        glance = self._view.alarms = glance_of(self._book, self._views, self._catalogue)
        return glance
