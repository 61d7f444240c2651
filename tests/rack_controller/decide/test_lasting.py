"""What stays a tray's alarm, and that it ends by what is known, never by silence."""

from firmware_bridge.generations.alarms import load_alarm_rules
from firmware_bridge.generations.xid_catalogue import load_xids
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass, code_of
from firmware_bridge.vocabulary.reading import Reading, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from firmware_bridge.wire.nvml.message import HostEvent
from rack_controller.decide.axes import Contact
from rack_controller.decide.gpus import tell_host_event
from rack_controller.decide.lasting import MOST_PER_TRAY, Alarms, Standing, follow_alarms
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.board import Board

RACK = Place("lab1/a/r01/k01")
TRAY, HOST, GPU = Place(f"{RACK}/u12"), Place(f"{RACK}/u12/host"), Place(f"{RACK}/u12/gpu2")
RULES, XIDS = load_alarm_rules(), load_xids()
WELL = Seconds(RULES.over.well_for_s)
Q = Quantity


def snapshot(now: float, *, access: str | None = "ok", action: str = "none", on: bool = True) -> Snapshot:
    """A tray whose driver says `access` of its GPU, None: nothing, for its host is silent."""
    board = Board(RACK, [HOST], {c: Seconds(1.0) for c in ReadingClass})
    lines = [(GPU, Q.GPU_ACCESS), (GPU, Q.RECOVERY_ACTION), (TRAY, Q.POWER_STATE)]
    board.declare(HOST, [Series(p, q, ReadingClass.POWER) for p, q in lines])
    at = Seconds(now)
    board.contacts[HOST] = Contact(at if access else Seconds(now - 100), 0 if access else 5)
    board.store([Reading(TRAY, Q.POWER_STATE, float(on), at)])
    if access:
        board.store([Reading(GPU, Q.GPU_ACCESS, code_of(Q.GPU_ACCESS, access), at)])
        board.store([Reading(GPU, Q.RECOVERY_ACTION, code_of(Q.RECOVERY_ACTION, action), at)])
    return board.snapshot(1, at, UnixNanoseconds(int(now * 1e9)))


def xid(number: int, gpu: int | None = 2) -> Finding:
    return tell_host_event(HOST, HostEvent(1, 1, "xid", gpu, number), XIDS)


def on_console(number: int, pci: str = "0009:01:00") -> Finding:
    details: dict[str, str | float | int | None] = {"xid": number, "pci": pci}
    return Finding(TRAY, "gpu.xid", Severity.CRITICAL, f"u12: the driver reports Xid {number} at {pci}", details)


PANIC = Finding(TRAY, "console.panic", Severity.CRITICAL, "u12: kernel panic: not syncing")
BOOT = Finding(TRAY, "console.boot", Severity.OK, "u12: the kernel begins")


def follow(before: Alarms, after: Snapshot, *findings: Finding) -> tuple[dict[str, Standing], list[Finding]]:
    return follow_alarms(before, findings, after, RULES, {TRAY: HOST})


def texts(standing: Alarms) -> list[str]:
    return [s.alarm.text for s in standing.values()]


def test_a_gpu_off_the_bus_is_an_alarm_with_what_to_do_and_a_programs_fault_is_none() -> None:
    standing, told = follow({}, snapshot(1.0), xid(79), xid(13))
    assert told == []
    (one,) = standing.values()
    assert (one.alarm.place, one.alarm.severity, one.alarm.since_unix_ns) == (GPU, "critical", 1_000_000_000)
    assert one.alarm.text.startswith("gpu2 XID 79: the GPU does not answer on its bus any more: drain the node")


def test_it_stands_while_nothing_is_known_and_while_the_driver_asks_for_a_reset() -> None:
    standing, _ = follow({}, snapshot(0.0), xid(79), PANIC)
    for now, kw in ((10.0, {"access": None}), (400.0, {"access": "lost"}), (900.0, {"action": "gpu_reset"})):
        standing, told = follow(standing, snapshot(now, **kw))  # type: ignore[arg-type]
        standing, more = follow(standing, snapshot(now + WELL, **kw))  # type: ignore[arg-type]
        assert "gpu2 XID 79" in " ".join(texts(standing)), kw
        assert all(f.details["of"] == "console.panic" for f in [*told, *more])


def test_it_is_over_once_the_gpu_was_read_without_a_fault_for_a_while() -> None:
    standing, _ = follow({}, snapshot(0.0), xid(79))
    standing, told = follow(standing, snapshot(WELL - 1.0))
    assert (len(standing), told) == (1, [])
    standing, _ = follow(standing, snapshot(WELL - 0.5, access="lost"))
    standing, told = follow(standing, snapshot(WELL + 1.0))
    assert (len(standing), told) == (1, []), "a fault in between begins the time anew"
    standing, (over,) = follow(standing, snapshot(2 * WELL + 1.0))
    assert standing == {}
    assert (over.place, over.kind, over.severity) == (GPU, "alarm.over", Severity.OK)
    assert over.message == "u12 gpu2 XID 79: over, all has been well for 300 s"


def test_a_host_that_starts_anew_or_is_off_ends_all_of_its_trays_alarms() -> None:
    standing, _ = follow({}, snapshot(0.0, access=None), xid(79), PANIC)
    assert len(standing) == 2
    ended, told = follow(standing, snapshot(1.0, access=None), BOOT)
    assert (ended, len(told)) == ({}, 2)
    ended, told = follow(standing, snapshot(1.0, access=None, on=False))
    assert (ended, [f.message.split(": ")[-1] for f in told]) == ({}, ["over, its host is off"] * 2)
    other = Finding(Place(f"{RACK}/u13"), "console.boot", Severity.OK, "u13: the kernel begins")
    assert len(follow(standing, snapshot(1.0, access=None), other)[0]) == 2
    again, _ = follow(standing, snapshot(1.0, access=None), BOOT, PANIC)
    assert texts(again) == ["kernel panic: not syncing"], "what comes after the start counts"


def test_agent_and_console_tell_of_one_xid_once_in_either_order() -> None:
    for order in ((xid(79), on_console(79)), (on_console(79), xid(79))):
        standing, _ = follow({}, snapshot(0.0), *order)
        assert [s.alarm.place for s in standing.values()] == [GPU]
    standing, _ = follow({}, snapshot(0.0), on_console(79), on_console(79, "0019:01:00"), on_console(7))
    assert len(standing) == 2, "two GPUs are two alarms; XID 7 is none"


def test_a_tray_has_so_many_and_no_more() -> None:
    flood = [on_console(79, f"{n:04x}:01:00") for n in range(100)]
    assert len(follow({}, snapshot(0.0), *flood)[0]) == MOST_PER_TRAY
