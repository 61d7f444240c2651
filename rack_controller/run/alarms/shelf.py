"""Keeps a rack's alarms in the journal: a restart forgets neither an alarm nor who acknowledged or shelved it."""

import logging
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.alarm_sights import Key
from rack_controller.decide.alarms import Book, recall
from rack_controller.model.alarm import Alarm
from rack_controller.run.journal import Journal

_log = logging.getLogger(__name__)
_KIND, _NUMBER = "alarm", "alarm_number"


@dataclass(slots=True)
class AlarmShelf:
    """What is written down of one rack's alarms.  What the journal refuses is written with the next change."""

    journal: Journal
    rack: Place
    _written: dict[str, Alarm | None] = field(default_factory=dict)
    _number: int = 0
    refused: bool = False

    def take_back(self, now: Seconds) -> Book:
        """Return the book as it was when the controller ended.  What cannot be read is told in the log."""
        alarms = []
        for key, text in self.journal.kept(_KIND).items():
            if not key.startswith(f"{self.rack} "):
                continue
            self._written[key] = None
            try:
                alarm = self._written[key] = msgspec.json.decode(text, type=Alarm)
                alarms.append(alarm)
            except msgspec.MsgspecError:
                _log.exception("%s: an alarm of before the restart cannot be read", key)
        self._number = int(self.journal.kept(_NUMBER).get(self.rack, "0"))
        return recall(self.rack, alarms, self._number, now)

    def keep(self, book: Book) -> None:
        """Write down what changed, all of it or nothing: words alone, which change with a reading, do not count.

        Raises EnvironmentUnfit.
        """
        wanted = {self._name(key): alarm for key, alarm in book.alarms.items()}
        changed: dict[str, str | None] = dict.fromkeys(self._written.keys() - wanted.keys())
        for name, alarm in wanted.items():
            before = self._written.get(name)
            if before is None or msgspec.structs.replace(before, text=alarm.text) != alarm:
                changed[name] = msgspec.json.encode(alarm).decode()
        if book.number != self._number:
            self.journal.keep(_NUMBER, self.rack, str(book.number))  # first: an id is never given twice
            self._number = book.number
        if changed:
            self.journal.keep_all(_KIND, changed)
        self._written = dict(wanted)

    def try_to_keep(self, book: Book) -> None:
        """Write down what changed; what the journal refuses is told once in the log and tried again."""
        try:
            self.keep(book)
        except EnvironmentUnfit:
            if not self.refused:
                _log.exception("%s: alarms are not written down, a restart would forget them", self.rack)
            self.refused = True
        else:
            self.refused = False

    def _name(self, key: Key) -> str:
        return f"{self.rack} {key.name} {key.place} {key.detail}"
