"""What `status` says besides its table: short, worst first, the same thing once."""

from typing import Any

import pytest

from datacenter_api.cli.output import Output
from datacenter_api.cli.status import (
    alarm_lines,
    battery_line,
    domain_lines,
    explain_headroom,
    explain_marks,
    leaks,
    silent_hosts,
)


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


def seen(points: int, unknown: int, *wet: str) -> dict[str, Any]:
    return {"leak_points": points, "leaks_unknown": unknown, "leaks": [{"state": s} for s in wet]}


def test_no_zero_where_nobody_can_see_a_leak() -> None:
    assert leaks(seen(0, 0)) == "–"
    assert leaks(seen(6, 6, *["unknown"] * 6)) == "unknown (6)"
    assert leaks(seen(6, 2, "critical", "unknown", "unknown")) == "1 (2 unknown)"
    assert leaks(seen(6, 0)) == "0"


def test_a_rack_on_battery_is_said_so() -> None:
    drain = {"usable_limit_w": 66_000.0, "battery_output_w": {"value": 31_000.0, "quality": "good"}}
    assert battery_line(drain) == "critical: on battery, which delivers 31.0 kW"
    assert battery_line({**drain, "battery_output_w": {"value": 200.0, "quality": "good"}}) == ""
    assert battery_line({**drain, "battery_output_w": {"value": None, "quality": "absent"}}) == ""


def test_a_degraded_domain_is_said_and_one_that_is_not_all_seen_is_not() -> None:
    verdicts = [("k01.nvl0", "healthy"), ("k02.nvl0", "degraded"), ("k04.nvl0", "unknown")]
    domains = [{"id": name, "health": {"verdict": verdict, "reason": "u19 acp7 is down"}} for name, verdict in verdicts]
    assert domain_lines(domains) == [
        "NVLink domain k02.nvl0 warning: u19 acp7 is down; see `rackwright domain show k02.nvl0`"
    ]


def figures(quality: str) -> dict[str, Any]:
    return {name: {"value": 1.0, "quality": quality} for name in ("shelf_output_w", "battery_output_w", "gpu_power_w")}


def test_a_mark_is_explained_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    explain_marks([figures("good")], Output.TABLE)
    explain_marks([figures("partial")], Output.JSON)
    assert capsys.readouterr().out == ""
    explain_marks([figures("good"), figures("partial")], Output.TABLE)
    assert capsys.readouterr().out.startswith("* a sum of those readings that are good now")


def test_who_says_what_is_usable_stands_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    said = (("k01", 120_500.0, "budget"), ("k02", 132_000.0, "design"))
    racks = [{"name": name, "usable_limit_w": watts, "usable_by": by} for name, watts, by in said]
    explain_headroom(racks, Output.JSON)
    assert capsys.readouterr().out == ""
    explain_headroom(racks, Output.TABLE)
    assert capsys.readouterr().out.splitlines() == [
        "usable by the power budget: k01 120.5 kW",
        "usable by design, nothing lost: k02 132.0 kW",
    ]


def test_hosts_that_are_counted_and_not_heard_are_named() -> None:
    rack = {"live": True, "hosts_silent": [f"lab1/a/r01/k01/u{n}/host" for n in (11, 12)]}
    assert silent_hosts(rack) == "warning: the agents of u11, u12 are not heard: no in-band readings"
    assert silent_hosts({**rack, "live": False}) == silent_hosts({**rack, "hosts_silent": []}) == ""
