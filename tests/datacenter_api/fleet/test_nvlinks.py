"""Both ends of a domain's links out of frames: what is not good now is not there, and never healthy."""

import msgspec
import pytest
from support.api import fill
from support.play import PlayedRack, gb200_layout, gb200_table, rack_place

from datacenter_api.fleet.domains import DomainSummary, findings_at, summarise_domains
from datacenter_api.fleet.record import RackRecord
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import SPECS, Quantity, code_of
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.domain import Verdict
from rack_controller.model.layout import WornLink
from rack_controller.model.table import make_table
from rack_controller.model.wiring import wirings_of

NOW = Seconds(100.0)
Q = Quantity


@pytest.fixture
def rack() -> PlayedRack:
    """A gb200 rack whose switches and GPUs say that every link is up."""
    layout = gb200_layout(rack_place())
    (wiring,) = wirings_of(layout)
    lines: dict[tuple[str, Quantity], float] = {}
    for tray in wiring.switches:
        lines |= {(f"{tray}/acp{n + 1}", Q.LINK): 1.0 for n in range(144)}
        runs = "running" if tray in wiring.managers else "stopped"
        lines |= {
            (tray, Q.NVLINKS_SLOW): 0.0,
            (tray, Q.FABRIC_MANAGER): code_of(Q.FABRIC_MANAGER, runs),
            (tray, Q.PARTITION_GPUS): 72.0 if runs == "running" else 0.0,
        }
    for gpu in wiring.gpus:
        lines |= {(gpu, Q.NVLINKS_UP): 18.0, (gpu, Q.FABRIC_STATE): 3.0, (gpu, Q.NVLINK_PORTS_UP): 18.0}
    more = [Series(Place(p), q, SPECS[q].reading_class, "") for p, q in lines]
    played = PlayedRack(layout, make_table(Place(layout.rack), [*gb200_table(layout).series, *more]))
    for (place, quantity), value in lines.items():
        played.gauges[played.table.gauge_index[Place(place), quantity]] = value
    return played


def judged(rack: PlayedRack, version: str = "25.02.2553", odd: str = "", now: Seconds = NOW) -> DomainSummary:
    record = RackRecord(rack.name)
    fill(record, rack, NOW)
    for n, status in enumerate(record.endpoints):
        if status.place.endswith("/nvos"):
            text = odd if odd and "/u20/" in status.place else version
            record.endpoints[n] = msgspec.structs.replace(status, version=text)
    (domain,) = summarise_domains([record], now)
    return domain


def set_quality(rack: PlayedRack, place: str, quantity: Quantity, quality: Quality) -> None:
    rack.quality[rack.table.gauge_index[Place(f"{rack.place}/{place}"), quantity]] = quality


def test_a_rack_whose_ends_agree_is_healthy(rack: PlayedRack) -> None:
    health = judged(rack).health
    assert (health.verdict, health.unseen) == (Verdict.HEALTHY, [])
    assert (health.ports_up, health.ports_planned, health.gpu_links_up) == (1296, 1296, 1296)
    assert health.fabric_managers == [f"{rack.place}/u19"]
    assert list(health.versions) == ["25.02.2553"]
    assert not health.wiring_confirmed


def test_a_port_down_while_its_gpu_says_up_names_both_sides(rack: PlayedRack) -> None:
    rack.set("u19/acp7", Q.LINK, 0.0)
    health = judged(rack).health
    assert health.verdict is Verdict.DEGRADED
    assert [(f.kind, f.place.rsplit("/", 2)[-2:]) for f in health.findings] == [
        ("link.down", ["u19", "acp7"]),
        ("ends.disagree", ["u12", "gpu2"]),
    ]
    assert health.findings[1].text == "u12 gpu2 says 18 of 18 links are up, the switches see 17 (assumed wiring)"


def test_a_finding_is_found_from_the_trays_at_both_ends(rack: PlayedRack) -> None:
    rack.set("u19/acp7", Q.LINK, 0.0)
    domain = judged(rack)
    switch, gpu = (findings_at([domain], f"{rack.place}/{slot}") for slot in ("u19", "u12"))
    assert [text.split(";")[0] for _, text in switch] == ["u19 acp7 is down"]
    assert [text for _, text in gpu] == [f.text for f in domain.health.findings]
    assert findings_at([domain], f"{rack.place}/u20") == []
    assert findings_at([domain], f"{rack.place}/u1") == [], "a tray whose name begins alike is another tray"


def test_without_an_agent_the_bmcs_count_is_the_gpus_end(rack: PlayedRack) -> None:
    (wiring,) = wirings_of(rack.layout)
    for gpu in wiring.gpus:
        lost = gpu[len(rack.place) + 1 :]
        set_quality(rack, lost, Q.NVLINKS_UP, Quality.MISSING)
        set_quality(rack, lost, Q.FABRIC_STATE, Quality.MISSING)
        rack.set(lost, Q.NVLINK_PORTS_UP, 18.0)
    rack.set("u12/gpu2", Q.NVLINK_PORTS_UP, 17.0)
    health = judged(rack).health
    assert (health.verdict, health.gpus_seen, health.gpu_links_up) == (Verdict.DEGRADED, 72, 1295)
    assert [f.kind for f in health.findings] == ["ends.disagree"]
    assert health.unseen == ["the fabric state of all 72 GPUs as they see them"]


def test_what_is_stale_is_not_seen(rack: PlayedRack) -> None:
    set_quality(rack, "u19/acp7", Q.LINK, Quality.STALE)
    set_quality(rack, "u37/gpu3", Q.NVLINKS_UP, Quality.MISSING)
    set_quality(rack, "u37/gpu3", Q.NVLINK_PORTS_UP, Quality.STALE)
    health = judged(rack).health
    assert (health.verdict, health.ports_seen, health.gpus_seen) == (Verdict.UNKNOWN, 1295, 71)
    assert (health.ports_up, health.gpu_links_up, health.gpu_links_seen) == (1295, 1278, 1278), "unread is not down"
    assert health.unseen == ["1 single port (u19 acp7)", "the links of 1 of 72 GPUs as they see them (u37 gpu3)"]


def test_a_switch_system_that_is_not_read_is_named(rack: PlayedRack) -> None:
    for n in range(144):
        set_quality(rack, f"u25/acp{n + 1}", Q.LINK, Quality.MISSING)
    health = judged(rack).health
    assert (health.verdict, health.switches_seen, health.ports_seen) == (Verdict.UNKNOWN, 8, 1152)
    assert health.unseen == ["the ports of 1 of 9 switch trays (u25)"]


def test_versions_and_worn_ports_come_with_the_racks_state(rack: PlayedRack) -> None:
    assert [f.kind for f in judged(rack, odd="25.02.1").health.findings] == ["version.mismatch"]
    assert judged(rack, version="").health.unseen == ["the version of all 9 switch trays"]
    record = RackRecord(rack.name)
    fill(record, rack, NOW)
    state = rack.state()
    worn = [WornLink(f"{rack.place}/u19/acp1", "ber.high", "u19 acp1: bit error ratio 1e-9")]
    record.hear_state(msgspec.structs.replace(state, worn=worn), NOW)
    (domain,) = summarise_domains([record], NOW)
    assert [f.kind for f in domain.health.findings] == ["ber.high"]


def test_a_silent_rack_is_unknown(rack: PlayedRack) -> None:
    health = judged(rack, now=Seconds(NOW + 60)).health
    assert (health.verdict, health.ports_up, health.gpu_links_up) == (Verdict.UNKNOWN, None, None)
    assert health.reason == "not seen: rack k01 (nothing current is heard of it)"


def test_a_rack_without_any_reading_of_links_is_unknown() -> None:
    layout = gb200_layout(rack_place())
    health = judged(PlayedRack(layout, gb200_table(layout))).health
    assert health.verdict is Verdict.UNKNOWN
    assert health.unseen[0] == "the ports of all 9 switch trays"
    assert (health.ports_up, health.ports_seen) == (None, 0)
