"""The stock report of small trees, each with one thing that real firmware does."""

from typing import Any

from firmware_bridge.vocabulary.inventory import EndpointReport, ItemKind
from firmware_bridge.wire.redfish.inventory import report_of

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
    assert report_of(tree).readings == ()


def test_nothing_at_all_is_an_empty_report() -> None:
    assert report_of({}) == EndpointReport()
