"""A rack's hosts: messages reach their sources, serial numbers of both sides are compared, wrong data told."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from firmware_bridge.drivers import make_driver
from firmware_bridge.drivers.nvml.gpu_host import AgentGpuHost
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.xid_catalogue import load_xids
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import EndpointSpec
from firmware_bridge.vocabulary.inventory import EndpointReport, Item, ItemKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from firmware_bridge.wire.nvml.message import AgentMessage, GpuReport, HostEvent, HostReport, encode_message
from rack_controller.model.layout import make_layout
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.board import Board
from rack_controller.run.clock import SystemClock
from rack_controller.run.watch.hosts import GpuRules, Hosts, rules_of

RACK = Place("lab1/a/r01/k01")
TRAY = Place(f"{RACK}/u11")
BMC, HOST = Place(f"{TRAY}/bmc"), Place(f"{TRAY}/host")
SUBJECT = "rw.v1.lab1.k01.agent.u11.telemetry"


@dataclass
class KnownReports:
    """The stock's memory, as a test sets it."""

    reports: dict[Place, EndpointReport] = field(default_factory=dict)

    def known(self, place: Place) -> EndpointReport | None:
        return self.reports.get(place)

    def set(self, place: Place, *serials: str | None) -> None:
        gpus = (Item(ItemKind.GPU, f"GPU_{n}", serial_number=serial) for n, serial in enumerate(serials))
        self.reports[place] = EndpointReport({"place": place}, tuple(gpus))


def bench() -> tuple[Hosts, AgentGpuHost, KnownReports]:
    generation = load_generation("gb200-nvl72")
    layout = make_layout(SiteRack(RACK, generation.name), generation, (SiteEndpoint(HOST, agent=True),))
    source = AgentGpuHost(TRAY, HOST, (0, 1, 2, 3), SystemClock())
    stock = KnownReports()
    rules = GpuRules(load_xids(), rules_of(generation))
    return Hosts(layout, {HOST: source}, stock, rules), source, stock  # type: ignore[arg-type]


def at(now: float) -> Snapshot:
    board = Board(RACK, [HOST], {c: Seconds(1.0) for c in ReadingClass})
    return board.snapshot(1, Seconds(now), UnixNanoseconds(1))


def test_an_event_reaches_people_through_the_rack() -> None:
    hosts, source, _ = bench()
    event = HostEvent(1, 5, "xid", 2, 48)
    body = encode_message(AgentMessage(1, "a", 1, 1, 1.0, HostReport(gpus=[GpuReport(2)]), [event]))
    hosts._deliver("rw.v1.lab1.k01.agent.u99.telemetry", body)
    assert source.happened() == []
    hosts._deliver(SUBJECT, body)
    (finding,) = hosts.notice(at(1))
    assert (finding.kind, finding.place) == ("gpu.xid", f"{TRAY}/gpu2")


def test_serial_numbers_that_differ_are_told_once() -> None:
    hosts, _, stock = bench()
    stock.set(HOST, "A", "B", "C", "D")
    stock.set(BMC, "A", "B", "D", "C")
    told = [f for now in (1, 20, 40, 80) for f in hosts.notice(at(now))]
    assert {f.kind for f in told} == {"gpu.disagreement"}
    assert [f.place.rsplit("/", 1)[1] for f in told] == ["gpu2", "gpu3"]
    assert "driver C, BMC D" in told[0].message
    stock.set(BMC, "A", "B", "C", "D")
    assert hosts.notice(at(120)) == []


@pytest.mark.parametrize("outside", [(), ("A", None, "C", "D"), ("S", "S", "S", "S"), ("A", "B", "C")])
def test_serial_numbers_that_say_nothing_are_not_compared(outside: tuple[str | None, ...]) -> None:
    hosts, _, stock = bench()
    stock.set(HOST, "E", "F", "G", "H")
    stock.set(BMC, *outside)
    assert hosts.notice(at(1)) == []


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"weather": {"within": 1}}, "one of power"),
        ({"power": {"within": -1}}, "within: in its unit"),
        ({"power": {"inside": 1}}, "within: in its unit"),
        ({"power": 5}, "within: in its unit"),
        (5, "one of power"),
        ({"power": {"within": True}}, "within: in its unit"),
    ],
)
def test_wrong_tolerances_are_pointed_at(rule: Any, said: str) -> None:
    generation = load_generation("gb200-nvl72")
    spec = EndpointSpec("host", "nvml", "nvml/gpu_host", read={"disagreement": rule})
    slot = replace(generation.slots[-1], tray=replace(generation.slots[-1].tray, endpoints=(spec,)))
    with pytest.raises(ConfigurationError, match=r"gb200-nvl72: endpoint host: read\.disagreement") as refused:
        rules_of(replace(generation, slots=(slot,)))
    assert said in str(refused.value)


@pytest.mark.parametrize("order", [None, [], [0, 0], [-1], ["0"], [64], 3])
def test_a_wrong_order_of_gpus_is_pointed_at(order: Any) -> None:
    spec = EndpointSpec("host", "nvml", "nvml/gpu_host", read={"order": order})
    with pytest.raises(ConfigurationError, match=r"read\.order"):
        make_driver(spec, TRAY, SiteEndpoint(HOST, agent=True), None, SystemClock())
