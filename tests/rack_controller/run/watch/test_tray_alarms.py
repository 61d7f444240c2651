"""An alarm survives a restart of its controller, and one that cannot be read back costs only itself."""

from pathlib import Path

from support.play import gb200_layout, rack_place

from firmware_bridge.generations.tray_alarms import load_alarm_rules
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.run.board import Board
from rack_controller.run.journal import Journal
from rack_controller.run.view import RackView
from rack_controller.run.watch.tray_alarms import KIND, TrayAlarms

LAYOUT = gb200_layout(rack_place())
TRAY = Place(f"{LAYOUT.rack}/u12")
PANIC = Finding(TRAY, "console.panic", Severity.CRITICAL, "u12: kernel panic: not syncing")
BOOT = Finding(TRAY, "console.boot", Severity.OK, "u12: the kernel begins")
EMPTY = Board(Place(LAYOUT.rack), [], {c: Seconds(1.0) for c in ReadingClass})


def begin(journal: Journal) -> tuple[RackView, TrayAlarms]:
    view = RackView(LAYOUT, "boot")
    return view, TrayAlarms(view, journal, load_alarm_rules())


def test_an_alarm_is_there_after_a_restart_until_it_is_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    after = EMPTY.snapshot(1, Seconds(1.0), UnixNanoseconds(1))
    _, alarms = begin(journal)
    assert alarms.look([PANIC], after) == []
    journal.keep(KIND, f"{LAYOUT.rack}/u13 odd", "{")
    journal.keep(KIND, "lab1/a/r01/k09/u12 of another rack", "{}")
    view, alarms = begin(journal)
    assert [(a.place, a.severity, a.text) for a in view.alarms] == [(TRAY, "critical", "kernel panic: not syncing")]
    (over,) = alarms.look([BOOT], after)
    assert (over.kind, view.alarms) == ("alarm.over", [])
    assert begin(journal)[0].alarms == []
    journal.close()
