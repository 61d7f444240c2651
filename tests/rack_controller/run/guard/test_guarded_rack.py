"""A whole rack under guard with one real tray, and no bus at all: what must not hold a strike back does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from support.real_rack import RACK, RealRack, eventually, real_rack
from support.served_tray import served_tray

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint
from firmware_bridge.emulator.host import Host
from firmware_bridge.emulator.power import Ask
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import join_place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Reading

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
