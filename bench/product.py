"""The whole product under `rackwright up`, for benchmarks: start it, weigh it, stop it."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datacenter_api.cli.state_directory import free_port

READY_SECONDS = 180.0
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Product:
    """A running `up`: seconds until every rack was live, and the processes by name."""

    ready_s: float
    pids: dict[str, int]
    state: Path

    def rss_mib(self, *names: str) -> float:
        """Return the resident memory of the named processes (none: all), pages shared between them counted in each."""
        pids = [self.pids[n] for n in names] if names else list(self.pids.values())
        return sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in pids) * PAGE_KIB / 1024

    def cpu_seconds(self, *names: str) -> float:
        """Return user and system seconds used so far by the named processes."""
        used = 0
        for name in names:
            fields = Path(f"/proc/{self.pids[name]}/stat").read_text().rsplit(") ", 1)[1].split()
            used += int(fields[11]) + int(fields[12])
        return used / TICKS


@contextlib.contextmanager
def running_product(racks: str) -> Iterator[Product]:
    """Run `rackwright up` on a fresh state directory and free ports."""
    with tempfile.TemporaryDirectory(prefix="rackwright-bench-") as folder:
        state, ready = Path(folder) / "state", Path(folder) / "ready.json"
        began = time.monotonic()
        argv = [
            sys.executable,
            "-m",
            "datacenter_api.cli.main",
            "up",
            "--state",
            str(state),
            "--racks",
            racks,
            "--listen",
            f"127.0.0.1:{free_port()}",
            "--ready-file",
            str(ready),
        ]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            while not ready.exists():
                if process.poll() is not None or time.monotonic() - began > READY_SECONDS:
                    raise RuntimeError(f"`rackwright up --racks {racks}` did not become ready")
                time.sleep(0.02)
            took = time.monotonic() - began
            yield Product(took, json.loads(ready.read_text())["pids"], state)
        finally:
            process.terminate()
            process.communicate(timeout=20)
