"""What `status` says besides its table: short, worst first, the same thing once."""

from typing import Any

from datacenter_api.cli.status import alarm_lines, battery_line, domain_lines, leaks


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
