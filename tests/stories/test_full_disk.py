"""The bus's disk fills while racks run: people are told, the view stays live, and nothing is missing afterwards."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support.product import Product, eventually
from support.streams import published

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def disk(own_product: Product) -> Iterator[Path]:
    """A disk of 40 MiB that holds the bus's store and nothing else."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    folder = own_product.state / "nats" / "store"
    folder.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("cannot mount a small disk here")
    yield folder
    if own_product.process is not None and own_product.process.poll() is None:
        own_product.stop()
    subprocess.run(["umount", folder], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte free; return the file to remove."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(1 << 16))
        except OSError:
            return filler


def newest(product: Product) -> int:
    (rack,) = product.get("/api/v1/racks")
    return int(rack["sequence"])


def test_the_view_stays_live_and_nothing_is_missing_when_there_is_room_again(own_product: Product, disk: Path) -> None:
    own_product.start()
    filler = fill(disk)
    health = eventually(lambda: h if (h := own_product.get("/healthz"))["not_stored"] else None, within=40, every=0.25)
    assert health["status"] == "degraded"
    seen = newest(own_product)
    for ahead in (2, 4, 6):
        eventually(lambda ahead=ahead: newest(own_product) >= seen + ahead, every=0.25)
        assert own_product.get("/api/v1/racks")[0]["live"]
    assert "rack_stream_refused" in own_product.get("/metrics")
    assert 'rack_stream_refused{rack="lab1/a/r01/k01",stream="telemetry"} 1' in own_product.get("/metrics")
    assert "stores nothing" in own_product.cli("status").stdout
    filler.unlink()
    room_again = time.monotonic()
    eventually(lambda: own_product.get("/healthz")["status"] == "ok", within=60, every=0.25)
    since = newest(own_product)
    eventually(lambda: newest(own_product) >= since + 2, every=0.25)
    numbers = asyncio.run(published(own_product.state))
    assert [(a, b) for a, b in pairwise(numbers) if b != a + 1] == []
    assert numbers[0] < seen < since <= numbers[-1]
    own_product.wait_until_read_again(since=room_again)
    said = own_product.stop()
    assert said.count("its disk is full") == 1
    assert said.count("starting it anew") == 1
    assert said.count("the bus stores again") == 1
