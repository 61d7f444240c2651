"""How an NVLink domain is, judged from both ends of its links: switches and GPUs.  Pure; unknown is never healthy.

Degraded: something is known to be wrong, and it is named.  Unknown: nothing is known to be wrong, but not everything is
seen.  Healthy: every port, manager, version and GPU was seen, and both ends say the same.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from firmware_bridge.vocabulary.place import Place, leaf_of, rack_name, tray_of
from rack_controller.model.layout import WornLink
from rack_controller.model.wiring import Wiring

MOST_FINDINGS = 60
TOLD_ONE_BY_ONE = 6
MOST_NAMED = 3


class Verdict(StrEnum):
    """The three words for a domain."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"


class DomainFinding(msgspec.Struct, frozen=True):
    """One thing that is wrong.  `ends.disagree` names both sides in its text.

    `others` are the other trays that have a part in it: those at the far ends of links, those of the odd version.
    """

    kind: str
    place: str
    text: str
    others: list[str] = []


class DomainHealth(msgspec.Struct, frozen=True):
    """The verdict with what it rests on.  `unseen` says what would have to be seen for a domain to be called healthy.

    Counts are of what is known now; None where nothing is.  `ports_seen` and `gpu_links_seen` are how many are known:
    what is planned beyond them is unread, not down.  `versions` are the switch trays by their NVOS' version.
    """

    verdict: Verdict
    reason: str
    switches_seen: int
    switches_planned: int
    ports_up: int | None
    ports_seen: int
    ports_planned: int
    fabric_managers: list[str]
    versions: dict[str, list[str]]
    partition_gpus: int | None
    gpus_seen: int
    gpus_planned: int
    gpu_links_up: int | None
    gpu_links_seen: int
    gpu_links_planned: int
    wiring_confirmed: bool
    findings: list[DomainFinding]
    unseen: list[str]


@dataclass(frozen=True, slots=True)
class RackEnds:
    """What one rack says of its share of a domain now.  Only good readings count; what is missing is not in a mapping.

    `ports` counts the known ports of each switch tray, `down` and `unread` name them; `gpu_links` is how many links a
    GPU says are up, `fabric` the word for its fabric state, `health` that of partitions by switch tray.
    """

    wiring: Wiring
    live: bool = True
    ports: Mapping[Place, int] = field(default_factory=dict)
    down: tuple[Place, ...] = ()
    unread: tuple[Place, ...] = ()
    slow: Mapping[Place, int] = field(default_factory=dict)
    managers: Mapping[Place, str] = field(default_factory=dict)
    versions: Mapping[Place, str] = field(default_factory=dict)
    partition_gpus: Mapping[Place, int] = field(default_factory=dict)
    partition_health: Mapping[Place, str] = field(default_factory=dict)
    gpu_links: Mapping[Place, int] = field(default_factory=dict)
    fabric: Mapping[Place, str] = field(default_factory=dict)
    worn: tuple[WornLink, ...] = ()


def decide_domain(
    ends: Sequence[RackEnds], gpus_planned: int, racks_missing: int, racks_unwired: int = 0
) -> DomainHealth:
    """Return the verdict on a domain from what its racks say.

    `racks_missing` are not there or not heard; of `racks_unwired` the generation does not say how they are wired.
    """
    name = _Names(len(ends) + racks_missing + racks_unwired > 1)
    findings = [f for e in ends for f in _rack_findings(e, name)] + list(_versions(ends, name))
    findings += list(_partitions(ends, gpus_planned, name))
    unseen = [text for e in ends for text in _unseen(e, name)]
    if racks_missing:
        unseen.append(f"{racks_missing} of the domain's racks")
    if racks_unwired:
        unseen.append("the links: the generation does not say how they are wired (domains[].nvlink)")
    verdict = Verdict.DEGRADED if findings else Verdict.UNKNOWN if unseen or not ends else Verdict.HEALTHY
    seen = sum(sum(e.ports.values()) for e in ends)
    links = [n for e in ends for n in e.gpu_links.values()]
    managers = sorted(p for e in ends for p, word in e.managers.items() if word == "running")
    gpus = [n for e in ends for place, n in e.partition_gpus.items() if e.managers.get(place) == "running"]
    return DomainHealth(
        verdict=verdict,
        reason=_reason(verdict, findings, unseen, ends, name),
        switches_seen=sum(len(e.ports) for e in ends),
        switches_planned=sum(len(e.wiring.switches) for e in ends),
        ports_up=seen - sum(len(e.down) for e in ends) if seen else None,
        ports_seen=seen,
        ports_planned=sum(e.wiring.plan.ports_per_tray * len(e.wiring.switches) for e in ends),
        fabric_managers=[str(p) for p in managers],
        versions={v: [str(tray_of(p)) for p in places] for v, places in _by_version(ends).items()},
        partition_gpus=max(gpus, default=None),
        gpus_seen=len(links),
        gpus_planned=gpus_planned,
        gpu_links_up=sum(links) if links else None,
        gpu_links_seen=sum(e.wiring.plan.links_per_gpu * len(e.gpu_links) for e in ends),
        gpu_links_planned=sum(e.wiring.plan.links_per_gpu * len(e.wiring.gpus) for e in ends),
        wiring_confirmed=all(e.wiring.plan.confirmed for e in ends),
        findings=findings[:MOST_FINDINGS],
        unseen=unseen,
    )


class _Names:
    """Places in words: `u19 acp7`, with the rack before it where there are several."""

    def __init__(self, several: bool) -> None:
        self._several = several

    def __call__(self, place: Place) -> str:
        leaf, tray = leaf_of(place), leaf_of(tray_of(place))
        rack = f"{rack_name(place)} " if self._several else ""
        return rack + (tray if leaf == tray else f"{tray} {leaf}")


def _rack_findings(ends: RackEnds, name: _Names) -> Iterator[DomainFinding]:
    yield from _managers(ends, name)
    yield from _ports(ends, name)
    yield from _gpus(ends, name)
    for worn in ends.worn:
        yield DomainFinding(worn.kind, worn.place, worn.text, _far_trays(ends, [Place(worn.place)]))
    for tray, count in ends.slow.items():
        if count:
            yield DomainFinding("link.slow", tray, f"{name(tray)}: {count} ports are up below the speed they support")


def _managers(ends: RackEnds, name: _Names) -> Iterator[DomainFinding]:
    for tray, word in sorted(ends.managers.items()):
        if tray in ends.wiring.managers and word != "running":
            yield DomainFinding("fabric_manager.down", tray, f"the fabric manager in {name(tray)} is {word}")
        elif tray not in ends.wiring.managers and word != "stopped":
            planned = ", ".join(name(p) for p in sorted(ends.wiring.managers)) or "no tray"
            text = f"a fabric manager in {name(tray)} is {word}; it is planned for {planned}"
            yield DomainFinding("fabric_manager.misplaced", tray, text)


def _ports(ends: RackEnds, name: _Names) -> Iterator[DomainFinding]:
    for tray, seen in ends.ports.items():
        down = [p for p in ends.down if tray_of(p) == tray]
        short = ends.wiring.plan.ports_per_tray - seen - sum(tray_of(p) == tray for p in ends.unread)
        if short > 0:
            planned = ends.wiring.plan.ports_per_tray
            yield DomainFinding("link.missing", tray, f"{name(tray)} shows {planned - short} ports of {planned}")
        if len(down) > TOLD_ONE_BY_ONE:
            peers = _far_trays(ends, down)
            towards = f", all towards {name(Place(peers[0]))}" if len(peers) == 1 else ""
            text = f"{name(tray)}: {len(down)} of {seen} ports are down{towards}"
            yield DomainFinding("link.down", tray, text, peers)
            continue
        for port in down:
            text = f"{name(port)} is down{_other_end(ends, port, name)}"
            yield DomainFinding("link.down", port, text, _far_trays(ends, [port]))


def _far_trays(ends: RackEnds, ports: Sequence[Place]) -> list[str]:
    """Return the trays at the other ends of ports, as far as the plan says which they are."""
    return sorted({str(tray_of(peer[0])) for p in ports if (peer := ends.wiring.peer_of(p))})


def _other_end(ends: RackEnds, port: Place, name: _Names) -> str:
    peer = ends.wiring.peer_of(port)
    if peer is None:
        return ""
    gpu, link = peer
    said = ends.gpu_links.get(gpu)
    told = "which is not seen" if said is None else f"which says {said} of {ends.wiring.plan.links_per_gpu} are up"
    return f"; the other end{_sure(ends)} is link {link} of {name(gpu)}, {told}"


def _sure(ends: RackEnds) -> str:
    return "" if ends.wiring.plan.confirmed else " (assumed wiring)"


def _gpus(ends: RackEnds, name: _Names) -> Iterator[DomainFinding]:
    """Compare what each GPU says with what the switches see of its links."""
    planned = ends.wiring.plan.links_per_gpu
    lost = Counter(peer[0] for p in ends.down if (peer := ends.wiring.peer_of(p)))
    unread = Counter(peer[0] for p in ends.unread if (peer := ends.wiring.peer_of(p)))
    whole = all(tray in ends.ports for tray in ends.wiring.switches)
    differ = []
    for gpu, said in sorted(ends.gpu_links.items()):
        seen = planned - lost[gpu]
        if whole and not unread[gpu] and said != seen:
            differ.append((gpu, said, seen))
        elif said < planned:
            agree = "; the switches say the same" if whole and not unread[gpu] else "; not all of its switches are seen"
            yield DomainFinding("gpu.links", gpu, f"{name(gpu)} says {said} of {planned} links are up{agree}")
    crossed = sum(said - seen for _, said, seen in differ) == 0 and not ends.wiring.plan.confirmed
    hint = "; the sums agree, so the assumed wiring may be wrong" if crossed else ""
    for gpu, said, seen in differ:
        text = f"{name(gpu)} says {said} of {planned} links are up, the switches see {seen}{_sure(ends)}{hint}"
        yield DomainFinding("ends.disagree", gpu, text)
    for gpu, word in sorted(ends.fabric.items()):
        if word != "completed":
            yield DomainFinding("gpu.fabric", gpu, f"{name(gpu)} has not joined the fabric: {word.replace('_', ' ')}")


def _by_version(ends: Sequence[RackEnds]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for e in ends:
        for place, version in sorted(e.versions.items()):
            found.setdefault(version, []).append(place)
    return found


def _versions(ends: Sequence[RackEnds], name: _Names) -> Iterator[DomainFinding]:
    groups = _by_version(ends)
    if len(groups) > 1:
        usual, *others = sorted(groups, key=lambda v: (-len(groups[v]), v))
        odd = "; ".join(f"{v} in {', '.join(name(tray_of(p)) for p in groups[v])}" for v in others)
        text = f"switch trays run different versions of NVOS: {odd}; {usual} in the other {len(groups[usual])}"
        first, *also = (str(tray_of(p)) for v in others for p in groups[v])
        yield DomainFinding("version.mismatch", first, text, also)


def _partitions(ends: Sequence[RackEnds], gpus_planned: int, name: _Names) -> Iterator[DomainFinding]:
    for e in ends:
        for tray, gpus in e.partition_gpus.items():
            if e.managers.get(tray) == "running" and gpus != gpus_planned:
                text = f"the partitions that {name(tray)} shows hold {gpus} GPUs of {gpus_planned}"
                yield DomainFinding("partition.gpus", tray, text)
        for tray, word in e.partition_health.items():
            if word != "ok":
                yield DomainFinding(
                    "partition.health", tray, f"a partition that {name(tray)} shows is not healthy: {word}"
                )


def _unseen(ends: RackEnds, name: _Names) -> Iterator[str]:
    """Say what is not known of a rack, in as few words as it takes."""
    wiring = ends.wiring
    if not ends.live:
        yield f"rack {rack_name(wiring.switches[0]) if wiring.switches else '?'} (nothing current is heard of it)"
        return
    blind = [t for t in wiring.switches if t not in ends.ports]
    if blind:
        yield f"the ports of {_some([name(t) for t in blind], len(wiring.switches), 'switch trays')}"
    if ends.unread:
        count, more = len(ends.unread), ", …" if len(ends.unread) > MOST_NAMED else ""
        named = ", ".join(name(p) for p in ends.unread[:MOST_NAMED])
        yield f"{count} single port{'' if count == 1 else 's'} ({named}{more})"
    for what, known in (("fabric manager", ends.managers), ("version", {tray_of(p) for p in ends.versions})):
        lacking = [t for t in wiring.switches if t not in known and t not in blind]
        if lacking:
            yield f"the {what} of {_some([name(t) for t in lacking], len(wiring.switches), 'switch trays')}"
    for what, seen in (("links", ends.gpu_links), ("fabric state", ends.fabric)):
        gone = [g for g in wiring.gpus if g not in seen]
        if gone:
            yield f"the {what} of {_some([name(g) for g in gone], len(wiring.gpus), 'GPUs as they see them')}"


def _some(names: list[str], of: int, what: str) -> str:
    if len(names) == of:
        return f"all {of} {what}"
    return f"{len(names)} of {of} {what} ({', '.join(names[:MOST_NAMED])}{', …' if len(names) > MOST_NAMED else ''})"


def _reason(
    verdict: Verdict, findings: Sequence[DomainFinding], unseen: Sequence[str], ends: Sequence[RackEnds], name: _Names
) -> str:
    if verdict is Verdict.DEGRADED:
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        return findings[0].text + more + (f"; not seen: {unseen[0]}" if unseen else "")
    if verdict is Verdict.UNKNOWN:
        return f"not seen: {'; '.join(unseen)}" if unseen else "no rack of it says how it is wired"
    managers = ", ".join(name(p) for e in ends for p, word in e.managers.items() if word == "running")
    version = next(iter(_by_version(ends)), "?")
    ports = sum(sum(e.ports.values()) for e in ends)
    gpus = sum(len(e.gpu_links) for e in ends)
    links = f"all {ports} switch ports and the links of all {gpus} GPUs are up"
    return f"{links}; fabric manager in {managers}; NVOS {version}"
