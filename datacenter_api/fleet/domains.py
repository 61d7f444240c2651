"""NVLink domains over all racks: racks whose layouts name the same domain are shown as one.  Pure; unknown stays so."""

from collections.abc import Iterable

import msgspec

from datacenter_api.fleet.nvlinks import ends_of
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.summary import Figure, gpu_power_of
from datacenter_api.fleet.view import view_of
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.domain import DomainHealth, decide_domain
from rack_controller.model.layout import DomainView, Layout


class DomainRack(msgspec.Struct, frozen=True):
    """One rack's share of a domain: its place, name, the domain's GPUs and trays in it, and whether it is live."""

    rack: str
    name: str
    generation: str
    gpus: int
    trays: list[str]
    live: bool


class DomainSummary(msgspec.Struct, frozen=True):
    """One NVLink domain.  `gpus_planned` is the design's count, `gpus_present` that of the racks that are known.

    `racks_missing` counts racks of the design that this site does not have or that were not heard; W.
    `health` judges it from both ends of its links.
    """

    id: str
    name: str
    gpus_planned: int
    gpus_present: int
    racks_planned: int
    racks_missing: int
    gpu_power_w: Figure
    racks: list[DomainRack]
    health: DomainHealth


def summarise_domains(records: Iterable[RackRecord], now: Seconds) -> list[DomainSummary]:
    """Return every domain at `now`, by id."""
    found: dict[str, list[tuple[RackRecord, Layout, DomainView]]] = {}
    for record in records:
        for domain in record.layout.domains if record.layout else ():
            assert record.layout is not None
            key = domain.id or f"{record.token}.{domain.name}"
            found.setdefault(key, []).append((record, record.layout, domain))
    return [_summary(key, members, now) for key, members in sorted(found.items())]


def findings_at(domains: Iterable[DomainSummary], tray: str) -> list[tuple[DomainSummary, str]]:
    """Return what is wrong with domains at one tray, at either end of a link: each domain with the text of a finding.

    `tray` is the tray's place.  A finding beyond those that a verdict lists is not in it.
    """
    found = [(domain, finding) for domain in domains for finding in domain.health.findings]
    return [(domain, f.text) for domain, f in found if tray in {str(tray_of(Place(f.place))), *f.others}]


def _summary(key: str, members: list[tuple[RackRecord, Layout, DomainView]], now: Seconds) -> DomainSummary:
    plan = members[0][2]
    racks = [_share(record, layout, domain, now) for record, layout, domain in members]
    return DomainSummary(
        id=key,
        name=plan.name,
        gpus_planned=plan.gpus,
        gpus_present=sum(r.gpus for r in racks),
        racks_planned=plan.racks,
        racks_missing=max(plan.racks - len(racks), 0),
        gpu_power_w=_power(members, now),
        racks=racks,
        health=_health(members, max(plan.racks - len(racks), 0), now),
    )


def _share(record: RackRecord, layout: Layout, domain: DomainView, now: Seconds) -> DomainRack:
    trays = [t for t in layout.trays if t.domain == domain.name]
    return DomainRack(
        rack=layout.rack,
        name=record.token,
        generation=layout.generation,
        gpus=sum(c.count for t in trays for c in t.components if c.name == "gpu"),
        trays=[t.place for t in trays],
        live=record.live(now),
    )


def _health(members: list[tuple[RackRecord, Layout, DomainView]], missing: int, now: Seconds) -> DomainHealth:
    """Judge the domain from both ends of its links; a rack that does not say how it is wired leaves it unknown."""
    found = [ends_of(record, layout, view_of(record, now), d.name, now) for record, layout, d in members]
    return decide_domain([e for e in found if e is not None], members[0][2].gpus, missing, found.count(None))


def _power(members: list[tuple[RackRecord, Layout, DomainView]], now: Seconds) -> Figure:
    """Add up the racks' GPU power; a rack that is not known makes the sum partial, never smaller in silence."""
    figures = [gpu_power_of(view_of(record, now), layout, domain.name) for record, layout, domain in members]
    good, total = sum(f.good for f in figures), sum(f.total for f in figures)
    values = [f.value for f in figures if f.value is not None]
    worst = next((f.quality for f in figures if f.quality not in ("good", "partial")), "good")
    quality = "good" if good == total else "partial" if good else worst
    return Figure(sum(values) if values else None, "W", quality, good, total)
