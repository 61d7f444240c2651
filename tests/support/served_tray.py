"""One emulated tray of a generation that answers over TLS, with the plant behind it: what it is asked, it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.device import Device
from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree
from firmware_bridge.emulator.template import load_template
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place


@asynccontextmanager
async def served_tray(
    kind: TrayKind = TrayKind.COMPUTE, rack: str = "test/a/r01/k01", generation: str = "gb200-nvl72"
) -> AsyncIterator[tuple[ServedEndpoint, Bench]]:
    """Serve the BMC of the first tray of a kind; `bench.advance(seconds)` moves its hosts."""
    design = load_generation(generation)
    slot = design.slots_of(kind)[0]
    spec = next(e for e in slot.tray.endpoints if e.name == "bmc")
    bench, place = Bench(design, [Place(rack)], None), Place(f"{rack}/{slot.name}/bmc")
    device = Device(load_template(str(spec.device), slot.tray), bench, 0, slot, place)
    async with serve_tree(device, place=place) as served:
        yield served, bench
