"""kill -9 of any one child: back within 2 s, nothing that was said is lost, in the stream or in history; of the
supervisor: nothing stays behind.

A start costs more than most of what is looked at, so that these stories share one: each leaves it running.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import nats
import pyarrow.parquet as pq
import pytest
from support.few_trays import few
from support.product import Product, alive, eventually

from rack_controller.model.frame import decode_frame
from rack_controller.model.subjects import TELEMETRY_STREAM

pytestmark = pytest.mark.timeout(450)
RESTART_SECONDS = 2.0
WINDOW_S = 2
ENDPOINT = "lab1/a/r01/k01/u12/bmc"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A rack whose history is written every few seconds."""
    running = few(tmp_path_factory.mktemp("falling") / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RACKWRIGHT_HISTORY_WINDOW", str(WINDOW_S))
        running.start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()


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


def _all_well(product: Product) -> bool:
    try:
        endpoints = product.endpoints()
        (rack,) = product.get("/api/v1/racks")
    except (OSError, AssertionError, ValueError):
        return False
    return rack["live"] and rack["age_s"] < 3 and {e["management"] for e in endpoints.values()} == {"reachable"}


async def said(product: Product) -> list[tuple[int, int]]:
    """Return sequence number and Unix ms of every frame in the stream, in the stream's order."""
    url = (product.state / "nats" / "url").read_text().strip()
    client = await nats.connect(url, nkeys_seed=str(product.state / "nats" / "api.nk"))
    js = client.jetstream()
    state = (await js.stream_info(TELEMETRY_STREAM)).state
    frames = []
    for at in range(state.first_seq, state.last_seq + 1):
        frame = decode_frame((await js.get_msg(TELEMETRY_STREAM, at, direct=True)).data or b"")
        frames.append((frame.sequence, int(frame.unix_ns) // 1_000_000))
    await client.close()
    return frames


def kept(state: Path) -> list[int]:
    """Return the Unix ms of every point of an endpoint's management state on disk, in order: one a frame."""
    rows: list[int] = []
    for file in state.glob("history/k01/seconds/**/*.parquet"):
        table = pq.read_table(file, filters=[("quantity", "==", "management"), ("place", "==", ENDPOINT)])
        rows += [int(t.timestamp() * 1000 + 0.5) for t in table["time"].to_pylist()]
    return sorted(rows)


def answer(product: Product, **query: Any) -> Any:
    return product.get("/api/v1/racks/k01/history", **query)


def test_an_answer_reaches_from_the_disk_to_this_second(product: Product) -> None:
    eventually(lambda: len(kept(product.state)) >= 5 * WINDOW_S or None, within=60)
    first = kept(product.state)[0] // 1000 + 2
    found = answer(product, series=f"{ENDPOINT}:management", **{"from": first, "to": "-3s", "step": 1})
    counts = found["series"][0]["count"]
    assert len(counts) > WINDOW_S
    assert sum(counts) == pytest.approx(len(counts), abs=1), "a reading a second, without a seam"
    said = product.cli("sensor", "history", "u12/gpu0", "-q", "power", "--from", "-1m", "--step", "10").stdout
    assert "least" in said
    assert " W" in said
    drawn = product.cli("sensor", "history", "u12/gpu0", "--from", "-1m", "-o", "csv").stdout.splitlines()
    assert drawn[0] == "time,mean,min,max,count"
    health = product.get("/healthz")
    assert health["history"] == ""
    assert "rackwright_history_writing 1" in product.get("/metrics")


def test_each_child_comes_back_within_two_seconds_and_no_frame_or_point_is_lost_or_there_twice(
    product: Product,
) -> None:
    for name in ("api", "emulator", "controller", "nats", "api"):
        before, old = len(kept(product.state)), _running(product, name)
        assert old is not None
        fallen = time.clock_gettime(time.CLOCK_BOOTTIME)
        os.kill(old, signal.SIGKILL)

        def back(name: str = name, old: int = old) -> int | None:
            new = _running(product, name)
            return new if new != old else None

        def written_again(before: int = before) -> bool:
            return len(kept(product.state)) >= before + WINDOW_S

        assert _started(eventually(back)) - fallen < RESTART_SECONDS
        eventually(lambda: _all_well(product), within=40)
        eventually(written_again, within=60)
    frames = asyncio.run(said(product))
    numbers = [number for number, _ in frames]
    assert len(numbers) == len(set(numbers)), "a frame was stored twice"
    gaps = [(a, b) for a, b in pairwise(numbers) if b != a + 1]
    # The one gap there may be is the controller's own restart: its numbers go on at the next reserved block.
    assert len(gaps) <= 1, gaps
    assert all(b % 3600 == 1 for _, b in gaps), gaps

    last = max(kept(product.state))

    def all_there() -> list[int] | None:
        """A frame may be written after younger ones: it waits until the series of its time are said again."""
        on_disk = kept(product.state)
        missing = {ms for _, ms in frames if min(on_disk) <= ms <= last} - set(on_disk)
        return on_disk if not missing and max(on_disk) >= last + 1_000 * WINDOW_S else None

    on_disk = eventually(all_there, within=60)
    assert len(on_disk) == len(set(on_disk)), "a point is there twice"
    assert [ms for ms in on_disk if ms <= last] == sorted(ms for _, ms in frames if min(on_disk) <= ms <= last)


def test_a_truncated_segment_is_set_aside_at_the_next_start_and_the_rest_goes_on(product: Product) -> None:
    victim = sorted(product.state.glob("history/k01/seconds/**/*.parquet"))[0]
    victim.write_bytes(victim.read_bytes()[:1000])
    os.kill(product.pids["api"], signal.SIGKILL)
    eventually(lambda: victim.with_name(victim.name + ".broken").exists() or None, within=30)

    def told() -> bool:
        try:
            return "rackwright_history_broken_segments 1" in product.get("/metrics")
        except (OSError, AssertionError):
            return False

    eventually(told, within=30)
    assert victim.name in product.cli("doctor", check=False).stdout


# The last one on this product: it is killed.
def test_nothing_stays_behind_when_the_supervisor_is_killed_and_a_reader_that_goes_away_ends_nothing(
    product: Product,
) -> None:
    """As with `rackwright up | head -1`: nobody reads what it prints any more, and racks stay under control."""
    pids = product.pids
    os.kill(pids["supervisor"], signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in pids.values()), within=10)

    product.start(wait=False)
    process = product.process
    assert process is not None
    assert process.stdout is not None
    process.stdout.close()
    eventually(lambda: product.ready.exists() or process.poll() is not None, within=60)
    assert process.poll() is None
    assert product.get("/api/v1/racks")[0]["live"] is True
    pids = product.pids
    process.send_signal(signal.SIGTERM)
    assert process.wait(25) == 0
    assert not any(alive(pid) for pid in pids.values())
