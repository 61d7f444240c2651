"""A domain judged from both ends: never healthy on what was not seen, and every disagreement names both sides."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.domain import DomainHealth, RackEnds, Verdict, decide_domain
from rack_controller.model.layout import NvlinkView, WornLink
from rack_controller.model.wiring import Wiring

RACK = Place("lab1/a/r01/k01")
TRAYS = (Place(f"{RACK}/u19"), Place(f"{RACK}/u20"))
GPUS = tuple(Place(f"{RACK}/u{tray}/gpu{n}") for tray in (11, 12) for n in range(4))
PLAN = NvlinkView(4, 16, 2, "acp", 1, [0], confirmed=False)
WIRING = Wiring("nvl0", PLAN, TRAYS, GPUS)
WELL = RackEnds(
    WIRING,
    ports=dict.fromkeys(TRAYS, 16),
    slow=dict.fromkeys(TRAYS, 0),
    managers={TRAYS[0]: "running", TRAYS[1]: "stopped"},
    versions={Place(f"{t}/nvos"): "25.02.2553" for t in TRAYS},
    partition_gpus={TRAYS[0]: 8, TRAYS[1]: 0},
    partition_health={TRAYS[0]: "ok"},
    gpu_links=dict.fromkeys(GPUS, 4),
    fabric=dict.fromkeys(GPUS, "completed"),
)


def port(text: str) -> Place:
    return Place(f"{RACK}/{text}")


def judged(ends: RackEnds = WELL, **changed: object) -> DomainHealth:
    return decide_domain([replace(ends, **changed)], 8, 0)  # type: ignore[arg-type]


def kinds(health: DomainHealth) -> list[str]:
    return [f.kind for f in health.findings]


def test_a_domain_is_healthy_when_both_ends_were_seen_and_agree() -> None:
    health = judged()
    assert (health.verdict, health.findings, health.unseen) == (Verdict.HEALTHY, [], [])
    assert health.reason == (
        "all 32 switch ports and the links of all 8 GPUs are up; fabric manager in u19; NVOS 25.02.2553"
    )
    assert (health.ports_up, health.ports_planned, health.gpu_links_up, health.gpu_links_planned) == (32, 32, 32, 32)
    assert health.versions == {"25.02.2553": [str(t) for t in TRAYS]}


def test_without_the_gpus_end_it_is_unknown_however_well_the_switches_are() -> None:
    health = judged(gpu_links={}, fabric={})
    assert health.verdict is Verdict.UNKNOWN
    assert "the links of all 8 GPUs as they see them" in health.reason


def test_a_port_that_both_ends_say_is_down_is_told_with_its_gpu() -> None:
    health = judged(down=(port("u19/acp3"),), gpu_links={**WELL.gpu_links, GPUS[2]: 3})
    assert (health.verdict, kinds(health), health.ports_up) == (Verdict.DEGRADED, ["link.down", "gpu.links"], 31)
    assert health.findings[0].text == (
        "u19 acp3 is down; the other end (assumed wiring) is link 0 of u11 gpu2, which says 3 of 4 are up"
    )
    assert health.findings[1].text == "u11 gpu2 says 3 of 4 links are up; the switches say the same"


def test_ends_that_disagree_name_both_sides() -> None:
    health = judged(down=(port("u20/acp9"),))
    assert kinds(health) == ["link.down", "ends.disagree"]
    assert health.findings[1].text == "u11 gpu0 says 4 of 4 links are up, the switches see 3 (assumed wiring)"
    gpu_only = judged(gpu_links={**WELL.gpu_links, GPUS[7]: 2})
    assert [f.text for f in gpu_only.findings] == [
        "u12 gpu3 says 2 of 4 links are up, the switches see 4 (assumed wiring)"
    ]


def test_a_wrong_map_shows_as_sums_that_agree() -> None:
    health = judged(down=(port("u19/acp1"),), gpu_links={**WELL.gpu_links, GPUS[5]: 3})
    assert [f.kind for f in health.findings] == ["link.down", "ends.disagree", "ends.disagree"]
    assert health.findings[2].text.endswith("; the sums agree, so the assumed wiring may be wrong")


def test_a_confirmed_map_is_not_doubted() -> None:
    sure = Wiring("nvl0", NvlinkView(4, 16, 2, "acp", 1, [0], confirmed=True), TRAYS, GPUS)
    health = judged(wiring=sure, down=(port("u19/acp1"),), gpu_links={**WELL.gpu_links, GPUS[5]: 3})
    assert not [f for f in health.findings if "assumed" in f.text]


def test_ends_are_not_compared_where_one_of_them_is_not_seen() -> None:
    blind = judged(ports={TRAYS[0]: 16})
    assert (blind.verdict, blind.findings) == (Verdict.UNKNOWN, [])
    assert blind.unseen[0] == "the ports of 1 of 2 switch trays (u20)"
    single = judged(ports={TRAYS[0]: 16, TRAYS[1]: 15}, unread=(port("u20/acp5"),))
    assert (single.verdict, kinds(single)) == (Verdict.UNKNOWN, [])


def test_many_ports_of_a_tray_are_one_finding() -> None:
    down = tuple(port(f"u19/acp{n}") for n in (1, 2, 3, 4, 9, 10, 11, 12))
    health = judged(down=down, gpu_links={**WELL.gpu_links, **dict.fromkeys(GPUS[:4], 2)})
    assert health.findings[0].text == "u19: 8 of 16 ports are down, all towards u11"


def test_a_tray_that_shows_too_few_ports_is_told() -> None:
    assert [f.text for f in judged(ports={TRAYS[0]: 16, TRAYS[1]: 12}).findings] == ["u20 shows 12 ports of 16"]


def test_managers_versions_partitions_fabric_and_wear() -> None:
    assert kinds(judged(managers={TRAYS[0]: "failing", TRAYS[1]: "stopped"})) == ["fabric_manager.down"]
    assert kinds(judged(managers={TRAYS[0]: "running", TRAYS[1]: "running"}))[0] == "fabric_manager.misplaced"
    mixed = judged(versions={port("u19/nvos"): "2", port("u20/nvos"): "1"})
    assert kinds(mixed) == ["version.mismatch"]
    assert kinds(judged(partition_gpus={TRAYS[0]: 4})) == ["partition.gpus"]
    assert kinds(judged(partition_health={TRAYS[0]: "warning"})) == ["partition.health"]
    assert kinds(judged(fabric={**WELL.fabric, GPUS[0]: "in_progress"})) == ["gpu.fabric"]
    assert kinds(judged(slow={TRAYS[0]: 2})) == ["link.slow"]
    health = judged(worn=(WornLink(port("u19/acp1"), "ber.high", "u19 acp1: …"),))
    assert kinds(health) == ["ber.high"]
    assert health.findings[0].others == [f"{RACK}/u11"], "the far end of the port wears as well"


def test_silent_and_missing_racks_leave_it_unknown() -> None:
    silent = decide_domain([RackEnds(WIRING, live=False)], 8, 0)
    assert (silent.verdict, silent.ports_up, silent.gpu_links_up) == (Verdict.UNKNOWN, None, None)
    assert "rack k01 (nothing current is heard of it)" in silent.reason
    half = decide_domain([WELL], 8, 1)
    assert (half.verdict, half.reason) == (Verdict.UNKNOWN, "not seen: 1 of the domain's racks")
    assert decide_domain([], 8, 0).verdict is Verdict.UNKNOWN
    unwired = decide_domain([], 8, 0, 1)
    assert unwired.reason == "not seen: the links: the generation does not say how they are wired (domains[].nvlink)"


_PORTS = [port(f"u{tray}/acp{n + 1}") for tray in (19, 20) for n in range(16)]


@given(
    st.sets(st.sampled_from(_PORTS)),
    st.sets(st.sampled_from(_PORTS)),
    st.dictionaries(st.sampled_from(GPUS), st.integers(0, 4)),
)
def test_it_is_healthy_only_when_everything_is_seen_and_up(
    down: set[Place], unread: set[Place], links: dict[Place, int]
) -> None:
    unread -= down
    ports = {t: 16 - sum(p.startswith(f"{t}/") for p in unread) for t in TRAYS}
    seen = {t: n for t, n in ports.items() if n}
    health = judged(ports=seen, down=tuple(down), unread=tuple(unread), gpu_links=links)
    whole = not down and not unread and len(links) == 8 and set(links.values()) == {4}
    assert (health.verdict is Verdict.HEALTHY) == whole
    assert health.reason
