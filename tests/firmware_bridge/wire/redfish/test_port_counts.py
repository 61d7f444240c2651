"""Counts of single ports out of a metric report: whole numbers of bytes by owner and port, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.wire.redfish.port_counts import MOST, counts_of, tells_of_ports

OF = "/redfish/v1/Systems/H/Processors/GPU_0"
CAPTURE = Path(__file__).resolve().parents[5] / "shared" / "data" / "captures" / "gb200-compute-tray" / "tree.json"


def report(*rows: tuple[str, Any]) -> Any:
    return {"MetricValues": [{"MetricProperty": name, "MetricValue": value} for name, value in rows]}


def test_both_ways_of_a_port_are_one_aspect_of_its_owner() -> None:
    (found,) = counts_of(
        report((f"{OF}/Ports/N_0/Metrics#/RXBytes", "7"), (f"{OF}/Ports/N_0/Metrics#/TXBytes", "8.000000"))
    )
    assert (found.id, found.of) == ("N_0", "Systems/H/Processors/GPU_0")
    assert found.facts == {"received_bytes": 7, "sent_bytes": 8}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RXBytes", "nan"),
        ("RXBytes", -1),
        ("RXBytes", 1e30),
        ("RXBytes", "7.5"),
        ("RXBytes", None),
        ("RXFrames", 7),
        ("Oem/Nvidia/RXBytes", 7),
    ],
)
def test_what_is_no_count_of_bytes_is_left_out(name: str, value: Any) -> None:
    assert counts_of(report((f"{OF}/Ports/N_0/Metrics#/{name}", value))) == []


def test_odd_reports_have_none_and_endless_ones_end() -> None:
    for odd in ({}, {"MetricValues": 3}, {"MetricValues": [3, {}, {"MetricProperty": 3}]}):
        assert counts_of(odd) == []
    rows = [(f"{OF}/Ports/N_{n}/Metrics#/RXBytes", n) for n in range(MOST + 9)]
    assert len(counts_of(report(*rows))) == MOST


def test_a_definition_says_whether_its_report_has_counts() -> None:
    assert tells_of_ports({"MetricProperties": [f"{OF}/Ports/N_0/Metrics#/RXBytes"]})
    assert not tells_of_ports({"MetricProperties": [f"{OF}/Ports/N_0#/LinkStatus", 3]})
    assert not tells_of_ports({})


def test_the_recorded_tray_tells_of_all_its_links() -> None:
    if not CAPTURE.exists():
        pytest.skip("the recorded trees are not on this machine")
    tree = json.loads(CAPTURE.read_bytes())
    found = counts_of(tree["/redfish/v1/TelemetryService/MetricReports/HGX_ProcessorPortMetrics_0"])
    assert len(found) == 72
    assert all(set(a.facts) == {"received_bytes", "sent_bytes"} for a in found)
