"""The stock report of small trees, each with one thing that real firmware does."""

import json
from typing import Any

import msgspec
import pytest

from firmware_bridge.vocabulary.inventory import EndpointReport, ItemKind, Note
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.documents import Decoder, LeakDetector
from firmware_bridge.wire.redfish.inventory import report_of
from firmware_bridge.wire.redfish.numbers import leak_code
from firmware_bridge.wire.redfish.plan import Fetch, readings_of, state_extract

ROOT = "/redfish/v1"
RESET = {"#ComputerSystem.Reset": {"target": "x"}}


def collection(uri: str, *members: str) -> dict[str, Any]:
    return {uri: {"@odata.id": uri, "Members": [{"@odata.id": f"{uri}/{m}"} for m in members]}}


def resource(uri: str, schema: str, **properties: Any) -> dict[str, Any]:
    body = {"@odata.id": uri, "@odata.type": f"#{schema}.v1_0_0.{schema}", "Id": uri.rsplit("/", 1)[-1]}
    return {uri: body | properties}


def processors(system: str, *parts: dict[str, Any]) -> dict[str, Any]:
    base = f"{ROOT}/Systems/{system}/Processors"
    tree = collection(base, *(p["Id"] for p in parts))
    for part in parts:
        tree |= resource(f"{base}/{part['Id']}", "Processor", **part)
    return tree


def host(name: str, **properties: Any) -> dict[str, Any]:
    return resource(f"{ROOT}/Systems/{name}", "ComputerSystem", Actions=RESET, **properties)


def view(name: str) -> dict[str, Any]:
    return resource(f"{ROOT}/Systems/{name}", "ComputerSystem")


def count(report: EndpointReport, kind: ItemKind) -> int:
    return sum(i.kind is kind for i in report.inventory)


def test_a_part_seen_by_host_and_baseboard_is_one_item_with_both_uris() -> None:
    cpu = {"Id": "CPU_0", "ProcessorType": "CPU", "SerialNumber": "S1"}
    report = report_of(host("System_0") | view("HGX_0") | processors("System_0", cpu) | processors("HGX_0", cpu))
    (item,) = report.inventory
    assert item.kind is ItemKind.CPU
    assert item.uris == (f"{ROOT}/Systems/System_0/Processors/CPU_0", f"{ROOT}/Systems/HGX_0/Processors/CPU_0")


def test_a_view_without_serial_is_recognised_by_its_socket() -> None:
    seen = {"Id": "CPU_0", "ProcessorType": "CPU", "SerialNumber": "S1", "Socket": "G1:0.0"}
    bare = {"Id": "HGX_CPU_0", "ProcessorType": "CPU", "SerialNumber": "", "Socket": "G1:0.0"}
    report = report_of(host("System_0") | view("HGX_0") | processors("HGX_0", bare) | processors("System_0", seen))
    (item,) = report.inventory
    assert (item.id, item.serial_number, len(item.uris)) == ("CPU_0", "S1", 2)


def test_two_machines_with_the_same_sockets_keep_their_own_processors() -> None:
    cpu = {"Id": "CPU", "ProcessorType": "CPU", "Socket": "CPU 1"}
    tree = host("Blade1") | host("Blade2") | processors("Blade1", cpu) | processors("Blade2", cpu)
    assert count(report_of(tree), ItemKind.CPU) == 2


def test_parts_that_print_their_boards_serial_stay_several() -> None:
    gpus = [{"Id": f"GPU_{n}", "ProcessorType": "GPU", "SerialNumber": "BOARD", "PartNumber": "P"} for n in range(4)]
    tree = host("System_0") | view("HGX_0") | processors("HGX_0", *gpus) | processors("System_0", *gpus)
    report = report_of(tree)
    assert count(report, ItemKind.GPU) == 4
    assert all(len(i.uris) == 2 for i in report.inventory)


def test_pending_settings_cores_and_empty_sockets_are_no_parts() -> None:
    base = f"{ROOT}/Systems/S/Processors"
    tree = host("S") | processors(
        "S",
        {
            "Id": "CPU1",
            "ProcessorType": "CPU",
            "@Redfish.Settings": {"SettingsObject": {"@odata.id": f"{base}/CPU1/SD"}},
        },
        {"Id": "CPU2", "ProcessorType": "CPU", "Status": {"State": "Absent"}},
        {"Id": "Core1", "ProcessorType": "Core"},
    )
    tree |= resource(f"{base}/CPU1/SD", "Processor", ProcessorType="CPU")
    report = report_of(tree)
    assert [i.id for i in report.inventory] == ["CPU1"]
    assert any(n.uri.endswith("CPU2") and "nothing in this place" in n.what for n in report.notes)


def test_members_that_answer_errors_are_noted_and_not_counted() -> None:
    chassis = f"{ROOT}/Chassis"
    tree = collection(chassis, "A", "Ghost", "Gone") | resource(f"{chassis}/A", "Chassis")
    tree[f"{chassis}/Ghost"] = {"error": {"code": "Base.1.18.ResourceNotFound"}}
    report = report_of(tree)
    assert [i.id for i in report.inventory] == ["A"]
    assert {n.uri.rsplit("/", 1)[-1] for n in report.notes} == {"Ghost", "Gone"}


def test_a_missing_type_is_made_good_by_shape_or_by_the_listing_collection() -> None:
    fans = f"{ROOT}/Chassis/A/ThermalSubsystem/Fans"
    tree = collection(fans, "F1")
    tree[f"{fans}/F1"] = {"Id": "F1"}
    tree[f"{ROOT}/Odd"] = {"Id": "Odd", "ProcessorType": "GPU"}
    report = report_of(tree)
    assert {i.kind for i in report.inventory} == {ItemKind.FAN, ItemKind.GPU}
    assert sum(n.property == "@odata.type" for n in report.notes) == 2


def test_ratings_as_text_and_states_outside_the_enumeration_are_read_and_noted() -> None:
    uri = f"{ROOT}/Chassis/S/PowerSubsystem/PowerSupplies/0"
    supply = resource(uri, "PowerSupply", CapacityWatts="5500", PowerState=True, Status={"State": "Standby"})
    report = report_of(supply)
    assert [(r.value, r.unit, r.uri) for r in report.readings] == [(5500.0, "W", uri)]
    assert {n.property for n in report.notes} == {"CapacityWatts", "PowerState", "Status"}


def test_sensors_without_a_number_are_left_out_and_text_is_noted() -> None:
    base = f"{ROOT}/Chassis/A/Sensors"
    tree: dict[str, Any] = {}
    for name, reading in {"good": 1.5, "text": "2.5", "word": "N/A", "null": None}.items():
        tree |= resource(f"{base}/{name}", "Sensor", Reading=reading, ReadingType="Power", ReadingUnits="W")
    report = report_of(tree)
    assert [(r.id, r.value) for r in report.readings] == [("good", 1.5), ("text", 2.5)]
    assert [(n.uri.rsplit("/", 1)[-1], n.property) for n in report.notes] == [("text", "Reading"), ("word", "Reading")]


def test_text_from_the_device_is_scrubbed() -> None:
    uri = f"{ROOT}/Chassis/A"
    report = report_of(resource(uri, "Chassis", Name='x\x1b[2J\u202e"><script>', SerialNumber="N/A"))
    assert report.inventory[0].name == 'x [2J "><script>'
    assert report.inventory[0].serial_number is None


def test_firmware_versions_reach_the_part_they_belong_to() -> None:
    firmware = f"{ROOT}/UpdateService/FirmwareInventory"
    gpu = f"{ROOT}/Systems/S/Processors/GPU_0"
    tree = host("S") | processors("S", {"Id": "GPU_0", "ProcessorType": "GPU"}) | collection(firmware, "FW_GPU_0")
    related = [{"@odata.id": gpu}]
    tree |= resource(f"{firmware}/FW_GPU_0", "SoftwareInventory", Version="97.00", RelatedItem=related)
    report = report_of(tree)
    assert report.inventory[0].firmware == "97.00"
    assert [(f.id, f.version) for f in report.firmware] == [("FW_GPU_0", "97.00")]


def test_older_services_give_fans_supplies_and_numbers_through_thermal_and_power() -> None:
    chassis = f"{ROOT}/Chassis/Blade"
    fans = [{"MemberId": "0", "Name": "Fan 1", "Reading": 2100, "ReadingUnits": "RPM"}]
    temperatures = [{"MemberId": "0", "Name": "Inlet", "ReadingCelsius": 21}]
    tree = resource(chassis, "Chassis") | resource(
        f"{chassis}/Thermal", "Thermal", Fans=fans, Temperatures=temperatures
    )
    report = report_of(tree)
    assert count(report, ItemKind.FAN) == 1
    assert {(r.value, r.unit) for r in report.readings} == {(2100.0, "RPM"), (21.0, "°C")}
    tree[chassis]["Sensors"] = {"@odata.id": f"{chassis}/Sensors"}
    assert len(report_of(tree).readings) == 2  # a link that leads to nothing makes nothing needless
    inlet = f"{chassis}/Sensors/Inlet"
    tree |= resource(inlet, "Sensor", Reading=22, ReadingType="Temperature", ReadingUnits="Cel")
    assert {(r.value, r.unit, r.uri) for r in report_of(tree).readings} == {
        (22.0, "°C", inlet),
        (2100.0, "RPM", f"{chassis}/Thermal#/Fans/0"),
    }


def test_nothing_at_all_is_an_empty_report() -> None:
    assert report_of({}) == EndpointReport()


def noted(report: EndpointReport, name: str) -> list[str]:
    return [n.what for n in report.notes if n.property == name]


def one_sensor(**properties: Any) -> EndpointReport:
    return report_of(resource(f"{ROOT}/Chassis/A/Sensors/S", "Sensor", **properties))


@pytest.mark.parametrize("state", [None, "Enabled", "Disabled", "Absent", "UnavailableOffline", "StandbyOffline"])
@pytest.mark.parametrize("said", ["OK", "Warning", "Critical", "Odd", None])
def test_a_report_and_a_live_reading_say_the_same_of_a_leak_detector(state: str | None, said: str | None) -> None:
    uri = f"{ROOT}/Chassis/A/LeakDetectors/L"
    tree = resource(uri, "LeakDetector", DetectorState=said, Status={"State": state})
    (item,) = report_of(tree).leak_detectors
    series = Series(Place("s/h/r/k/u1/leak0"), Quantity.LEAK, ReadingClass.SAFETY)
    fetch = Fetch(uri, Decoder(LeakDetector), (state_extract(series, "DetectorState", leak_code),))
    (live,) = readings_of(fetch, fetch.decode(msgspec.json.encode(tree[uri])), Seconds(1.0))
    words = {0: "OK", 1: "Warning", 2: "Critical", None: "unknown"}
    assert item.state == words[live.value]
    assert bool(noted(report_of(tree), "DetectorState")) == (item.state == "unknown")


def test_a_number_that_ends_beyond_all_numbers_is_left_out_and_the_report_stays_json() -> None:
    report = one_sensor(Reading=1e308, ReadingType="Power", ReadingUnits="kW")
    assert report.readings == ()
    assert "left out" in noted(report, "Reading")[0]
    json.dumps(msgspec.to_builtins(report), allow_nan=False)


@pytest.mark.parametrize(
    ("kind", "units", "reading"), [("Temperature", "Cel", -274), ("Temperature", "K", -1), ("Rotational", "RPM", -1)]
)
def test_numbers_that_cannot_be_are_left_out_with_a_note(kind: str, units: str, reading: float) -> None:
    report = one_sensor(Reading=reading, ReadingType=kind, ReadingUnits=units)
    assert report.readings == ()
    assert "cannot be" in noted(report, "Reading")[0]


def test_a_disabled_sensors_number_and_units_that_are_no_text_are_noted() -> None:
    report = one_sensor(Reading=5, ReadingType="Power", ReadingUnits=["W"], Status={"State": "Disabled"})
    assert [r.value for r in report.readings] == [5.0]
    assert "Disabled" in noted(report, "Status")[0]
    assert "no text" in noted(report, "ReadingType")[0]


def test_a_number_without_a_sensor_behind_it_is_noted() -> None:
    metrics = {"PowerWatts": {"Reading": 200.5}, "EnergyJoules": {"Reading": 1, "DataSourceUri": f"{ROOT}/x"}}
    report = report_of(resource(f"{ROOT}/M", "EnvironmentMetrics", **metrics))
    assert [(n.property, n.what) for n in report.notes] == [
        ("PowerWatts", "200.5 without a sensor behind it: not a reading")
    ]


def test_older_numbers_that_a_chassis_with_sensors_makes_needless_are_noted() -> None:
    chassis = f"{ROOT}/Chassis/A"
    tree = resource(chassis, "Chassis", Sensors={"@odata.id": f"{chassis}/Sensors"})
    tree |= resource(f"{chassis}/Thermal", "Thermal", Temperatures=[{"ReadingCelsius": 20}, {"ReadingCelsius": None}])
    tree |= collection(f"{chassis}/Sensors", "T")
    tree |= resource(f"{chassis}/Sensors/T", "Sensor", Reading=20, ReadingType="Temperature", ReadingUnits="Cel")
    assert noted(report_of(tree), "Temperatures") == ["1 numbers left out: the chassis' Sensors give the same"]


def test_firmware_is_what_the_update_service_links_to_wherever_that_is() -> None:
    service, odd = f"{ROOT}/UpdateService", f"{ROOT}/UpdateService/Images"
    tree = resource(service, "UpdateService", FirmwareInventory={"@odata.id": odd}) | collection(odd, "BMC")
    tree |= resource(f"{odd}/BMC", "SoftwareInventory", Version="1.0")
    other = f"{ROOT}/Oem/FirmwareInventory"
    tree |= collection(other, "X") | resource(f"{other}/X", "SoftwareInventory", Version="2.0")
    assert [f.id for f in report_of(tree).firmware] == ["BMC"]


def test_any_power_state_outside_the_enumeration_is_noted() -> None:
    tree = host("S", PowerState="Maybe") | resource(f"{ROOT}/Chassis/C", "Chassis", PowerState=False)
    assert sorted(noted(report_of(tree), "PowerState")) == [
        "'Maybe' is not in Redfish's list",
        "a boolean where Redfish has On and Off",
    ]


def test_a_boolean_is_no_text_and_a_number_is_noted() -> None:
    chassis = resource(f"{ROOT}/Chassis/C", "Chassis", FirmwareVersion=True, PartNumber=17)
    report = report_of(chassis)
    assert (report.inventory[0].firmware, report.inventory[0].part_number) == (None, "17")
    assert noted(report, "FirmwareVersion") == ["true where Redfish has text: taken as absent"]
    assert noted(report, "PartNumber") == ["a number where Redfish has text"]


def test_an_inlined_member_without_a_link_is_read_where_it_stands() -> None:
    fans = f"{ROOT}/Chassis/C/ThermalSubsystem/Fans"
    tree = {fans: {"Members": [{"Id": "Fan7\x1b", "Name": "Fan", "SpeedPercent": {}}, {}]}}
    report = report_of(tree)
    assert [(i.kind, i.id, i.uris) for i in report.inventory] == [(ItemKind.FAN, "Fan7", (f"{fans}#/Members/0",))]
    assert noted(report, "Members") == [
        "a member without @odata.id: Id 'Fan7' is read where it stands",
        "a member without @odata.id: nothing is known of it",
    ]


def test_what_the_reader_has_noted_as_missing_is_not_noted_again() -> None:
    gone = f"{ROOT}/Chassis/Gone"
    tree = collection(f"{ROOT}/Chassis", "Gone")
    assert [n.uri for n in report_of(tree, notes=[Note(gone, "", "ResourceMissing: not there")]).notes] == [gone]
    assert [n.uri for n in report_of(tree).notes] == [gone]


def test_no_note_and_no_uri_carries_what_cannot_be_printed() -> None:
    evil = f"{ROOT}/Chassis/\x1b[2J\u202e"
    tree = collection(f"{ROOT}/Chassis", "\x1b]0;x\x07", "\x1b]0;x\x07") | {evil: {"@odata.id": "\x9b", "Id": "\u2028"}}
    tree |= {f"{ROOT}/Chassis/B": {"Members": [{"@odata.id": f"{evil}/1", "ChassisType": "Rack", "Id": "1"}]}}
    report = report_of(tree, notes=[Note(evil, evil, evil)])
    texts = [t for n in report.notes for t in (n.uri, n.property, n.what)] + [
        u for i in report.inventory for u in i.uris
    ]
    assert len(report.inventory) == 1
    assert all(t.isprintable() for t in texts), texts


@pytest.mark.parametrize(
    ("name", "function", "gpus"),
    [
        ("GPU riser", {"ClassCode": "0x060400", "DeviceClass": "Bridge"}, 0),
        ("H200 SXM", {"ClassCode": "0x030200", "DeviceClass": "DisplayController"}, 1),
        ("Accelerator", {"DeviceClass": "ProcessingAccelerators"}, 1),
        ("VGA", {"ClassCode": "0x030000", "DeviceClass": "DisplayController"}, 0),
        ("Some GPU", {}, 1),
        ("Some card", {}, 0),
    ],
)
def test_a_pcie_device_is_a_gpu_by_its_class_and_by_its_words_only_without_one(
    name: str, function: dict[str, str], gpus: int
) -> None:
    device = f"{ROOT}/Chassis/C/PCIeDevices/1"
    tree = resource(device, "PCIeDevice", Name=name) | resource(f"{device}/PCIeFunctions/0", "PCIeFunction", **function)
    assert count(report_of(tree), ItemKind.GPU) == gpus
    with_gpu = tree | host("S") | processors("S", {"Id": "GPU_0", "ProcessorType": "GPU"})
    assert count(report_of(with_gpu), ItemKind.GPU) == 1
