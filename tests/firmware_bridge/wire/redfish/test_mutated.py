"""Recorded trees, damaged: never a crash, and no number that does not stand in the document it is said to be from."""

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.mutations import mutated, numbers_by_uri

from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.wire.redfish.inventory import report_of
from firmware_bridge.wire.redfish.units import UNITS

CAPTURES = Path(__file__).resolve().parents[5] / "shared" / "data" / "captures"
NAMES = sorted(p.parent.name for p in CAPTURES.glob("*/tree.json"))
# Everything that a report may have taken a number from, in lower case.
MEASURED = frozenset(
    {
        *("reading", "readingcelsius", "currentreading", "readingrpm", "readingvolts", "powerconsumedwatts"),
        *("lastpoweroutputwatts", "poweroutputwatts", "powerinputwatts", "powercapacitywatts", "capacitywatts"),
    }
)
FACTORS = {(factor, offset) for _, factor, offset in UNITS.values()}

pytestmark = pytest.mark.skipif(not NAMES, reason="the recorded trees are not on this machine")


@lru_cache(maxsize=1)
def tree_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CAPTURES / name / "tree.json").read_bytes())
    return found


def invented(report: EndpointReport, tree: dict[str, Any]) -> list[str]:
    """Return the readings that no number of the tree explains."""
    stated, found = numbers_by_uri(tree, MEASURED), []
    for reading in report.readings:
        there = stated.get(reading.uri.partition("#")[0], [])
        if not any(math.isclose(n * f + o, reading.value, rel_tol=1e-9) for n in there for f, o in FACTORS):
            found.append(f"{reading.uri}: {reading.value} is none of {there}")
    return found


def test_the_recount_finds_a_number_that_is_not_there() -> None:
    uri = "/redfish/v1/Chassis/C/Sensors/S"
    tree = {uri: {"@odata.id": uri, "@odata.type": "#Sensor.v1_0_0.Sensor", "Reading": "42 W", "ReadingType": "Power"}}
    report = report_of(tree)
    assert invented(report, tree) == []
    assert len(invented(report, {uri: {**tree[uri], "Reading": 43}})) == 1


def check(name: str, seed: int) -> None:
    tree = mutated(tree_of(name), seed)
    report = report_of(tree)
    assert invented(report, tree) == [], (name, seed)
    assert all(r.value - r.value == 0 for r in report.readings), (name, seed)
    assert {d.state for d in report.leak_detectors} <= {"OK", "Warning", "Critical", "unknown"}
    texts = (t for n in report.notes for t in (n.uri, n.property, n.what))
    assert all(t.isprintable() for t in texts), (name, seed)
    msgspec.json.encode(report)


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_tree_is_read_without_a_crash_and_without_an_invented_number(name: str) -> None:
    for seed in range(20):
        check(name, seed)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_damaged_trees(name: str) -> None:
    for seed in range(1_000):
        check(name, seed)
