"""A rack's XIDs: put together where agent and console both listen, placed by the agent's addresses."""

from typing import Any

from firmware_bridge.drivers.nvml.gpu_host import AgentGpuHost
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.xid_catalogue import load_xids
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.site import SiteConsole, SiteEndpoint, SiteRack
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from firmware_bridge.vocabulary.xid import ToldXid
from firmware_bridge.wire.nvml.message import AgentMessage, GpuReport, HostReport, encode_message
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.layout import make_layout
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.board import Board
from rack_controller.run.clock import SystemClock
from rack_controller.run.watch.xids import XidWatch

RACK = Place("lab1/a/r01/k01")
TRAY = Place(f"{RACK}/u11")
HOST = Place(f"{TRAY}/host")


def watch(*, consoles: bool) -> XidWatch:
    generation = load_generation("gb200-nvl72")
    console = SiteConsole(Place(f"{TRAY}/console"), address="192.0.2.1", port=22)
    layout = make_layout(SiteRack(RACK, generation.name), generation, (SiteEndpoint(HOST, agent=True),), (console,))
    host = AgentGpuHost(TRAY, HOST, (0, 1, 2, 3), SystemClock())
    gpus = [GpuReport(1, bus_id="00000009:01:00.0"), GpuReport(9, bus_id="0000000A:01:00.0"), GpuReport(2)]
    host.deliver(encode_message(AgentMessage(1, "a", 1, 1, 1.0, HostReport(gpus=gpus), [])))
    return XidWatch(layout, {HOST: host}, load_xids(), consoles=consoles)


def at(now: float) -> Snapshot:
    board = Board(RACK, [HOST], {c: Seconds(1.0) for c in ReadingClass})
    return board.snapshot(1, Seconds(now), UnixNanoseconds(1))


def of(source: str, place: str, **details: Any) -> Finding:
    return Finding(Place(place), "gpu.xid", Severity.WARNING, "XID 48", {"source": source, "xid": 48, **details})


def test_a_line_is_put_at_its_gpu_and_waits_for_the_agents_word() -> None:
    watched = watch(consoles=True)
    assert watched.look([of("console", TRAY, pci="0009:01:00", text="DBE")], at(1)) == []
    (told,) = watched.look([of("nvml", f"{TRAY}/gpu1")], at(2))
    assert (told.place, told.details["source"]) == (f"{TRAY}/gpu1", "console, nvml")
    assert watched.look([], at(9)) == []


def test_an_address_of_no_gpu_of_the_tray_stays_with_the_tray() -> None:
    (told,) = watch(consoles=False).look([of("console", TRAY, pci="000a:01:00")], at(1))
    assert told.place == TRAY


def test_without_consoles_nothing_waits() -> None:
    (told,) = watch(consoles=False).look([of("nvml", f"{TRAY}/gpu1")], at(1))
    assert told.message == "XID 48"


class Bmc:
    """A tray's controller that told of XIDs by event."""

    def __init__(self, *told: ToldXid) -> None:
        self.told = list(told)

    def take_xids(self) -> list[ToldXid]:
        told, self.told = self.told, []
        return told


def test_what_a_bmc_tells_is_told_with_its_meaning_and_joined_with_the_agents_word() -> None:
    watched = watch(consoles=False)
    bmc: Any = Bmc(ToldXid(Place(f"{TRAY}/gpu1"), 48, "DBE", told_at="2026-01-01T00:00:00Z"))
    watched._sources = {**watched._sources, Place(f"{TRAY}/bmc"): bmc}
    (told,) = watched.look([], at(1))
    assert (told.place, told.details["source"], told.details["xid"]) == (f"{TRAY}/gpu1", "redfish", 48)
    assert told.details["device_time"] == "2026-01-01T00:00:00Z"
    assert told.message.startswith("u11 gpu1 XID 48: ")
    assert watched.look([of("nvml", f"{TRAY}/gpu1")], at(2)) == [], "the same one, told by the agent as well"


def test_a_bmcs_xid_without_a_gpu_is_put_at_the_address_that_it_names() -> None:
    watched = watch(consoles=False)
    bmc: Any = Bmc(ToldXid(TRAY, 4000, "", pci="0009:01:00"))
    watched._sources = {**watched._sources, Place(f"{TRAY}/bmc"): bmc}
    (told,) = watched.look([], at(1))
    assert (told.place, told.severity) == (f"{TRAY}/gpu1", Severity.WARNING)
    assert "not in the catalogue" in told.message
