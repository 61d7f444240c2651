"""Serial units of a rack without ptys: a bench, its slaves by address, and frames as a master would send them."""

import dataclasses
import functools

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultTable
from firmware_bridge.emulator.layout import parse_racks, serial_endpoints_of
from firmware_bridge.emulator.serial.line import Line, Spoken
from firmware_bridge.emulator.serial.lines import line_place, slaves_of
from firmware_bridge.emulator.serial.slave import Slave
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import Generation
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.wire.modbus.frame import READ, crc16

GENERATION = "orv3-hpr-nvl36x2"
RACK = Place("test/a/r01/k01")


@functools.cache
def design() -> Generation:
    """Return the generation, loaded once."""
    return load_generation(GENERATION)


@functools.cache
def _settled() -> Bench:
    return Bench(design(), [RACK], None)


def bench() -> Bench:
    """Return a settled rack of the generation; the caller may change it."""
    fresh = object.__new__(Bench)
    fresh.__dict__.update(_settled().__dict__)
    fresh.leaks = {k: v.copy() for k, v in _settled().leaks.items()}
    fresh.leaked = {k: v.copy() for k, v in _settled().leaked.items()}
    fresh.absent = {k: v.copy() for k, v in _settled().absent.items()}
    fresh.units, fresh.units_on_at = {}, _settled().units_on_at.copy()
    fresh.flow_target, fresh.supply_target = _settled().flow_target.copy(), _settled().supply_target.copy()
    return fresh


def slaves(on: Bench, line: str) -> dict[int, Slave]:
    """Return the units of one line of the rack by address."""
    plans = serial_endpoints_of(parse_racks(GENERATION, "test", lambda name: design())[:1], {GENERATION: design()})
    found: dict[int, Slave] = {}
    for plan in plans:
        if plan.spec.line == line:
            found |= slaves_of(plan, on)
    return found


def line_of(on: Bench, name: str, *faults: Fault) -> Line:
    """Return a line of the rack in virtual time; emulated time is the bench's."""
    return Line(
        line_place(RACK, name),
        design().line(name).settings,
        slaves(on, name),
        FaultTable(faults),
        lambda: on.time,
    )


def frame(unit: int, function: int, *words: int, data: bytes = b"") -> bytes:
    """Return a request with its CRC."""
    body = bytes((unit, function)) + b"".join(w.to_bytes(2, "big") for w in words) + data
    return body + crc16(body)


def read(unit: int, at: int, count: int) -> bytes:
    """Return a read of `count` words."""
    return frame(unit, READ, at, count)


def exchange(line: Line, request: bytes, at: float = 0.0, spoken: Spoken | None = None, until: float = 60.0) -> bytes:
    """Return everything that comes back within `until` seconds of virtual time."""
    line.renew(at)
    line.hear(request, at, spoken or Spoken(line.settings.baud))
    got, due = b"", line.due()
    while due is not None and due <= at + until:
        got += line.send(due)
        due = line.due()
    return got


def with_state(on: Bench, **changes: object) -> None:
    """Put other arrays into the bench's state."""
    on.state = dataclasses.replace(on.state, **changes)  # type: ignore[arg-type]
