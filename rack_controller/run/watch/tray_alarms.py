"""Keeps which events stand as alarms of a rack's trays, also over a restart, and tells `state` of them."""

import logging

import msgspec

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.wire.tray_alarms import AlarmRules
from rack_controller.decide.notice import Finding
from rack_controller.decide.tray_alarms import Standing, follow_alarms
from rack_controller.model.layout import RUNS_ON_HOST, TrayAlarm
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.journal import Journal
from rack_controller.run.view import RackView

_log = logging.getLogger(__name__)
KIND = "tray_alarm"


class TrayAlarms:
    """The standing alarms of one rack.  What the journal does not take or give back is told in the log."""

    def __init__(self, view: RackView, journal: Journal, rules: AlarmRules) -> None:
        self._view, self._journal, self._rules = view, journal, rules
        self._systems = {
            Place(t.place): Place(e.place) for t in view.layout.trays for e in t.endpoints if e.protocol in RUNS_ON_HOST
        }
        self._standing: dict[str, Standing] = {}
        for key, text in journal.kept(KIND).items():
            if key.startswith(f"{view.layout.rack}/"):
                self._take_back(key, text)
        self._show()

    def look(self, findings: list[Finding], after: Snapshot) -> list[Finding]:
        """Take this second's findings and return what is to be told of alarms that are over."""
        before = self._standing
        if not before and not findings:
            return []
        self._standing, told = follow_alarms(before, findings, after, self._rules, self._systems)
        for key in before.keys() | self._standing.keys():
            was, now = before.get(key), self._standing.get(key)
            if (was and was.alarm) != (now and now.alarm):
                self._write(key, now)
        self._show()
        return told

    def _show(self) -> None:
        self._view.alarms = [standing.alarm for _, standing in sorted(self._standing.items())]

    def _take_back(self, key: str, text: str) -> None:
        try:
            self._standing[key] = Standing(msgspec.json.decode(text, type=TrayAlarm))
        except msgspec.MsgspecError:
            _log.exception("%s: an alarm of before the restart cannot be read", key)

    def _write(self, key: str, now: Standing | None) -> None:
        try:
            if now is None:
                self._journal.drop(KIND, key)
            else:
                self._journal.keep(KIND, key, msgspec.json.encode(now.alarm).decode())
        except EnvironmentUnfit:
            _log.exception("%s: the alarm is not written down, and would be forgotten by a restart", key)
