"""Keeps which events last, also over a restart, for the rack's alarms to look at."""

import logging

import msgspec

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.wire.alarms import AlarmRules
from rack_controller.decide.lasting import Standing, follow_alarms
from rack_controller.decide.notice import Finding
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.layout import RUNS_ON_HOST, Layout
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.journal import Journal

_log = logging.getLogger(__name__)
KIND = "tray_alarm"


class LastingEvents:
    """The events of one rack that last.  What the journal does not take or give back is told in the log."""

    def __init__(self, layout: Layout, journal: Journal, rules: AlarmRules) -> None:
        self._journal, self._rules = journal, rules
        self._systems = {
            Place(t.place): Place(e.place) for t in layout.trays for e in t.endpoints if e.protocol in RUNS_ON_HOST
        }
        self._standing: dict[str, Standing] = {}
        for key, text in journal.kept(KIND).items():
            if key.startswith(f"{layout.rack}/"):
                self._take_back(key, text)

    def standing(self) -> list[tuple[str, LastingEvent]]:
        """Return what lasts now, each with what tells it from others of its kind at its place (an XID, an address)."""
        return [
            (key.removeprefix(f"{s.alarm.place} {s.alarm.kind}").strip(), s.alarm)
            for key, s in sorted(self._standing.items())
        ]

    def look(self, findings: list[Finding], after: Snapshot) -> list[Finding]:
        """Take this second's findings and return what is to be told of events that are over."""
        before = self._standing
        if not before and not findings:
            return []
        self._standing, told = follow_alarms(before, findings, after, self._rules, self._systems)
        for key in before.keys() | self._standing.keys():
            was, now = before.get(key), self._standing.get(key)
            if (was and was.alarm) != (now and now.alarm):
                self._write(key, now)
        return told

    def _take_back(self, key: str, text: str) -> None:
        try:
            self._standing[key] = Standing(msgspec.json.decode(text, type=LastingEvent))
        except msgspec.MsgspecError:
            _log.exception("%s: what lasted before the restart cannot be read", key)

    def _write(self, key: str, now: Standing | None) -> None:
        try:
            if now is None:
                self._journal.drop(KIND, key)
            else:
                self._journal.keep(KIND, key, msgspec.json.encode(now.alarm).decode())
        except EnvironmentUnfit:
            _log.exception("%s: it is not written down, and would be forgotten by a restart", key)
