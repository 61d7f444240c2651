"""A rack with its pumping unit on a real serial line, the plant behind it, and trays beside it if wanted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultTable
from firmware_bridge.emulator.layout import parse_racks, serial_endpoints_of
from firmware_bridge.emulator.serial.lines import SerialLines
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import join_place
from rack_controller.model.limit import LimitRow
from rack_controller.run.ending import end
from support.real_rack import RACK, RealRack, eventually, real_rack
from support.serial_bench import GENERATION, design
from support.served_tray import served_trays

UNIT = join_place(RACK, "u01")


@dataclass
class Cooled:
    """A rack whose pumping unit alone is there.  `faults` strike its plant from the next moment on."""

    rack: RealRack
    bench: Bench
    faults: tuple[Fault, ...] = ()

    async def rows(self) -> dict[str, LimitRow]:
        rows = msgspec.json.decode(await self.rack.ask("coolant"), type=list[LimitRow])
        return {row.place.rpartition("/")[2]: row for row in rows}

    async def flows(self) -> None:
        """Let plant time pass, twenty times as fast as ours."""
        while True:
            self.bench.advance(1.0, self.faults)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def cooled(tmp_path: Path, *kinds: TrayKind) -> AsyncIterator[Cooled]:
    """Run the rack; `kinds`: of what else the first tray is there, over TLS."""
    lines = SerialLines(tmp_path)
    racks = parse_racks(GENERATION, "lab1", lambda _name: design())[:1]
    plans = [p for p in serial_endpoints_of(racks, {GENERATION: design()}) if p.spec.line == "coolant"]
    async with served_trays(kinds, RACK, GENERATION) as (served, bench):
        lines.start(racks, plans, {GENERATION: bench}, FaultTable(()), lambda: bench.time)
        try:
            async with real_rack(tmp_path, served, generation=GENERATION, ttys=lines.endpoints) as rack:
                it = Cooled(rack, bench)
                moving = asyncio.create_task(it.flows())

                async def known() -> bool:
                    rows = await it.rows()
                    met = [(await rack.status(s.place)).state == "on" for s in served]
                    return len(rows) == 2 and all(row.shows is not None for row in rows.values()) and all(met)

                await eventually(known)
                yield it
                await end([moving])
        finally:
            lines.stop()
