"""A hundred emulated racks polled in 10 s sweeps by one controller process, within the limits of every endpoint.

Figures: `p99_age_s` (bar 20 s), the age of every reading at the end of each sweep once all endpoints have been met;
`emulator_mib` (bar 900 MiB) with one connection per endpoint and an event stream on a tenth of them; `cores`, what the
polling side uses.  Every endpoint is polled by its own driver, one sweep of its safety and power classes in 10 s.  The
slow class is left out: it has hundreds of sensors that a shelf gives one by one, and a sweep of all of them takes about
8 ms of CPU per endpoint, three cores for a hundred racks.
"""

import asyncio
import resource
import time
from collections.abc import Callable

import numpy as np
import uvloop

from bench.emulated import Emulated, emulated
from firmware_bridge.drivers import make_driver
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.place import join_place
from firmware_bridge.vocabulary.quantities import ReadingClass
from rack_controller.run.clock import SystemClock

RACKS = 100
SWEEP_S = 10.0
SWEEPS = 5
STREAMS_OF = 10
_MEETINGS = 5
_CLASSES = (ReadingClass.SAFETY, ReadingClass.POWER)


def run(record: Callable[..., None], racks: int = RACKS) -> None:
    """Measure and record."""
    with emulated(f"gb200-nvl72*{racks}") as emulator:
        ages, mib, cores, count = uvloop.run(_poll(emulator))
    record(figure="p99_age_s", value=float(np.percentile(ages, 99)), unit="s", n=len(ages))
    record(figure="emulator_mib", value=mib, unit="MiB", n=count)
    record(figure="cores", value=cores, unit="cores", n=count)


def _sources(emulator: Emulated) -> list[RedfishSource]:
    found = []
    for rack in emulator.site.racks:
        sites = {e.place: e for e in emulator.site.endpoints_of(rack.place)}
        for slot in load_generation(rack.generation).slots:
            tray = join_place(rack.place, slot.name)
            for spec in slot.tray.endpoints:
                at = sites.get(join_place(tray, spec.name))
                if at is not None and at.pin is not None and spec.protocol == "redfish":
                    made = make_driver(spec, tray, at, emulator.credentials[at.credential or ""], SystemClock())
                    assert isinstance(made, RedfishSource)
                    found.append(made)
    return found


async def _meet(source: RedfishSource) -> None:
    """Discover one endpoint as a controller does: one that does not answer in time is asked again.  Not measured."""
    for _ in range(_MEETINGS):
        try:
            await source.discover()
        except DeviceError:
            continue
        return
    await source.discover()


async def _poll(emulator: Emulated) -> tuple[list[float], float, float, int]:
    """Return every reading's age at the end of the sweeps (s), MiB of the emulator, cores used, and endpoints."""
    sources = _sources(emulator)
    await asyncio.gather(*(_meet(s) for s in sources))
    taken: dict[tuple[str, str], float] = {}
    began, used = time.monotonic(), _cpu()
    ends = began + SWEEPS * SWEEP_S

    async def sweep(source: RedfishSource, phase: float) -> None:
        due = began + phase
        while due < ends:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            for reading_class in _CLASSES:
                try:
                    for reading in await source.read(reading_class):
                        taken[reading.place, reading.quantity] = reading.taken_at
                except DeviceError:
                    continue
            due += SWEEP_S

    async def listen(source: RedfishSource) -> None:
        async for _ in source.pushes():
            continue

    streams = [asyncio.create_task(listen(s)) for s in sources[::STREAMS_OF]]
    sweeps = [asyncio.create_task(sweep(s, SWEEP_S * n / len(sources))) for n, s in enumerate(sources)]
    ages: list[float] = []
    for number in range(2, SWEEPS + 1):  # the first sweep fills the table
        await asyncio.sleep(max(0.0, began + number * SWEEP_S - time.monotonic()))
        now = time.monotonic()
        ages += [now - at for at in taken.values()]
    mib, cores = emulator.rss_mib(), (_cpu() - used) / (time.monotonic() - began)
    for task in (*streams, *sweeps):
        task.cancel()
    await asyncio.gather(*streams, *sweeps, return_exceptions=True)
    await asyncio.gather(*(s.close() for s in sources))
    return ages, mib, cores, len(sources)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
