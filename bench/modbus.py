"""How much of a serial line our master uses, and how soon it sees a leak while the line is full.

Figures: `utilisation_19200` and `utilisation_115200`, reads per second over what the wire allows with both silent gaps
(bar 0.9); `leak_seen_p99_ms` from the change in the device to the reading at the source's consumer, on a 19,200 line
that other reads keep full (bar 1,000 ms); `cpu_us_per_read` of this process.  The far end is a child process.
"""

import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import uvloop

from firmware_bridge.drivers import SerialLines, SerialPart, make_driver
from firmware_bridge.drivers.modbus.bus import Ask, SerialBus, Urgency
from firmware_bridge.drivers.modbus.source import SerialSource
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.wire.modbus.spans import Span, plan_spans
from firmware_bridge.wire.modbus.timing import read_seconds
from rack_controller.run.clock import SystemClock

GENERATION = "orv3-hpr-nvl36x2"
SECONDS = 8.0
LEAKS = 80
MOST_WORDS = 60
_DETECTOR = "leak0"


@contextmanager
def far_end() -> Iterator[tuple[dict[str, str], "subprocess.Popen[str]"]]:
    """Yield the tty of each tray's line and the process that answers on them."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.modbus_line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline()), process
    finally:
        process.stdin.close()
        process.wait(10)


def run(record: Any) -> None:
    """Measure both speeds and the leak."""
    with far_end() as (ttys, process):
        for tray, address, name in (("u01", 0x0C, "orv3-rpu"), ("u06", 0x90, "orv3-hpr-psu")):
            figures = uvloop.run(utilisation(ttys[tray], address, name))
            rate, bound, cpu = figures
            baud = load_register_map(name).line.baud
            record(
                figure=f"utilisation_{baud}", value=rate / bound, unit="1", baseline=bound, ratio=rate / bound,
                n=int(rate * SECONDS),
            )  # fmt: skip
            record(figure=f"cpu_us_per_read_{baud}", value=cpu * 1e6, unit="us", n=int(rate * SECONDS))
        seen = uvloop.run(leaks_seen(ttys["u01"], process))
        p99 = float(np.percentile(seen, 99)) * 1e3
        record(figure="leak_seen_p99_ms", value=p99, unit="ms", n=len(seen))
        record(figure="leak_seen_median_ms", value=statistics.median(seen) * 1e3, unit="ms", n=len(seen))


async def utilisation(tty: str, address: int, name: str) -> tuple[float, float, float]:
    """Return reads per second, the wire's bound for the same read, and CPU seconds per read."""
    bus = SerialBus(tty, SystemClock())
    register_map = load_register_map(name)
    span = longest(name)
    ask = Ask("bench", address, span.at, span.words, register_map.line)
    await bus.read(ask, Urgency.SLOW)
    reads, began, cpu = 0, time.monotonic(), _cpu()
    while time.monotonic() - began < SECONDS:
        await bus.read(ask, Urgency.SLOW)
        reads += 1
    rate, used = reads / (time.monotonic() - began), (_cpu() - cpu) / reads
    await bus.close()
    return rate, 1.0 / read_seconds(register_map.line, span.words), used


async def leaks_seen(tty: str, process: "subprocess.Popen[str]") -> list[float]:
    """Return how long each leak took to be seen while others keep the line full."""
    source, bus = _pumping_unit(tty)
    await source.discover()
    span = longest("orv3-rpu")
    line = load_register_map("orv3-rpu").line
    full = [asyncio.create_task(_read_for_ever(bus, Ask("others", 0x0C, span.at, span.words, line))) for _ in range(3)]
    seen: list[float] = []
    dice = random.Random(7)
    wet = asyncio.Event()
    dry = asyncio.Event()
    watching = asyncio.create_task(_watch(source, wet, dry))
    for _ in range(LEAKS):
        await asyncio.sleep(dice.uniform(0.05, 0.45))
        changed_at = await asyncio.to_thread(_say, process, "leak")
        await asyncio.wait_for(wet.wait(), 10)
        seen.append(time.monotonic() - changed_at)
        await asyncio.to_thread(_say, process, "dry")
        await asyncio.wait_for(dry.wait(), 10)
    for task in (*full, watching):
        task.cancel()
    await asyncio.gather(*full, watching, return_exceptions=True)
    await source.close()
    return seen


async def _watch(source: SerialSource, wet: asyncio.Event, dry: asyncio.Event) -> None:
    async for readings in source.pushes():
        for reading in readings:
            if reading.quantity is Quantity.LEAK and reading.place.endswith(_DETECTOR):
                (wet if reading.value else dry).set()
                (dry if reading.value else wet).clear()


async def _read_for_ever(bus: SerialBus, ask: Ask) -> None:
    while True:
        await bus.read(ask, Urgency.SLOW)


def _pumping_unit(tty: str) -> tuple[SerialSource, SerialBus]:
    generation = load_generation(GENERATION)
    slot = next(s for s in generation.slots if s.name == "u01")
    (spec,) = slot.tray.endpoints
    clock = SystemClock()
    part = SerialPart(SerialLines(clock), spec.units_of(slot.index))
    place = Place("bench/a/r01/k01/u01")
    endpoint = SiteEndpoint(Place(f"{place}/{spec.name}"), tty=tty)
    source = make_driver(spec, place, endpoint, None, clock, part)
    assert isinstance(source, SerialSource)
    return source, source.units[0].bus


def _say(process: "subprocess.Popen[str]", word: str) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def longest(name: str) -> Span:
    """Return the longest read of at most 60 words that the map allows."""
    register_map = load_register_map(name)
    spans = plan_spans(register_map, register_map.registers)
    best = max(spans, key=lambda s: min(s.words, MOST_WORDS))
    return Span(best.at, min(best.words, MOST_WORDS), best.registers)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
