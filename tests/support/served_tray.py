"""Emulated trays of a generation that answer over TLS, with the plant behind them: what they are asked, they do."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.device import Device
from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree
from firmware_bridge.emulator.template import load_template
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place


@asynccontextmanager
async def served_trays(
    kinds: Sequence[TrayKind], rack: str = "test/a/r01/k01", generation: str = "gb200-nvl72"
) -> AsyncIterator[tuple[list[ServedEndpoint], Bench]]:
    """Serve the controller of the first tray of each kind, all of one plant; `bench.advance(seconds)` moves it."""
    design = load_generation(generation)
    bench = Bench(design, [Place(rack)], None)
    async with contextlib.AsyncExitStack() as all_of_them:
        served = []
        for kind in kinds:
            slot = design.slots_of(kind)[0]
            spec = next(e for e in slot.tray.endpoints if e.name in ("bmc", "pmc"))
            place = Place(f"{rack}/{slot.name}/{spec.name}")
            device = Device(load_template(str(spec.device), slot.tray), bench, 0, slot, place)
            served.append(await all_of_them.enter_async_context(serve_tree(device, place=place)))
        yield served, bench


@asynccontextmanager
async def served_tray(
    kind: TrayKind = TrayKind.COMPUTE, rack: str = "test/a/r01/k01", generation: str = "gb200-nvl72"
) -> AsyncIterator[tuple[ServedEndpoint, Bench]]:
    """Serve the controller of the first tray of a kind."""
    async with served_trays([kind], rack, generation) as ((served,), bench):
        yield served, bench
