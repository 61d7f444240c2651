"""A tray's page: every reading has its place, unit, quality and age; alarm words by their bits; unknown is told."""

import re
from typing import Any

import msgspec
import pytest
from support.pair import BITS, DOMAIN
from support.play import PlayedRack

from datacenter_api.console.bits import word_of, words_now
from datacenter_api.console.cells import gpu_cells
from datacenter_api.console.choices import Choice, rack_choices, series_choice, tray_choices
from datacenter_api.console.groups import group_lines
from datacenter_api.console.panel import MOST_LINES, draw_panel, find_tray, panel_cells
from datacenter_api.console.readings import value_text
from datacenter_api.console.tray import (
    TraySight,
    draw_choices,
    draw_head,
    draw_health,
    draw_sensors,
    head_cells,
    health_cells,
    sensor_cells,
)
from datacenter_api.fleet.trays import axes_of
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import WornLink
from rack_controller.model.table import make_table

HOSTILE = '"><script>alert(1)</script>'
NOW = Seconds(100.0)


def ids(drawing: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', drawing))


def sight_of(hall: Any, rack: str, slot: str) -> TraySight:
    racks, domains = hall.seen()
    seen = next(r for r in racks if r.summary.name == rack)
    record = next(r for r in hall.records() if r.token == rack)
    tray = find_tray(seen.layout, slot)
    assert tray is not None
    state = next(t for t in seen.summary.trays if t.name == slot)
    groups = tuple(group_lines(tray, seen.view.columns)) if seen.view else ()
    domain = next((d for d in domains if any(tray.place in share.trays for share in d.racks)), None)
    return TraySight(seen.layout, tray, state, seen.view, axes_of(record, NOW), groups, seen.summary.live, domain)


def line(sight: TraySight, below: str, quantity: Quantity) -> int:
    assert sight.view is not None
    return next(
        n
        for n, s in enumerate(sight.view.columns.series)
        if (s.place, s.quantity) == (f"{sight.tray.place}/{below}" if below else sight.tray.place, quantity)
    )


def test_a_tray_says_what_is_wrong_with_its_domain_at_it_and_how_the_domain_is_elsewhere(hall: Any) -> None:
    hall.worn["k01"] = [WornLink("lab1/a/r01/k01/u19/acp1", "ber.high", HOSTILE)]
    here, elsewhere, other = (
        sight_of(hall, rack, slot) for rack, slot in (("k01", "u19"), ("k01", "u12"), ("k02", "u15"))
    )
    assert 'href="/console/domain/k01.nvl0"' in draw_head(here)
    assert head_cells(here)[("y-domain", "text")] == head_cells(elsewhere)[("y-domain", "text")] == "▲ degraded"
    assert head_cells(other)[("y-domain", "text")] == "? unknown"
    assert health_cells(here)[("y-nvlink", "text")] == f"▲ {HOSTILE}"
    lanes = [WornLink(f"lab1/a/r01/k01/u19/acp{n}", "ber.high", f"lane {n}") for n in range(1, 9)]
    hall.worn["k01"] = lanes
    many = health_cells(sight_of(hall, "k01", "u19"))[("y-nvlink", "text")]
    assert many == "▲ lane 1; lane 2; lane 3; and 5 more, see its domain"
    assert "nothing of it is known to be wrong at this tray" in health_cells(elsewhere)[("y-nvlink", "text")]
    assert health_cells(other)[("y-nvlink", "text")] == f"? unknown: domain {DOMAIN}"
    shelf = sight_of(hall, "k01", "u06")
    assert "NVLink" not in draw_head(shelf) + draw_health(shelf)


@pytest.mark.parametrize(
    ("rack", "slot"), [("k01", "u12"), ("k02", "u01"), ("k02", "u06"), ("k02", "u09"), ("k03", "u15")]
)
def test_every_value_of_every_kind_of_tray_has_its_place_once(hall: Any, rack: str, slot: str) -> None:
    sight = sight_of(hall, rack, slot)
    drawn = draw_head(sight) + draw_health(sight) + draw_sensors(sight) + '<i id="live">'
    found = re.findall(r'\bid="([^"]+)"', drawn)
    assert len(found) == len(set(found))
    cells = {**head_cells(sight), **health_cells(sight), **sensor_cells(sight)}
    assert {at for at, _ in cells} <= ids(drawn)
    assert sight.view is not None
    mine = sight.view.columns.by_tray[slot]
    assert {f"l{n}" for n in mine} <= ids(drawn), "every series of the tray is on its page"


def test_a_reading_has_value_unit_quality_and_age(hall: Any) -> None:
    sight = sight_of(hall, "k02", "u15")
    at, cells = f"l{line(sight, 'gpu0', Quantity.TEMPERATURE)}", sensor_cells(sight)
    assert cells[(f"{at}-v", "text")] == "45.5 °C"
    assert cells[(f"{at}-q", "text")] == "good"
    assert cells[(f"{at}-a", "text")] == "< 1 s"


def test_a_stale_and_a_missing_reading_say_so(hall: Any) -> None:
    rack = hall.racks["k02"]
    rack.quality[rack.line("u15/gpu0", Quantity.POWER)] = Quality.STALE
    rack.set("u15/gpu1", Quantity.POWER, None)
    sight = sight_of(hall, "k02", "u15")
    cells = sensor_cells(sight)
    stale, missing = (line(sight, f"gpu{n}", Quantity.POWER) for n in (0, 1))
    assert cells[(f"l{stale}", "class")] == "stale"
    assert cells[(f"l{stale}-v", "text")] == "900.0 W", "the last value stays, marked as old"
    assert (cells[(f"l{missing}-v", "text")], cells[(f"l{missing}-q", "text")]) == ("–", "missing")
    number = next(n for n, group in enumerate(sight.groups) if group.name == "gpu0")
    assert cells[(f"y-g{number}-q", "text")] == "1 not good"
    assert cells[(f"y-g{number}", "text")].startswith("–"), "what is not good is not told in the group's line"


def test_alarm_words_are_told_by_their_bits(hall: Any) -> None:
    hall.racks["k02"].set("u06/psu3", Quantity.ALARMS, float(0b0101))
    sight = sight_of(hall, "k02", "u06")
    cells = {**sensor_cells(sight), **health_cells(sight)}
    at = line(sight, "psu3", Quantity.ALARMS)
    assert cells[(f"l{at}-v", "text")] == "▲ fan fault · bit 2, not defined"
    assert cells[(f"l{at}", "class")] == "good words raised"
    assert cells[("y-words", "text")] == "▲ psu3: fan fault"


def test_a_bit_that_only_informs_raises_nothing(hall: Any) -> None:
    sight = sight_of(hall, "k02", "u09")
    cells = {**sensor_cells(sight), **health_cells(sight)}
    assert cells[(f"l{line(sight, 'bbu0', Quantity.ALARMS)}-v", "text")] == "none · fully charged"
    assert cells[("y-words", "text")] == "● none of 6 alarm words raises anything"


def test_an_unknown_alarm_word_is_not_silence(hall: Any) -> None:
    rack = hall.racks["k02"]
    rack.set("u09/bbu1", Quantity.ALARMS, None)
    sight = sight_of(hall, "k02", "u09")
    assert health_cells(sight)[("y-words", "text")] == "? 1 word of 6 unknown, the others raise nothing"
    assert sight.view is not None
    assert words_now(sight.view.columns, sight.view, "u09") == ([], 6, 1)


def test_bits_beyond_the_names_are_told_by_number() -> None:
    word = word_of(BITS, 0b11010)
    assert word.alarms == ("over temperature",)
    assert word.informs == ("fully charged", "bit 4, not defined")


def test_the_unknown_leak_detector_is_named(hall: Any) -> None:
    rack = hall.racks["k02"]
    rack.quality[rack.line("u01/leak3", Quantity.LEAK)] = Quality.STALE
    rack.set("u01/leak4", Quantity.LEAK, 2.0)
    sight = sight_of(hall, "k02", "u01")
    cells = health_cells(sight)
    told = {n: cells[(f"k{line(sight, f'leak{n}', Quantity.LEAK)}-s", "text")] for n in (2, 3, 4)}
    assert told == {2: "● dry", 3: "? unknown, stale", 4: "◆ critical"}


def test_serial_units_have_their_management(hall: Any) -> None:
    rack = hall.racks["k02"]
    rack.set("u06/psu2", Quantity.MANAGEMENT, 0.0)
    sight = sight_of(hall, "k02", "u06")
    drawn, cells = draw_health(sight), health_cells(sight)
    rows = re.findall(r"<td>(\w+)</td><td class=\"n\">(0x[0-9a-f]+)</td>", drawn)
    assert rows[0] == ("pmm", "0x20")
    assert len(rows) == 7
    at = next(n for n, row in enumerate(rows) if row[0] == "psu2")
    assert cells[(f"u-{at}-m", "text")] == "✕ absent"


def test_a_silent_rack_makes_its_trays_unknown(hall: Any) -> None:
    hall.heard_at["k02"] = Seconds(NOW - 60.0)
    cells = head_cells(sight_of(hall, "k02", "u15"))
    assert cells[("y-alarm", "text")] == "? nothing current is heard of this rack"
    assert (cells[("y-power", "text")], cells[("live", "text")]) == ("–", "? stale")
    assert cells[("y-state", "text")] == "? unknown"


def test_the_head_tells_the_domain_and_the_neighbours(hall: Any) -> None:
    drawn = draw_head(sight_of(hall, "k02", "u15"))
    assert DOMAIN in drawn
    assert re.findall(r'href="/console/rack/lab1/a/r01/k02/(u\d+)"', drawn) == ["u17", "u13"]
    assert "u06" in draw_head(sight_of(hall, "k02", "u01"))


def test_series_are_grouped_by_part_and_foreign_names_by_how_they_begin(hall: Any) -> None:
    sight = sight_of(hall, "k02", "u15")
    names = [group.name for group in sight.groups]
    assert names == ["", "gpu0", "gpu1", "gpu2", "gpu3", "leak", "chassis_0", "other"]
    sizes = {group.name: len(group.lines) for group in sight.groups}
    assert (sizes["leak"], sizes["chassis_0"], sizes["other"]) == (4, 3, 1)
    assert sight.view is not None
    assert sum(sizes.values()) == len(sight.view.columns.by_tray["u15"])


def test_charts_are_offered_for_the_tray_and_its_parts(hall: Any) -> None:
    sight = sight_of(hall, "k02", "u15")
    assert sight.view is not None
    columns = sight.view.columns
    choices = {choice.id: choice for choice in tray_choices(sight.tray, columns)}
    assert list(choices) == ["tray:power", "gpu:power", "gpu:temperature"]
    assert [wish.name for wish in choices["gpu:power"].wishes] == ["gpu0", "gpu1", "gpu2", "gpu3"]
    one = series_choice(sight.tray, columns, "chassis_0_fan_1:temperature")
    assert one is not None
    assert one.unit == "°C"
    for wrong in ("", ":", "gpu9:power", "gpu0:leak", "../k03/u15:power", "gpu0:nonsense", ":power_state"):
        assert series_choice(sight.tray, columns, wrong) is None


def test_a_racks_charts_are_sums_over_what_it_has(hall: Any) -> None:
    for rack in hall.seen()[0]:
        assert rack.view is not None
        choices: dict[str, Choice] = {c.id: c for c in rack_choices(rack.layout, rack.view.columns)}
        assert list(choices) == ["output", "gpus", "coolant", "flow"]
        assert len(choices["gpus"].wishes[0].keys) == rack.summary.gpus
        assert len(choices["output"].wishes[0].keys) == rack.summary.shelf_output_w.total
        assert [wish.name for wish in choices["coolant"].wishes] == ["supply", "return"]


def test_the_panel_is_short_and_leads_to_the_page(hall: Any) -> None:
    sight = sight_of(hall, "k02", "u09")
    drawn, cells = draw_panel(sight.tray, sight.view), panel_cells(sight.tray, sight.view, sight.axes)
    assert {at for at, _ in cells} <= ids(drawn)
    assert 'href="/console/rack/lab1/a/r01/k02/u09"' in drawn
    assert sum(what == "class" and at.startswith("p-") for at, what in cells) <= MOST_LINES


def test_text_from_outside_is_escaped_everywhere(hall: Any) -> None:
    sight = sight_of(hall, "k02", "u06")
    tray = msgspec.structs.replace(sight.tray, title=HOSTILE, kind=HOSTILE, feeds=[HOSTILE], domain=HOSTILE)
    places = [t if t.place != tray.place else tray for t in sight.layout.trays]
    hostile = TraySight(
        msgspec.structs.replace(sight.layout, trays=places),
        tray,
        sight.state,
        sight.view,
        sight.axes,
        sight.groups,
        True,
    )
    choice = Choice(HOSTILE, HOSTILE, "W", ())
    drawn = (
        draw_head(hostile) + draw_health(hostile) + draw_sensors(hostile) + draw_choices([choice], "", [HOSTILE], "")
    )
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "W", "–"),
        (0.0, "W", "0 W"),
        (-0.0, "W", "0 W"),
        (900.0, "W", "900.0 W"),
        (5_040.4, "W", "5040 W"),
        (17_949.4, "W", "17.9 kW"),
        (4.1, "V", "4.1 V"),
        (42_935, "J", "42.9 kJ"),
        (65_535.0, "1", "65 535"),
        (3, "1", "3"),
    ],
)
def test_values_read_easily(value: float | int | None, unit: str, text: str) -> None:
    assert value_text(value, unit) == text


def test_what_a_device_has_no_value_for_is_told_apart_from_what_is_not_read(hall: Any) -> None:
    rack = hall.racks["k02"]
    sight = sight_of(hall, "k02", "u15")
    number = next(
        n
        for n, group in enumerate(sight.groups)
        if any("chassis_0_fan_1" in str(sight.view.columns.series[n].place) for n in group.lines)
    )
    assert sight.view is not None
    lines = [rack.line(f"u15/chassis_0_fan_{n}", Quantity.TEMPERATURE) for n in (1, 2)]
    for n in lines:
        rack.quality[n] = Quality.MISSING
    cells = sensor_cells(sight_of(hall, "k02", "u15"))
    assert (cells[(f"y-g{number}-q", "text")], cells[(f"y-g{number}-q", "class")]) == (
        "all good, 2 without a value",
        "quiet",
    )
    rack.quality[lines[0]] = Quality.STALE
    cells = sensor_cells(sight_of(hall, "k02", "u15"))
    assert cells[(f"y-g{number}-q", "text")] == "1 not good, 1 without a value"


def test_gpus_whose_board_is_away_show_what_their_driver_says_and_that_it_does(hall: Any) -> None:
    rack = hall.racks["k02"]
    place = f"{rack.place}/u15/gpu0"
    more = [Series(Place(place), q, ReadingClass.POWER) for q in (Quantity.TEMPERATURE_CORE, Quantity.POWER_AVERAGE)]
    both = PlayedRack(rack.layout, make_table(Place(rack.layout.rack), [*rack.table.series, *more]))
    hall.racks["k02"] = both
    both.set("u15/gpu0", Quantity.TEMPERATURE_CORE, 51.0)
    both.set("u15/gpu0", Quantity.POWER_AVERAGE, 912.0)

    def cells() -> tuple[str, str, str, str]:
        seen = gpu_cells("at", place, sight_of(hall, "k02", "u15").view)
        sight = sight_of(hall, "k02", "u15")
        number = next(n for n, group in enumerate(sight.groups) if group.name == "gpu0")
        return (
            seen[("at-text", "text")],
            seen[("at", "class")],
            seen[("at", "title")],
            sensor_cells(sight)[(f"y-g{number}", "text")],
        )

    assert "by its driver" not in " ".join(cells())
    for quantity in (Quantity.TEMPERATURE, Quantity.POWER):
        both.quality[both.line("u15/gpu0", quantity)] = Quality.FLAGGED
    text, word, title, brief = cells()
    assert (text, word) == ("51° 912 W", "gpu known inband")
    assert title == "gpu0: 51.0 °C, 912 W (by its driver; the BMC says nothing now)"
    assert brief == "912.0 W by its driver · 51.0 °C by its driver"


def test_what_is_wrong_with_an_endpoint_has_a_line_of_its_own(hall: Any) -> None:
    drawn = draw_panel(sight_of(hall, "k01", "u12").tray, None)
    heads, whys = len(re.findall("<th[ >]", drawn)), re.findall(r'<tr class="why"><td colspan="(\d)"', drawn)
    assert {int(n) for n in whys} == {heads}
