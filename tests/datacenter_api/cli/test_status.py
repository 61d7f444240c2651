"""What `status` says besides its table: short, worst first, the same thing once."""

from typing import Any

from datacenter_api.cli.status import alarm_lines


def tray(name: str, alarm: str, why: str = "") -> dict[str, Any]:
    return {"name": name, "alarm": alarm, "why": why}


def test_trays_that_are_well_are_not_mentioned() -> None:
    assert alarm_lines([tray("u11", "ok"), tray("u12", "ok")]) == []


def test_the_same_thing_is_said_once_for_all_its_trays_and_the_worst_first() -> None:
    silent = [tray(f"u{n}", "unknown", "management unknown") for n in range(11, 38)]
    few = [tray("u01", "warning", "health warning"), tray("u02", "warning", "health warning")]
    assert alarm_lines([*silent, *few, tray("u40", "critical", "leak critical"), tray("u41", "unknown")]) == [
        "u40 critical: leak critical",
        "u01, u02 warning: health warning",
        "27 trays (u11, u12, u13 …) unknown: management unknown",
        "u41 unknown: no current reading",
    ]
