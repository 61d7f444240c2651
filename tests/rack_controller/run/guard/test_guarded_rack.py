"""A whole rack under guard with one real tray, and no bus at all: what must not hold a strike back does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.real_rack import RACK, RealRack, eventually, real_rack
from support.served_tray import served_tray, served_trays

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint
from firmware_bridge.emulator.host import Host
from firmware_bridge.emulator.power import Ask
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import join_place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Reading
from rack_controller.decide.picture import BuildingSight
from rack_controller.model.effect import EffectState
from rack_controller.run.guard.strike_book import OPERATION

LEAK = Fault(FaultKind.LEAK, f"{RACK}/u11/leak1")


@dataclass
class Guarded:
    """A rack that is read, its one tray, and the plant behind it."""

    rack: RealRack
    served: ServedEndpoint
    bench: Bench

    @property
    def host(self) -> Host:
        return self.bench.hosts[TrayKind.COMPUTE, 0, 0]

    def hear(self, code: float) -> None:
        """Let the leak detector's word come by event."""
        now = self.rack.controlled._clock.now()
        self.rack.controlled._board.store([Reading(join_place(RACK, "u11/leak1"), Quantity.LEAK, code, now)])

    async def struck(self) -> bool:
        return self.host.asked is Ask.FORCE_OFF


@asynccontextmanager
async def guarded(tmp_path: Path, *faults: Fault, armed: bool = True) -> AsyncIterator[Guarded]:
    async with served_tray(rack=RACK) as (served, bench):
        bench.advance(0.0, faults)
        async with real_rack(tmp_path, [served], armed=armed) as rack:

            async def met() -> bool:
                return bool((await rack.status(served.place)).power_actions)

            await eventually(met)
            yield Guarded(rack, served, bench)


async def test_a_tray_that_is_wet_when_it_is_met_is_switched_off(tmp_path: Path) -> None:
    async with guarded(tmp_path, LEAK) as it:
        await eventually(it.struck)


async def test_an_update_holds_no_strike_back(tmp_path: Path) -> None:
    async with guarded(tmp_path) as it:
        quiet = await it.rack.do("quiet", it.served.place, minutes=60, reason="flashing")
        assert quiet.accepted, quiet
        it.hear(2.0)
        await eventually(it.struck)


async def test_a_rack_that_is_only_observed_is_not_switched_off(tmp_path: Path) -> None:
    async with guarded(tmp_path, LEAK, armed=False) as it:

        async def told() -> bool:
            return bool(it.rack.events("interlock.would.force_off"))

        await eventually(told)
        assert it.host.asked is None


async def test_coolant_closed_under_a_tray_that_stays_on_ends_with_the_shelf_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = [TrayKind.COMPUTE, TrayKind.POWER_SHELF]
    async with served_trays(kinds, rack=RACK) as (served, bench), real_rack(tmp_path, served) as rack:

        async def met() -> bool:
            seen = [await rack.status(s.place) for s in served]
            return all(s.state == "on" for s in seen)

        await eventually(met)
        desk = rack.controlled._building
        monkeypatch.setattr(desk, "sight", lambda: BuildingSight(liquid_isolated=True))
        shelf = bench.hosts[TrayKind.POWER_SHELF, 0, 0]

        async def struck() -> bool:
            return shelf.asked is Ask.FORCE_OFF

        await eventually(struck)  # nothing moves the plant: the tray took its strike and never goes off
        assert bench.hosts[TrayKind.COMPUTE, 0, 0].asked is Ask.FORCE_OFF
        bench.advance(20.0)

        async def seen_off() -> bool:
            mine = [e for e in rack.controlled._ledger.effects_of(OPERATION) if e.endpoint == served[1].place]
            return any(e.state is EffectState.OBSERVED for e in mine)

        await eventually(seen_off)
        assert not shelf.powered
        (told, *_) = rack.events("interlock.isolation.trays_on")
        assert "nothing here can" not in told.message
