"""A thousand readers of the Redfish event stream at an event a second, over TLS, with three consoles open.

Figures: `cores` (bar 0.04: CPU of the API while they read, less what it needs without them), `kib_each` (bar 48: memory
that one reader adds; `kib_each_plain` without TLS, bar 16), `get_p99_ms` (bar 20: a GET of a chassis meanwhile, and
`get_p99_alone_ms` before there were readers, which says how busy the machine is), `slow_late_ms` (how much later an
event comes to the others while one reader does not read).
"""

import asyncio
import json
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import uvloop

from bench.console_page import console_pages
from bench.sse_server import PASSWORD

READERS = 1_000
AT_ONCE = 50
CONSOLES = 3
LOOK_S = 8.0
STREAM = "/redfish/v1/EventService/SSE"


class Reader(asyncio.Protocol):
    """Reads a stream and keeps when each event came."""

    def __init__(self, request: bytes) -> None:
        self._request, self.open = request, asyncio.get_running_loop().create_future()
        self.came: list[float] = []
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Ask for the stream."""
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note the time of an event."""
        if not self.open.done():
            assert data.startswith(b"HTTP/1.1 200"), data[:200]
            self.open.set_result(None)
        if b"data: " in data:
            self.came.append(time.perf_counter())

    def connection_lost(self, _error: Exception | None) -> None:
        """Note that the stream has ended."""
        if not self.open.done():
            self.open.set_exception(ConnectionError("the stream was closed"))


def run(record: Callable[..., None]) -> None:
    """Measure and record."""
    for plain in (False, True):
        command = [sys.executable, "-m", "bench.sse_server", *(["--plain"] if plain else [])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as far:
            assert far.stdout is not None
            assert far.stdin is not None
            told = json.loads(far.stdout.readline())
            figures = uvloop.run(_measure(far, told, plain))
            far.stdin.close()
        if plain:
            record(figure="kib_each_plain", value=figures["kib_each"], unit="KiB", n=READERS)
            continue
        record(figure="cores", value=figures["cores"], unit="cores", n=READERS)
        record(figure="kib_each", value=figures["kib_each"], unit="KiB", n=READERS)
        record(figure="get_p99_ms", value=figures["get_p99_ms"], unit="ms", n=int(figures["gets"]))
        record(figure="get_p99_alone_ms", value=figures["get_p99_alone_ms"], unit="ms", n=int(figures["gets"]))
        record(figure="slow_late_ms", value=figures["slow_late_ms"], unit="ms", n=READERS)


async def _measure(far: Any, told: dict[str, Any], plain: bool) -> dict[str, float]:
    context = None if plain else ssl.create_default_context(cadata=told["pem"])
    port, token = int(told["port"]), told["token"]
    figures: dict[str, float] = {}
    async with console_pages(port, context, PASSWORD, 0 if plain else CONSOLES):
        await asyncio.sleep(3.0)
        alone, before = await _cores(far, LOOK_S / 2), await _look(far)
        if not plain:
            figures["get_p99_alone_ms"], _ = await _gets(told)
        readers = await _open(READERS, port, context, token)
        await asyncio.sleep(3.0)
        figures["kib_each"] = ((await _look(far))["kib"] - before["kib"]) / READERS
        if plain:
            return figures
        figures["cores"] = await _cores(far, LOOK_S) - alone
        figures["get_p99_ms"], figures["gets"] = await _gets(told)
        spread = _spread(readers)
        readers[0].transport.pause_reading()
        await asyncio.sleep(LOOK_S)
        figures["slow_late_ms"] = max(0.0, _spread(readers[1:]) - spread)
    for reader in readers:
        reader.transport.abort()
    return figures


async def _open(number: int, port: int, context: ssl.SSLContext | None, token: str) -> list[Reader]:
    request = (
        f"GET {STREAM} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-auth-token: {token}\r\naccept: text/event-stream\r\n\r\n"
    ).encode()
    loop, readers = asyncio.get_running_loop(), []
    for _ in range(0, number, AT_ONCE):
        made = await asyncio.gather(
            *(loop.create_connection(lambda: Reader(request), "127.0.0.1", port, ssl=context) for _ in range(AT_ONCE))
        )
        readers += [reader for _, reader in made]
        await asyncio.gather(*(reader.open for _, reader in made))
    return readers


async def _look(far: Any) -> dict[str, float]:
    """Return CPU seconds and resident KiB of the server."""
    far.stdin.write("?\n")
    far.stdin.flush()
    told: dict[str, float] = json.loads(await asyncio.to_thread(far.stdout.readline))
    return told


async def _cores(far: Any, seconds: float) -> float:
    begun, first = time.perf_counter(), await _look(far)
    await asyncio.sleep(seconds)
    return ((await _look(far))["cpu_s"] - first["cpu_s"]) / (time.perf_counter() - begun)


async def _gets(told: dict[str, Any]) -> tuple[float, float]:
    """Return the 99th percentile of a GET and how many there were."""
    command = [sys.executable, "-m", "bench.sse_gets", str(told["port"]), told["token"]]
    done = await asyncio.to_thread(subprocess.run, command, input=told["pem"], capture_output=True, text=True)
    took = json.loads(done.stdout)
    return float(np.percentile(took, 99)), len(took)


def _spread(readers: list[Reader]) -> float:
    """Return the median over the last events of how long after the first reader the last one had it, in ms."""
    last = [reader.came[-5:] for reader in readers if len(reader.came) >= 5]
    assert len(last) > len(readers) * 0.99, "readers are missing events"
    rows = np.array(last)
    return float(statistics.median((rows.max(axis=0) - rows.min(axis=0)) * 1_000))
