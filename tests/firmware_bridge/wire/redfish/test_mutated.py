"""Trees recorded and written, damaged: no crash, and no number that is not in the document it is said to be from."""

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from support.mutations import mutated, numbers_by_uri

from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.wire.redfish.inventory import report_of
from firmware_bridge.wire.redfish.links import tidy
from firmware_bridge.wire.redfish.units import UNITS

CAPTURES = Path(__file__).resolve().parents[5] / "shared" / "data" / "captures"
NAMES = sorted(p.parent.name for p in CAPTURES.glob("*/tree.json"))
SHAPES = sorted((Path(__file__).parent / "shapes").glob("*.yaml"))
# Everything that a report may have taken a number from, in lower case.
MEASURED = frozenset(
    {
        *(
            "reading",
            "readingvalue",
            "readingcelsius",
            "currentreading",
            "readingrpm",
            "readingvolts",
            "powerconsumedwatts",
        ),
        *("lastpoweroutputwatts", "poweroutputwatts", "powerinputwatts", "powercapacitywatts", "capacitywatts"),
    }
)
FACTORS = {(factor, offset) for _, factor, offset in UNITS.values()}

recorded = pytest.mark.skipif(not NAMES, reason="the recorded trees are not on this machine")


@lru_cache(maxsize=1)
def tree_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CAPTURES / name / "tree.json").read_bytes())
    return found


def written(path: Path) -> dict[str, Any]:
    """Return the tree of a shape with whole URIs."""
    documents: dict[str, Any] = yaml.safe_load(path.read_text())["documents"]
    return {tidy(f"/redfish/v1/{uri}"): body for uri, body in documents.items()}


def invented(report: EndpointReport, tree: dict[str, Any]) -> list[str]:
    """Return the readings that no number of the tree explains."""
    stated, found = {tidy(uri): numbers for uri, numbers in numbers_by_uri(tree, MEASURED).items()}, []
    for reading in report.readings:
        there = stated.get(tidy(reading.uri), [])
        if not any(math.isclose(n * f + o, reading.value, rel_tol=1e-9) for n in there for f, o in FACTORS):
            found.append(f"{reading.uri}: {reading.value} is none of {there}")
    return found


def test_the_recount_finds_a_number_that_is_not_there() -> None:
    uri = "/redfish/v1/Chassis/C/Sensors/S"
    tree = {uri: {"@odata.id": uri, "@odata.type": "#Sensor.v1_0_0.Sensor", "Reading": "42 W", "ReadingType": "Power"}}
    report = report_of(tree)
    assert invented(report, tree) == []
    assert len(invented(report, {uri: {**tree[uri], "Reading": 43}})) == 1


def check(name: str, whole: dict[str, Any], seed: int) -> None:
    tree = mutated(whole, seed)
    report = report_of(tree)
    assert invented(report, tree) == [], (name, seed)
    assert all(r.value - r.value == 0 for r in report.readings), (name, seed)
    assert {d.state for d in report.leak_detectors} <= {"OK", "Warning", "Critical", "unknown"}
    texts = (t for n in report.notes for t in (n.uri, n.property, n.what))
    assert all(t.isprintable() for t in texts), (name, seed)
    msgspec.json.encode(report)


@recorded
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_tree_is_read_without_a_crash_and_without_an_invented_number(name: str) -> None:
    for seed in range(20):
        check(name, tree_of(name), seed)


@pytest.mark.parametrize("path", SHAPES, ids=[p.stem for p in SHAPES])
def test_so_is_a_damaged_tree_of_another_makers_shape(path: Path) -> None:
    whole = written(path)
    for seed in range(20):
        check(path.stem, whole, seed)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@recorded
@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_damaged_trees(name: str) -> None:
    for seed in range(1_000):
        check(name, tree_of(name), seed)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("path", SHAPES, ids=[p.stem for p in SHAPES])
def test_a_thousand_damaged_trees_of_another_makers_shape(path: Path) -> None:
    whole = written(path)
    for seed in range(1_000):
        check(path.stem, whole, seed)
