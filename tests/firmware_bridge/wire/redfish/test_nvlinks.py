"""Lines of a port report: added up per processor, and only where every port has them once."""

from typing import Any

import pytest

from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.redfish.nvlinks import is_nvlink, is_set, lines_of, link_up

GPU = "/redfish/v1/Systems/HGX/Processors/GPU_{}"
UP, SENT = "{}#/LinkStatus", "{}/Metrics#/TXBytes"


def report(*names: Any) -> dict[str, Any]:
    return {"MetricValues": [{"MetricProperty": n, "MetricValue": "0"} for n in names]}


def port(gpu: int, number: int) -> str:
    return f"{GPU.format(gpu)}/Ports/NVLink_{number}"


def test_each_processor_gets_the_lines_of_its_own_ports() -> None:
    names = [form.format(port(g, n)) for g in range(2) for n in range(3) for form in (UP, SENT)]
    found = lines_of(report(*names, f"{GPU.format(0)}/Ports/PCIe_0#/LinkStatus", 4, "odd"))
    assert set(found) == {GPU.format(0), GPU.format(1)}
    assert found[GPU.format(1)] == {
        Quantity.NVLINK_PORTS_UP: tuple(UP.format(port(1, n)) for n in range(3)),
        Quantity.NVLINK_SENT: tuple(SENT.format(port(1, n)) for n in range(3)),
    }


@pytest.mark.parametrize(
    "more",
    [[UP.format(port(0, 0))], [SENT.format(port(0, 2))]],
    ids=["the same line twice", "a port without a state"],
)
def test_what_is_not_told_once_of_every_port_is_left_out(more: list[str]) -> None:
    found = lines_of(report(UP.format(port(0, 0)), UP.format(port(0, 1)), *more))
    assert found == {GPU.format(0): {}}


def test_names_without_their_property_tell_nothing() -> None:
    assert lines_of(report(port(0, 0), f"{port(0, 0)}/Metrics")) == {}
    assert lines_of({}) == lines_of({"MetricValues": "none"}) == {}


def test_words_and_flags() -> None:
    assert [link_up(w) for w in ("LinkUp", "Starting", "NoLink", "Sideways", None, 1)] == [1, 0, 0, None, None, None]
    assert [is_set(w) for w in ("0", "1", "True", "false", True, False, "maybe", None, 3)] == [
        *(0, 1, 1, 0, 1, 0, None, None, None)
    ]


def test_a_port_is_an_nvlink_by_its_protocol_or_else_by_its_name() -> None:
    assert is_nvlink("/x/Ports/A", {"PortProtocol": "NVLink"})
    assert not is_nvlink("/x/Ports/NVLink_0", {"PortProtocol": "PCIe"})
    assert is_nvlink("/x/Ports/NVLink_0", {})
    assert not is_nvlink("/x/Ports/PCIe_0", {})
