"""A rack under guard with one real tray and an emulated building, over a real broker: from a wet rope to the valve."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest
from support.bus_server import NatsProcess
from support.real_rack import QUICKER, RACK, RealRack, eventually, real_rack
from support.served_tray import served_tray

from firmware_bridge.emulator.building.client import BuildingClient
from firmware_bridge.emulator.faults import Fault, FaultKind, FaultTable
from firmware_bridge.emulator.power import Ask
from firmware_bridge.vocabulary.generation import TrayKind
from rack_controller.model.building_view import BuildingState, Isolation
from tests.support.building import emulated_at


async def building_of(rack: RealRack) -> BuildingState:
    return msgspec.json.decode(await rack.ask("building"), type=BuildingState)


async def test_a_wet_rope_switches_the_tray_off_asks_for_isolation_and_sees_it_confirmed(
    tmp_path: Path, bus_server: NatsProcess
) -> None:
    faults, bus = FaultTable(), bus_server.folder
    async with served_tray(rack=RACK) as (served, bench), real_rack(tmp_path, [served], broker=bus) as rack:
        with emulated_at(bus, faults) as (building, _):
            client = BuildingClient(building, bus, lambda: time.monotonic() * QUICKER)
            speaking = asyncio.create_task(client.run())
            try:

                async def heard() -> bool:
                    state = await building_of(rack)
                    met = bool((await rack.status(served.place)).power_actions)
                    return met and not state.silent and [i.state for i in state.isolation] == [Isolation.NONE] * 2

                await eventually(heard)
                host = bench.hosts[TrayKind.COMPUTE, 0, 0]
                faults.add([Fault(FaultKind.BUILDING_LEAK, f"{RACK}/building")])

                async def isolated() -> bool:
                    bench.advance(0.2)
                    return [i.state for i in (await building_of(rack)).isolation] == [Isolation.CONFIRMED] * 2

                await eventually(isolated)
                assert host.asked is Ask.FORCE_OFF
                told = [(e.kind, e.unix_ns) for kind in KINDS for e in rack.events(kind)]
                assert min(told, key=lambda one: one[1])[0] == "interlock.leak.rack"
                assert {kind for kind, _ in told} == set(KINDS)

                async def shown() -> bool:  # what the building says now and then comes when it does
                    seen = rack.controlled._view.snapshot
                    names = {s.place.removeprefix(f"{RACK}/") for s in seen.table.series} if seen is not None else set()
                    return {"building/leak", "building/flow", "building/liquid_isolated"} <= names

                await eventually(shown)
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)


KINDS = (
    "interlock.leak.rack",
    "interlock.done.request_liquid_isolation",
    "interlock.done.request_electrical_isolation",
    "building.isolation.liquid",
    "building.isolation.electrical",
)


async def test_a_rack_without_a_building_says_so_and_asks_by_events(tmp_path: Path) -> None:
    async with served_tray(rack=RACK) as (served, _), real_rack(tmp_path, [served]) as rack:
        assert (await building_of(rack)).agreed is False


@pytest.mark.parametrize("part", ["put_readings", "sight", "follow"])
def test_a_bug_in_the_buildings_part_is_told_once_and_costs_no_tick(part: str) -> None:
    from rack_controller.decide.notice import Finding
    from rack_controller.run.board import Board
    from rack_controller.run.building.desk import BuildingDesk
    from rack_controller.run.view import RackView
    from tests.support.building import Spoken
    from tests.support.interlocked import planned, seeded_policy

    site, said = Spoken(), list[Finding]()
    broken = {"put_readings": "series", "sight": "sight", "follow": "follow"}[part]
    board = Board(site.rack.rack, [], {})
    desk = BuildingDesk(RackView(planned(), "boot"), site.rack, seeded_policy(), board, site.clock, said.append)

    def fails(*_args: object) -> None:
        raise KeyError("a bug")

    setattr(site.rack, broken, fails)
    for _ in range(3):
        getattr(desk, part)(*([{}] if part == "follow" else []))
    assert [f.kind for f in said] == ["building.broken"]
    assert part != "sight" or "bug" in desk.sight().silent
