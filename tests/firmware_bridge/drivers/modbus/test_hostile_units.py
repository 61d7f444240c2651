"""Hostile units on a real line: one answers for another, or too late.  It costs itself; the rest stays fresh.

The line is a pseudo-terminal in real time, the driver a shelf's.  Every supply says a number of its own, so that one
that is taken for another's shows.
"""

import asyncio
import math
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.serial_line import LoopClock, PlainLine, Spoil, plain_line

from firmware_bridge.drivers import SerialLines, SerialPart, make_driver
from firmware_bridge.drivers.modbus.source import SerialSource
from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.vocabulary.generation import EndpointSpec, Unit
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.wire.modbus.frame import Request, reply_read

PERIOD, LASTS = 0.5, 4.0
"""Seconds: the period of the classes that are read, which is half of the generations' own, and how long a row runs."""
VICTIM, NEIGHBOUR = 0x95, 0x90
TRAY, CLOCK, MAP = Place("x/a/r01/k01/u06"), LoopClock(), "orv3-hpr-psu"
SUPPLIES = tuple(Unit(f"psu{n}", 0x90 + n, (MAP,)) for n in range(6))


def watts(unit: int) -> float:
    return 3000.0 + 16 * (unit - 0x90)


def words_of(unit: int) -> dict[int, int]:
    """Return every word of a supply: zero, but for its output power in eighths of a watt (southbound.md §1.5)."""
    return dict.fromkeys(load_register_map(MAP).readable, 0) | {82: round(watts(unit) * 8)}


@pytest.fixture
def line() -> Iterator[PlainLine]:
    with plain_line() as served:
        served.units = {unit.address: words_of(unit.address) for unit in SUPPLIES}
        yield served


def shelf_on(line: PlainLine) -> SerialSource:
    spec = EndpointSpec("pmm", "modbus", "modbus/power_shelf", line="power", read={"fast_s": PERIOD})
    endpoint = SiteEndpoint(Place(f"{TRAY}/pmm"), tty=line.tty)
    made = make_driver(spec, TRAY, endpoint, None, CLOCK, SerialPart(SerialLines(CLOCK), SUPPLIES))
    assert isinstance(made, SerialSource)
    return made


@contextmanager
def misbehaving(line: PlainLine, row: str) -> Iterator[None]:
    """Let the victim do what the row says until the block ends; what is still to come is then forgotten."""
    timers: list[threading.Timer] = []

    def in_its_name(request: Request, reply: bytes) -> bytes | None:
        if request.unit != VICTIM:
            return reply
        return reply_read(NEIGHBOUR, [line.units[VICTIM][request.address + n] for n in range(request.second)])

    def too_late(request: Request, reply: bytes) -> bytes | None:
        if request.unit != VICTIM:
            return reply
        timers.append(threading.Timer(0.4, line.say, (reply,)))
        timers[-1].start()
        return None

    rows: dict[str, Spoil] = {"wrong unit answering": in_its_name, "late reply to an earlier query": too_late}
    line.spoil = rows[row]
    try:
        yield
    finally:
        line.spoil = None
        for timer in timers:
            timer.cancel()
            timer.join()


async def read_for_a_while(shelf: SerialSource) -> tuple[dict[str, list[Reading]], dict[str, list[float]]]:
    """Read both fast classes every period; return each supply's power readings, and its ages ten times a period."""
    loop = asyncio.get_running_loop()
    readings, ages = defaultdict[str, list[Reading]](list), defaultdict[str, list[float]](list)
    newest: dict[str, float] = {}
    began = loop.time()

    async def keep_reading(reading_class: ReadingClass) -> None:
        while loop.time() - began < LASTS:
            due = loop.time() + PERIOD
            for reading in await shelf.read(reading_class):
                name = leaf_of(reading.place)
                if reading.quantity is Quantity.POWER and name.startswith("psu"):
                    readings[name].append(reading)
                    if reading.value is not None:
                        newest[name] = max(newest.get(name, -math.inf), reading.taken_at)
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def keep_looking() -> None:
        while loop.time() - began < LASTS:
            await asyncio.sleep(PERIOD / 10)
            if loop.time() - began > 3 * PERIOD:
                for name, taken_at in newest.items():
                    ages[name].append(CLOCK.now() - taken_at)

    await asyncio.gather(keep_reading(ReadingClass.SAFETY), keep_reading(ReadingClass.POWER), keep_looking())
    return readings, ages


@pytest.mark.parametrize("row", ["wrong unit answering", "late reply to an earlier query"])
async def test_a_hostile_unit_costs_itself_and_the_rest_of_the_bus_stays_fresh(line: PlainLine, row: str) -> None:
    shelf = shelf_on(line)
    await shelf.discover()
    await shelf.read(ReadingClass.POWER)
    with misbehaving(line, row):
        readings, ages = await read_for_a_while(shelf)
    asked = [r for r in line.asked if r.unit == VICTIM]
    faults = list(shelf.faults)
    await shelf.close()
    assert len(asked) > 3
    assert [name for name in faults if "0x95" in name] == faults != []
    assert all(r.value is None and r.quality is not Quality.GOOD for r in readings["psu5"])
    for n in range(5):
        found = {r.value for r in readings[f"psu{n}"]}
        assert found <= {watts(0x90 + n), None}, "a number of another unit"
        p99 = sorted(ages[f"psu{n}"])[math.ceil(0.99 * len(ages[f"psu{n}"])) - 1]
        assert p99 < 3 * PERIOD
