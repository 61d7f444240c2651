"""`rackwright-agent stress`: GPUs multiply matrices whose product is known to every bit, for a while.

What comes of it is written as floor records of kind `gpu_stress`, which `rackwright accept floor import` takes.  It
changes nothing but the load; on a machine without a GPU it is an error that says so.
"""

import argparse
import datetime
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.one_line import OneLineParser
from firmware_bridge.ports.work import Multipliers, WorkingGpu
from firmware_bridge.vocabulary.errors import ConfigurationError, DeviceError
from firmware_bridge.wire.known_product import Words, matrices, product, wrong_words

KIND, SCHEMA = "gpu_stress", "rackwright.floor/1"
WRONG = 9
"""Exit code when a GPU computed wrongly or did not come back."""
SEEDS = 4
"""How many problems are gone through: each knows another answer, and none is made anew while GPUs wait."""


@dataclass(slots=True)
class Came:
    """What came of one GPU: results that were looked at, words of them that were wrong, and its pace."""

    gpu: WorkingGpu
    looked: int = 0
    wrong: int = 0
    products: int = 0
    seconds: float = 0.0
    failed: str = ""


def stress(machine: Multipliers, seconds: float, size: int, times: int, clock: Callable[[], float]) -> list[Came]:
    """Let all GPUs multiply at once for so many seconds, `times` products between two looks at the result.

    Raises EnvironmentUnfit where there are none.
    """
    came = [Came(gpu) for gpu in machine.gpus()]
    problems: dict[tuple[int, int], Words] = {}
    until = clock() + seconds

    def work(one: Came) -> None:
        turn = 0
        while not one.failed and (turn == 0 or clock() < until):
            _work(one, machine, turn % SEEDS, size, times, problems)
            turn += 1

    with ThreadPoolExecutor(max_workers=max(len(came), 1)) as threads:
        list(threads.map(work, came))
    return came


def _work(
    one: Came, machine: Multipliers, seed: int, size: int, times: int, problems: dict[tuple[int, int], Words]
) -> None:
    try:
        found, took = machine.multiply(one.gpu, seed, size, times)
    except DeviceError as err:
        one.failed = err.what
        return
    side = len(found)
    if (seed, side) not in problems:
        problems[seed, side] = product(*matrices(seed, side))
    one.looked += 1
    one.wrong += wrong_words(problems[seed, side], found)
    one.products += times
    one.seconds += took


def records_of(came: Sequence[Came], tray: str, size: int, today: datetime.date, version: str) -> dict[str, object]:
    """Return floor records of what came of GPUs; one that did not come back has every word wrong."""
    rows = []
    for one in came:
        pace = one.products * 2.0 * size**3 / one.seconds / 1e12 if one.seconds > 0.0 else 0.0
        numbers = {
            "results": one.looked,
            "wrong_words": float(size * size) if one.failed else one.wrong,
            "seconds": round(one.seconds, 3),
            "tera_ops": round(pace, 3),
        }
        rows.append(
            {
                "kind": KIND,
                "place": f"{one.gpu.tray or tray}/gpu{one.gpu.number}",
                "tester": f"rackwright-agent {version} on {one.gpu.name or 'a GPU'}",
                "calibrated_until": today.isoformat(),  # it holds every result against a known one
                "on": today.isoformat(),
                "numbers": numbers,
            }
        )
    return {"schema": SCHEMA, "records": rows}


def main(argv: Sequence[str], version: str) -> int:
    """Run the command; returns 0 when every result was right, 9 when one was not.  Raises errors of the tree."""
    options = _parser().parse_args(argv)
    machine = _machine(options)
    try:
        came = stress(machine, options.seconds, options.size, options.times, time.monotonic)
    finally:
        machine.close()
    today = datetime.datetime.now(datetime.UTC).date()
    side = options.size if options.emulated is None else min(options.size, 256)
    text = json.dumps(records_of(came, options.place or "", side, today, version), indent=1)
    if options.out is None:
        sys.stdout.write(text + "\n")
    else:
        options.out.write_text(text + "\n")
    bad = [one for one in came if one.wrong or one.failed]
    for one in bad:
        said = one.failed or f"{one.wrong} wrong words in {one.looked} results"
        sys.stderr.write(f"{one.gpu.tray or options.place}/gpu{one.gpu.number}: {said}\n")
    return WRONG if bad else 0


def _machine(options: argparse.Namespace) -> Multipliers:
    if options.emulated is not None:
        from rack_controller.agent.emulated_work import EmulatedMultipliers

        return EmulatedMultipliers(options.emulated)
    if not options.place:
        raise ConfigurationError("--place is missing", advice="the host's tray, for example tx1/a/r03/k07/u11")
    from firmware_bridge.drivers.cuda.multipliers import CudaMultipliers

    return CudaMultipliers()


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="rackwright-agent stress",
        description="Let GPUs multiply matrices whose product is known to every bit, and say which computed wrongly.",
    )
    parser.add_argument("--place", help="this host's tray: site/hall/row/rack/slot, or the slot")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long; 60")
    parser.add_argument("--size", type=int, default=2048, help="rows of the matrices, a multiple of 16; 2048")
    parser.add_argument("--times", type=int, default=20, help="products between two looks at the result; 20")
    parser.add_argument("--out", type=Path, help="write the floor records to this file")
    parser.add_argument("--emulated", type=Path, metavar="STATE", help="every GPU of the emulator there")
    return parser
