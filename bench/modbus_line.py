"""The Modbus benchmark's far end, a child process: emulated lines of one rack at their speed, on pseudo-terminals.

Prints one JSON line with the tty of each line.  `leak` and `dry` on standard input change the first leak detector of
the pumping unit and are answered with the monotonic time of the change; it ends when its standard input closes.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import FaultTable
from firmware_bridge.emulator.layout import parse_racks, serial_endpoints_of
from firmware_bridge.emulator.serial.lines import SerialLines
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import TrayKind

GENERATION = "orv3-hpr-nvl36x2"
LEAK = {"dry": 0, "leak": 2}


def main() -> None:
    """Serve the lines of one rack until standard input closes."""
    generation = load_generation(GENERATION)
    racks = parse_racks(GENERATION, "bench", lambda name: generation)[:1]
    bench = Bench(generation, [racks[0].place], None)
    plans = serial_endpoints_of(racks, {GENERATION: generation})
    with tempfile.TemporaryDirectory() as folder:
        lines = SerialLines(Path(folder))
        lines.start(racks, plans, {GENERATION: bench}, FaultTable(()), lambda: 0.0)
        print(json.dumps({str(e.place.rsplit("/", 2)[1]): e.tty for e in lines.endpoints}), flush=True)
        for word in sys.stdin:
            bench.leaks[TrayKind.COOLANT_UNIT][0, 0, 0] = LEAK[word.strip()]
            print(time.monotonic(), flush=True)
        lines.stop()


if __name__ == "__main__":
    main()
