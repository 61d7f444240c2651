"""What events come to: a state where one is stated, a look where one only says that something changed."""

import json
from typing import Any

import pytest

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.documents import Decoder, LeakDetection, LeakDetector, MetricValue, PoweredPart
from firmware_bridge.wire.redfish.events import EventRecord, records_of, stated
from firmware_bridge.wire.redfish.guard import DocumentFault
from firmware_bridge.wire.redfish.intake import FORGET_OFFSET_AFTER, MOST_LOOKS, MOST_SEEN, Intake, origins_of
from firmware_bridge.wire.redfish.numbers import health_code, leak_code, power_state_code
from firmware_bridge.wire.redfish.plan import Extract, Fetch, Line, Plan, readings_of, state_extract

ORIGIN = "https://10.0.0.1:443"
LEAKS, HOST = "/redfish/v1/Chassis/C/LeakDetectors", "/redfish/v1/Systems/S"
TRAY = Place("s/a/r01/k01/u11")
WET, DRY = "Environmental.1.1.0.LeakDetectedCritical", "Environmental.1.1.0.LeakDetectedNormal"


def series(part: str, quantity: Quantity) -> Series:
    return Series(Place(f"{TRAY}/{part}"), quantity, ReadingClass.SAFETY)


def plan(detectors: int = 2) -> Plan:
    leaks = tuple(
        state_extract(series(f"leak{n}", Quantity.LEAK), "DetectorState", leak_code, f"{LEAKS}/{n}")
        for n in range(detectors)
    )
    power = state_extract(Series(TRAY, Quantity.POWER_STATE, ReadingClass.SAFETY), "PowerState", power_state_code)
    report = Fetch("/r", Decoder(MetricValue, array="MetricValues"), (Extract(series("x", Quantity.POWER), "f"),))
    return Plan(
        {
            ReadingClass.SAFETY: (
                Fetch(LEAKS + "?$expand=.", Decoder(LeakDetector, array="Members"), leaks, collection=True),
                Fetch(HOST, Decoder(PoweredPart), (power,)),
            ),
            ReadingClass.POWER: (report,),
        }
    )


def record(message: str, origin: Any, at: str = "2026-01-01T00:00:10Z", number: int = 1, **more: Any) -> EventRecord:
    said = {"EventId": str(number), "MessageId": message, "EventTimestamp": at, "OriginOfCondition": origin, **more}
    (found,) = records_of(json.dumps({"Id": "1", "Events": [said]}).encode(), ORIGIN, 10_000)
    return found


def intake(detectors: int = 2) -> Intake:
    return Intake(origins_of(plan(detectors)))


def test_a_stated_leak_is_a_reading_with_the_devices_own_time() -> None:
    (reading,) = intake().take([record(WET, {"@odata.id": f"{LEAKS}/1/"})], Seconds(5.0)).readings
    assert (reading.place, reading.quantity, reading.value) == (f"{TRAY}/leak1", Quantity.LEAK, 2.0)
    assert (reading.taken_at, reading.device_time) == (5.0, "2026-01-01T00:00:10Z")


def test_a_health_that_changed_states_nothing_and_is_looked_at_once() -> None:
    changed = [record("ResourceEvent.1.3.ResourceStatusChangedCritical", f"{LEAKS}/0", number=n) for n in (1, 2)]
    taken = intake().take(changed, Seconds(5.0))
    assert taken.readings == ()
    (fetch,) = taken.look_at
    assert (fetch.uri, fetch.decode.kind) == (f"{LEAKS}/0", LeakDetector)
    assert fetch.extracts[0].member == ""


def test_what_happens_to_a_supply_makes_what_the_endpoint_gives_due_once() -> None:
    supply = Fetch(
        "/s/0", Decoder(PoweredPart), (state_extract(series("psu0", Quantity.HEALTH), "Status", health_code),)
    )
    shelf = Plan({ReadingClass.SLOW: (supply,)}, supplies=frozenset({Place(f"{TRAY}/psu0")}))
    held = Intake(origins_of(shelf), shelf.supplies)
    taken = held.take([record("ResourceEvent.1.3.ResourceStatusChangedCritical", "/s/0")], Seconds(5.0))
    assert (taken.all_power, taken.all_safety, [f.uri for f in taken.look_at]) == (True, False, ["/s/0"])
    assert not intake().take([record(WET, f"{LEAKS}/1")], Seconds(5.0)).all_power


def test_the_same_event_twice_counts_once_and_memory_is_bounded() -> None:
    held, wet = intake(), record(WET, f"{LEAKS}/0")
    assert held.take([wet, wet], Seconds(5.0)).repeated == 1
    held.take([record(WET, f"{LEAKS}/0", number=n) for n in range(2, MOST_SEEN + 50)], Seconds(5.0))
    assert len(held.seen) == MOST_SEEN


def test_the_last_word_on_a_detector_comes_last_and_no_leak_gets_lost_within_a_batch() -> None:
    batch = [record(WET, f"{LEAKS}/0"), record(DRY, f"{LEAKS}/0", "2026-01-01T00:00:10.5Z", 2)]
    assert [r.value for r in intake().take([*batch, *batch], Seconds(5.0)).readings] == [2.0, 0.0]


def test_an_event_older_than_the_newest_word_is_looked_at_instead() -> None:
    held = intake()
    held.take([record(WET, f"{LEAKS}/0", "2026-01-01T00:00:10Z")], Seconds(5.0))
    taken = held.take([record(DRY, f"{LEAKS}/0", "2026-01-01T00:00:09Z", 2)], Seconds(5.1))
    assert (taken.readings, [f.uri for f in taken.look_at]) == ((), [f"{LEAKS}/0"])


def test_an_event_that_was_long_under_way_is_looked_at_instead() -> None:
    held = intake()
    held.take([record(WET, f"{LEAKS}/1", "2026-01-01T00:00:10Z")], Seconds(5.0))
    taken = held.take([record(WET, f"{LEAKS}/0", "2026-01-01T00:00:11Z", 2)], Seconds(60.0))
    assert (taken.readings, len(taken.look_at)) == ((), 1)


def test_a_clock_that_was_set_back_is_believed_again_after_a_few_events() -> None:
    held = intake()
    held.take([record(WET, f"{LEAKS}/0", "2026-01-01T00:00:10Z")], Seconds(5.0))
    for n in range(FORGET_OFFSET_AFTER):
        taken = held.take([record(WET, f"{LEAKS}/0", f"1970-01-01T00:00:{n:02}Z", n + 2)], Seconds(5.0 + n))
        assert len(taken.look_at) == 1
    taken = held.take([record(DRY, f"{LEAKS}/0", "1970-01-01T00:00:09Z", 50)], Seconds(14.0))
    assert [r.value for r in taken.readings] == [0.0]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example/redfish/v1/Chassis/C/LeakDetectors/0",
        "//evil.example/x",
        f"{LEAKS}/../LeakDetectors/0",
        f"{LEAKS}/%2e%2e/0",
        f"{LEAKS}/0\r\nX: y",
        17,
        None,
        {"@odata.id": ["x"]},
    ],
)
def test_no_link_leads_away(origin: Any) -> None:
    told = record(WET, origin, Severity="Critical")
    assert told.origin == ""
    taken = intake().take([told], Seconds(5.0))
    assert (taken.readings, taken.look_at, taken.all_safety) == ((), (), True)


def test_a_fine_event_of_a_stranger_asks_for_nothing() -> None:
    taken = intake().take([record("Base.1.0.Success", "/redfish/v1/Odd", Severity="OK")], Seconds(5.0))
    assert (taken.readings, taken.look_at, taken.all_safety) == ((), (), False)


@pytest.mark.parametrize("message", [WET, DRY, "ResourceEvent.1.3.ResourceStatusChangedCritical"])
@pytest.mark.parametrize("lines", [1, 2])
def test_an_event_of_a_group_of_detectors_is_looked_at_and_each_line_keeps_its_own_state(
    message: str, lines: int
) -> None:
    uri = "/redfish/v1/Chassis/C/ThermalSubsystem/LeakDetection"
    extracts = tuple(
        Extract(
            series(f"leak{n}", Quantity.LEAK),
            *("LeakDetectorGroups", "DetectorState", leak_code),
            ignore_state=True,
            line=Line((0, "Detectors", n), "DeviceName", f"D{n}"),
        )
        for n in range(lines)
    )
    fetch = Fetch(uri, Decoder(LeakDetection), extracts)
    taken = Intake(origins_of(Plan({ReadingClass.SAFETY: (fetch,)}))).take([record(message, uri)], Seconds(5.0))
    assert taken.readings == ()
    (look,) = taken.look_at
    detectors = [{"DeviceName": "D0", "DetectorState": "Critical"}, {"DeviceName": "D1", "DetectorState": "OK"}]
    body = json.dumps({"LeakDetectorGroups": [{"Detectors": detectors}]}).encode()
    assert [r.value for r in readings_of(look, look.decode(body), Seconds(5.0))] == [2.0, 0.0][:lines]


def test_of_two_series_of_one_kind_behind_one_resource_an_event_means_neither() -> None:
    host = tuple(
        state_extract(series(part, Quantity.POWER_STATE), "PowerState", power_state_code) for part in ("a", "b")
    )
    plan = Plan({ReadingClass.SAFETY: (Fetch(HOST, Decoder(PoweredPart), host),)})
    taken = Intake(origins_of(plan)).take([record("ResourceEvent.1.3.ResourcePoweredOff", HOST)], Seconds(5.0))
    assert (taken.readings, [f.uri for f in taken.look_at]) == ((), [HOST])


def test_a_device_without_a_clock_that_counts_from_one_again_is_looked_at() -> None:
    held, wet, dry = intake(), record(WET, f"{LEAKS}/0", at=""), record(DRY, f"{LEAKS}/0", at="")
    found = [held.take([told], Seconds(5.0 + n)) for n, told in enumerate((wet, dry, wet))]
    assert [[r.value for r in taken.readings] for taken in found] == [[2.0], [0.0], []]
    assert [[f.uri for f in taken.look_at] for taken in found] == [[], [], [f"{LEAKS}/0"]]
    assert sum(taken.repeated for taken in found) == 0


def test_many_at_once_are_one_read_of_the_class() -> None:
    many = [record("X.1.0.Changed", f"{LEAKS}/{n}", number=n) for n in range(MOST_LOOKS + 1)]
    taken = intake(MOST_LOOKS + 1).take(many, Seconds(5.0))
    assert (taken.look_at, taken.all_safety) == ((), True)
    assert [f.uri for f in taken.leaks] == [f"{LEAKS}/{n}" for n in range(MOST_LOOKS)]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b'{"Events": 3}',
        b'{"Events": [7]}',
        b'{"Events":' + b"[" * 40 + b"]" * 40 + b"}",
        json.dumps({"Events": [{}] * 300}).encode(),
        b'{"Events": [{"EventId": NaN}]}',
    ],
)
def test_what_is_no_event_is_refused_with_a_name(raw: bytes) -> None:
    with pytest.raises(DocumentFault):
        records_of(raw, ORIGIN, 100_000)


def test_texts_are_fit_for_a_log() -> None:
    told = record("Base.1.0.\u202eevil\nMessage", "/redfish/v1/X", Message="line\r\nforged \x1b[31mred\u202e")
    assert told.text == "line forged  [31mred"
    assert "\n" not in told.message + told.registry
    assert stated(told) is None
