"""Instruments of a test floor at an emulated rack: its emulator says what they show, and a run hands that in as theirs.

A real rack has none of these: people's files are the only way there.
"""

import datetime
import math
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.vocabulary.errors import CommandRefused, EnvironmentUnfit
from rack_controller.acceptance.emulated import EmulatedHands
from rack_controller.acceptance.floor import read_checks
from rack_controller.acceptance.floor_log import Logged, keep_logged
from rack_controller.acceptance.watch import NS

TESTER = "emulated instruments"
ACTOR = "emulator"
CALIBRATED_DAYS = 365
"""For how long they are calibrated: what is not there does not drift."""
Columns = dict[str, dict[str, tuple[list[float], list[float]]]]


@dataclass
class EmulatedInstruments:
    """Of the rack that `hands` stand at.  `series`: what instruments log; `began_unix_ns`: when the run stood at 0."""

    hands: EmulatedHands
    series: Collection[str]
    folder: Path
    began_unix_ns: int
    _read: Columns = field(default_factory=dict)

    def look(self, at: float, kinds: Collection[str], read: Collection[str]) -> None:
        """Take down what instruments at parts of these kinds show at `at`, s of the run, but for what was `read`.

        Where no emulator answers there is no reading of that moment.
        """
        wanted = [n for n in self.series if n not in read and n.partition(".")[0] in kinds]
        if not wanted:
            return
        moment = self.began_unix_ns / NS + at
        with suppress(EnvironmentUnfit, CommandRefused):
            for name, said in self.hands.instruments(wanted).items():
                columns = self._read.setdefault(name, {})
                for place, value in said.items():
                    if value is not None and math.isfinite(value):
                        times, values = columns.setdefault(place, ([], []))
                        times.append(moment)
                        values.append(value)

    def hand_in(self, names: Collection[str]) -> None:
        """Hand in what was taken down of these series since the last time; all else is forgotten."""
        read, self._read = self._read, {}
        until = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=CALIBRATED_DAYS)).date().isoformat()
        logs = [
            Logged(name, place, TESTER, until, times, values)
            for name in sorted(n for n in names if n in read)
            for place, (times, values) in sorted(read[name].items())
        ]
        if logs:
            keep_logged(self.folder, self.hands.rack, logs, ACTOR, time.time_ns(), TESTER)


def logged_at(state: Path, rack: str) -> frozenset[str]:
    """Return the series that instruments log by themselves at a rack: none where no emulator plays it."""
    hands = EmulatedHands.at(state, rack)
    if hands is not None:
        with suppress(EnvironmentUnfit, CommandRefused):
            return frozenset(hands.instruments(read_checks().instruments))
    return frozenset()
