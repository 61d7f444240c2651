"""Recorded trees of several makers, counted.  A golden test: if it fails, revert your change, not the numbers."""

import json
from collections import Counter
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


def report(name: str) -> EndpointReport:
    return report_of(json.loads((CAPTURES / name / "tree.json").read_bytes()))


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_holds_what_was_counted(name: str) -> None:
    found, wanted = report(name), GOLDEN[name]
    assert Counter(i.kind.value for i in found.inventory) == wanted["parts"]
    assert len(found.firmware) == wanted["firmware"]
    assert len([r for r in found.readings if r.quantity != "power_capacity"]) == wanted["sensors"]
    assert Counter(d.state for d in found.leak_detectors) == wanted["leaks"]


@pytest.mark.parametrize("name", NAMES)
def test_no_resource_is_counted_twice(name: str) -> None:
    found = report(name)
    uris = [u for i in found.inventory for u in i.uris]
    assert len(uris) == len(set(uris))
    assert len({r.uri for r in found.readings}) == len(found.readings)


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
