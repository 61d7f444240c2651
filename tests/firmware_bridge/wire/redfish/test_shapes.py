"""Trees in the shapes of several makers, each with exactly what is to be read from it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.wire.redfish.inventory import report_of

SHAPES = sorted((Path(__file__).parent / "shapes").glob("*.yaml"))
ROOT = "/redfish/v1"


def shape(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a shape's tree with whole URIs, and what is expected of it."""
    loaded = yaml.safe_load(path.read_text())
    return {f"{ROOT}/{uri}".rstrip("/"): body for uri, body in loaded["documents"].items()}, loaded["expect"]


def has_note(report: EndpointReport, where: str, name: str, what: str) -> bool:
    return any(n.uri.endswith(where) and n.property == name and what in n.what for n in report.notes)


@pytest.mark.parametrize("path", SHAPES, ids=[p.stem for p in SHAPES])
def test_a_shape_is_read_exactly(path: Path) -> None:
    tree, expected = shape(path)
    report = report_of(tree)
    assert dict(Counter(i.kind.value for i in report.inventory)) == expected["parts"]
    found = sorted((r.id, r.quantity, r.unit, round(r.value, 9)) for r in report.readings)
    assert found == sorted((i, q, u, round(float(v), 9)) for i, q, u, v in expected["readings"])
    assert {f.id: f.version for f in report.firmware} == expected["firmware"]
    assert [[d.id, d.state] for d in report.leak_detectors] == expected["leaks"]
    assert [n for n in expected["notes"] if not has_note(report, *n)] == []
    assert len(set(report.notes)) == len(report.notes)


@pytest.mark.parametrize("path", SHAPES, ids=[p.stem for p in SHAPES])
def test_what_is_read_has_one_uri_of_its_own(path: Path) -> None:
    report = report_of(shape(path)[0])
    uris = [u for item in report.inventory for u in item.uris]
    assert len(uris) == len(set(uris))
    assert len({r.uri for r in report.readings}) == len(report.readings)
