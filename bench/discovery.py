"""How long it takes to meet every endpoint of one rack, and of a hundred.

Figures: `s_36_endpoints` (bar 10 s) and `s_3600_endpoints` (bar 120 s).  Counted is what the public figure counts, 25
minutes for 3,000 endpoints: per endpoint one TLS handshake that is judged by its pin, the service root and a session
login, from the first byte to the last token.  What an endpoint is made of is not read.  `s_rack_planned` does that as
well: the drivers of one rack have found all their sensors.  The emulator is a process of its own on the same machine.
"""

import asyncio
import time
from collections.abc import Callable

import uvloop

from bench.emulated import Emulated, emulated
from firmware_bridge.drivers import make_driver
from firmware_bridge.drivers.redfish.link import RedfishLink
from firmware_bridge.drivers.redfish.meeting import turn_to_meet
from firmware_bridge.generations.load import load_generation
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.place import join_place
from rack_controller.run.clock import SystemClock

GENERATION = "gb200-nvl72"
RACKS = (1, 100)


def run(record: Callable[..., None]) -> None:
    """Measure and record."""
    for racks in RACKS:
        with emulated(f"{GENERATION}*{racks}") as emulator:
            took, count = uvloop.run(_meet(emulator))
            record(figure=f"s_{racks * 36}_endpoints", value=took, unit="s", n=count)
            if racks == 1:
                record(figure="s_rack_planned", value=uvloop.run(_plan(emulator)), unit="s", n=count)


async def _meet(emulator: Emulated) -> tuple[float, int]:
    """Return seconds until every endpoint has given its root and a session, and how many there were."""
    links = [emulator.link(e) for e in emulator.site.endpoints if e.pin is not None and not e.place.endswith("/nvos")]

    async def meet(link: RedfishLink) -> None:
        async with turn_to_meet():
            assert await link.meet()

    began = time.perf_counter()
    await asyncio.gather(*(meet(link) for link in links))
    took = time.perf_counter() - began
    await asyncio.gather(*(link.close() for link in links))
    return took, len(links)


async def _plan(emulator: Emulated) -> float:
    """Return seconds until the drivers of the first rack know what they will read."""
    rack = emulator.site.racks[0]
    sites = {e.place: e for e in emulator.site.endpoints_of(rack.place)}
    sources: list[TelemetrySource] = []
    for slot in load_generation(rack.generation).slots:
        tray = join_place(rack.place, slot.name)
        for spec in slot.tray.endpoints:
            at = sites.get(join_place(tray, spec.name))
            if at is not None and at.pin is not None and spec.protocol == "redfish":
                who = emulator.credentials[at.credential or ""]
                sources.append(make_driver(spec, tray, at, who, SystemClock()))
    began = time.perf_counter()
    await asyncio.gather(*(source.discover() for source in sources))
    took = time.perf_counter() - began
    await asyncio.gather(*(source.close() for source in sources))
    return took
