"""XIDs in words; driver and BMC held against each other."""

from firmware_bridge.generations.xid_catalogue import load_xids
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from firmware_bridge.wire.nvml.message import HostEvent
from rack_controller.decide.gpus import Apart, Tolerance, notice_contradictions, tell_host_event
from rack_controller.model.event import Severity
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.board import Board

RACK = Place("lab1/a/r01/k01")
HOST = Place(f"{RACK}/u11/host")
GPU = Place(f"{RACK}/u11/gpu2")
RULES = {"power": Tolerance(60.0, 0.1, Seconds(30.0)), "presence": Tolerance(0.0, 0.0, Seconds(10.0))}
Q = Quantity
Known = dict[tuple[Place, str], Apart]


def snapshot(
    now: float, driver: float | None, bmc: float | None, *, bmc_at: float | None = None, access: float = 1.0
) -> Snapshot:
    board = Board(RACK, [HOST], {c: Seconds(1.0) for c in ReadingClass})
    board.declare(HOST, [Series(GPU, q, ReadingClass.POWER) for q in (Q.POWER_AVERAGE, Q.POWER, Q.GPU_ACCESS)])
    at = Seconds(now)
    board.store([Reading(GPU, Q.POWER_AVERAGE, driver, at), Reading(GPU, Q.GPU_ACCESS, access, at)])
    board.store([Reading(GPU, Q.POWER, bmc, Seconds(now if bmc_at is None else bmc_at))])
    return board.snapshot(1, at, UnixNanoseconds(1))


def test_what_stays_apart_is_told_once_with_both_values() -> None:
    known: Known = {}
    told = []
    for second in range(60):
        known, found = notice_contradictions(known, snapshot(second, 900.0, 500.0), [GPU], RULES)
        told += [(second, f) for f in found]
    ((second, finding),) = told
    assert second == 30
    assert (finding.kind, finding.severity, finding.place) == ("gpu.disagreement", Severity.WARNING, GPU)
    assert "driver 900 W, BMC 500 W" in finding.message
    assert (finding.details["driver"], finding.details["bmc"]) == (900.0, 500.0)
    _, (settled,) = notice_contradictions(known, snapshot(61, 520.0, 500.0), [GPU], RULES)
    assert settled.kind == "gpu.agreement"


def test_driver_and_bmc_that_count_links_differently_are_told() -> None:
    board = Board(RACK, [HOST], {c: Seconds(1.0) for c in ReadingClass})
    board.declare(HOST, [Series(GPU, q, ReadingClass.POWER) for q in (Q.NVLINKS_UP, Q.NVLINK_PORTS_UP)])
    board.store([Reading(GPU, Q.NVLINKS_UP, 18, Seconds(0.0)), Reading(GPU, Q.NVLINK_PORTS_UP, 17, Seconds(0.0))])
    now = board.snapshot(1, Seconds(0.0), UnixNanoseconds(1))
    _, (told,) = notice_contradictions({}, now, [GPU], {"nvlinks": Tolerance(0.0, 0.0, Seconds(0.0))})
    assert told.message == "u11 gpu2 nvlinks: driver 18 up, BMC 17 up, for 0 s"


def test_a_limit_that_was_set_lower_in_band_contradicts_nobody() -> None:
    rules, limits = {"power_limit": Tolerance(1.0, 0.0, Seconds(0.0))}, (Q.POWER_LIMIT_ENFORCED, Q.POWER_LIMIT)

    def told(enforced: float, bmc: float, set_in_band: float) -> list[str]:
        board = Board(RACK, [HOST], {c: Seconds(1.0) for c in ReadingClass})
        board.declare(HOST, [Series(GPU, q, ReadingClass.POWER) for q in (*limits, Q.POWER_LIMIT_SET)])
        values = zip((*limits, Q.POWER_LIMIT_SET), (enforced, bmc, set_in_band), strict=True)
        board.store([Reading(GPU, q, watts, Seconds(0.0)) for q, watts in values])
        now = board.snapshot(1, Seconds(0.0), UnixNanoseconds(1))
        return [f.message for f in notice_contradictions({}, now, [GPU], rules)[1]]

    assert told(700.0, 900.0, 700.0) == []
    assert told(900.0, 900.0, 1200.0) == []
    assert told(1200.0, 900.0, 1200.0) == ["u11 gpu2 power limit: driver 1200 W, BMC 900 W, for 0 s"]
    assert told(900.0, 900.0, 700.0) == ["u11 gpu2 power limit: driver 900 W, BMC 700 W, for 0 s"]


def test_a_load_step_is_no_contradiction() -> None:
    known: Known = {}
    for second in range(100):
        bmc = 500.0 if second % 20 else 900.0
        known, found = notice_contradictions(
            known, snapshot(second, 900.0 if second % 20 < 5 else 510.0, bmc), [GPU], RULES
        )
        assert found == []


def test_only_good_values_on_both_sides_are_compared() -> None:
    apart: Known = {(GPU, "power"): Apart(Seconds(0.0))}
    for after in (snapshot(100, None, 500.0), snapshot(100, 900.0, None), snapshot(100, 900.0, 500.0, bmc_at=95.0)):
        known, found = notice_contradictions(apart, after, [GPU], RULES)
        assert (known, found) == ({}, [])
    stale = snapshot(100, 900.0, 500.0, bmc_at=95.0).reading(GPU, Q.POWER)
    assert stale is not None
    assert stale.quality is Quality.STALE


def test_a_gpu_that_the_driver_lost_and_the_bmc_still_shows_is_told() -> None:
    known: Known = {}
    found = []
    for second in range(12):
        known, told = notice_contradictions(known, snapshot(second, None, 150.0, access=0.0), [GPU], RULES)
        found += told
    (finding,) = found
    assert "driver: is not there, BMC: is there" in finding.message


def test_an_xid_is_told_with_what_to_do() -> None:
    finding = tell_host_event(HOST, HostEvent(1, 7, "xid", 2, 79), load_xids())
    assert (finding.place, finding.kind, finding.severity) == (GPU, "gpu.xid", Severity.CRITICAL)
    assert finding.message.startswith("u11 gpu2 XID 79: the GPU does not answer on its bus any more: drain the node")
    assert finding.details["xid"] == 79
    assert "kernel's log" in tell_host_event(HOST, HostEvent(1, 7, "xid", 2, 149), load_xids()).message


def test_an_unknown_xid_and_other_events_are_told_too() -> None:
    unknown = tell_host_event(HOST, HostEvent(1, 7, "xid", None, 3999), load_xids())
    assert (unknown.place, unknown.severity) == (Place(f"{RACK}/u11"), Severity.WARNING)
    assert "not in the catalogue" in unknown.message
    action = tell_host_event(HOST, HostEvent(1, 7, "recovery_action", 2, 4), load_xids())
    assert (action.kind, action.message) == ("gpu.recovery_action", "u11 gpu2 asks for: drain and reset")
    gone = tell_host_event(HOST, HostEvent(1, 7, "gpu_unavailable", 2, 0), load_xids())
    assert (gone.kind, gone.severity) == ("gpu.gpu_unavailable", Severity.CRITICAL)
