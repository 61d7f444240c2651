"""How soon a leak that a BMC tells of is a reading: from the fault that is set in the emulated plant to the value.

Figure: `leak_p99_ms` (bar 250 ms), over all 18 compute trays of a rack with their streams open; the emulator is a
process of its own, and setting the fault there is counted in.
"""

import asyncio
import time
from collections.abc import Callable

import numpy as np
import uvloop

from bench.emulated import Emulated, emulated
from bench.hundred import _sources
from firmware_bridge.drivers.redfish.compute_tray import RedfishComputeTray
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.vocabulary.event_path import PathKind
from firmware_bridge.vocabulary.quantities import Quantity

ROUNDS = 12


def run(record: Callable[..., None]) -> None:
    """Measure and record."""
    with emulated("gb200-nvl72") as emulator:
        samples = uvloop.run(_leaks(emulator))
    record(figure="leak_p99_ms", value=float(np.percentile(samples, 99)), unit="ms", n=len(samples))
    record(figure="leak_median_ms", value=float(np.median(samples)), unit="ms", n=len(samples))


async def _leaks(emulator: Emulated) -> list[float]:
    sources = [s for s in _sources(emulator) if isinstance(s, RedfishComputeTray)]
    await asyncio.gather(*(s.discover() for s in sources))
    heard: dict[tuple[str, float], asyncio.Future[float]] = {}

    async def listen(source: RedfishSource) -> None:
        async for readings in source.pushes():
            for r in readings:
                waiting = heard.get((r.place, float(r.value or 0.0)))
                if r.quantity is Quantity.LEAK and r.device_time and waiting is not None and not waiting.done():
                    waiting.set_result(time.perf_counter())

    tasks = [asyncio.create_task(listen(s)) for s in sources]
    while any(s.event_path.kind is not PathKind.SSE for s in sources):  # noqa: ASYNC110 - a value
        await asyncio.sleep(0.05)
    samples: list[float] = []
    for number in range(ROUNDS):
        wet = number % 2 == 0
        faults = [{"what": "leak", "where": "*/leak1"}] if wet else []
        loop = asyncio.get_running_loop()
        heard = {(f"{s.tray}/leak1", 2.0 if wet else 0.0): loop.create_future() for s in sources}
        began = time.perf_counter()
        await asyncio.to_thread(emulator.control.set_faults, faults)
        await asyncio.to_thread(emulator.control.step, 0.01)
        samples += [(at - began) * 1e3 for at in await asyncio.wait_for(asyncio.gather(*heard.values()), 20)]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(s.close() for s in sources))
    return samples
