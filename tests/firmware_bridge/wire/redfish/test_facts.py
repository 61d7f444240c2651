"""Facts beyond identity, of the right type only; and which chassis, system and manager are the tray's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.vocabulary.facts import TYPES, Aspect, AspectKind, Fact
from firmware_bridge.vocabulary.inventory import EndpointReport, ItemKind
from firmware_bridge.wire.redfish.facts import ADDRESS, PROPERTIES, facts_in, facts_of
from firmware_bridge.wire.redfish.inventory import report_of

CAPTURES = Path(__file__).resolve().parents[5] / "shared" / "data" / "captures"
ROOT = "/redfish/v1"


def capture(name: str) -> EndpointReport:
    file = CAPTURES / name / "tree.json"
    if not file.exists():
        pytest.skip("the recorded trees are not on this machine")
    return report_of(json.loads(file.read_bytes()))


def aspects(report: EndpointReport, kind: AspectKind, of: str = "") -> list[Aspect]:
    return [a for a in report.aspects if a.kind is kind and a.of.startswith(of)]


def tree(**bodies: Any) -> dict[str, Any]:
    """`Chassis__A={...}` becomes a document at /redfish/v1/Chassis/A of the schema in its `_`."""
    found: dict[str, Any] = {ROOT: {"@odata.type": "#ServiceRoot.v1_0_0.ServiceRoot", "Id": "Root"}}
    for name, body in bodies.items():
        uri = f"{ROOT}/{name.replace('__', '/')}"
        schema = body.pop("_")
        found[uri] = {
            "@odata.id": uri,
            "@odata.type": f"#{schema}.v1_0_0.{schema}",
            "Id": uri.rsplit("/", 1)[1],
            **body,
        }
    return found


def test_every_fact_has_a_type_and_every_property_is_a_fact_once_per_schema_path() -> None:
    assert set(TYPES) == set(Fact)
    for rows in PROPERTIES.values():
        paths = [path for path, _ in rows]
        assert len(paths) == len(set(paths))


def test_a_value_of_the_wrong_type_is_no_fact() -> None:
    odd = {
        "TotalCores": "72",
        "TotalThreads": 72.5,
        "MaxSpeedMHz": True,
        "Manufacturer": 7,
        "Model": "N/A",
        "Status": [],
    }
    assert facts_of("Processor", odd) == {"cores": 72}
    assert facts_of("Drive", {"FailurePredicted": "false", "CapacityBytes": "much"}) == {}
    assert facts_of("Memory", {"AllowedSpeedsMHz": [6400, "fast", 5600]}) == {"speeds_mhz": (6400, 5600)}
    assert facts_of("Memory", {"AllowedSpeedsMHz": []}) == {"speeds_mhz": ()}
    assert facts_in({"Gateway": "0.0.0.0", "SubnetMask": ""}, ADDRESS) == {"gateway": "0.0.0.0"}
    assert facts_of("Nothing", {"Model": "X"}) == {}


def test_text_is_one_short_line() -> None:
    assert facts_of("Chassis", {"Model": "a\nb" + "c" * 500})["model"] == ("a b" + "c" * 500)[:128]


def test_the_enclosure_is_the_only_outer_chassis_else_the_only_one_that_says_it_holds_the_host_else_unknown() -> None:
    host = {"_": "ComputerSystem", "Actions": {"#ComputerSystem.Reset": {}}}
    holds = {"Links": {"ComputerSystems": [{"@odata.id": f"{ROOT}/Systems/S"}]}}
    shelf = {"_": "Chassis", "ChassisType": "Shelf"}
    part = {"_": "Chassis", "ChassisType": "Component"}
    assert report_of(tree(Chassis__A=dict(shelf), Chassis__B=part)).endpoint["enclosure"] == "A"
    two = tree(Systems__S=host, Chassis__A=dict(shelf), Chassis__B={**shelf, **holds})
    assert report_of(two).endpoint["enclosure"] == "B"
    assert report_of(tree(Chassis__A=dict(shelf), Chassis__B=dict(shelf))).endpoint["enclosure"] is None


def test_a_recorded_tray_says_which_of_its_42_chassis_it_is() -> None:
    report = capture("gb200-compute-tray")
    assert [report.endpoint[n] for n in ("enclosure", "system", "controller")] == ["Chassis_0", "System_0", "BMC_0"]
    tray = next(i for i in report.inventory if i.kind is ItemKind.CHASSIS and i.id == "Chassis_0")
    assert tray.part_number == "699-25859-0310-TS3"
    assert tray.facts["type"] == "Shelf"


def test_a_recorded_tray_has_interfaces_with_addresses_and_integrity() -> None:
    report = capture("gb200-compute-tray")
    first = aspects(report, AspectKind.INTERFACE, "Managers/BMC_0")[0]
    assert (first.id, first.facts["speed_mbps"], first.facts["link"]) == ("eth0", 1000, "LinkUp")
    addresses = aspects(report, AspectKind.ADDRESS, "Managers/BMC_0/EthernetInterfaces/eth0")
    assert [a.rank for a in addresses] == [0, 1, 2]
    assert addresses[2].facts["prefix_length"] == 64
    assert len(aspects(report, AspectKind.INTEGRITY)) == 11
    assert aspects(report, AspectKind.SECURE_BOOT)[0].facts["secure_boot"] is False
    system = next(a for a in aspects(report, AspectKind.SYSTEM) if a.id == "System_0")
    assert (system.facts["memory_total_gib"], system.facts["console_ssh_port"]) == (960, 2200)


def test_two_views_of_one_part_fill_each_other_in() -> None:
    report = capture("gb200-compute-tray")
    cpu = next(i for i in report.inventory if i.kind is ItemKind.CPU)
    assert (cpu.facts["cores"], cpu.facts["model"], cpu.facts["location_type"]) == (72, "Grace A02", "Embedded")
    module = next(i for i in report.inventory if i.id == "Memory_1")
    assert (module.facts["capacity_mib"], module.facts["memory_device"]) == (491520, "LPDDR5_SDRAM")
    firmware = {f.id: f.facts for f in report.firmware}
    assert (firmware["FW_BMC_0"]["manufacturer"], firmware["FW_BMC_0"]["write_protected"]) == ("NVIDIA", False)
    assert "manufacturer" not in firmware["FW_CPLD_0"]


def test_equipment_says_what_it_holds_and_what_it_is() -> None:
    reservoir = {
        "ReservoirType": "Inline",
        "CapacityLiters": "12",
        "FluidLevelStatus": "OK",
        "Coolant": {"CoolantType": 4},
    }
    assert facts_of("Reservoir", reservoir) == {"type": "Inline", "capacity_l": 12.0, "level_state": "OK"}
    supply = {"PowerCapacityWatts": 5500, "PowerSupplyType": "AC", "LineInputStatus": "Normal", "ProductionDate": "NA"}
    assert facts_of("PowerSupply", supply) == {"type": "AC", "power_capacity_w": 5500, "line_input": "Normal"}
    filtered = {"RatedServiceHours": 10_000, "Replaceable": True, "HotPluggable": "no"}
    assert facts_of("Filter", filtered) == {"service_hours_rated": 10_000, "replaceable": True}
