"""kill -9 of any one child: back within 2 s, nothing published is lost; of the supervisor: nothing stays behind.

A start costs more than most of what is looked at, so that stories share one where they can.
"""

import asyncio
import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest
from support.product import Product, alive, eventually
from support.streams import published

pytestmark = pytest.mark.timeout(300)
RESTART_SECONDS = 2.0


def _running(product: Product, name: str) -> int | None:
    """Return the pid of the child `name`, None while there is none."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and alive(int(folder.name)):
            try:
                words = (folder / "cmdline").read_text().split("\0")
            except OSError:
                continue
            if MARKS[name] in words and any(str(product.state) in word for word in words):
                return int(folder.name)
            if name == "nats" and str(product.state / "nats" / "nats.conf") in words:
                return int(folder.name)
    return None


def _started(pid: int) -> float:
    """Return when a process was started, in s since boot: the kernel knows it, however late we look."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[19]
    return int(ticks) / os.sysconf("SC_CLK_TCK")


MARKS = {
    "controller": "rack_controller",
    "emulator": "firmware_bridge.emulator",
    "api": "datacenter_api",
    "nats": "nats-server",
}


def test_each_child_comes_back_within_two_seconds_no_frame_is_lost_and_ctrl_c_stops_all(own_product: Product) -> None:
    own_product.start()
    for name in ("api", "emulator", "nats", "controller"):
        old = _running(own_product, name)
        assert old is not None
        fallen = time.clock_gettime(time.CLOCK_BOOTTIME)
        os.kill(old, signal.SIGKILL)

        def back(name: str = name, old: int = old) -> int | None:
            new = _running(own_product, name)
            return new if new != old else None

        assert _started(eventually(back)) - fallen < RESTART_SECONDS
        eventually(lambda: _all_well(own_product), within=40)
    numbers = asyncio.run(published(own_product.state))
    assert len(numbers) == len(set(numbers)), "a frame was stored twice"
    gaps = [(a, b) for a, b in pairwise(numbers) if b != a + 1]
    # The one gap there may be is the controller's own restart: its numbers go on at the next reserved block.
    assert len(gaps) <= 1, gaps
    assert all(b % 3600 == 1 for _, b in gaps), gaps

    pids = own_product.pids
    said = own_product.stop()
    assert own_product.process is not None
    assert own_product.process.returncode == 0
    assert "Traceback" not in said
    assert not any(alive(pid) for pid in pids.values())
    assert not own_product.ready.exists()


def _all_well(product: Product) -> bool:
    try:
        endpoints = product.endpoints()
        (rack,) = product.get("/api/v1/racks")
    except (OSError, AssertionError, ValueError):
        return False
    return rack["live"] and rack["age_s"] < 3 and {e["management"] for e in endpoints.values()} == {"reachable"}


def test_nothing_stays_behind_when_the_supervisor_is_killed_and_a_reader_that_goes_away_ends_nothing(
    own_product: Product,
) -> None:
    """As with `rackwright up | head -1`: nobody reads what it prints any more, and racks stay under control."""
    own_product.start()
    pids = own_product.pids
    os.kill(pids["supervisor"], signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in pids.values()), within=10)

    own_product.start(wait=False)
    process = own_product.process
    assert process is not None
    assert process.stdout is not None
    process.stdout.close()
    eventually(lambda: own_product.ready.exists() or process.poll() is not None, within=60)
    assert process.poll() is None
    assert own_product.get("/api/v1/racks")[0]["live"] is True
    pids = own_product.pids
    process.send_signal(signal.SIGTERM)
    assert process.wait(25) == 0
    assert not any(alive(pid) for pid in pids.values())
