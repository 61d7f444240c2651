"""Recorded trees of several makers, counted.  A golden test: if it fails, revert your change, not the numbers.

Each count is held against two others: the golden file, and a plain recount of the tree by `@odata.type`, which knows
nothing of the reader.
"""

import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.vocabulary.inventory import EndpointReport, ItemKind
from firmware_bridge.wire.redfish.inventory import report_of

REPOSITORY = Path(__file__).resolve().parents[4]
CAPTURES = REPOSITORY.parent / "shared" / "data" / "captures"
GOLDEN: dict[str, Any] = json.loads((REPOSITORY / "tests" / "golden" / "redfish_captures.json").read_text())
NAMES = [name for name in GOLDEN if name != "comment"]

pytestmark = pytest.mark.skipif(not CAPTURES.exists(), reason="the recorded trees are not on this machine")


@lru_cache
def tree(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CAPTURES / name / "tree.json").read_bytes())
    return found


@lru_cache
def report(name: str) -> EndpointReport:
    return report_of(tree(name))


def of_type(name: str, schema: str) -> list[dict[str, Any]]:
    """Return the tree's documents of one schema, found by the text of their type."""
    return [b for b in tree(name).values() if isinstance(b, dict) and f"#{schema}." in str(b.get("@odata.type"))]


def is_number(value: Any) -> bool:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | float) and not isinstance(value, bool)


def there(body: dict[str, Any]) -> bool:
    return bool((body.get("Status") or {}).get("State") != "Absent")


def recounted_sensors(name: str) -> int:
    """Return how many sensors have a number; the rows of Thermal and Power where a tree has no sensor at all."""
    sensors = of_type(name, "Sensor")
    if sensors:
        return sum(is_number(b.get("Reading")) for b in sensors)
    rows = [(r, ("ReadingCelsius", "Reading")) for b in of_type(name, "Thermal") for a in b for r in _rows(b, a)]
    rows += [
        (r, ("PowerConsumedWatts", "ReadingVolts", "LastPowerOutputWatts"))
        for b in of_type(name, "Power")
        for a in b
        for r in _rows(b, a)
    ]
    return sum(is_number(row.get(p)) for row, properties in rows for p in properties)


def _rows(body: dict[str, Any], array: str) -> list[dict[str, Any]]:
    value = body[array]
    return [v for v in value if isinstance(v, dict) and "MemberId" in v] if isinstance(value, list) else []


def recounted_parts(name: str) -> dict[str, int]:
    """Return the kinds that a plain count can settle: one document or row is one part, or one serial number is."""
    supplies = [b for b in of_type(name, "PowerSupply") if there(b)]
    supplies += [] if supplies else [r for b in of_type(name, "Power") for r in _rows(b, "PowerSupplies") if there(r)]
    processors = [b for b in of_type(name, "Processor") if there(b)]
    return {
        "chassis": len(of_type(name, "Chassis")),
        "gpu": len([p for p in processors if p.get("ProcessorType") == "GPU"]),
        "psu": len(supplies),
        "pump": len(of_type(name, "Pump")),
        "outlet": len(of_type(name, "Outlet")),
        "nvswitch": len([s for s in of_type(name, "Switch") if s.get("SwitchType") == "NVLink"]),
    }


def recounted_firmware(name: str) -> int:
    collections = {(b.get("FirmwareInventory") or {}).get("@odata.id", "") for b in of_type(name, "UpdateService")}
    places = [
        uri.rpartition("/")[0]
        for uri, b in tree(name).items()
        if isinstance(b, dict) and "#SoftwareInventory." in str(b.get("@odata.type"))
    ]
    return sum(place in collections for place in places)


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_holds_what_was_counted(name: str) -> None:
    found, wanted = report(name), GOLDEN[name]
    assert Counter(i.kind.value for i in found.inventory) == wanted["parts"]
    assert len(found.firmware) == wanted["firmware"]
    assert len([r for r in found.readings if r.quantity != "power_capacity"]) == wanted["sensors"]
    assert Counter(d.state for d in found.leak_detectors) == wanted["leaks"]


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_recount_of_the_tree_agrees(name: str) -> None:
    found = report(name)
    parts = Counter(i.kind.value for i in found.inventory)
    assert {kind: parts[kind] for kind in recounted_parts(name)} == recounted_parts(name)
    assert sum(r.quantity != "power_capacity" for r in found.readings) == recounted_sensors(name)
    assert len(found.firmware) == recounted_firmware(name)
    leaks = Counter(str(b.get("DetectorState")) for b in of_type(name, "LeakDetector"))
    assert Counter(d.state for d in found.leak_detectors) == leaks


@pytest.mark.parametrize("name", NAMES)
def test_each_number_is_the_documents_own(name: str) -> None:
    for reading in report(name).readings:
        body = tree(name).get(reading.uri)
        if body is None or "Reading" not in body or body.get("ReadingUnits") in ("kW", "kW.h", "kWh", "Pa", "mW"):
            continue
        assert reading.value == float(body["Reading"]), reading


@pytest.mark.parametrize("name", NAMES)
def test_no_resource_is_counted_twice(name: str) -> None:
    found = report(name)
    uris = [u for i in found.inventory for u in i.uris]
    assert len(uris) == len(set(uris))
    assert len({r.uri for r in found.readings}) == len(found.readings)
    assert len(set(found.notes)) == len(found.notes)


def test_each_cpu_of_the_gb200_tray_is_shown_twice_and_counted_once() -> None:
    cpus = [i for i in report("gb200-compute-tray").inventory if i.kind is ItemKind.CPU]
    assert [len(c.uris) for c in cpus] == [2, 2]
    assert all({u.split("/")[4] for u in c.uris} == {"System_0", "HGX_Baseboard_0"} for c in cpus)
    assert len({c.serial_number for c in cpus}) == 2


def test_the_shelfs_supplies_have_watts_although_they_come_as_text() -> None:
    found = report("liteon-power-shelf")
    ratings = [r for r in found.readings if r.quantity == "power_capacity"]
    assert [r.value for r in ratings] == [5500.0] * 6
    assert {u for i in found.inventory if i.kind is ItemKind.PSU for u in i.uris} == {r.uri for r in ratings}
    assert sum(n.property == "CapacityWatts" for n in found.notes) == 6


PSU = "/redfish/v1/Chassis/powershelf/PowerSubsystem/PowerSupplies/"
# (capture, how many, where, property, words): the oddities of real firmware, each told at its own URI.
ODDITIES = [
    ("liteon-power-shelf", 6, PSU, "CapacityWatts", "a number sent as text"),
    ("liteon-power-shelf", 6, PSU, "PowerState", "a boolean"),
    ("liteon-power-shelf", 6, PSU, "Status", "'Standby' is not in Redfish's list"),
    ("liteon-power-shelf", 6, PSU, "Location", "of a shape that Redfish does not know"),
    ("liteon-power-shelf", 6, PSU, "Sensors", "a list that Redfish does not have here"),
    ("liteon-power-shelf", 78, "/redfish/v1/Chassis/powershelf/Sensors/", "Id", "differs from its URI"),
    ("gb200-compute-tray", 1, "/redfish/v1/Systems/HGX_Baseboard_0", "Actions", "no reset"),
    ("gb200-compute-tray", 1, "/redfish/v1/Managers/HGX_BMC_0", "", "a manager behind the first, BMC_0"),
    ("gb200-compute-tray", 2, "/redfish/v1/Systems/HGX_Baseboard_0/Processors/CPU_", "", "also shown at"),
    ("gb200-compute-tray", 2, "/redfish/v1/Chassis/", "SerialNumber", "parts of kind nic say"),
    ("gh200-node", 7, "/redfish/v1/", "", "listed in a collection, but answers with an error"),
    ("gh200-node", 1, "/redfish/v1/UpdateService/FirmwareInventory", "Members", "lists HGX_FW_FPGA_0 twice"),
    ("gh200-node", 1, "/redfish/v1/Chassis/BMC_0/Sensors", "ReadingRangeMax", "outside the range they state"),
    ("dgx-h100-8gpu", 29, "/redfish/v1/", "ReadingType", "neither type None nor unit '' is known"),
    ("dgx-h100-8gpu", 1, "/redfish/v1/Chassis/DGX/Thermal", "Fans", "numbers left out"),
    ("dmtf-power-shelf", 1, "/redfish/v1/Chassis/PowerShelf/", "Members", "lists Bay3 twice"),
]


@pytest.mark.parametrize(("name", "count", "where", "of", "what"), ODDITIES)
def test_each_oddity_is_told_at_its_uri(name: str, count: int, where: str, of: str, what: str) -> None:
    found = [n for n in report(name).notes if n.uri.startswith(where) and n.property == of and what in n.what]
    assert len(found) == count, [n for n in report(name).notes if n.property == of][:9]
