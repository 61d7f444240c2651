"""From an emulated switch to an event and a verdict: nine NVOS over HTTPS, their drivers, board and judgement."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firmware_bridge.drivers import make_driver
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import RunningEmulator, running_emulator
from firmware_bridge.generations.load import load_generation
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.site import SiteRack
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.axes import Contact
from rack_controller.decide.notice import Finding
from rack_controller.model.layout import make_layout
from rack_controller.run.board import Board
from rack_controller.run.view import RackView
from rack_controller.run.watch.links import LinkWatch

pytestmark = pytest.mark.asyncio
GENERATION = load_generation("gb200-nvl72")
PERIODS = {c: Seconds(10.0) for c in ReadingClass}


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def now(self) -> Seconds:
        return Seconds(self.at)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(int(self.at * 1e9))

    async def sleep_until(self, when: Seconds) -> None:
        raise AssertionError("a driver does not sleep")


class Switches:
    """The switch trays of one emulated rack, read and looked at step by step."""

    def __init__(self, emulator: RunningEmulator, sources: dict[Place, TelemetrySource], clock: Hands) -> None:
        self.emulator, self.sources, self.clock = emulator, sources, clock
        rack = emulator.site.racks[0].place
        self.board = Board(rack, list(sources), PERIODS)
        self.view = RackView(make_layout(SiteRack(rack, GENERATION.name), GENERATION, ()), "boot")
        self.watch = LinkWatch(self.view, sources)

    async def meet(self) -> None:
        for place, series in zip(
            self.sources, await asyncio.gather(*(s.discover() for s in self.sources.values())), strict=True
        ):
            self.board.declare(place, series)

    async def step(self, seconds: float, *faults: Fault) -> list[Finding]:
        """Move the plant and the clock, read every tray, and return what people hear."""
        self.emulator.hall.faults.set(faults)
        self.emulator.hall.advance(seconds)
        self.clock.at += seconds
        for readings in await asyncio.gather(*(s.read(ReadingClass.SLOW) for s in self.sources.values())):
            self.board.store(readings)
        for place in self.sources:
            self.board.contacts[place] = Contact(self.clock.now())
        findings, _ = self.watch.look(self.board.snapshot(1, self.clock.now(), self.clock.unix_ns()))
        return findings


@asynccontextmanager
async def switches(state: Path) -> AsyncIterator[Switches]:
    async with running_emulator(state, speed=0) as emulator:
        rack, clock = emulator.site.racks[0].place, Hands()
        sources: dict[Place, TelemetrySource] = {}
        for slot in GENERATION.slots_of(TrayKind.SWITCH):
            spec = next(s for s in slot.tray.endpoints if s.name == "nvos")
            endpoint = emulator.endpoint(f"{slot.name}/nvos")
            credential = emulator.credential(endpoint)
            sources[endpoint.place] = make_driver(spec, join_place(rack, slot.name), endpoint, credential, clock)
        try:
            made = Switches(emulator, sources, clock)
            await made.meet()
            yield made
        finally:
            await asyncio.gather(*(s.close() for s in sources.values()))


async def test_from_the_emulated_port_to_the_event(tmp_path: Path) -> None:
    async with switches(tmp_path) as rack:
        assert await rack.step(20.0) == []
        (down,) = await rack.step(20.0, Fault(FaultKind.PORT_DOWN, "*/u19/acp7"))
        assert (down.kind, down.message.split(";")[0]) == ("link.down", "u19 acp7 is down")
        (up,) = await rack.step(20.0)
        assert up.kind == "link.up"
        off = await rack.step(20.0, Fault(FaultKind.TRAY_OFF, "*/u15"))
        assert [f.kind for f in off] == ["link.down"] * 9
        assert all("8 NVLink ports are down, all towards u15" in f.message for f in off)
        assert [f.kind for f in await rack.step(20.0)] == ["link.up"] * 9


async def test_wear_versions_and_the_fabric_manager(tmp_path: Path) -> None:
    bad = Fault(FaultKind.HIGH_BER, "*/u20/acp12", ratio=2e-8)
    async with switches(tmp_path) as rack:
        kinds = [f.kind for _ in range(6) for f in await rack.step(20.0, bad)]
        assert kinds == ["ber.high", "link.recovering"]
        (worn,) = rack.view.worn
        assert (worn.kind, worn.text.split(";")[0]) == (
            "ber.high",
            "u20 acp12: bit error ratio 2.0e-08, 720 recoveries an hour",
        )
        other = Fault(FaultKind.WRONG_VERSION, "*/u23", text="25.02.1884")
        rack.emulator.hall.faults.set([other])
        rack.emulator.hall.advance(1.0)
        source = next(s for p, s in rack.sources.items() if "/u23/" in p)
        await source.read(ReadingClass.STATIC)
        findings = await rack.step(20.0, other, Fault(FaultKind.FABRIC_MANAGER_DOWN, "*/u19"))
        assert {f.kind for f in findings} == {"version.mismatch", "fabric_manager.down", "ber.normal"}
        assert next(f.message for f in findings if f.kind == "version.mismatch") == (
            "switch trays run different versions of NVOS: 25.02.1884 in u23; 25.02.2553 in the other 8"
        )
