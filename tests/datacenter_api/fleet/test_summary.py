"""One glance at a rack: what is not known is not added up, and silence is neither off nor reachable."""

from dataclasses import replace

import msgspec
import pytest
from support.api import fill
from support.budget_view import budget_glance
from support.latched import latched_state
from support.pair import played_pair
from support.play import PlayedRack

from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.summary import Figure, RackSummary, summarise
from datacenter_api.fleet.trays import TrayState
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.interlock_view import InterlockGlance
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.layout import EndpointStatus
from rack_controller.model.table import make_table

NOW = Seconds(100.0)


def summary_of(record: RackRecord, rack: PlayedRack, now: Seconds = NOW) -> RackSummary:
    record.hear_frame(rack.frame(), NOW)
    record.hear_state(rack.state(), NOW)
    summary = summarise(record, now)
    assert summary is not None
    return summary


def tray(summary: RackSummary, name: str) -> TrayState:
    return next(t for t in summary.trays if t.name == name)


def test_a_healthy_rack(record: RackRecord, rack: PlayedRack) -> None:
    summary = summary_of(record, rack)
    assert (summary.gpus, summary.endpoints_reachable, summary.endpoints_total) == (72, 63, 63)
    assert summary.shelf_output_w.value == pytest.approx(8 * 12_900)
    assert summary.headroom_w == pytest.approx(132_000 - 8 * 12_900)
    assert (summary.gpu_power_w.good, summary.gpu_power_w.total) == (72, 72)
    assert (summary.supply_c.value, summary.return_c.value, summary.flow_lpm.value) == (30.25, 38.5, 180.0)
    assert summary.leaks == []
    assert all(t.alarm == "ok" for t in summary.trays)


def test_what_a_budget_says_may_be_used_is_what_headroom_is_measured_against(
    record: RackRecord, rack: PlayedRack
) -> None:
    drawn = 8 * 12_900
    before = summary_of(record, rack)
    assert (before.usable_limit_w, before.usable_by) == (132_000, "design")
    record.hear_state(msgspec.structs.replace(rack.state(), budget=budget_glance()), NOW)
    summary = summarise(record, NOW)
    assert summary is not None
    assert (summary.usable_limit_w, summary.usable_by) == (125_000, "budget")
    assert summary.headroom_w == pytest.approx(125_000 - drawn)


def test_one_unread_shelf_makes_the_sum_partial_and_the_headroom_unknown(record: RackRecord, rack: PlayedRack) -> None:
    rack.set("u06", Quantity.POWER, None)
    summary = summary_of(record, rack)
    assert (summary.shelf_output_w.quality, summary.shelf_output_w.good) == ("partial", 7)
    assert summary.headroom_w is None


def test_when_the_controller_falls_silent_nothing_looks_well(record: RackRecord, rack: PlayedRack) -> None:
    summary = summary_of(record, rack, Seconds(NOW + 60.0))
    assert not summary.live
    assert summary.shelf_output_w.value is None
    assert summary.endpoints_reachable == 0
    assert {t.state for t in summary.trays} == {"unknown"}
    assert {t.management for t in summary.trays} == {"unknown"}
    assert "ok" not in {t.alarm for t in summary.trays}
    assert summary.leaks_unknown == summary.leak_points


def test_an_absent_endpoint_is_not_an_off_tray(record: RackRecord, rack: PlayedRack) -> None:
    rack.absent = {f"{rack.place}/u12/bmc"}
    shown = tray(summary_of(record, rack), "u12")
    assert (shown.state, shown.management, shown.alarm) == ("on", "absent", "warning")


def test_a_board_that_is_gone_behind_a_healthy_endpoint_is_a_warning(record: RackRecord, rack: PlayedRack) -> None:
    rack.boards = {
        f"{rack.place}/u12/bmc": ("absent", "its resources answer 503", ["gpu0"]),
        f"{rack.place}/u13/bmc": ("unknown", "the tray is off", []),
        f"{rack.place}/u14/bmc": ("present", "", []),
    }
    summary = summary_of(record, rack)
    shown = tray(summary, "u12")
    assert (shown.management, shown.alarm, shown.why) == ("reachable", "warning", "hmc absent")
    assert {tray(summary, name).alarm for name in ("u13", "u14")} == {"ok"}


def test_off_and_reachable_is_no_alarm(record: RackRecord, rack: PlayedRack) -> None:
    rack.set("u12", Quantity.POWER_STATE, 0.0)
    shown = tray(summary_of(record, rack), "u12")
    assert (shown.state, shown.management, shown.alarm) == ("off", "reachable", "ok")


def test_a_leak_is_named_with_its_place(record: RackRecord, rack: PlayedRack) -> None:
    rack.set("u12/leak2", Quantity.LEAK, 2.0)
    rack.set("u13/leak0", Quantity.LEAK, None)
    summary = summary_of(record, rack)
    assert {(p.place.rsplit("/", 2)[1], p.state) for p in summary.leaks} == {("u12", "critical"), ("u13", "unknown")}
    assert (tray(summary, "u12").alarm, tray(summary, "u12").why) == ("critical", "leak critical")
    assert tray(summary, "u13").alarm == "unknown"


def test_the_worst_health_of_a_part_is_the_trays(record: RackRecord, rack: PlayedRack) -> None:
    rack.set("u06/psu3", Quantity.HEALTH, 1.0)
    assert tray(summary_of(record, rack), "u06").alarm == "warning"


@pytest.fixture
def pair() -> PlayedRack:
    return played_pair()[0]


def heard(rack: PlayedRack) -> RackSummary:
    record = RackRecord(rack.name)
    fill(record, rack, NOW)
    return summary_of(record, rack)


def shelves(rack: PlayedRack, kind: str) -> list[str]:
    return [t.place.rsplit("/", 1)[1] for t in rack.layout.trays if t.kind == kind]


def test_a_rack_without_batteries_says_so(record: RackRecord, rack: PlayedRack) -> None:
    assert summary_of(record, rack).battery_output_w == Figure(None, "W", "absent", 0, 0)


def test_a_rack_on_batteries_has_no_headroom(pair: PlayedRack) -> None:
    assert heard(pair).headroom_w is not None
    for name in shelves(pair, "power_shelf"):
        pair.set(name, Quantity.POWER, 0.0)
    for name in shelves(pair, "battery_shelf"):
        pair.set(name, Quantity.POWER, 10_000.0)
    summary = heard(pair)
    assert (summary.shelf_output_w.value, summary.shelf_output_w.quality) == (0.0, "good")
    assert summary.battery_output_w == Figure(30_000.0, "W", "good", 3, 3)
    assert summary.headroom_w is None


def test_dead_shelves_with_working_gpus_and_unseen_batteries_are_no_headroom(pair: PlayedRack) -> None:
    for name in shelves(pair, "power_shelf"):
        pair.set(name, Quantity.POWER, 0.0)
    for name in shelves(pair, "battery_shelf"):
        pair.set(name, Quantity.POWER, None)
    assert heard(pair).headroom_w is None


def test_a_leak_detector_that_only_the_layout_knows_is_unknown(record: RackRecord, rack: PlayedRack) -> None:
    whole = summary_of(record, rack)
    bare = make_table(rack.place, [s for s in rack.table.series if s.quantity is not Quantity.LEAK])
    blind = heard(PlayedRack(rack.layout, bare))
    assert (blind.leak_points, blind.leaks_unknown) == (whole.leak_points, whole.leak_points)
    assert tray(blind, "u12").why == "leak detector unknown"


def test_a_device_that_names_its_detectors_in_its_own_way_is_not_counted_twice(
    record: RackRecord, rack: PlayedRack
) -> None:
    named = [
        replace(s, place=Place(s.place.replace("/leak", "/cold_plate_"))) if s.quantity is Quantity.LEAK else s
        for s in rack.table.series
    ]
    summary = heard(PlayedRack(rack.layout, make_table(rack.place, named)))
    assert (summary.leak_points, summary.leaks_unknown) == (summary_of(record, rack).leak_points, 0)


def test_a_gpu_that_its_host_has_lost_is_an_alarm_of_its_tray(rack: PlayedRack) -> None:
    gpus = [Place(f"{rack.place}/{slot}/gpu1") for slot in ("u12", "u13", "u14")]
    access = [Series(gpu, Quantity.GPU_ACCESS, ReadingClass.POWER) for gpu in gpus]
    played = PlayedRack(rack.layout, make_table(rack.place, [*rack.table.series, *access]))
    for slot, code in (("u12", 0.0), ("u13", 2.0), ("u14", 1.0)):
        played.set(f"{slot}/gpu1", Quantity.GPU_ACCESS, code)
    summary = heard(played)
    assert [(tray(summary, s).alarm, tray(summary, s).why) for s in ("u12", "u13", "u14")] == [
        ("critical", "gpu1 lost"),
        ("warning", "gpu1 reset required"),
        ("ok", ""),
    ]
    played.set("u12/gpu1", Quantity.GPU_ACCESS, None)
    assert tray(heard(played), "u12").alarm == "ok", "what no agent says is not lost"


def test_what_happened_and_is_not_over_is_its_trays_alarm(record: RackRecord, rack: PlayedRack) -> None:
    summary_of(record, rack)
    record.lasting = [LastingEvent(f"{rack.place}/u12/gpu2", "gpu.xid", "critical", "gpu2 XID 79: off the bus", 1)]
    summary = summarise(record, NOW)
    assert summary is not None
    assert (tray(summary, "u12").alarm, tray(summary, "u12").why) == ("critical", "gpu2 XID 79: off the bus")
    assert {t.alarm for t in summary.trays if t.name != "u12"} == {"ok"}


@pytest.mark.parametrize("armed", [True, False])
def test_a_tray_behind_a_latch_or_reached_by_its_water_says_so(
    record: RackRecord, rack: PlayedRack, *, armed: bool
) -> None:
    state = latched_state(rack.place, armed=armed)
    trip = msgspec.structs.replace(state.tripped[0], wet=[f"{rack.place}/u30"])
    rack_wide = msgspec.structs.replace(trip, place=rack.place, latch="k01-l2", wet=[])
    summary_of(record, rack)
    record.interlocks = InterlockGlance(armed, [trip, rack_wide], 2, 0)
    summary = summarise(record, NOW)
    assert summary is not None
    told = {t.name: t.why for t in summary.trays if t.alarm == "warning"}
    whys = {
        "u31": "latch k01-l1 keeps it off",
        "u30": "latch k01-l1 of u31 keeps it off, water may have reached it",
    }
    assert told == (whys if armed else {})


def said(rack: PlayedRack, **words: str) -> list[EndpointStatus]:
    """What the controller says of the rack's endpoints, some of them by `tray_endpoint`."""
    found = []
    for status in rack.state().endpoints:
        name = "_".join(status.place.split("/")[-2:])
        found.append(msgspec.structs.replace(status, management=words.get(name, status.management)))
    return found


def test_of_several_endpoints_the_one_that_is_away_is_named(record: RackRecord, rack: PlayedRack) -> None:
    summary_of(record, rack)
    record.endpoints = said(rack, u19_bmc="absent", u12_bmc="absent", u13_host="absent")
    summary = summarise(record, NOW)
    assert summary is not None
    assert (tray(summary, "u19").management, tray(summary, "u19").why) == ("degraded", "bmc absent")
    assert (tray(summary, "u12").management, tray(summary, "u12").why) == ("absent", "management absent")
    assert summary.endpoints_total - summary.endpoints_reachable == 3
    assert summary.hosts_silent == [f"{rack.place}/u13/host"]
    assert tray(summary, "u13").alarm == "ok", "a host without an agent is no fault of its tray"
