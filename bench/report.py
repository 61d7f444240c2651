"""A stock report of 60 KB of documents: from bytes to parts, numbers and notes, in ms of one core."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.device import Device
from firmware_bridge.emulator.template import load_template
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.wire.redfish.guard import parse
from firmware_bridge.wire.redfish.inventory import report_of

BYTES = 60_000
ROUNDS, REPEATS = 15, 10


def run(record: Callable[..., None]) -> None:
    """Measure and record `ms_60kb`: decode, caps and report; the baseline is msgspec's bare decode of the bytes."""
    raw = _documents()
    whole, bare = [], []
    for _ in range(ROUNDS):
        whole.append(_ms(lambda: report_of({uri: parse(body) for uri, body in raw.items()})))
        bare.append(_ms(lambda: [msgspec.json.decode(body) for body in raw.values()]))
    took, least = statistics.median(whole), statistics.median(bare)
    record(figure="ms_60kb", value=took, unit="ms", baseline=least, ratio=took / least, n=ROUNDS * REPEATS)


def _documents() -> dict[str, bytes]:
    """Return documents of an emulated compute tray, spread over its tree, that are 60 KB together."""
    generation = load_generation("gb200-nvl72")
    slot = generation.slots_of(TrayKind.COMPUTE)[0]
    rack = Place("lab1/a/r01/k01")
    template = load_template("gb200-compute-tray", slot.tray)
    device = Device(template, Bench(generation, [rack], None), 0, slot, Place(f"{rack}/{slot.name}/bmc"))
    every = {uri: found.raw for uri in template.nodes if (found := device.get(uri, None)) is not None}
    chosen: dict[str, bytes] = {}
    step = max(1, round(sum(map(len, every.values())) / BYTES))
    for first in range(step):
        for uri in list(every)[first::step]:
            if sum(map(len, chosen.values())) >= BYTES:
                return chosen
            chosen[uri] = every[uri]
    return chosen


def _ms(work: Callable[[], Any]) -> float:
    began = time.process_time()
    for _ in range(REPEATS):
        work()
    return (time.process_time() - began) * 1e3 / REPEATS
