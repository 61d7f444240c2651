"""A domain's page: the GPUs of all its racks in one grid, and a rack's way to the others."""

import re
from typing import Any

import msgspec
from support.pair import DOMAIN

from datacenter_api.console.domain import domain_cells, domain_line_cells, draw_domain, draw_domain_line
from datacenter_api.fleet.domains import DomainSummary
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.domain import DomainFinding, Verdict


def domain_of(hall: Any) -> tuple[DomainSummary, list[Any]]:
    racks, domains = hall.seen()
    (domain,) = (d for d in domains if d.id == DOMAIN)
    return domain, [r for r in racks if r.summary.rack in {share.rack for share in domain.racks}]


def ids(drawing: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', drawing))


def test_all_gpus_of_both_racks_stand_in_one_grid(hall: Any) -> None:
    hall.racks["k03"].set("u40/gpu3", Quantity.TEMPERATURE, 88.0)
    domain, racks = domain_of(hall)
    drawn, cells = draw_domain(domain, racks), domain_cells(domain, racks)
    assert {at for at, _ in cells} <= ids(drawn)
    gpus = {i for i in ids(drawn) if re.fullmatch(r"dm-k0[23]-u\d+-g\d", i)}
    assert len(gpus) == 72
    assert cells[("dm-where", "text")] == "hottest k03 u40 gpu3"
    assert cells[("dm-hot", "text")] == "88.0 °C"
    assert cells[("dm-power", "text")] == "64.8 kW"
    assert cells[("dm-racks", "text")] == "2 of 2 live"


def test_what_is_not_known_is_neither_cold_nor_counted(hall: Any) -> None:
    hall.heard_at["k03"] = Seconds(40.0)
    hall.racks["k02"].set("u15/gpu0", Quantity.TEMPERATURE, None)
    domain, racks = domain_of(hall)
    cells = domain_cells(domain, racks)
    assert cells[("dm-k03-u15-g0", "class")] == "gpu unknown"
    assert cells[("dm-k02-u15-g0-text", "text")].startswith("?°")
    assert cells[("dm-state", "text")] == "? 37 GPUs unknown"
    assert cells[("dm-cold", "text")] == "45.5 °C"
    assert cells[("dm-k03-u15-power", "text")] == "–"
    assert cells[("dm-k03-u15", "class")] == "dmtray alarm-unknown"


def test_a_racks_page_leads_to_the_other_rack(hall: Any) -> None:
    domain, _racks = domain_of(hall)
    here = domain.racks[0].rack
    line = draw_domain_line([domain], here)
    assert "72 GPUs over 2 racks" in line
    assert re.findall(r'class="chip here" href="([^"]+)" aria-current=page', line) == [f"/console/rack/{here}"]
    assert 'class="chip" href="/console/rack/lab1/a/r01/k03"' in line
    assert {at for at, _ in domain_line_cells([domain])} <= ids(line)


def test_a_domain_of_one_rack_is_told_calmly(hall: Any) -> None:
    _, domains = hall.seen()
    line = draw_domain_line([d for d in domains if d.id == "k01.nvl0"], "lab1/a/r01/k01")
    assert "72 GPUs over 1 rack" in line
    assert "chip" not in line


def test_health_says_what_is_wrong_and_what_is_not_seen(hall: Any) -> None:
    domain, racks = domain_of(hall)
    drawn, cells = draw_domain(domain, racks), domain_cells(domain, racks)
    assert {at for at, _ in cells} <= ids(drawn)
    assert cells[("dm-verdict", "text")] == "? unknown"
    assert cells[("dm-ports", "text")] == "? of 2592"
    assert cells[("dm-f0-text", "text")] == "? not seen: the ports of all 9 switch trays"
    assert cells[("dm-f11", "class")] == "none"


def test_more_findings_than_there_is_room_for_are_counted(hall: Any) -> None:
    domain, racks = domain_of(hall)
    found = [DomainFinding("link.down", "p", f"<b>port {n}</b>") for n in range(20)]
    health = msgspec.structs.replace(domain.health, verdict=Verdict.DEGRADED, findings=found, unseen=[])
    cells = domain_cells(msgspec.structs.replace(domain, health=health), racks)
    assert (cells[("dm-verdict", "text")], cells[("dm-verdict", "class")]) == ("▲ degraded", "pill warning")
    assert (cells[("dm-f0-text", "text")], cells[("dm-f0", "class")]) == ("▲ <b>port 0</b>", "sev-warning")
    assert cells[("dm-f11-text", "text")] == "and 9 more: see `rackwright domain show`"
