"""Keeps a rack's alarms in the journal: a restart forgets neither an alarm nor who acknowledged or shelved it."""

import logging
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.alarm_sights import Key
from rack_controller.decide.alarms import Book, recall
from rack_controller.model.alarm import Alarm
from rack_controller.run.operate.ledger import Ledger

_log = logging.getLogger(__name__)
_KIND, _NUMBER = "alarm", "alarm_number"


@dataclass(slots=True)
class AlarmShelf:
    """What is written down of one rack's alarms.  What the journal refuses is written with the next change; after a
    successor has taken the rack over nothing is."""

    ledger: Ledger
    _written: dict[str, Alarm | None] = field(default_factory=dict)
    _number: int = 0
    refused: bool = False

    def take_back(self, now: Seconds) -> Book:
        """Return the book as it was when the controller ended.  What cannot be read is told in the log."""
        alarms = []
        for key, text in self.ledger.journal.kept(_KIND).items():
            if not key.startswith(f"{self.ledger.rack} "):
                continue
            self._written[key] = None
            try:
                alarm = self._written[key] = msgspec.json.decode(text, type=Alarm)
                alarms.append(alarm)
            except msgspec.MsgspecError:
                _log.exception("%s: an alarm of before the restart cannot be read", key)
        self._number = int(self.ledger.journal.kept(_NUMBER).get(self.ledger.rack, "0"))
        return recall(self.ledger.rack, alarms, self._number, now)

    def keep(self, book: Book) -> None:
        """Write down what changed, all of it or nothing: words alone, which change with a reading, do not count.

        Raises EnvironmentUnfit, or PreconditionFailed when another controller has the rack.
        """
        keeping, rack = self.ledger.keeping, self.ledger.rack
        wanted = {self._name(key): alarm for key, alarm in book.alarms.items()}
        changes = [self.ledger.dropping(_KIND, name) for name in self._written.keys() - wanted.keys()]
        for name, alarm in wanted.items():
            before = self._written.get(name)
            if before is None or msgspec.structs.replace(before, text=alarm.text) != alarm:
                changes.append(keeping(_KIND, name, msgspec.json.encode(alarm).decode()))
        if book.number != self._number:
            changes.append(keeping(_NUMBER, rack, str(book.number)))  # an id is never given twice
        if changes:
            self.ledger.write(changes)
        self._written, self._number = dict(wanted), book.number

    def try_to_keep(self, book: Book) -> None:
        """Write down what changed; what the journal refuses is told once in the log and tried again."""
        try:
            self.keep(book)
        except RackwrightError:
            if not self.refused:
                _log.exception("%s: alarms are not written down, a restart would forget them", self.ledger.rack)
            self.refused = True
        else:
            self.refused = False

    def _name(self, key: Key) -> str:
        return f"{self.ledger.rack} {key.name} {key.place} {key.detail}"
