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
    kinds: Sequence[TrayKind], rack: str = "test/a/r01/k01", generation: str = "gb200-nvl72", *, sound: bool = False
) -> AsyncIterator[tuple[list[ServedEndpoint], Bench]]:
    """Serve the controller of the first tray of each kind, the next one of a kind that is named again, all of one
    plant; `bench.advance(seconds)` moves it.  `sound`: trees as the schema wants them, not as recorded ones are."""
    design = load_generation(generation)
    bench = Bench(design, [Place(rack)], None)
    async with contextlib.AsyncExitStack() as all_of_them:
        served = []
        for number, kind in enumerate(kinds):
            slot = design.slots_of(kind)[kinds[:number].count(kind)]
            spec = next(e for e in slot.tray.endpoints if e.name in ("bmc", "pmc"))
            place = Place(f"{rack}/{slot.name}/{spec.name}")
            device = Device(load_template(str(spec.device), slot.tray, sound=sound), bench, 0, slot, place)
            served.append(await all_of_them.enter_async_context(serve_tree(device, place=place)))
        yield served, bench


@asynccontextmanager
async def served_tray(
    kind: TrayKind = TrayKind.COMPUTE,
    rack: str = "test/a/r01/k01",
    generation: str = "gb200-nvl72",
    *,
    sound: bool = False,
) -> AsyncIterator[tuple[ServedEndpoint, Bench]]:
    """Serve the controller of the first tray of a kind."""
    async with served_trays([kind], rack, generation, sound=sound) as ((served,), bench):
        yield served, bench
