"""Which changes people hear of."""

from dataclasses import replace

from firmware_bridge.vocabulary.event_path import EventPath, PathKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Reading, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds, Watts
from rack_controller.decide.axes import Contact
from rack_controller.decide.notice import notice_batteries, notice_changes
from rack_controller.model.event import Severity
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.board import Board

RACK = Place("lab1/a/r01/k01")
BMC = Place(f"{RACK}/u11/bmc")
LEAK = Place(f"{RACK}/u11/leak0")
TRAY = Place(f"{RACK}/u11")
PERIODS = {c: Seconds(1.0) for c in ReadingClass}


def snapshot(now: float, leak: float | None = 0.0, *, heard: bool = True, error: str = "") -> Snapshot:
    board = Board(RACK, [BMC], PERIODS)
    board.declare(
        BMC,
        [
            Series(LEAK, Quantity.LEAK, ReadingClass.SAFETY, "ColdPlate 0"),
            Series(TRAY, Quantity.POWER_STATE, ReadingClass.SAFETY),
        ],
    )
    board.contacts[BMC] = Contact(Seconds(now if heard else now - 100), 0 if heard else 5, error)
    board.store(
        [Reading(LEAK, Quantity.LEAK, leak, Seconds(now)), Reading(TRAY, Quantity.POWER_STATE, 1.0, Seconds(now))]
    )
    return board.snapshot(1, Seconds(now), UnixNanoseconds(1))


def test_events_that_stop_and_come_again_are_told_with_the_reason() -> None:
    def at(now: float, path: EventPath) -> Snapshot:
        taken = snapshot(now)
        return replace(taken, endpoints={BMC: replace(taken.endpoints[BMC], events=path)})

    proven = EventPath(PathKind.SSE, Seconds(9.0))
    lost = EventPath(PathKind.UNPROVEN, Seconds(9.0), "EndpointUnreachable: the event stream ended")
    (told,) = notice_changes(at(10, proven), at(11, lost))
    assert (told.kind, told.severity) == ("events.lost", Severity.WARNING)
    assert "the event stream ended" in told.message
    (again,) = notice_changes(at(11, lost), at(12, proven))
    assert (again.kind, again.severity) == ("events.proven", Severity.OK)
    assert notice_changes(at(10, EventPath(PathKind.POLLING)), at(11, proven)) == []  # the first time is no news


def test_a_quiet_rack_says_nothing() -> None:
    assert notice_changes(snapshot(10), snapshot(11)) == []


def test_a_leak_is_critical_and_names_the_detector() -> None:
    (finding,) = notice_changes(snapshot(10), snapshot(11, leak=2.0))
    assert (finding.place, finding.kind, finding.severity) == (LEAK, "leak.critical", Severity.CRITICAL)
    assert finding.message == "u11 leak0 (ColdPlate 0) leak is critical, was dry"


def test_a_leak_that_was_there_at_the_start_is_told_too() -> None:
    findings = notice_changes(None, snapshot(11, leak=1.0))
    assert ("leak.warning", Severity.WARNING) in [(f.kind, f.severity) for f in findings]


def test_a_value_that_becomes_unknown_is_no_change_of_the_part() -> None:
    assert notice_changes(snapshot(10), snapshot(11, leak=None)) == []


def test_an_endpoint_that_goes_silent_is_told_with_its_error_and_its_return_too() -> None:
    silent = snapshot(11, heard=False, error="EndpointUnreachable: no reply")
    (lost,) = notice_changes(snapshot(10), silent)
    assert (lost.kind, lost.severity) == ("endpoint.absent", Severity.WARNING)
    assert lost.message == "u11 bmc is absent: EndpointUnreachable: no reply"
    (back,) = notice_changes(silent, snapshot(12))
    assert (back.kind, back.severity) == ("endpoint.reachable", Severity.OK)


def test_power_off_is_told() -> None:
    before, after = snapshot(10), snapshot(11)
    gauges = after.gauges.copy()
    gauges[after.table.gauge_index[TRAY, Quantity.POWER_STATE]] = 0
    (finding,) = notice_changes(before, replace(after, gauges=gauges))
    assert (finding.kind, finding.severity) == ("power_state.off", Severity.WARNING)


BATTERY = Place(f"{RACK}/u05")
USABLE = Watts(66_000.0)


def battery(power: float | None) -> Snapshot:
    board = Board(RACK, [BMC], PERIODS)
    board.declare(BMC, [Series(BATTERY, Quantity.POWER, ReadingClass.POWER)])
    board.store([Reading(BATTERY, Quantity.POWER, power, Seconds(10.0))])
    return board.snapshot(1, Seconds(10.0), UnixNanoseconds(1))


def test_a_battery_that_delivers_is_told_once_and_its_rest_once() -> None:
    delivering: frozenset[Place] = frozenset()
    told = []
    for power in (0.0, 500.0, 11_000.0, 500.0, None, 700.0, 330.0, 400.0, -3_000.0):
        delivering, findings = notice_batteries(delivering, battery(power), [BATTERY], USABLE)
        told += [(power, f.kind, f.severity, f.message) for f in findings]
    assert told == [
        (11_000.0, "power.on_battery", Severity.CRITICAL, "u05 is on battery: it delivers 11.0 kW"),
        (330.0, "power.on_mains", Severity.OK, "u05 is on mains again"),
    ]


def test_a_battery_nobody_reads_says_nothing() -> None:
    assert notice_batteries(frozenset(), battery(None), [BATTERY, Place(f"{RACK}/u06")], USABLE) == (frozenset(), [])
