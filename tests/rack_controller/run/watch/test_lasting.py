"""What lasts survives a restart of its controller, and one that cannot be read back costs only itself."""

from pathlib import Path

from support.play import gb200_layout, rack_place

from firmware_bridge.generations.alarms import load_alarm_rules
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.run.board import Board
from rack_controller.run.journal import Journal
from rack_controller.run.watch.lasting import KIND, LastingEvents

LAYOUT = gb200_layout(rack_place())
TRAY = Place(f"{LAYOUT.rack}/u12")
PANIC = Finding(TRAY, "console.panic", Severity.CRITICAL, "u12: kernel panic: not syncing")
BOOT = Finding(TRAY, "console.boot", Severity.OK, "u12: the kernel begins")
EMPTY = Board(Place(LAYOUT.rack), [], {c: Seconds(1.0) for c in ReadingClass})


def begin(journal: Journal) -> LastingEvents:
    return LastingEvents(LAYOUT, journal, load_alarm_rules())


def test_what_lasts_is_there_after_a_restart_until_it_is_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    after = EMPTY.snapshot(1, Seconds(1.0), UnixNanoseconds(1))
    assert begin(journal).look([PANIC], after) == []
    journal.keep(KIND, f"{LAYOUT.rack}/u13 odd", "{")
    journal.keep(KIND, "lab1/a/r01/k09/u12 of another rack", "{}")
    events = begin(journal)
    ((detail, event),) = events.standing()
    assert (detail, event.place, event.severity, event.text) == ("", TRAY, "critical", "kernel panic: not syncing")
    (over,) = events.look([BOOT], after)
    assert (over.kind, events.standing()) == ("alarm.over", [])
    assert begin(journal).standing() == []
    journal.close()
