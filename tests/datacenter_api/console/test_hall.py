"""The hall: a domain over two racks is one frame, every value has its place, no generation is known by its name."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import msgspec
import pytest
from support.budget_view import budget_glance

from datacenter_api.console.floor import FEW, SOME, HallRack, draw_floor, make_bays
from datacenter_api.console.hall import attention, draw_attention, draw_hall, hall_cells, together
from datacenter_api.console.strips import strip_cells
from datacenter_api.fleet.domains import summarise_domains
from datacenter_api.fleet.summary import Figure
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import WornLink

HOSTILE = '"><script>alert(1)</script>'
NOW = Seconds(100.0)


def ids(drawing: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', drawing))


def test_every_value_of_the_hall_has_its_place_once(hall: Any) -> None:
    racks, domains = hall.seen()
    drawn = draw_hall(racks, domains)
    assert {at for at, _ in hall_cells(racks, domains)} <= ids(drawn)
    found = re.findall(r'\bid="([^"]+)"', drawn)
    assert len(found) == len(set(found))


def test_a_domain_over_two_racks_is_one_frame_with_its_totals(hall: Any) -> None:
    racks, domains = hall.seen()
    drawn, cells = draw_hall(racks, domains), hall_cells(racks, domains)
    (frame,) = re.findall(r'<section class="bay".*?</section>', drawn)
    assert "NVLink domain k02.nvl0" in frame
    assert re.findall(r'aria-label="Rack [^"]*/(k\d+)"', frame) == ["k02", "k03"]
    assert 'aria-label="Rack lab1/a/r01/k01"' in drawn.replace(frame, ""), (
        "a rack with a domain of its own is not framed"
    )
    assert cells[("d-k02.nvl0-what", "text")] == "72 GPUs over 2 racks"
    assert cells[("d-k02.nvl0-power", "text")] == "GPU power 64.8 kW"
    assert "d-k01.nvl0-what" not in drawn


def test_a_silent_rack_makes_its_domain_partial_and_the_hall_not_whole(hall: Any) -> None:
    hall.heard_at["k03"] = Seconds(NOW - 60.0)
    racks, domains = hall.seen()
    cells = hall_cells(racks, domains)
    assert cells[("d-k02.nvl0-what", "text")] == "72 GPUs over 2 racks, 1 silent"
    assert cells[("d-k02.nvl0-power", "text")] == "GPU power 32.4 kW (36 of 72 read)"
    assert cells[("d-k02.nvl0-power", "class")] == "partial"
    assert cells[("r-k03-pill", "text")] == "? stale"
    assert cells[("r-k03-u15", "class")] == "t compute stale"
    assert cells[("r-k03-u15-g0", "class")] == "g unknown"
    assert cells[("r-k03-out", "text")] == "–"
    assert cells[("h-racks", "text")] == "2 of 3"
    assert cells[("h-headroom", "text")] == "–", "a hall with a shelf that nobody read has no headroom"
    assert cells[("h-bar", "class")] == "unsure"


def test_a_rack_of_the_domain_that_nobody_heard_stands_in_the_frame(hall: Any) -> None:
    del hall.racks["k03"]
    racks, domains = hall.seen()
    drawn, cells = draw_hall(racks, domains), hall_cells(racks, domains)
    assert "1 rack of this domain not heard" in drawn
    assert cells[("d-k02.nvl0-what", "text")] == "36 of 72 GPUs over 2 racks"


def test_racks_tied_by_several_domains_stand_in_one_bay(hall: Any) -> None:
    racks, domains = hall.seen()
    shared = msgspec.structs.replace(
        domains[0], id="x", racks_planned=2, racks=[*domains[0].racks, *domains[1].racks[:1]]
    )
    (bay,) = make_bays(racks, [shared, *domains[1:]])
    assert [rack.summary.name for rack in bay.racks] == ["k01", "k02", "k03"]
    assert [domain.id for domain in bay.domains] == ["k02.nvl0", "x"]


def test_racks_of_different_heights_are_to_one_scale(hall: Any) -> None:
    racks, domains = hall.seen()
    minis = [
        ET.fromstring(svg) for svg in re.findall(r'<svg class="mini".*?</svg>', draw_floor(make_bays(racks, domains)))
    ]
    units = [float(svg.attrib["viewBox"].split()[3]) for svg in minis]
    assert units == [rack.layout.height_u * 10 + 8 for rack in racks]
    assert units[0] > units[1]


def test_every_kind_of_tray_has_its_colour_and_its_word(hall: Any) -> None:
    drawn = draw_hall(*hall.seen())
    for kind, word in (("battery_shelf", "Battery"), ("coolant_unit", "Coolant"), ("compute", "Compute")):
        assert f'class="t {kind} stale"' in drawn
        assert f'<i class="edge {kind}"></i>{word}' in drawn


@pytest.mark.parametrize(("copies", "density"), [(1, "few"), (2, "some"), (7, "many")])
def test_more_racks_are_drawn_smaller(hall: Any, copies: int, density: str) -> None:
    racks, _ = hall.seen()
    many = [
        HallRack(msgspec.structs.replace(r.summary, rack=f"lab1/a/r01/x{n}{i}", name=f"x{n}{i}"), r.layout, r.view)
        for n in range(copies)
        for i, r in enumerate(racks)
    ]
    assert (len(many) <= FEW, len(many) <= SOME) == (density == "few", density != "many")
    assert f'<div class="hall {density}">' in draw_floor(make_bays(many, []))


def test_names_from_outside_are_escaped(hall: Any) -> None:
    racks, domains = hall.seen()
    layout = racks[0].layout
    trays = [msgspec.structs.replace(t, title=HOSTILE, kind=HOSTILE) for t in layout.trays]
    one = HallRack(
        msgspec.structs.replace(racks[0].summary, generation=HOSTILE),
        msgspec.structs.replace(layout, trays=trays),
        None,
    )
    domain = msgspec.structs.replace(domains[0], id=HOSTILE, name=HOSTILE, racks_planned=2, racks_missing=1)
    drawn = draw_hall([one], [domain]) + draw_attention([("critical", "/x", HOSTILE, HOSTILE)])
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn


def test_what_needs_a_look_is_told_worst_first_and_a_silent_rack_once(hall: Any) -> None:
    hall.racks["k02"].set("u15/leak1", Quantity.LEAK, 2.0)
    hall.racks["k01"].set("u06/psu1", Quantity.HEALTH, 1.0)
    hall.heard_at["k03"] = Seconds(NOW - 60.0)
    lines = attention(*hall.seen())
    assert [(alarm, where) for alarm, _, where, _ in lines] == [
        ("critical", "k02 u15"),
        ("warning", "k01 u06"),
        ("unknown", "k03"),
    ]
    drawn = draw_attention(lines)
    assert 'href="/console/rack/lab1/a/r01/k02/u15"' in drawn
    assert "leak critical" in drawn
    assert "every tray of every rack is well" in draw_attention(())


def test_a_degraded_domain_needs_a_look_and_is_told_at_its_frame_and_its_racks_card(hall: Any) -> None:
    for name, slot in (("k01", "u19"), ("k02", "u23")):
        hall.worn[name] = [WornLink(f"lab1/a/r01/{name}/{slot}/acp1", "ber.high", f"{name} acp1 wears out")]
    racks, domains = hall.seen()
    drawn, cells = draw_hall(racks, domains), hall_cells(racks, domains)
    assert [line for line in attention(racks, domains) if "NVLink" in line[2]] == [
        ("warning", f"/console/domain/{d.id}", f"NVLink {d.id}", d.health.reason) for d in domains
    ]
    (frame,) = re.findall(r'<section class="bay".*?</section>', drawn)
    assert 'id="dv-k02.nvl0"' in frame
    assert 'id="dv-k01.nvl0"' in drawn.replace(frame, "")
    for name in ("k01", "k02"):
        at = f"dv-{name}.nvl0"
        assert (cells[(at, "text")], cells[(at, "class")]) == ("▲ degraded", "pill warning")
        assert cells[(at, "title")].startswith(f"{name} acp1 wears out")


def test_an_unknown_leak_detector_is_never_called_dry(hall: Any) -> None:
    rack = hall.racks["k02"]
    rack.quality[rack.line("u01/leak0", Quantity.LEAK)] = Quality.STALE
    cells = hall_cells(*hall.seen())
    assert cells[("r-k02-leaks", "text")].endswith("1 unknown")
    assert cells[("h-leak", "text")].startswith("? ")


def test_a_rack_on_battery_is_told_everywhere(hall: Any) -> None:
    rack = hall.racks["k02"]
    for slot in ("u06", "u07", "u08"):
        rack.set(slot, Quantity.POWER, 0.0)
    for slot in ("u09", "u11", "u13"):
        rack.set(slot, Quantity.POWER, 16_000.0)
    racks, domains = hall.seen()
    cells = hall_cells(racks, domains)
    assert cells[("r-k02-pill", "text")] == "◆ critical"
    assert cells[("r-k02-worst", "text")] == "on battery, 48.0 kW"
    assert cells[("r-k02-barnote", "text")] == cells[("h-barnote", "text")] == "◆ on battery, 48.0 kW"
    assert cells[("h-headroom", "text")] == "–"
    assert [(alarm, where, why) for alarm, _, where, why in attention(racks, domains)] == [
        ("critical", "k02", "on battery, which delivers 48.0 kW")
    ]
    strips = strip_cells(racks[1].summary)
    assert (strips[("battery", "text")], strips[("battery", "class")]) == ("48.0 kW", "over")
    assert strip_cells(racks[0].summary)[("battery", "class")] == "absent", "a rack without batteries has no figure"


def test_what_is_usable_is_what_the_budget_says_and_a_designs_figure_is_named_as_one(hall: Any) -> None:
    cells = hall_cells(*hall.seen())
    assert cells[("h-usable-note", "text")] == "· by design, nothing lost"
    assert cells[("r-k01-head", "text")].endswith(" of 132.0 kW by design, nothing lost")
    hall.budgets["k01"] = budget_glance()
    racks, domains = hall.seen()
    cells, strips = hall_cells(racks, domains), strip_cells(racks[0].summary)
    assert cells[("h-usable-note", "text")] == "· 2 of 3 by design, nothing lost"
    assert cells[("r-k01-head", "text")].endswith(" of 125.0 kW")
    assert (strips[("usable", "text")], strips[("usable-note", "text")]) == ("125.0 kW", "· by the power budget")


def test_sums_say_what_they_lack() -> None:
    good, none = Figure(10.0, "W", "good", 2, 2), Figure(None, "W", "stale", 0, 3)
    assert together([good, good], "W") == Figure(20.0, "W", "good", 4, 4)
    assert together([good, none], "W") == Figure(10.0, "W", "partial", 2, 5)
    assert together([none], "W") == Figure(None, "W", "stale", 0, 3)
    assert together([], "W").quality == "absent"


def test_a_hall_without_racks_says_so() -> None:
    assert "No rack has been heard" in draw_hall([], summarise_domains([], NOW))
    assert hall_cells([], []) == {}
